"""``POST /servers/{id}/action``: one table of the actions on a server."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from stackwire.compute.domain.names import names
from stackwire.compute.domain.requests import CreateImageRequest
from stackwire.compute.flows.registry import ApiFlows
from stackwire.compute.http.consoles import ConsoleHandlers
from stackwire.compute.http.guest_requests import GuestRequestHandlers
from stackwire.compute.http.schemas.fields import known_at
from stackwire.compute.http.schemas.server_actions import (
    EVACUATE_SINCE,
    EVACUATE_UNTIL,
    MIGRATE_LIVE_SINCE,
    MIGRATE_LIVE_UNTIL,
    REBUILD_SINCE,
    REBUILD_UNTIL,
    ConsoleOutput,
    CreateImage,
    Evacuate,
    Lock,
    Migrate,
    MigrateLive,
    Reboot,
    Rebuild,
    ResetState,
    Resize,
)
from stackwire.compute.http.set_aside_actions import SetAsideHandlers
from stackwire.compute.http.to_domain import (
    evacuate_request,
    live_migrate_request,
    rebuild_server_request,
    resize_server_request,
)
from stackwire.compute.http.unpack import ApiHandlers, named_action, server_id, unpack
from stackwire.compute.http.views.links import links, root_url
from stackwire.compute.http.views.servers import ServerView
from stackwire.core.errors import BadRequest, NotSimulated
from stackwire.http.paging import origin
from stackwire.http.refusals import Gone
from stackwire.http.request import json_body, read, reading, respond

Action = Callable[[web.Request, Any], Awaitable[web.Response]]

NOT_SIMULATED = frozenset(
    names("addSecurityGroup removeSecurityGroup addFixedIp removeFixedIp addFloatingIp removeFloatingIp")
)
REMOVED_ACTION = "resetNetwork"
"""What Nova itself has no more."""


class ServerActionHandlers(ApiHandlers):
    """Each action's method gets the value of the body's only key."""

    def __init__(self, flows: ApiFlows) -> None:
        super().__init__(flows)
        self._actions: dict[str, Action] = {
            "createImage": self._create_image,
            "rebuild": self._rebuild,
            "resize": self._resize,
            "confirmResize": self._confirm_resize,
            "revertResize": self._revert_resize,
            "migrate": self._migrate,
            "os-migrateLive": self._migrate_live,
            "evacuate": self._evacuate,
            **{name: self._power_action(name) for name in ("os-start", "os-stop")},
            **{name: self._power_action(name) for name in ("pause", "unpause", "suspend", "resume")},
            "reboot": self._reboot,
            "lock": self._lock,
            "unlock": self._unlock,
            "os-getConsoleOutput": self._console_output,
            "os-resetState": self._reset_state,
            "forceDelete": self._force_delete,
            **SetAsideHandlers(flows).actions,
            **GuestRequestHandlers(flows).actions,
            **ConsoleHandlers(flows).actions,
        }

    async def action(self, request: web.Request) -> web.Response:
        """400 for an action that does not exist, 410 for one that is gone; 501 for one that is not simulated."""
        ctx, _ = unpack(request)
        name, value = named_action(await json_body(request))
        if name in NOT_SIMULATED:
            await self._flows.servers.get(ctx, server_id(request))
            raise NotSimulated(what=f"the action {name}")
        if name == REMOVED_ACTION:
            raise Gone
        action = self._actions.get(name)
        if action is None:
            raise BadRequest(f"There is no such action: {name[:100]}")
        with reading(name):
            return await action(request, value)

    def _power_action(self, name: str) -> Action:
        async def action(request: web.Request, _: Any) -> web.Response:
            ctx = unpack(request)[0]
            await self._flows.server_actions.request_action(ctx, server_id(request), name)
            return respond(202)

        return action

    async def _reboot(self, request: web.Request, value: Any) -> web.Response:
        ctx, _ = unpack(request)
        await self._flows.server_actions.request_reboot(ctx, server_id(request), read(Reboot, value).type.upper())
        return respond(202)

    async def _resize(self, request: web.Request, value: Any) -> web.Response:
        ctx, _ = unpack(request)
        resize = resize_server_request(read(Resize, value))
        await self._flows.move_server.request_resize(ctx, server_id(request), resize)
        return respond(202)

    async def _confirm_resize(self, request: web.Request, _: Any) -> web.Response:
        ctx = unpack(request)[0]
        await self._flows.move_server.confirm(ctx, server_id(request))
        return respond(204)

    async def _revert_resize(self, request: web.Request, _: Any) -> web.Response:
        ctx = unpack(request)[0]
        await self._flows.move_server.revert(ctx, server_id(request))
        return respond(202)

    async def _migrate(self, request: web.Request, value: Any) -> web.Response:
        """Since 2.56 to a host of the client's choice; before, whatever the value is means nothing."""
        ctx, version = unpack(request)
        host = read(Migrate, value).host if version >= (2, 56) and value is not None else None
        await self._flows.move_server.request_migrate(ctx, server_id(request), host or None)
        return respond(202)

    async def _migrate_live(self, request: web.Request, value: Any) -> web.Response:
        ctx, version = unpack(request)
        known_at(value, version, MIGRATE_LIVE_SINCE, MIGRATE_LIVE_UNTIL)
        wanted = live_migrate_request(read(MigrateLive, value), version)
        await self._flows.live_migrate.request(ctx, server_id(request), wanted)
        return respond(202)

    async def _evacuate(self, request: web.Request, value: Any) -> web.Response:
        """The password before 2.14, unless the disk is a shared one."""
        ctx, version = unpack(request)
        known_at(value, version, EVACUATE_SINCE, EVACUATE_UNTIL)
        wanted = evacuate_request(read(Evacuate, value), version)
        password = await self._flows.evacuate_server.request(ctx, server_id(request), wanted)
        if version >= (2, 14):
            return respond(200)
        return respond(200, {"adminPass": None if wanted.on_shared_storage else password})

    async def _lock(self, request: web.Request, value: Any) -> web.Response:
        """Since 2.73 with a reason."""
        ctx, version = unpack(request)
        reason = read(Lock, value).locked_reason if version >= (2, 73) and value is not None else None
        await self._flows.lock_server.lock(ctx, server_id(request), reason)
        return respond(202)

    async def _unlock(self, request: web.Request, _: Any) -> web.Response:
        ctx = unpack(request)[0]
        await self._flows.lock_server.unlock(ctx, server_id(request))
        return respond(202)

    async def _reset_state(self, request: web.Request, value: Any) -> web.Response:
        ctx, _ = unpack(request)
        await self._flows.server_actions.reset_state(ctx, server_id(request), read(ResetState, value).state)
        return respond(202)

    async def _force_delete(self, request: web.Request, _: Any) -> web.Response:
        ctx = unpack(request)[0]
        await self._flows.delete_server.request_delete(ctx, server_id(request), force=True)
        return respond(202)

    async def _console_output(self, request: web.Request, value: Any) -> web.Response:
        ctx, _ = unpack(request)
        length = read(ConsoleOutput, value).length
        output = await self._flows.server_actions.get_console_output(ctx, server_id(request), length)
        return respond(200, {"output": output})

    async def _create_image(self, request: web.Request, value: Any) -> web.Response:
        """The new image's id since 2.45, its address in ``Location`` before."""
        ctx, version = unpack(request)
        body = read(CreateImage, value)
        image = CreateImageRequest(body.name, body.metadata or {}, limits_metadata=version < (2, 39))
        image_id = await self._flows.create_image.request_image(ctx, server_id(request), image)
        if version >= (2, 45):
            return respond(202, {"image_id": image_id})
        return respond(202, headers={"Location": f"{origin(request)}/images/{image_id}"})

    async def _rebuild(self, request: web.Request, value: Any) -> web.Response:
        ctx, version = unpack(request)
        known_at(value, version, REBUILD_SINCE, REBUILD_UNTIL)
        rebuild = rebuild_server_request(read(Rebuild, value), version)
        server, password = await self._flows.rebuild_server.request_rebuild(ctx, server_id(request), rebuild)
        view = ServerView.of(request, self._flows.servers.visibility(ctx)).rebuilt(server, password)
        location = links(root_url(request), f"servers/{server.uuid}")[0]["href"]
        return respond(202, {"server": view}, {"Location": location})
