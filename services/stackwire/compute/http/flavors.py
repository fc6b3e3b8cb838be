"""``/flavors``: list, show, make; their extra specs and who may use the private ones."""

import re
from typing import Annotated, Any

from aiohttp import web
from pydantic import Field, StringConstraints, field_validator

from stackwire.compute.domain import policy as rules
from stackwire.compute.domain.model import Flavor
from stackwire.compute.domain.requests import CreateFlavorRequest, ListFlavorsRequest
from stackwire.compute.http.api import known_query, look, only, opened, since
from stackwire.compute.http.fields import Body, Flag, Name, Number
from stackwire.core.errors import BadRequest
from stackwire.http.microversions import Microversion
from stackwire.http.paging import limit_of, link, origin
from stackwire.http.request import body, flag, json_body, read, respond

_SORTABLE = frozenset(
    {"created_at", "description", "disabled", "ephemeral_gb", "flavorid", "id", "is_public", "memory_mb", "name",
     "root_gb", "rxtx_factor", "swap", "updated_at", "vcpus", "vcpu_weight"}
)  # fmt: skip
_ID = re.compile(r"(?! )[a-zA-Z0-9. _-]*(?<! )", re.ASCII)
_SPEC = re.compile(r"[a-zA-Z0-9-_:. ]{1,255}", re.ASCII)
_MOST = 2**31 - 1


class FlavorBody(Body):
    name: Name
    ram: Annotated[Number, Field(ge=1, le=_MOST)]
    vcpus: Annotated[Number, Field(ge=1, le=_MOST)]
    disk: Annotated[Number, Field(ge=0, le=_MOST)]
    id: Annotated[str, StringConstraints(min_length=1, max_length=255)] | int | None = None
    swap: Annotated[Number, Field(ge=0, le=_MOST)] = 0
    ephemeral: Annotated[Number, Field(ge=0, le=_MOST, alias="OS-FLV-EXT-DATA:ephemeral")] = 0
    rxtx_factor: float | int | str = 1.0
    is_public: Flag = Field(True, alias="os-flavor-access:is_public")
    description: Annotated[str, StringConstraints(max_length=65535)] | None = None

    @field_validator("id")
    @classmethod
    def _check_id(cls, value: object) -> object:
        if isinstance(value, str) and not _ID.fullmatch(value):
            raise ValueError("may hold letters, digits, dots, dashes, underscores and blanks inside")
        return value


class CreateFlavor(Body):
    flavor: FlavorBody


class FlavorChanges(Body):
    description: Annotated[str, StringConstraints(max_length=65535)] | None


class UpdateFlavor(Body):
    flavor: FlavorChanges


class Specs(Body):
    extra_specs: dict[str, str | int | float]


class Access(Body):
    tenant: Annotated[str, StringConstraints(min_length=1, max_length=255)]


def view(request: web.Request, flavor: Flavor, version: Microversion, *, specs: bool) -> dict[str, Any]:
    """A flavor; description came in 2.55, extra specs in 2.61, a swap of 0 in 2.75; two fields went in 2.102."""
    told: dict[str, Any] = {
        "id": flavor.flavorid,
        "name": flavor.name,
        "ram": flavor.memory_mb,
        "disk": flavor.root_gb,
        "swap": flavor.swap if flavor.swap or version >= (2, 75) else "",
        "vcpus": flavor.vcpus,
        "OS-FLV-EXT-DATA:ephemeral": flavor.ephemeral_gb,
        "os-flavor-access:is_public": flavor.is_public,
        "links": look(request).links(f"flavors/{flavor.flavorid}"),
    }
    if version < (2, 102):
        told |= {"OS-FLV-DISABLED:disabled": flavor.disabled, "rxtx_factor": flavor.rxtx_factor}
    if version >= (2, 55):
        told["description"] = flavor.description
    if specs and version >= (2, 61):
        told["extra_specs"] = dict(flavor.extra_specs)
    return told


async def index(request: web.Request) -> web.Response:
    return await _list(request, detailed=False)


async def detail(request: web.Request) -> web.Response:
    return await _list(request, detailed=True)


