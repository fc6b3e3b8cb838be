"""Events that other services report about servers, forwarded to the servers' hosts."""

from collections.abc import Sequence

from stackwire.compute.db import instance_actions, instances
from stackwire.compute.domain import policy
from stackwire.compute.domain.server import ReportedEvent, Server
from stackwire.compute.domain.versioned_objects import event_object, instance_object
from stackwire.compute.flows.deps import ApiFlow
from stackwire.contracts.compute import ExternalEvent, ServerExternalEvents
from stackwire.contracts.compute_workers import ExternalInstanceEvent
from stackwire.core.context import RequestContext

_TAGGED = {"volume-extended", "power-update", "accelerator-request-bound"}
"""Events that say nothing without a tag (``nova/api/openstack/compute/server_external_events.py``)."""


class ExternalEvents(ApiFlow):
    """``nova/compute/api.py: external_instance_event``."""

    async def report(self, ctx: RequestContext, events: Sequence[ExternalEvent]) -> list[ReportedEvent]:
        """The outcome of each."""
        self._deps.policy.require(ctx, policy.EXTERNAL_EVENTS)
        return await self._forward(ctx, events)

    async def on_server_external_events(self, ctx: RequestContext, message: ServerExternalEvents) -> None:
        """The same from the bus."""
        await self._forward(ctx, message.events)

    async def _forward(self, ctx: RequestContext, events: Sequence[ExternalEvent]) -> list[ReportedEvent]:
        reported: list[ReportedEvent] = []
        by_host: dict[str, list[tuple[Server, ExternalEvent]]] = {}
        async with self._deps.database.work(ctx) as uow:
            for event in events:
                server = await instances.by_uuid(uow, event.server_uuid)
                reported.append(ReportedEvent(event, _code(server, event)))
                if server is None or server.instance.host is None or reported[-1].code != 200:
                    continue
                if event.name == "volume-extended":
                    await instance_actions.start(uow, ctx, server.uuid, "extend_volume")
                by_host.setdefault(server.instance.host, []).append((server, event))
            for host, pairs in by_host.items():
                message = ExternalInstanceEvent(
                    instances=[instance_object(server) for server, _ in pairs],
                    events=[event_object(event.model_dump()) for _, event in pairs],
                )
                uow.cast(message, server=host)
        return reported


def _code(server: Server | None, event: ExternalEvent) -> int:
    if server is None:
        return 404
    if event.tag is None and event.name in _TAGGED:
        return 400
    return 200 if server.instance.host else 422
