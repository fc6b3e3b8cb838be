"""Requests for a server's guest: ``changePassword``, ``trigger_crash_dump``, diagnostics, topology."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from stackwire.compute.domain.guest_topology import Cell
from stackwire.compute.http.schemas.server_actions import ChangePassword
from stackwire.compute.http.unpack import ApiHandlers, check_query, require_version, server_id, unpack
from stackwire.core.errors import BadRequest
from stackwire.http.request import read, respond

Action = Callable[[web.Request, Any], Awaitable[web.Response]]


class GuestRequestHandlers(ApiHandlers):
    """``nova/api/openstack/compute/admin_password.py``, ``server_diagnostics.py``, ``server_topology.py``."""

    @property
    def actions(self) -> Mapping[str, Action]:
        """The actions' handlers, by name."""
        return {
            "changePassword": self._change_password,
            "trigger_crash_dump": self._trigger_crash_dump,
            "injectNetworkInfo": self._inject_network_info,
        }

    async def _change_password(self, request: web.Request, value: Any) -> web.Response:
        ctx, _ = unpack(request)
        password = read(ChangePassword, value).adminPass
        await self._flows.guest_requests.change_password(ctx, server_id(request), password)
        return respond(202)

    async def _trigger_crash_dump(self, request: web.Request, value: Any) -> web.Response:
        ctx, _ = unpack(request)
        require_version(request, (2, 17))
        if value is not None:
            raise BadRequest("Invalid input for field/attribute trigger_crash_dump: it has no value.")
        await self._flows.guest_requests.trigger_crash_dump(ctx, server_id(request))
        return respond(202)

    async def _inject_network_info(self, request: web.Request, _: Any) -> web.Response:
        ctx, _version = unpack(request)
        await self._flows.guest_requests.inject_network_info(ctx, server_id(request))
        return respond(202)

    async def diagnostics(self, request: web.Request) -> web.Response:
        """``GET /servers/{id}/diagnostics``: every driver's form since 2.48, the driver's own before."""
        ctx, version = unpack(request)
        check_query(request)
        as_object = version >= (2, 48)
        return respond(200, await self._flows.guest_requests.diagnostics(ctx, server_id(request), as_object=as_object))

    async def topology(self, request: web.Request) -> web.Response:
        """``GET /servers/{id}/topology``, since 2.78."""
        ctx, _ = unpack(request)
        require_version(request, (2, 78))
        check_query(request)
        cells, page, host_too = await self._flows.guest_requests.topology(ctx, server_id(request))
        return respond(200, {"nodes": [_cell(cell, host_too=host_too) for cell in cells], "pagesize_kb": page})


def _cell(cell: Cell, *, host_too: bool) -> dict[str, Any]:
    view = {"vcpu_set": cell.cpus, "siblings": cell.siblings, "memory_mb": cell.memory_mb}
    pinning = {str(cpu): host_cpu for cpu, host_cpu in cell.pinning.items()}
    return view | ({"host_node": cell.number, "cpu_pinning": pinning} if host_too else {})
