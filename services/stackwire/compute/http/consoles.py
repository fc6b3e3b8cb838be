"""``/servers/{id}/remote-consoles``, the actions it took the place of, and ``/os-console-auth-tokens``."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from stackwire.compute.domain.consoles import Protocol
from stackwire.compute.http.schemas.consoles import CreateRemoteConsole, SerialConsole, SpiceConsole, VncConsole
from stackwire.compute.http.unpack import ApiHandlers, check_query, require_version, server_id, unpack
from stackwire.core.errors import BadRequest
from stackwire.http.request import body, read, respond

Action = Callable[[web.Request, Any], Awaitable[web.Response]]
_UNTIL = (2, 5)


class ConsoleHandlers(ApiHandlers):
    """``nova/api/openstack/compute/remote_consoles.py``, ``console_auth_tokens.py``."""

    @property
    def actions(self) -> Mapping[str, Action]:
        """Up to 2.5."""
        return {
            "os-getVNCConsole": self._action("vnc", VncConsole),
            "os-getSPICEConsole": self._action("spice", SpiceConsole),
            "os-getSerialConsole": self._action("serial", SerialConsole),
            "os-getRDPConsole": self._rdp,
        }

    def _action(self, protocol: Protocol, model: type[VncConsole | SpiceConsole | SerialConsole]) -> Action:
        async def action(request: web.Request, value: Any) -> web.Response:
            ctx, _ = unpack(request)
            require_version(request, (2, 1), _UNTIL)
            console_type = read(model, value).type
            url = await self._flows.consoles.open(ctx, server_id(request), protocol, console_type)
            return respond(200, {"console": {"type": console_type, "url": url}})

        return action

    async def _rdp(self, request: web.Request, _: Any) -> web.Response:
        """Nova no longer has a hypervisor with such consoles."""
        unpack(request)
        require_version(request, (2, 1), _UNTIL)
        raise BadRequest("There are no consoles of type rdp-html5 any more.")

    async def create(self, request: web.Request) -> web.Response:
        """``POST /servers/{id}/remote-consoles``"""
        ctx, version = unpack(request)
        require_version(request, (2, 6))
        console = (await body(request, CreateRemoteConsole)).remote_console
        console.check(version)
        if console.protocol == "rdp":
            await self._flows.servers.get(ctx, server_id(request))
            raise BadRequest("Unavailable console type rdp.")
        url = await self._flows.consoles.open(ctx, server_id(request), console.protocol, console.type)
        return respond(200, {"remote_console": {"protocol": console.protocol, "type": console.type, "url": url}})

    async def show_token(self, request: web.Request) -> web.Response:
        """``GET /os-console-auth-tokens/{token}``: 400 before 2.31, when it was for RDP alone."""
        ctx, version = unpack(request)
        check_query(request, at=(2, 99))
        if version < (2, 31):
            raise BadRequest("There are no consoles of type rdp-html5 any more, and this version knows no other.")
        found = await self._flows.consoles.get(ctx, request.match_info["token"])
        view: dict[str, Any] = {
            "instance_uuid": found.instance_uuid,
            "host": found.host,
            "port": found.port,
            "internal_access_path": found.internal_access_path,
        }
        if version >= (2, 99) and found.console_type == "spice-direct":
            view["tls_port"] = found.tls_port
        return respond(200, {"console": view})