async def _list(request: web.Request, *, detailed: bool) -> web.Response:
    api, ctx, version = opened(request)
    names = ["minRam", "minDisk", "is_public", "sort_key", "sort_dir", "limit", "marker", "name"]
    known_query(request, *names, *(("rxtx_factor",) if version < (2, 102) else ()), at=(2, 75))
    wanted = _wanted(request, version)
    found, more = await api.flavors.page(ctx, wanted)
    specs = api.policy.allows(ctx, rules.FLAVOR_SPECS, {"project_id": ctx.project_id})
    told: dict[str, Any] = {
        "flavors": [
            view(request, flavor, version, specs=specs) if detailed else _brief(request, flavor, version)
            for flavor in found
        ]
    }
    if more and found:
        base = f"{origin(request)}/v2.1/flavors{'/detail' if detailed else ''}"
        query = [(name, value) for name, value in request.query.items()]
        told["flavors_links"] = [
            {"rel": "next", "href": link(base, query, limit=wanted.limit, marker=found[-1].flavorid)}
        ]
    return respond(200, told)


def _brief(request: web.Request, flavor: Flavor, version: Microversion) -> dict[str, Any]:
    told = {"id": flavor.flavorid, "name": flavor.name, "links": look(request).links(f"flavors/{flavor.flavorid}")}
    return told | ({"description": flavor.description} if version >= (2, 55) else {})


def _wanted(request: web.Request, version: Microversion) -> ListFlavorsRequest:
    query = request.query
    sort_key, sort_dir = query.get("sort_key", "flavorid"), query.get("sort_dir", "asc")
    if sort_key not in _SORTABLE or sort_dir not in ("asc", "desc"):
        raise BadRequest("Invalid input for field/attribute sort_key or sort_dir.")
    public: bool | None = True
    if "is_public" in query:
        public = None if query["is_public"].lower() == "none" else flag(query["is_public"], "is_public")
    return ListFlavorsRequest(
        is_public=public,
        min_ram=_least(query.get("minRam"), "minRam"),
        min_disk=_least(query.get("minDisk"), "minDisk"),
        name=query.get("name") if version >= (2, 102) else None,
        sort_key=sort_key,
        descending=sort_dir == "desc",
        limit=limit_of(request, 1000),
        marker=query.get("marker"),
    )


def _least(text: str | None, name: str) -> int:
    if text is None:
        return 0
    if not re.fullmatch(r"-?[0-9]{1,9}", text, re.ASCII):
        raise BadRequest(f"Invalid {name} filter [{text[:60]}]")
    return int(text)


async def show(request: web.Request) -> web.Response:
    api, ctx, version = opened(request)
    flavor = await api.flavors.show(ctx, request.match_info["flavor"])
    specs = api.policy.allows(ctx, rules.FLAVOR_SPECS, {"project_id": ctx.project_id})
    return respond(200, {"flavor": view(request, flavor, version, specs=specs)})


async def create(request: web.Request) -> web.Response:
    api, ctx, version = opened(request)
    api.policy.require(ctx, rules.FLAVOR_MANAGE)
    asked = (await body(request, CreateFlavor)).flavor
    if version < (2, 55) and "description" in asked.model_fields_set:
        raise BadRequest("Additional properties are not allowed ('description' was unexpected)")
    if version >= (2, 102) and "rxtx_factor" in asked.model_fields_set:
        raise BadRequest("Additional properties are not allowed ('rxtx_factor' was unexpected)")
    flavor = await api.flavors.create(
        ctx,
        CreateFlavorRequest(
            name=asked.name,
            flavorid=None if asked.id in (None, "auto") else str(asked.id),
            memory_mb=asked.ram,
            vcpus=asked.vcpus,
            root_gb=asked.disk,
            ephemeral_gb=asked.ephemeral,
            swap=asked.swap,
            rxtx_factor=_factor(asked.rxtx_factor),
            is_public=asked.is_public,
            description=asked.description,
        ),
    )
    return respond(200, {"flavor": view(request, flavor, version, specs=True)})


