"""Hypervisors, services and zones as each version shows them."""

from collections.abc import Sequence
from typing import Any

import orjson

from stackwire.compute.domain.hypervisors import Hypervisor, ServiceStatus
from stackwire.compute.http.views.links import usage_timestamp
from stackwire.compute.http.views.servers import instance_name
from stackwire.http.microversions import Microversion

_SUMMED = ("vcpus", "memory_mb", "local_gb", "vcpus_used", "memory_mb_used", "local_gb_used", "running_vms")


def _common(hypervisor: Hypervisor, version: Microversion) -> dict[str, Any]:
    host = hypervisor.host
    return {
        "id": host.uuid if version >= (2, 53) else host.id,
        "hypervisor_hostname": host.hypervisor_hostname,
        "state": "up" if hypervisor.is_up else "down",
        "status": "disabled" if host.disabled else "enabled",
    }


def _servers(hypervisor: Hypervisor, version: Microversion) -> dict[str, Any]:
    """Where they were requested; no servers are shown as an empty list since 2.75 only."""
    if hypervisor.servers is None or (not hypervisor.servers and version < (2, 75)):
        return {}
    return {"servers": [{"uuid": uuid, "name": instance_name(number)} for uuid, number in hypervisor.servers]}


def hypervisor_brief(hypervisor: Hypervisor, version: Microversion) -> dict[str, Any]:
    """An entry of the short list."""
    return _common(hypervisor, version) | _servers(hypervisor, version)


def hypervisor_view(hypervisor: Hypervisor, version: Microversion) -> dict[str, Any]:
    """Capacity and usage are shown until 2.87; the processor as text until 2.27."""
    host = hypervisor.host
    view = _common(hypervisor, version) | {
        "hypervisor_type": host.hypervisor_type,
        "hypervisor_version": host.hypervisor_version,
        "host_ip": host.host_ip,
        "service": {
            "id": host.service_uuid if version >= (2, 53) else host.service_id,
            "host": host.host,
            "disabled_reason": host.disabled_reason,
        },
    }
    if version < (2, 88):
        view |= _with_free({name: getattr(host, name) for name in _SUMMED})
        view["cpu_info"] = host.cpu_info if version >= (2, 28) else orjson.dumps(host.cpu_info).decode()
    else:
        view["uptime"] = hypervisor.uptime
    return view | _servers(hypervisor, version)


def hypervisor_statistics(hypervisors: Sequence[Hypervisor]) -> dict[str, int]:
    """Capacity and usage of all of them together."""
    totals = {name: sum(getattr(each.host, name) for each in hypervisors) for name in _SUMMED}
    return _with_free(totals) | {"count": len(hypervisors)}


def _with_free(figures: dict[str, int]) -> dict[str, int]:
    free_disk_gb = figures["local_gb"] - figures["local_gb_used"]
    return figures | {
        "free_ram_mb": figures["memory_mb"] - figures["memory_mb_used"],
        "free_disk_gb": free_disk_gb,
        "disk_available_least": free_disk_gb,
        "current_workload": 0,
    }


def service_view(status: ServiceStatus, version: Microversion) -> dict[str, Any]:
    """An entry of ``GET /os-services``."""
    service = status.service
    view: dict[str, Any] = {
        "id": service.uuid if version >= (2, 53) else service.id,
        "binary": service.binary,
        "host": service.host,
        "zone": service.zone,
        "status": "disabled" if service.disabled else "enabled",
        "state": "up" if status.is_up else "down",
        "updated_at": usage_timestamp(service.updated_at),
        "disabled_reason": service.disabled_reason,
    }
    return view | ({"forced_down": service.forced_down} if version >= (2, 11) else {})


def zones_view(services: Sequence[ServiceStatus], *, detailed: bool = False) -> dict[str, Any]:
    """The availability zones: those with an enabled service first; ``detailed``: with these services' hosts."""
    hosts: dict[str, dict[str, Any]] = {}
    for status in services:
        if not status.service.disabled:
            hosts.setdefault(status.service.zone, {})[status.service.host] = _zone_host(status)
    unavailable = {status.service.zone for status in services} - hosts.keys()
    listed = [(zone, True, hosts[zone] if detailed else None) for zone in sorted(hosts)]
    listed += [(zone, False, None) for zone in sorted(unavailable)]
    return {
        "availabilityZoneInfo": [
            {"zoneName": zone, "zoneState": {"available": available}, "hosts": found}
            for zone, available, found in listed
        ]
    }


def _zone_host(status: ServiceStatus) -> dict[str, Any]:
    service = status.service
    active = {"available": status.is_up, "active": True, "updated_at": usage_timestamp(service.updated_at)}
    return {service.binary: active}
