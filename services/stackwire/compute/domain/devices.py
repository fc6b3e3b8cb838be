"""Names and buses of disks: ``/dev/vda``, ``/dev/sdb``, ... ``nova/virt/libvirt/blockinfo.py``."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from stackwire.compute.domain.bdm import strip_dev
from stackwire.compute.domain.errors import InvalidBDM
from stackwire.compute.domain.model import BlockDevice
from stackwire.compute.domain.server import Server

PREFIXES: Mapping[str, str] = {
    "virtio": "vd",
    "ide": "hd",
    "scsi": "sd",
    "sata": "sd",
    "usb": "sd",
    "fdc": "fd",
    "xen": "xvd",
    "uml": "ubd",
}
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def bus_of(properties: Mapping[str, Any]) -> str:
    """The bus the image requires (``hw_disk_bus``), or virtio."""
    return str(properties.get("hw_disk_bus") or "virtio")


def prefix_of(bus: str) -> str:
    """``vd`` for virtio, ``sd`` for SCSI, ..."""
    return PREFIXES.get(bus, "vd")


def next_name(used: Iterable[str | None], prefix: str) -> str:
    """The first free name with the prefix; letters count across prefixes, as in Nova. InvalidBDM: none left."""
    taken = {_letter(name) for name in used if name}
    for letter in LETTERS:
        if letter not in taken:
            return f"/dev/{prefix}{letter}"
    raise InvalidBDM(reason="no device name is left")


def _letter(name: str) -> str:
    return strip_dev(name).rstrip("0123456789")[-1:]


def assign_names(devices: Sequence[BlockDevice], properties: Mapping[str, Any], root: str | None) -> dict[str, str]:
    """A name for each device that has none: uuid to name, the root's first."""
    prefix = prefix_of(bus_of(properties))
    used: list[str | None] = [device.device_name for device in devices]
    given: dict[str, str] = {}
    for device in sorted(devices, key=lambda device: not device.is_root):
        if device.device_name or device.no_device:
            continue
        own = prefix_of(device.disk_bus) if device.disk_bus else prefix
        name = f"/dev/{strip_dev(root)}" if device.is_root and root else next_name(used, own)
        given[device.uuid] = name
        used.append(name)
    return given


def with_device(server: Server, device: BlockDevice) -> Server:
    """The server with this device instead of the one of its uuid."""
    return replace(server, devices=tuple(device if d.uuid == device.uuid else d for d in server.devices))


def connection_info(info: Mapping[str, Any], device: BlockDevice) -> dict[str, Any]:
    """What the host keeps of a connection to the device's volume: the driver's data in Nova's wrapping."""
    return {
        "driver_volume_type": info.get("driver_volume_type", "local"),
        "data": {key: value for key, value in info.items() if key not in ("driver_volume_type", "attachment_id")},
        "status": "reserved",
        "instance": device.instance_uuid,
        "attached_at": "",
        "detached_at": "",
        "volume_id": device.volume_id,
        "serial": device.volume_id,
    }
