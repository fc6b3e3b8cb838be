"""Names and buses of disks: ``/dev/vda``, ``/dev/sdb``, ... ``nova/virt/libvirt/blockinfo.py``."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from stackwire.compute.domain.bdm import strip_dev
from stackwire.compute.domain.errors import InvalidBDM
from stackwire.compute.domain.model import BlockDevice

PREFIXES: Mapping[str, str] = {
    "virtio": "vd", "ide": "hd", "scsi": "sd", "sata": "sd", "usb": "sd", "fdc": "fd", "xen": "xvd", "uml": "ubd",
}  # fmt: skip
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def bus_of(properties: Mapping[str, Any]) -> str:
    """The image's word, or virtio."""
    return str(properties.get("hw_disk_bus") or "virtio")


def prefix_of(bus: str) -> str:
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


def named(devices: Sequence[BlockDevice], properties: Mapping[str, Any], root: str | None) -> dict[str, str]:
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
