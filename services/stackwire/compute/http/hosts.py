"""Zones, hypervisors and services, mostly for administrators."""

from typing import Any

from aiohttp import web

from stackwire.compute.db.cloud import NodeRow, ServiceRow
from stackwire.compute.domain import policy as rules
from stackwire.compute.flows.api_cloud import Cloud
from stackwire.compute.http.api import opened, since
from stackwire.compute.http.views_server import usage_stamp
from stackwire.core.errors import NotFound
from stackwire.http.microversions import Microversion
from stackwire.http.request import respond


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
