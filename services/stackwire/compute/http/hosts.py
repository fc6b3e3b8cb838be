"""``/os-hosts``, up to 2.42."""

from typing import Any, Literal

from aiohttp import web
from pydantic import model_validator

from stackwire.compute.http.schemas.fields import Body
from stackwire.compute.http.unpack import ApiHandlers, require_version, unpack
from stackwire.core.context import RequestContext
from stackwire.http.request import body, respond

Change = Literal["enable", "disable", "Enable", "Disable", "ENABLE", "DISABLE"]


class UpdateHost(Body):
    """``PUT /os-hosts/{name}``."""

    status: Change = "enable"
    maintenance_mode: Change = "enable"

    @model_validator(mode="after")
    def _check_given(self) -> "UpdateHost":
        if not self.model_fields_set:
            raise ValueError("does not have enough properties")
        return self


class ComputeHostHandlers(ApiHandlers):
    """``nova/api/openstack/compute/hosts.py: HostController``."""

    async def list(self, request: web.Request) -> web.Response:
        """``GET /os-hosts``, of one zone where it is named."""
        ctx = _unpack(request)
        found = await self._flows.hosts.list_hosts(ctx, request.query.get("zone"))
        hosts = [{"host_name": each.host, "service": each.topic, "zone": each.zone} for each in found]
        return respond(200, {"hosts": hosts})

    async def show(self, request: web.Request) -> web.Response:
        """``GET /os-hosts/{name}``: what it has, what is used, and by which project."""
        ctx = _unpack(request)
        host, claims = await self._flows.hosts.get_host(ctx, request.match_info["host"])
        name, summed = host.host, [sum(column) for column in zip(*(claim.figures for claim in claims), strict=True)]
        rows = [
            ("(total)", (host.vcpus, host.memory_mb, host.local_gb)),
            ("(used_now)", (host.vcpus_used, host.memory_mb_used, host.local_gb_used)),
            ("(used_max)", summed or (0, 0, 0)),
            *((claim.project_id, claim.figures) for claim in claims),
        ]
        return respond(200, {"host": [{"resource": _resource(name, project, *row)} for project, row in rows]})

    async def update(self, request: web.Request) -> web.Response:
        """``PUT /os-hosts/{name}``"""
        ctx = _unpack(request)
        await body(request, UpdateHost)
        return await self._flows.hosts.change_host(ctx, request.match_info["host"])

    async def power(self, request: web.Request) -> web.Response:
        """``GET /os-hosts/{name}/startup``, ``.../shutdown``, ``.../reboot``"""
        return await self._flows.hosts.change_host(_unpack(request), request.match_info["host"])


def _resource(host: str, project: str, cpu: int, memory_mb: int, disk_gb: int) -> dict[str, Any]:
    return {"host": host, "project": project, "cpu": cpu, "memory_mb": memory_mb, "disk_gb": disk_gb}


def _unpack(request: web.Request) -> RequestContext:
    require_version(request, (2, 1), (2, 42))
    return unpack(request)[0]
