"""``/flavors``: list, show and manage; their extra specs, and who may use the private ones."""

import re
from typing import Any

from aiohttp import web

from stackwire.compute.domain.names import names
from stackwire.compute.domain.requests import ListFlavorsRequest
from stackwire.compute.http.schemas.flavors import CreateFlavor, ExtraSpecs, TenantAccess, UpdateFlavor
from stackwire.compute.http.to_domain import create_flavor_request
from stackwire.compute.http.unpack import (
    ApiHandlers,
    check_query,
    named_action,
    page_limit,
    require_version,
    unexpected,
    unpack,
)
from stackwire.compute.http.views.flavors import flavor_access_view, flavor_brief, flavor_view
from stackwire.compute.http.views.links import next_links, root_url
from stackwire.core.errors import BadRequest
from stackwire.http.microversions import Microversion
from stackwire.http.request import body, flag, json_body, read, respond

_SORT_KEYS = frozenset(
    names(
        "created_at description disabled ephemeral_gb flavorid id is_public memory_mb name root_gb "
        "rxtx_factor swap updated_at vcpus vcpu_weight"
    )
)


class FlavorHandlers(ApiHandlers):
    """``nova/api/openstack/compute/flavors.py: FlavorsController``."""

    async def list(self, request: web.Request) -> web.Response:
        """``GET /flavors``"""
        return await self._list(request, detailed=False)

    async def detail(self, request: web.Request) -> web.Response:
        """``GET /flavors/detail``"""
        return await self._list(request, detailed=True)

    async def _list(self, request: web.Request, *, detailed: bool) -> web.Response:
        ctx, version = unpack(request)
        filters = names("minRam minDisk is_public sort_key sort_dir limit marker")
        check_query(request, *filters, *(("name",) if version >= (2, 102) else ()), at=(2, 75))
        requested = _list_request(request, version)
        flavors = await self._flows.flavors.list_page(ctx, requested)
        base, specs = root_url(request), self._flows.flavors.shows_extra_specs(ctx)
        view: dict[str, Any] = {
            "flavors": [
                flavor_view(flavor, base, version, extra_specs=specs)
                if detailed
                else flavor_brief(flavor, base, version)
                for flavor in flavors
            ]
        }
        if flavors and len(flavors) == requested.limit:
            path = "flavors/detail" if detailed else "flavors"
            view["flavors_links"] = next_links(request, path, limit=requested.limit, marker=flavors[-1].flavorid)
        return respond(200, view)

    async def show(self, request: web.Request) -> web.Response:
        """``GET /flavors/{id}``"""
        ctx, version = unpack(request)
        flavor = await self._flows.flavors.get(ctx, request.match_info["flavor"])
        specs = self._flows.flavors.shows_extra_specs(ctx)
        return respond(200, {"flavor": flavor_view(flavor, root_url(request), version, extra_specs=specs)})

    async def create(self, request: web.Request) -> web.Response:
        """``POST /flavors``"""
        ctx, version = unpack(request)
        new = (await body(request, CreateFlavor)).flavor
        if version < (2, 55) and "description" in new.model_fields_set:
            raise unexpected("description")
        if version >= (2, 102) and "rxtx_factor" in new.model_fields_set:
            raise unexpected("rxtx_factor")
        flavor = await self._flows.flavors.create(ctx, create_flavor_request(new))
        return respond(200, {"flavor": flavor_view(flavor, root_url(request), version, extra_specs=True)})

    async def update(self, request: web.Request) -> web.Response:
        """``PUT /flavors/{id}``: the description, since 2.55; nothing else can change."""
        require_version(request, (2, 55))
        ctx, version = unpack(request)
        description = (await body(request, UpdateFlavor)).flavor.description
        flavor = await self._flows.flavors.set_description(ctx, request.match_info["flavor"], description)
        return respond(200, {"flavor": flavor_view(flavor, root_url(request), version, extra_specs=True)})

    async def delete(self, request: web.Request) -> web.Response:
        """``DELETE /flavors/{id}``"""
        ctx, _ = unpack(request)
        await self._flows.flavors.delete(ctx, request.match_info["flavor"])
        return respond(202)


