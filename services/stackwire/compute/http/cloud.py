"""What the API tells of the cloud itself: limits, quotas, zones, hypervisors, services; and events reported to it."""

from typing import Any

from aiohttp import web

from stackwire.compute.db.cloud import NodeRow, ServiceRow
from stackwire.compute.domain import policy as rules
from stackwire.compute.domain import quotas
from stackwire.compute.domain.quotas import DEFAULTS
from stackwire.compute.flows.api_cloud import EVENTS, Cloud
from stackwire.compute.http.api import opened, since
from stackwire.compute.http.fields import Body, Flag, Number
from stackwire.compute.http.schemas import ExternalEvents
from stackwire.compute.http.views_server import usage_stamp
from stackwire.contracts.compute import ExternalEvent
from stackwire.core.errors import BadRequest, NotFound, NotSimulated
from stackwire.http.microversions import Microversion
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
    await api.cloud.reset_quotas(ctx, request.match_info["quota_project"])
    return respond(202)


# ---- zones, hypervisors, services


async def zones(request: web.Request) -> web.Response:
    """``GET /os-availability-zone``"""
    api, ctx, _ = opened(request)
    api.policy.require(ctx, rules.ZONES)
    zone = {"zoneName": api.cloud.zone, "zoneState": {"available": True}, "hosts": None}
    return respond(200, {"availabilityZoneInfo": [zone]})


async def zones_detail(request: web.Request) -> web.Response:
    """``GET /os-availability-zone/detail``: with the hosts, for administrators."""
    api, ctx, _ = opened(request)
    api.policy.require(ctx, rules.ZONES_DETAIL)
    hosts = {
        service.host: {
            service.binary: {
                "available": api.cloud.is_up(service.updated_at, service.forced_down),
                "active": not service.disabled,
                "updated_at": usage_stamp(service.updated_at),
            }
        }
        for service in await api.cloud.services(ctx)
    }
    zone = {"zoneName": api.cloud.zone, "zoneState": {"available": True}, "hosts": hosts}
    return respond(200, {"availabilityZoneInfo": [zone]})


async def hypervisors(request: web.Request) -> web.Response:
    return await _hypervisors(request, detailed=False)


async def hypervisors_detail(request: web.Request) -> web.Response:
    return await _hypervisors(request, detailed=True)


async def _hypervisors(request: web.Request, *, detailed: bool) -> web.Response:
    api, ctx, version = opened(request)
    api.policy.require(ctx, rules.HYPERVISORS)
    pattern = request.query.get("hypervisor_hostname_pattern") if version >= (2, 53) else None
    found = await api.cloud.nodes(pattern=pattern)
    if pattern is not None and not found:
        raise NotFound(f"No hypervisor matching '{pattern[:100]}' could be found.")
    view = _hypervisor if detailed else _brief
    return respond(200, {"hypervisors": [view(api.cloud, node, version) for node in found]})


async def show_hypervisor(request: web.Request) -> web.Response:
    api, ctx, version = opened(request)
    api.policy.require(ctx, rules.HYPERVISORS)
    ident = request.match_info["hypervisor"]
    found = await api.cloud.nodes(ident=ident)
    if not found or (version >= (2, 53)) != (found[0].uuid == ident):
        raise NotFound(f"Hypervisor with ID '{ident[:100]}' could not be found.")
    told = _hypervisor(api.cloud, found[0], version)
    if version >= (2, 53) and request.query.get("with_servers", "").lower() in ("1", "true", "yes"):
        servers = (await api.cloud.servers_on([found[0].host]))[found[0].host]
        told["servers"] = [{"uuid": uuid, "name": name} for uuid, name in servers]
    return respond(200, {"hypervisor": told})


async def hypervisor_statistics(request: web.Request) -> web.Response:
    """``GET /os-hypervisors/statistics``, gone since 2.88."""
    since(request, (2, 1), (2, 87))
    api, ctx, _ = opened(request)
    api.policy.require(ctx, rules.HYPERVISORS)
    found = await api.cloud.nodes()
    names = ("vcpus", "memory_mb", "local_gb", "vcpus_used", "memory_mb_used", "local_gb_used", "running_vms")
    told = {name: sum(getattr(node, name) for node in found) for name in names}
    told |= {
        "count": len(found),
        "free_ram_mb": told["memory_mb"] - told["memory_mb_used"],
        "free_disk_gb": told["local_gb"] - told["local_gb_used"],
        "disk_available_least": told["local_gb"] - told["local_gb_used"],
        "current_workload": 0,
    }
    return respond(200, {"hypervisor_statistics": told})


def _brief(cloud: Cloud, node: NodeRow, version: Microversion) -> dict[str, Any]:
    return {
        "id": node.uuid if version >= (2, 53) else node.id,
        "hypervisor_hostname": node.hypervisor_hostname,
        "state": "up" if cloud.is_up(node.service_seen, node.forced_down) else "down",
        "status": "disabled" if node.disabled else "enabled",
    }


def _hypervisor(cloud: Cloud, node: NodeRow, version: Microversion) -> dict[str, Any]:
    """Capacity and use of them are told until 2.87; the processor as text until 2.27."""
    told = _brief(cloud, node, version) | {
        "hypervisor_type": node.hypervisor_type,
        "hypervisor_version": node.hypervisor_version,
        "host_ip": node.host_ip,
        "service": {
            "id": node.service_uuid if version >= (2, 53) else node.service_id,
            "host": node.host,
            "disabled_reason": node.disabled_reason,
        },
    }
    if version < (2, 88):
        told |= {
            "vcpus": node.vcpus,
            "memory_mb": node.memory_mb,
            "local_gb": node.local_gb,
            "vcpus_used": node.vcpus_used,
            "memory_mb_used": node.memory_mb_used,
            "local_gb_used": node.local_gb_used,
            "free_ram_mb": node.memory_mb - node.memory_mb_used,
            "free_disk_gb": node.local_gb - node.local_gb_used,
            "disk_available_least": node.local_gb - node.local_gb_used,
            "current_workload": 0,
            "running_vms": node.running_vms,
            "cpu_info": node.cpu_info if version >= (2, 28) else str(node.cpu_info),
        }
    else:
        told["uptime"] = None
    return told


async def services(request: web.Request) -> web.Response:
    """``GET /os-services``"""
    api, ctx, version = opened(request)
    api.policy.require(ctx, rules.SERVICES)
    found = await api.cloud.services(ctx, host=request.query.get("host"), binary=request.query.get("binary"))
    return respond(200, {"services": [_service(api.cloud, service, version) for service in found]})


def _service(cloud: Cloud, service: ServiceRow, version: Microversion) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": service.uuid if version >= (2, 53) else service.id,
        "binary": service.binary,
        "host": service.host,
        "zone": cloud.zone,
        "status": "disabled" if service.disabled else "enabled",
        "state": "up" if cloud.is_up(service.updated_at, service.forced_down) else "down",
        "updated_at": usage_stamp(service.updated_at),
        "disabled_reason": service.disabled_reason,
    }
    return told | ({"forced_down": service.forced_down} if version >= (2, 11) else {})


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
