"""``/os-services``."""

import re
from typing import Any

from aiohttp import web

from stackwire.compute.http.schemas.fields import known_at
from stackwire.compute.http.schemas.services import OldServiceChange, ServiceChange
from stackwire.compute.http.unpack import ApiHandlers, check_query, unpack
from stackwire.compute.http.views.hypervisors import service_view
from stackwire.core.errors import BadRequest, NotFound
from stackwire.core.ids import canonical_uuid
from stackwire.http.request import body, json_body, read, respond


class ServiceHandlers(ApiHandlers):
    """``nova/api/openstack/compute/services.py: ServiceController``. Ids are uuids since 2.53."""

    async def list(self, request: web.Request) -> web.Response:
        """``GET /os-services``"""
        ctx, version = unpack(request)
        check_query(request, "host", "binary", at=(2, 75))
        host, binary = request.query.get("host") or None, request.query.get("binary") or None
        services = await self._flows.services.list_all(ctx, host=host, binary=binary)
        return respond(200, {"services": [service_view(service, version) for service in services]})

    async def update(self, request: web.Request) -> web.Response:
        """``PUT /os-services/{id}``; until 2.52 ``PUT /os-services/enable`` and the like."""
        ctx, version = unpack(request)
        if version < (2, 53):
            return await self._update_named(request)
        wanted = await body(request, ServiceChange)
        uuid = _uuid(request)
        if wanted.status == "enabled" and wanted.disabled_reason:
            raise BadRequest("A service that is enabled has no disabled_reason.")
        changes = _status(wanted.status, wanted.disabled_reason) if wanted.status else {}
        if wanted.forced_down is not None:
            changes["forced_down"] = wanted.forced_down
        return respond(200, {"service": service_view(await self._flows.services.update(ctx, uuid, changes), version)})

    async def _update_named(self, request: web.Request) -> web.Response:
        (ctx, version), raw = unpack(request), await json_body(request)
        known_at(raw, version, {"forced_down": (2, 11)})
        wanted = read(OldServiceChange, raw)
        changes = _old_changes(request.match_info["service"], wanted, forcing=version >= (2, 11))
        await self._flows.services.update_named(ctx, wanted.host, wanted.binary, changes)
        view: dict[str, Any] = {"host": wanted.host, "binary": wanted.binary}
        if "forced_down" in changes:
            view["forced_down"] = changes["forced_down"]
        else:
            view["status"] = "disabled" if changes["disabled"] else "enabled"
            view |= {"disabled_reason": changes["disabled_reason"]} if changes["disabled_reason"] else {}
        return respond(200, {"service": view})

    async def delete(self, request: web.Request) -> web.Response:
        """``DELETE /os-services/{id}``"""
        ctx, version = unpack(request)
        ident = request.match_info["service"]
        if version >= (2, 53):
            ident = _uuid(request)
        elif not re.fullmatch(r"-?[0-9]+", ident, re.ASCII):
            raise BadRequest("The id of a service is an integer.")
        await self._flows.services.delete(ctx, ident, by_uuid=version >= (2, 53))
        return respond(204)


def _uuid(request: web.Request) -> str:
    uuid = canonical_uuid(request.match_info["service"])
    if uuid is None:
        raise BadRequest(f"Invalid uuid {request.match_info['service'][:100]}")
    return uuid


def _status(status: str, reason: str | None) -> dict[str, Any]:
    return {"disabled": status == "disabled", "disabled_reason": reason if status == "disabled" else None}


def _old_changes(change: str, wanted: OldServiceChange, *, forcing: bool) -> dict[str, Any]:
    """What the last part of the path means; NotFound for nothing, BadRequest for a field that it needs."""
    if change in ("enable", "disable"):
        return _status(f"{change}d", None)
    if change == "disable-log-reason":
        if wanted.disabled_reason is None:
            raise BadRequest("Missing disabled reason field")
        return _status("disabled", wanted.disabled_reason)
    if change != "force-down" or not forcing:
        raise NotFound("Unknown action")
    if wanted.forced_down is None:
        raise BadRequest("Missing forced_down field")
    return {"forced_down": wanted.forced_down}