def _list_request(request: web.Request, version: Microversion) -> ListFlavorsRequest:
    query = request.query
    sort_key, sort_dir = query.get("sort_key", "flavorid"), query.get("sort_dir", "asc")
    if sort_key not in _SORT_KEYS or sort_dir not in ("asc", "desc"):
        raise BadRequest("Invalid input for field/attribute sort_key or sort_dir.")
    is_public: bool | None = True
    if "is_public" in query:
        is_public = None if query["is_public"].lower() == "none" else flag(query["is_public"], "is_public")
    return ListFlavorsRequest(
        is_public=is_public,
        min_ram=_minimum(query.get("minRam", "0"), "minRam"),
        min_disk=_minimum(query.get("minDisk", "0"), "minDisk"),
        name=query.get("name") if version >= (2, 102) else None,
        sort_key=sort_key,
        descending=sort_dir == "desc",
        limit=page_limit(request),
        marker=query.get("marker"),
    )


def _minimum(text: str, name: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,9}", text, re.ASCII):
        raise BadRequest(f"Invalid {name} filter [{text[:60]}]")
    return int(text)


class FlavorExtraSpecHandlers(ApiHandlers):
    """``nova/api/openstack/compute/flavors_extraspecs.py: FlavorExtraSpecsController``."""

    async def list(self, request: web.Request) -> web.Response:
        """``GET /flavors/{id}/os-extra_specs``"""
        ctx, _ = unpack(request)
        flavor = await self._flows.flavors.get(ctx, request.match_info["flavor"])
        return respond(200, {"extra_specs": dict(flavor.extra_specs)})

    async def show(self, request: web.Request) -> web.Response:
        """``GET .../{key}``"""
        ctx, _ = unpack(request)
        key = request.match_info["key"]
        return respond(200, {key: await self._flows.flavors.get_extra_spec(ctx, request.match_info["flavor"], key)})

    async def update(self, request: web.Request) -> web.Response:
        """``POST``: these specs are set, the others stay."""
        ctx, _ = unpack(request)
        specs = (await body(request, ExtraSpecs)).as_text()
        await self._flows.flavors.set_extra_specs(ctx, request.match_info["flavor"], specs)
        return respond(200, {"extra_specs": specs})

    async def set(self, request: web.Request) -> web.Response:
        """``PUT .../{key}``"""
        ctx, _ = unpack(request)
        specs = read(ExtraSpecs, {"extra_specs": await json_body(request)}).as_text()
        if set(specs) != {request.match_info["key"]}:
            raise BadRequest("The body must hold the extra spec that the URL names, and no other.")
        await self._flows.flavors.set_extra_specs(ctx, request.match_info["flavor"], specs)
        return respond(200, specs)

    async def delete(self, request: web.Request) -> web.Response:
        """``DELETE .../{key}``"""
        ctx, _ = unpack(request)
        await self._flows.flavors.delete_extra_spec(ctx, request.match_info["flavor"], request.match_info["key"])
        return respond(200)


class FlavorAccessHandlers(ApiHandlers):
    """``nova/api/openstack/compute/flavor_access.py``."""

    async def list(self, request: web.Request) -> web.Response:
        """``GET /flavors/{id}/os-flavor-access``"""
        ctx, _ = unpack(request)
        flavorid = request.match_info["flavor"]
        return respond(200, flavor_access_view(flavorid, await self._flows.flavors.list_access(ctx, flavorid)))

    async def action(self, request: web.Request) -> web.Response:
        """``POST /flavors/{id}/action``: addTenantAccess, removeTenantAccess."""
        ctx, _ = unpack(request)
        flavorid, (name, value) = request.match_info["flavor"], named_action(await json_body(request))
        if name not in ("addTenantAccess", "removeTenantAccess"):
            raise BadRequest("The body must name one action: addTenantAccess or removeTenantAccess.")
        tenant = read(TenantAccess, value).tenant
        change = self._flows.flavors.add_access if name == "addTenantAccess" else self._flows.flavors.remove_access
        return respond(200, flavor_access_view(flavorid, await change(ctx, flavorid, tenant)))
