"""Actions that put a server aside and bring it back: shelve, rescue, backup, soft deletion."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from stackwire.compute.domain.requests import RescueRequest
from stackwire.compute.http.schemas.server_actions import Rescue, Unshelve, UnshelveInZone
from stackwire.compute.http.to_domain import unshelve_request
from stackwire.compute.http.unpack import ApiHandlers, server_id, unpack
from stackwire.http.request import read, respond

Action = Callable[[web.Request, Any], Awaitable[web.Response]]


class SetAsideHandlers(ApiHandlers):
    """Each action's method gets the value of the body's only key."""

    @property
    def actions(self) -> Mapping[str, Action]:
        """Name to handler."""
        return {
            "rescue": self._rescue,
            "unrescue": self._unrescue,
            "shelve": self._shelve,
            "shelveOffload": self._shelve_offload,
            "unshelve": self._unshelve,
        }

    async def _rescue(self, request: web.Request, value: Any) -> web.Response:
        ctx, version = unpack(request)
        body = Rescue() if value is None else read(Rescue, value)
        rescue = RescueRequest(
            image_id=body.rescue_image_ref, password=body.adminPass, volume_backed=version >= (2, 87)
        )
        password = await self._flows.rescue_server.request_rescue(ctx, server_id(request), rescue)
        return respond(200, {"adminPass": password})

    async def _unrescue(self, request: web.Request, _: Any) -> web.Response:
        await self._flows.rescue_server.request_unrescue(unpack(request)[0], server_id(request))
        return respond(202)

    async def _shelve(self, request: web.Request, _: Any) -> web.Response:
        await self._flows.shelve_server.request_shelve(unpack(request)[0], server_id(request))
        return respond(202)

    async def _shelve_offload(self, request: web.Request, _: Any) -> web.Response:
        await self._flows.shelve_server.request_offload(unpack(request)[0], server_id(request))
        return respond(202)

    async def _unshelve(self, request: web.Request, value: Any) -> web.Response:
        """To a zone since 2.77, to a host since 2.91; before, and for null, wherever there is room."""
        ctx, version = unpack(request)
        body: Unshelve | UnshelveInZone | None = None
        if version >= (2, 77) and value is not None:
            body = read(Unshelve, value) if version >= (2, 91) else read(UnshelveInZone, value)
        await self._flows.shelve_server.request_unshelve(ctx, server_id(request), unshelve_request(body))
        return respond(202)
