"""``POST /servers/{id}/action``: one table of what can be done to a server."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from stackwire.compute.http.api import look, opened, server_id
from stackwire.compute.http.schemas import (
    REBUILD_SINCE,
    REBUILD_UNTIL,
    ConsoleOutput,
    CreateImageAction,
    Lock,
    Reboot,
    Rebuild,
    ResetState,
    known_at,
)
from stackwire.compute.http.wishes import rebuild_wish
from stackwire.core.errors import BadRequest, NotSimulated
from stackwire.http.paging import origin
from stackwire.http.request import json_body, read, respond

Action = Callable[[web.Request, Any], Awaitable[web.Response]]


async def act(request: web.Request) -> web.Response:
    """Finds the action the body names: exactly one."""
    api, ctx, _ = opened(request)
    raw = await json_body(request)
    if not isinstance(raw, dict) or len(raw) != 1:
        raise BadRequest("The body must be an object with one action in it.")
    ((name, value),) = raw.items()
    if name in NOT_SIMULATED:
        await api.servers.show(ctx, server_id(request))
        raise NotSimulated(what=f"the action {name}")
    action = ACTIONS.get(name)
    if action is None:
        raise BadRequest(f"There is no such action: {name[:100]}")
    return await action(request, value)


def _plain(name: str) -> Action:
    """An action without arguments: its value is null (older clients send an empty object or text)."""

    async def action(request: web.Request, value: Any) -> web.Response:
        api, ctx, _ = opened(request)
        if value not in (None, {}, ""):
            raise BadRequest(f"The action {name} takes no arguments.")
        await api.actions.run(ctx, server_id(request), name)
        return respond(202)

    return action


async def _reboot(request: web.Request, value: Any) -> web.Response:
    api, ctx, _ = opened(request)
    await api.actions.reboot(ctx, server_id(request), read(Reboot, value).type.upper())
    return respond(202)


async def _lock(request: web.Request, value: Any) -> web.Response:
    """Since 2.73 with a reason."""
    api, ctx, version = opened(request)
    if value not in (None, {}, "") and version < (2, 73):
        raise BadRequest("The action lock takes no arguments.")
    reason = read(Lock, value).locked_reason if isinstance(value, dict) else None
    await api.actions.lock(ctx, server_id(request), reason)
    return respond(202)


async def _unlock(request: web.Request, value: Any) -> web.Response:
    api, ctx, _ = opened(request)
    if value not in (None, {}, ""):
        raise BadRequest("The action unlock takes no arguments.")
    await api.actions.unlock(ctx, server_id(request))
    return respond(202)


async def _reset_state(request: web.Request, value: Any) -> web.Response:
    api, ctx, _ = opened(request)
    await api.actions.reset_state(ctx, server_id(request), read(ResetState, value).state)
    return respond(202)


async def _force_delete(request: web.Request, value: Any) -> web.Response:
    api, ctx, _ = opened(request)
    if value not in (None, {}, ""):
        raise BadRequest("The action forceDelete takes no arguments.")
    await api.actions.delete(ctx, server_id(request), force=True)
    return respond(202)


async def _console(request: web.Request, value: Any) -> web.Response:
    api, ctx, _ = opened(request)
    length = read(ConsoleOutput, value or {}).length
    return respond(200, {"output": await api.actions.console(ctx, server_id(request), length)})


async def _create_image(request: web.Request, value: Any) -> web.Response:
    """The new image's id since 2.45, its address in ``Location`` before."""
    api, ctx, version = opened(request)
    asked = read(CreateImageAction, value)
    image_id = await api.snapshot.accept(ctx, server_id(request), asked.name, asked.metadata or {}, version)
    if version >= (2, 45):
        return respond(202, {"image_id": image_id})
    return respond(202, headers={"Location": f"{origin(request)}/images/{image_id}"})


async def _rebuild(request: web.Request, value: Any) -> web.Response:
    api, ctx, version = opened(request)
    known_at(value, version, REBUILD_SINCE, REBUILD_UNTIL)
    server, password = await api.rebuild.accept(ctx, server_id(request), rebuild_wish(read(Rebuild, value), version))
    sight = look(request)
    return respond(
        202, {"server": sight.rebuilt(server, password)}, {"Location": sight.links(f"servers/{server.uuid}")[0]["href"]}
    )


ACTIONS: Mapping[str, Action] = {
    "createImage": _create_image,
    "rebuild": _rebuild,
    "os-start": _plain("os-start"),
    "os-stop": _plain("os-stop"),
    "reboot": _reboot,
    "pause": _plain("pause"),
    "unpause": _plain("unpause"),
    "suspend": _plain("suspend"),
    "resume": _plain("resume"),
    "lock": _lock,
    "unlock": _unlock,
    "os-getConsoleOutput": _console,
    "os-resetState": _reset_state,
    "forceDelete": _force_delete,
}

NOT_SIMULATED = frozenset(
    {
        "resize", "confirmResize", "revertResize", "migrate", "os-migrateLive", "evacuate", "shelve", "shelveOffload",
        "unshelve", "rescue", "unrescue", "createBackup", "changePassword", "restore", "trigger_crash_dump",
        "addSecurityGroup", "removeSecurityGroup", "addFixedIp", "removeFixedIp", "addFloatingIp", "removeFloatingIp",
        "resetNetwork", "injectNetworkInfo", "os-getVNCConsole", "os-getSPICEConsole", "os-getRDPConsole",
        "os-getSerialConsole", "os-getMKSConsole",
    }
)  # fmt: skip
