"""Actions that put a server aside and bring it back: shelve, rescue, backup, soft deletion."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from stackwire.compute.domain.requests import CreateBackupRequest, RescueRequest
from stackwire.compute.http.schemas.server_actions import CreateBackup, Rescue, Unshelve, UnshelveInZone
from stackwire.compute.http.to_domain import unshelve_request
from stackwire.compute.http.unpack import ApiHandlers, server_id, unpack
from stackwire.http.paging import origin
from stackwire.http.request import read, respond

Action = Callable[[web.Request, Any], Awaitable[web.Response]]


class SetAsideHandlers(ApiHandlers):
    """Each action's method gets the value of the body's only key."""

    @property
    def actions(self) -> Mapping[str, Action]:
        """Name to handler."""
        return {
            "createBackup": self._create_backup,
            "restore": self._restore,
            "rescue": self._rescue,
            "unrescue": self._unrescue,
            "shelve": self._shelve,
            "shelveOffload": self._shelve_offload,
            "unshelve": self._unshelve,
        }

    async def _create_backup(self, request: web.Request, value: Any) -> web.Response:
        """The new image's id since 2.45; its address in ``Location`` before, unless it is deleted at once."""
        ctx, version = unpack(request)
        body = read(CreateBackup, value)
        backup = CreateBackupRequest(
            name=body.name,
            backup_type=body.backup_type,
            rotation=body.rotation,
            metadata=body.metadata or {},
            limits_metadata=version < (2, 39),
        )
        image_id = await self._flows.create_backup.request_backup(ctx, server_id(request), backup)
        if version >= (2, 45):
            return respond(202, {"image_id": image_id})
        return respond(202, headers={"Location": f"{origin(request)}/images/{image_id}"} if body.rotation else {})

    async def _restore(self, request: web.Request, _: Any) -> web.Response:
        await self._flows.restore_server.request_restore(unpack(request)[0], server_id(request))
        return respond(202)

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
