"""``/os-simple-tenant-usage`` and ``/os-instance_usage_audit_log``."""

import contextlib
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from stackwire.compute.flows.api.tenant_usage import Period
from stackwire.compute.http.unpack import MAX_PAGE_ITEMS, ApiHandlers, page_limit, unpack
from stackwire.compute.http.views.links import next_links
from stackwire.compute.http.views.tenant_usage import audit_view, usage_view
from stackwire.core.errors import BadRequest
from stackwire.http.request import respond

_PERIOD_FORMATS = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d %H:%M:%S.%f")
_PAGED_SINCE = (2, 40)


class UsageHandlers(ApiHandlers):
    """``nova/api/openstack/compute/simple_tenant_usage.py: SimpleTenantUsageController``."""

    async def list(self, request: web.Request) -> web.Response:
        """``GET /os-simple-tenant-usage``; with the servers where ``detailed`` is 1."""
        ctx, _ = unpack(request)
        found = await self._flows.usage.list_all(ctx, _period(request), **_page(request))
        detailed = request.query.get("detailed") == "1"
        page: dict[str, Any] = {"tenant_usages": [usage_view(usage, detailed=detailed) for usage in found]}
        return respond(200, page | _links(request, "tenant_usages", [s.uuid for usage in found for s in usage.servers]))

    async def show(self, request: web.Request) -> web.Response:
        """``GET /os-simple-tenant-usage/{project}``"""
        ctx, _ = unpack(request)
        project_id = request.match_info["usage_project"]
        usage = await self._flows.usage.get(ctx, project_id, _period(request), **_page(request))
        page = {"tenant_usage": {} if usage is None else usage_view(usage, detailed=True)}
        return respond(200, page | _links(request, "tenant_usage", [s.uuid for s in usage.servers] if usage else []))


class UsageAuditHandlers(ApiHandlers):
    """``nova/api/openstack/compute/instance_usage_audit_log.py: InstanceUsageAuditLogController``."""

    async def list(self, request: web.Request) -> web.Response:
        """``GET /os-instance_usage_audit_log``"""
        ctx, _ = unpack(request)
        return respond(200, {"instance_usage_audit_logs": audit_view(*await self._flows.usage.audit(ctx, None))})

    async def show(self, request: web.Request) -> web.Response:
        """``GET /os-instance_usage_audit_log/{time}``: the audit before that time."""
        ctx, _ = unpack(request)
        text = request.match_info["time"]
        moment = _read(text, "%Y-%m-%d %H:%M:%S.%f" if "." in text else "%Y-%m-%d %H:%M:%S")
        if moment is None:
            raise BadRequest(f"Invalid timestamp for date {text[:100]}")
        return respond(200, {"instance_usage_audit_log": audit_view(*await self._flows.usage.audit(ctx, moment))})


def _period(request: web.Request) -> Period:
    return _moment(request.query.get("start")), _moment(request.query.get("end"))


def _moment(text: str | None) -> datetime | None:
    if not text:
        return None
    for layout in _PERIOD_FORMATS:
        if (moment := _read(text, layout)) is not None:
            return moment
    raise BadRequest("Invalid datetime string: Datetime is in invalid format")


def _read(text: str, layout: str) -> datetime | None:
    with contextlib.suppress(ValueError):
        return datetime.strptime(text, layout).replace(tzinfo=UTC)
    return None


def _page(request: web.Request) -> dict[str, Any]:
    """Pages, of servers, exist since 2.40."""
    if unpack(request)[1] < _PAGED_SINCE:
        return {"limit": MAX_PAGE_ITEMS, "marker": None}
    return {"limit": page_limit(request), "marker": request.query.get("marker")}


def _links(request: web.Request, name: str, uuids: list[str]) -> dict[str, Any]:
    if unpack(request)[1] < _PAGED_SINCE or not uuids or len(uuids) < (limit := page_limit(request)):
        return {}
    path = request.path[request.path.index("os-simple-tenant-usage") :]
    return {f"{name}_links": next_links(request, path, limit=limit, marker=uuids[-1])}
