"""``/limits``, ``/os-quota-sets`` and ``/os-quota-class-sets``."""

from aiohttp import web

from stackwire.compute.domain.quotas import quota_class_set, quota_set
from stackwire.compute.domain.requests import UpdateQuotasRequest
from stackwire.compute.http.schemas.fields import known_at
from stackwire.compute.http.schemas.quotas import CLASS_UNTIL, QUOTAS_UNTIL, UpdateQuotaClass, UpdateQuotas
from stackwire.compute.http.unpack import ApiHandlers, check_query, unpack
from stackwire.compute.http.views.quotas import limits_view, quota_set_view, quota_usage_view
from stackwire.core.errors import BadRequest
from stackwire.http.request import json_body, read, respond


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
        project_id, user_id = _whose(request)
        limits, _ = await self._flows.quotas.get(ctx, project_id, user_id)
        return respond(200, quota_set_view(project_id, limits, version))

    async def detail(self, request: web.Request) -> web.Response:
        """``GET /os-quota-sets/{project}/detail``: with usage."""
        ctx, version = unpack(request)
        project_id, user_id = _whose(request)
        limits, used = await self._flows.quotas.get(ctx, project_id, user_id)
        return respond(200, quota_usage_view(project_id, limits, used, version))

    async def defaults(self, request: web.Request) -> web.Response:
        """``GET /os-quota-sets/{project}/defaults``"""
        ctx, version = unpack(request)
        project_id = request.match_info["quota_project"]
        limits = await self._flows.quotas.defaults(ctx, project_id)
        return respond(200, quota_set_view(project_id, limits, version))

    async def update(self, request: web.Request) -> web.Response:
        """``PUT /os-quota-sets/{project}``: the quotas that this version knows."""
        ctx, version = unpack(request)
        project_id, user_id = _whose(request)
        value = await json_body(request)
        known_at(value.get("quota_set") if isinstance(value, dict) else None, version, {}, QUOTAS_UNTIL)
        quotas = read(UpdateQuotas, value).quota_set
        requested = UpdateQuotasRequest(project_id, user_id, quotas.limits(), quotas.force)
        return respond(200, {"quota_set": quota_set(await self._flows.quotas.update(ctx, requested), version)})

    async def delete(self, request: web.Request) -> web.Response:
        """``DELETE /os-quota-sets/{project}``: the defaults again."""
        ctx, _ = unpack(request)
        await self._flows.quotas.reset(ctx, *_whose(request))
        return respond(202)


class QuotaClassHandlers(ApiHandlers):
    """``nova/api/openstack/compute/quota_classes.py: QuotaClassSetsController``."""

    async def show(self, request: web.Request) -> web.Response:
        """``GET /os-quota-class-sets/{class}``"""
        ctx, version = unpack(request)
        check_query(request)
        name = request.match_info["quota_class"]
        limits = quota_class_set(await self._flows.quotas.get_class(ctx, name), version)
        return respond(200, {"quota_class_set": {"id": name, **limits}})

    async def update(self, request: web.Request) -> web.Response:
        """``PUT /os-quota-class-sets/{class}``: the quotas that this version knows."""
        ctx, version = unpack(request)
        name, value = request.match_info["quota_class"], await json_body(request)
        known_at(value.get("quota_class_set") if isinstance(value, dict) else None, version, {}, CLASS_UNTIL)
        quotas = read(UpdateQuotaClass, value).quota_class_set
        if len(name) > 255:
            raise BadRequest("quota_class_name has more than 255 characters.")
        limits = await self._flows.quotas.update_class(ctx, name, quotas.limits())
        return respond(200, {"quota_class_set": quota_class_set(limits, version)})


def _whose(request: web.Request) -> tuple[str, str | None]:
    """The project that the path names, and the user of the query; empty is none."""
    check_query(request, "user_id", at=(2, 75))
    return request.match_info["quota_project"], request.query.get("user_id") or None
