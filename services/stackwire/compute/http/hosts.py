"""Zones, hypervisors and services, mostly for administrators."""

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from stackwire.compute.domain import policy as rules
from stackwire.compute.domain.model import Host, ServiceRecord
from stackwire.compute.flows.api.cloud import Cloud
from stackwire.compute.http.api import opened, since
from stackwire.compute.http.views_server import usage_stamp
from stackwire.core.errors import BadRequest, NotFound
from stackwire.http.microversions import Microversion
from stackwire.http.paging import limit_of, link, origin
from stackwire.http.request import flag, respond


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
    shown, links = _paged(request, version, found) if version >= (2, 33) else (found, {})
    view = _hypervisor if detailed else _brief
    told = [view(api.cloud, node, version) for node in shown]
    if version >= (2, 53) and _with_servers(request):
        servers = await api.cloud.servers_on([node.host for node in shown])
        for one, node in zip(told, shown, strict=True):
            one["servers"] = [{"uuid": uuid, "name": name} for uuid, name in servers[node.host]]
    return respond(200, {"hypervisors": told, **links})


def _paged(request: web.Request, version: Microversion, found: Sequence[Host]) -> tuple[Sequence[Host], dict[str, Any]]:
    """The page that was asked for, and ``hypervisors_links`` when there are more."""
    marker, limit = request.query.get("marker"), limit_of(request, 1000)
    if marker is not None:
        places = [_ident(node, version) for node in found]
        if marker not in places:
            raise BadRequest(f"marker [{marker[:100]}] not found")
        found = found[places.index(marker) + 1 :]
    shown = found[:limit]
    if not shown or len(found) == len(shown):
        return shown, {}
    query = [(name, value) for name, value in request.query.items()]
    href = link(f"{origin(request)}{request.path}", query, limit=limit, marker=_ident(shown[-1], version))
    return shown, {"hypervisors_links": [{"rel": "next", "href": href}]}


def _ident(node: Host, version: Microversion) -> str:
    return node.uuid if version >= (2, 53) else str(node.id)


def _with_servers(request: web.Request) -> bool:
    return flag(request.query.get("with_servers", "false"), "with_servers")


async def show_hypervisor(request: web.Request) -> web.Response:
    api, ctx, version = opened(request)
    api.policy.require(ctx, rules.HYPERVISORS)
    ident = request.match_info["hypervisor"]
    found = await api.cloud.nodes(ident=ident)
    if not found or (version >= (2, 53)) != (found[0].uuid == ident):
        raise NotFound(f"Hypervisor with ID '{ident[:100]}' could not be found.")
    told = _hypervisor(api.cloud, found[0], version)
    if version >= (2, 53) and _with_servers(request):
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


def _brief(cloud: Cloud, node: Host, version: Microversion) -> dict[str, Any]:
    return {
        "id": node.uuid if version >= (2, 53) else node.id,
        "hypervisor_hostname": node.hypervisor_hostname,
        "state": "up" if cloud.is_up(node.updated_at, node.forced_down) else "down",
        "status": "disabled" if node.disabled else "enabled",
    }


def _hypervisor(cloud: Cloud, node: Host, version: Microversion) -> dict[str, Any]:
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


async def aggregates(request: web.Request) -> web.Response:
    """``GET /os-aggregates``: there are none, which clients that show a hypervisor want to hear."""
    api, ctx, _ = opened(request)
    api.policy.require(ctx, rules.AGGREGATES)
    return respond(200, {"aggregates": []})


async def server_groups(request: web.Request) -> web.Response:
    """``GET /os-server-groups``: there are none."""
    api, ctx, _ = opened(request)
    api.policy.require(ctx, rules.SERVER_GROUPS, {"project_id": ctx.project_id})
    return respond(200, {"server_groups": []})


def _service(cloud: Cloud, service: ServiceRecord, version: Microversion) -> dict[str, Any]:
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
