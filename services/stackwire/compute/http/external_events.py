"""``POST /os-server-external-events``: events that other services report."""

from typing import Any

from aiohttp import web

from stackwire.compute.domain.server import ReportedEvent
from stackwire.compute.http.schemas.external_events import EVENTS_SINCE, ExternalEvents
from stackwire.compute.http.unpack import ApiHandlers, unpack
from stackwire.contracts.compute import ExternalEvent
from stackwire.core.errors import BadRequest
from stackwire.http.request import body, respond


class ExternalEventHandlers(ApiHandlers):
    """``nova/api/openstack/compute/server_external_events.py: ServerExternalEventsController``."""

    async def create(self, request: web.Request) -> web.Response:
        """200 when all events were forwarded to a host, 207 when some were."""
        ctx, version = unpack(request)
        events = (await body(request, ExternalEvents)).events
        for event in events:
            if event.name not in EVENTS_SINCE or version < EVENTS_SINCE[event.name]:
                raise BadRequest(f"There is no event {event.name[:100]!r} in this version.")
        reported = await self._flows.external_events.report(
            ctx, [ExternalEvent(**event.model_dump()) for event in events]
        )
        status = 200 if all(each.code == 200 for each in reported) else 207
        return respond(status, {"events": [_view(each) for each in reported]})


def _view(reported: ReportedEvent) -> dict[str, Any]:
    event = reported.event
    view = {
        "name": event.name,
        "server_uuid": event.server_uuid,
        "status": "completed" if reported.code == 200 else "failed",
        "code": reported.code,
    }
    return view | ({"tag": event.tag} if event.tag is not None else {})