def _factor(value: float | str) -> float:
    try:
        factor = float(value)
    except ValueError:
        raise BadRequest("Invalid input for field/attribute rxtx_factor.") from None
    if not 0 < factor < 3.4e38:
        raise BadRequest("Invalid input for field/attribute rxtx_factor.")
    return factor


async def update(request: web.Request) -> web.Response:
    """The description, since 2.55; nothing else can change."""
    since(request, (2, 55))
    api, ctx, version = opened(request)
    api.policy.require(ctx, rules.FLAVOR_MANAGE)
    asked = (await body(request, UpdateFlavor)).flavor
    flavor = await api.flavors.describe(ctx, request.match_info["flavor"], asked.description)
    return respond(200, {"flavor": view(request, flavor, version, specs=True)})


async def delete(request: web.Request) -> web.Response:
    api, ctx, _ = opened(request)
    api.policy.require(ctx, rules.FLAVOR_MANAGE)
    await api.flavors.delete(ctx, request.match_info["flavor"])
    return respond(202)


# ---- extra specs


async def list_specs(request: web.Request) -> web.Response:
    api, ctx, _ = opened(request)
    flavor = await api.flavors.show(ctx, request.match_info["flavor"])
    return respond(200, {"extra_specs": dict(flavor.extra_specs)})


async def show_spec(request: web.Request) -> web.Response:
    api, ctx, _ = opened(request)
    key = request.match_info["key"]
    return respond(200, {key: await api.flavors.spec(ctx, request.match_info["flavor"], key)})


async def set_specs(request: web.Request) -> web.Response:
    api, ctx, _ = opened(request)
    api.policy.require(ctx, rules.FLAVOR_SPECS_CHANGE)
    given = _specs((await body(request, Specs)).extra_specs)
    await api.flavors.set_specs(ctx, request.match_info["flavor"], given)
    return respond(200, {"extra_specs": given})


async def set_spec(request: web.Request) -> web.Response:
    api, ctx, _ = opened(request)
    api.policy.require(ctx, rules.FLAVOR_SPECS_CHANGE)
    key, raw = request.match_info["key"], await json_body(request)
    given = _specs(read(Specs, {"extra_specs": raw}).extra_specs)
    if set(given) != {key}:
        raise BadRequest("The body must hold the extra spec that the URL names, and no other.")
    await api.flavors.set_specs(ctx, request.match_info["flavor"], given)
    return respond(200, given)


async def delete_spec(request: web.Request) -> web.Response:
    api, ctx, _ = opened(request)
    api.policy.require(ctx, rules.FLAVOR_SPECS_CHANGE)
    await api.flavors.delete_spec(ctx, request.match_info["flavor"], request.match_info["key"])
    return respond(200)


def _specs(given: dict[str, str | int | float]) -> dict[str, str]:
    for key, value in given.items():
        if not _SPEC.fullmatch(key) or len(str(value)) > 255:
            raise BadRequest(f"The extra spec {key[:60]!r} is not one.")
    return {key: str(value) for key, value in given.items()}


# ---- access


async def list_access(request: web.Request) -> web.Response:
    api, ctx, _ = opened(request)
    api.policy.require(ctx, rules.FLAVOR_ACCESS)
    return _access(*await api.flavors.access(ctx, request.match_info["flavor"]))


async def change_access(request: web.Request) -> web.Response:
    """``POST /flavors/{id}/action``: addTenantAccess, removeTenantAccess."""
    api, ctx, _ = opened(request)
    api.policy.require(ctx, rules.FLAVOR_ACCESS_CHANGE)
    raw = await json_body(request)
    name = next(iter(raw), "") if isinstance(raw, dict) else ""
    if name not in ("addTenantAccess", "removeTenantAccess"):
        raise BadRequest("The body must name one action: addTenantAccess or removeTenantAccess.")
    tenant = read(Access, only(raw, name)).tenant
    change = api.flavors.allow if name == "addTenantAccess" else api.flavors.refuse
    return _access(*await change(ctx, request.match_info["flavor"], tenant))


def _access(flavor_id: str, projects: list[str]) -> web.Response:
    return respond(200, {"flavor_access": [{"flavor_id": flavor_id, "tenant_id": project} for project in projects]})
