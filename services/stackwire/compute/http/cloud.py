"""What the API tells of limits, quotas and extensions; and events reported to it."""

from typing import Any

from aiohttp import web

from stackwire.compute.domain import policy as rules
from stackwire.compute.domain import quotas
from stackwire.compute.domain.quotas import DEFAULTS
from stackwire.compute.flows.api.cloud import EVENTS
from stackwire.compute.http.api import opened
from stackwire.compute.http.fields import Body, Flag, Number
from stackwire.compute.http.schemas import ExternalEvents
from stackwire.contracts.compute import ExternalEvent
from stackwire.core.errors import BadRequest, NotFound, NotSimulated
from stackwire.http.request import body, json_body, read, respond

# ---- limits

_ABSOLUTE = {
    "maxServerMeta": "metadata_items",
    "maxTotalInstances": "instances",
    "maxTotalCores": "cores",
    "maxTotalRAMSize": "ram",
    "maxTotalKeypairs": "key_pairs",
    "maxServerGroups": "server_groups",
    "maxServerGroupMembers": "server_group_members",
}
_USED = {"totalInstancesUsed": "instances", "totalCoresUsed": "cores", "totalRAMUsed": "ram"}


async def limits(request: web.Request) -> web.Response:
    """``GET /limits``; some of it went in 2.36, 2.39 and 2.57."""
    api, ctx, version = opened(request)
    project_id = request.query.get("tenant_id") or ctx.project_id or ""
    api.policy.require(ctx, rules.LIMITS, {"project_id": ctx.project_id})
    if project_id != ctx.project_id:
        api.policy.require(ctx, rules.LIMITS_OTHER)
    most, used = await api.cloud.usage(ctx, project_id)
    absolute = {name: most[key] for name, key in _ABSOLUTE.items()} | {name: used[key] for name, key in _USED.items()}
    absolute["totalServerGroupsUsed"] = 0
    if version < (2, 36):
        absolute |= {"maxTotalFloatingIps": -1, "maxSecurityGroups": -1, "maxSecurityGroupRules": -1}
        absolute |= {"totalFloatingIpsUsed": 0, "totalSecurityGroupsUsed": 0}
    if version < (2, 39):
        absolute["maxImageMeta"] = most["metadata_items"]
    if version < (2, 57):
        absolute |= {"maxPersonality": 0, "maxPersonalitySize": 0}
    return respond(200, {"limits": {"rate": [], "absolute": absolute}})


# ---- quotas


class QuotaBody(Body):
    instances: Number | None = None
    cores: Number | None = None
    ram: Number | None = None
    metadata_items: Number | None = None
    key_pairs: Number | None = None
    server_groups: Number | None = None
    server_group_members: Number | None = None
    fixed_ips: Number | None = None
    floating_ips: Number | None = None
    security_groups: Number | None = None
    security_group_rules: Number | None = None
    injected_files: Number | None = None
    injected_file_content_bytes: Number | None = None
    injected_file_path_bytes: Number | None = None
    tenant_id: str | None = None
    force: Flag = False


class QuotaSet(Body):
    quota_set: QuotaBody


async def show_quotas(request: web.Request) -> web.Response:
    """``GET /os-quota-sets/{project}``"""
    api, ctx, version = opened(request)
    project_id = request.match_info["quota_project"]
    api.policy.require(ctx, rules.QUOTAS, {"project_id": project_id})
    most, _ = await api.cloud.usage(ctx, project_id)
    return respond(200, {"quota_set": {"id": project_id, **quotas.told(most, version)}})


async def show_quota_usage(request: web.Request) -> web.Response:
    """``GET /os-quota-sets/{project}/detail``"""
    api, ctx, version = opened(request)
    project_id = request.match_info["quota_project"]
    api.policy.require(ctx, rules.QUOTAS, {"project_id": project_id})
    most, used = await api.cloud.usage(ctx, project_id)
    told = {
        name: {"limit": limit, "in_use": used.get(name, 0) if name != "key_pairs" else 0, "reserved": 0}
        for name, limit in quotas.told(most, version).items()
    }
    return respond(200, {"quota_set": {"id": project_id, **told}})


