"""``/limits`` and ``/os-quota-sets``."""

from aiohttp import web

from stackwire.compute.domain.quotas import DEFAULTS, quota_set
from stackwire.compute.domain.requests import UpdateQuotasRequest
from stackwire.compute.http.schemas.quotas import UpdateQuotas
from stackwire.compute.http.unpack import ApiHandlers, unexpected, unpack
from stackwire.compute.http.views.quotas import limits_view, quota_set_view, quota_usage_view
from stackwire.core.errors import BadRequest, NotSimulated
from stackwire.http.request import body, respond


class LimitHandlers(ApiHandlers):
    """``nova/api/openstack/compute/limits.py: LimitsController``."""

    async def list(self, request: web.Request) -> web.Response:
        """``GET /limits``: the caller's project, or the one named by ``tenant_id``."""
        ctx, version = unpack(request)
        limits, used = await self._flows.quotas.get_limits(ctx, request.query.get("tenant_id"))
        return respond(200, limits_view(limits, used, version))


class QuotaHandlers(ApiHandlers):
    """``nova/api/openstack/compute/quota_sets.py: QuotaSetsController``."""

    async def show(self, request: web.Request) -> web.Response:
        """``GET /os-quota-sets/{project}``"""
        ctx, version = unpack(request)
        project_id = request.match_info["quota_project"]
        limits, _ = await self._flows.quotas.get(ctx, project_id)
        return respond(200, quota_set_view(project_id, limits, version))

    async def detail(self, request: web.Request) -> web.Response:
        """``GET /os-quota-sets/{project}/detail``: with usage."""
        ctx, version = unpack(request)
        project_id = request.match_info["quota_project"]
        limits, used = await self._flows.quotas.get(ctx, project_id)
        return respond(200, quota_usage_view(project_id, limits, used, version))

    async def defaults(self, request: web.Request) -> web.Response:
        """``GET /os-quota-sets/{project}/defaults``"""
        _, version = unpack(request)
        return respond(200, quota_set_view(request.match_info["quota_project"], DEFAULTS, version))

    async def update(self, request: web.Request) -> web.Response:
        """``PUT /os-quota-sets/{project}``: the quotas that this version knows."""
        ctx, version = unpack(request)
        _require_no_user(request)
        quotas = (await body(request, UpdateQuotas)).quota_set
        requested = UpdateQuotasRequest(request.match_info["quota_project"], quotas.limits(), quotas.force)
        for name, limit in requested.limits.items():
            if name not in quota_set(DEFAULTS, version):
                raise unexpected(name)
            if not -1 <= limit <= 2**31 - 1:
                raise BadRequest(f"Invalid input for field/attribute {name}. Value: {limit}.")
        limits = await self._flows.quotas.update(ctx, requested)
        return respond(200, {"quota_set": quota_set(limits, version)})

    async def delete(self, request: web.Request) -> web.Response:
        """``DELETE /os-quota-sets/{project}``: the defaults again."""
        ctx, _ = unpack(request)
        _require_no_user(request)
        await self._flows.quotas.reset(ctx, request.match_info["quota_project"])
        return respond(202)


def _require_no_user(request: web.Request) -> None:
    """Quotas of a single user are not simulated, and must not become the whole project's."""
    if "user_id" in request.query:
        raise NotSimulated(what="quotas of a single user")
