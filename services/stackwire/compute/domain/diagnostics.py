"""What a host knows of a running guest (``nova/virt/libvirt/driver.py: get_instance_diagnostics``).

A simulated guest runs nothing: its counters are there, and stand at 0.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from stackwire.compute.domain.names import names
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.states import POWER
from stackwire.compute.domain.versioned_objects import NovaObject, data_of, nova_object

_DISK = names("read_bytes read_requests write_bytes write_requests errors_count")
_NIC = names("rx_octets rx_errors rx_drop rx_packets tx_octets tx_errors tx_drop tx_packets")
_RATES = names("rx_rate tx_rate")
_OLD_DISK = names("read read_req write write_req errors")
_OLD_NIC = names("rx rx_packets rx_errors rx_drop tx tx_packets tx_errors tx_drop")
_LISTS = {"disk_details": "DiskDiagnostics", "cpu_details": "CpuDiagnostics", "nic_details": "NicDiagnostics"}


def power_state(server: Server) -> str:
    """``running``, ``shutdown``, ..."""
    return next(name for name, number in POWER.items() if number == server.instance.power_state)


def diagnostics(server: Server, now: datetime) -> NovaObject:
    """``Diagnostics``: uptime in seconds, memory in MiB, processor time in nanoseconds."""
    disks = [device for device in server.devices if not device.no_device]
    launched_at, memory = server.instance.launched_at, server.flavor.memory_mb
    cpus = [{"id": cpu, "time": 0, "utilisation": None} for cpu in range(server.flavor.vcpus)]
    nics = [{"mac_address": each.mac, **_zeros(_NIC), **dict.fromkeys(_RATES)} for each in server.addresses]
    data = {
        "state": power_state(server),
        "driver": "libvirt",
        "hypervisor": "qemu",
        "hypervisor_os": "linux",
        "uptime": None if launched_at is None else int((now - launched_at).total_seconds()),
        "config_drive": bool(server.instance.config_drive),
        "num_cpus": len(cpus),
        "num_nics": len(nics),
        "num_disks": len(disks),
        "disk_details": _objects("disk_details", [_zeros(_DISK) for _ in disks]),
        "cpu_details": _objects("cpu_details", cpus),
        "nic_details": _objects("nic_details", nics),
        "memory_details": nova_object("MemoryDiagnostics", "1.0", {"maximum": memory, "used": memory}),
    }
    return nova_object("Diagnostics", "1.0", data)


def plain(diagnostics: NovaObject) -> dict[str, Any]:
    """The object without its envelopes, as the API shows it."""
    data = data_of(diagnostics)
    lists = {name: [dict(data_of(each)) for each in data[name]] for name in _LISTS}
    return {**data, **lists, "memory_details": dict(data_of(data["memory_details"]))}


def counters(server: Server) -> dict[str, int]:
    """The form before 2.48: whatever names the driver has for its counters; memory in KiB."""
    found = {f"cpu{cpu}_time": 0 for cpu in range(server.flavor.vcpus)}
    found["memory"] = server.flavor.memory_mb * 1024
    for device in server.devices:
        if not device.no_device and device.device_name:
            found |= {f"{device.device_name.removeprefix('/dev/')}_{name}": 0 for name in _OLD_DISK}
    for each in server.addresses:
        found |= {f"{each.device}_{name}": 0 for name in _OLD_NIC}
    return found


def _zeros(counted: Iterable[str]) -> dict[str, Any]:
    return dict.fromkeys(counted, 0)


def _objects(name: str, parts: Iterable[Mapping[str, Any]]) -> list[NovaObject]:
    return [nova_object(_LISTS[name], "1.0", part) for part in parts]