async def show_default_quotas(request: web.Request) -> web.Response:
    _, _, version = opened(request)
    project_id = request.match_info["quota_project"]
    return respond(200, {"quota_set": {"id": project_id, **quotas.told(DEFAULTS, version)}})


async def set_quotas(request: web.Request) -> web.Response:
    """What this version knows can be set; what no simulated thing counts is refused."""
    api, ctx, version = opened(request)
    api.policy.require(ctx, rules.QUOTAS_CHANGE)
    _of_a_project(request)
    asked = (await body(request, QuotaSet)).quota_set
    given = {
        name: getattr(asked, name) for name in asked.model_fields_set - {"tenant_id", "force"}
        if getattr(asked, name) is not None
    }  # fmt: skip
    for name, value in given.items():
        if name not in quotas.told(DEFAULTS, version):
            raise BadRequest(f"Additional properties are not allowed ('{name}' was unexpected)")
        if not -1 <= value <= 2**31 - 1:
            raise BadRequest(f"Invalid input for field/attribute {name}. Value: {value}.")
        if name not in DEFAULTS:
            raise NotSimulated(what=f"the quota of {name}")
    project_id = request.match_info["quota_project"]
    await api.cloud.set_quotas(ctx, project_id, given, asked.force)
    most, _ = await api.cloud.usage(ctx, project_id)
    return respond(200, {"quota_set": quotas.told(most, version)})


async def reset_quotas(request: web.Request) -> web.Response:
    api, ctx, _ = opened(request)
    _of_a_project(request)
    await api.cloud.reset_quotas(ctx, request.match_info["quota_project"])
    return respond(202)


def _of_a_project(request: web.Request) -> None:
    """Quotas of a single user are not simulated, and must not become the whole project's."""
    if "user_id" in request.query:
        raise NotSimulated(what="quotas of a single user")


# ---- extensions: what they were called when the API still had any

_EXTENSION_ALIASES = (
    "os-availability-zone", "os-create-server-ext", "os-extended-volumes", "os-flavor-access", "os-flavor-extra-specs",
    "os-hypervisors", "os-instance-actions", "os-keypairs", "os-quota-sets", "os-server-external-events", "os-services",
    "os-volumes", "servers", "flavors", "versions",
)  # fmt: skip


def _extension(alias: str) -> dict[str, Any]:
    return {
        "alias": alias,
        "name": "".join(part.capitalize() for part in alias.removeprefix("os-").split("-")),
        "description": "",
        "links": [],
        "namespace": "http://docs.openstack.org/compute/ext/fake_xml",
        "updated": "2014-12-03T00:00:00Z",
    }


async def extensions(request: web.Request) -> web.Response:
    opened(request)
    return respond(200, {"extensions": [_extension(alias) for alias in _EXTENSION_ALIASES]})


async def show_extension(request: web.Request) -> web.Response:
    opened(request)
    alias = request.match_info["alias"]
    if alias not in _EXTENSION_ALIASES:
        raise NotFound
    return respond(200, {"extension": _extension(alias)})


# ---- events of other services


async def external_events(request: web.Request) -> web.Response:
    """``POST /os-server-external-events``: 200 when all were handed on, 207 when some were."""
    api, ctx, version = opened(request)
    api.policy.require(ctx, rules.EXTERNAL_EVENTS)
    asked = read(ExternalEvents, await json_body(request)).events
    for event in asked:
        if event.name not in EVENTS or version < EVENTS[event.name]:
            raise BadRequest(f"There is no event {event.name[:100]!r} in this version.")
    events = [ExternalEvent(**event.model_dump()) for event in asked]
    reported = await api.cloud.report(ctx, events)
    told = [
        {
            "name": each.event.name,
            "server_uuid": each.event.server_uuid,
            "status": each.event.status if each.code == 200 else "failed",
            "code": each.code,
        }
        | ({"tag": each.event.tag} if each.event.tag is not None else {})
        for each in reported
    ]
    return respond(200 if all(each.code == 200 for each in reported) else 207, {"events": told})
