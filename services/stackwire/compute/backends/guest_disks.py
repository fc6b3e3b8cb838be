"""A guest's disks, and what they hang on."""

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from typing import Any

from stackwire.compute.backends.domain_xml import Guest, GuestUnsupported, Rescue, clean, set_packed_ring, text
from stackwire.compute.domain.bdm import strip_dev
from stackwire.compute.domain.devices import bus_of, next_name, prefix_of
from stackwire.compute.domain.model import BlockDevice

HYPERVISOR_DISK_BUSES = frozenset({"virtio", "scsi", "sata", "ide", "usb", "fdc"})
DEVICE_TYPES = ("disk", "cdrom", "floppy", "lun")
RESCUE_PROPERTIES = frozenset({"hw_rescue_device", "hw_rescue_bus"})
SCSI_MODELS = frozenset(["virtio-scsi", "lsilogic", "lsisas1068", "lsisas1078", "buslogic", "vmpvscsi", "ibmvscsi"])


def disks(guest: Guest, path: str) -> None:
    """A ``<disk>`` for each device; ``path``: the root disk's file. GuestUnsupported: a bus the hypervisor has not."""
    bus = bus_of({"hw_disk_bus": guest.use("hw_disk_bus")})
    if bus not in HYPERVISOR_DISK_BUSES:
        raise GuestUnsupported(reason=f"disk bus {bus} is not supported by this hypervisor")
    _controller(guest)
    if guest.rescue is not None and not guest.rescue.is_stable:
        _rescue_and_root(guest, guest.rescue, bus, path)
        return
    for device in guest.server.devices:
        if not device.no_device:
            _disk(guest, device, device.disk_bus or bus, path)
    _config_drive(guest, path)
    if guest.rescue is not None:
        _rescue_device(guest, guest.rescue)


def _rescue_and_root(guest: Guest, rescue: Rescue, bus: str, path: str) -> None:
    """The rescue disk first, the server's own second, on the bus that the rescue image wants.

    ``nova/virt/libvirt/blockinfo.py: _get_rescue_disk_mapping``.
    """
    for letter, file, format in (("a", rescue.path, rescue.format), ("b", path, _disk_format(guest))):
        disk = _file_disk(guest, "disk", bus, format, file)
        ET.SubElement(disk, "target", dev=f"{prefix_of(bus)}{letter}", bus=bus)
    _config_drive(guest, path, suffix=".rescue")


def _rescue_device(guest: Guest, rescue: Rescue) -> None:
    """The rescue disk last, and the first to boot from. ``_get_stable_device_rescue_mapping``."""
    type = str(rescue.properties.get("hw_rescue_device") or "disk")
    if type not in DEVICE_TYPES:
        raise GuestUnsupported(reason=f"rescue device {type} is not supported by this hypervisor")
    bus = str(rescue.properties.get("hw_rescue_bus") or _rescue_bus(guest, rescue, type))
    if bus not in HYPERVISOR_DISK_BUSES:
        raise GuestUnsupported(reason=f"rescue bus {bus} is not supported by this hypervisor")
    guest.used |= {name: str(rescue.properties[name]) for name in RESCUE_PROPERTIES & rescue.properties.keys()}
    used = [device.device_name for device in guest.server.devices]
    disk = _file_disk(guest, type, bus, rescue.format, rescue.path)
    ET.SubElement(disk, "target", dev=strip_dev(next_name(used, prefix_of(bus))), bus=bus)
    ET.SubElement(disk, "boot", order="1")


def _rescue_bus(guest: Guest, rescue: Rescue, type: str) -> str:
    """What the image says of devices of that type, or what the hypervisor has for them."""
    named = rescue.properties.get(f"hw_{type}_bus")
    defaults = {"cdrom": _cdrom_bus(guest), "floppy": "fdc"}
    return str(named or defaults.get(type, "virtio"))


def _config_drive(guest: Guest, path: str, suffix: str = "") -> None:
    if guest.server.instance.config_drive or guest.use("img_config_drive") == "mandatory":
        _cdrom(guest, guest.use("hw_cdrom_bus") or _cdrom_bus(guest), f"{path}.config{suffix}")


def _cdrom_bus(guest: Guest) -> str:
    return "sata" if "q35" in str(guest.use("hw_machine_type", "")) else "ide"


def _controller(guest: Guest) -> None:
    model = guest.use("hw_scsi_model")
    if model is None:
        return
    if model not in SCSI_MODELS:
        raise GuestUnsupported(reason=f"SCSI model {model} is not supported by this hypervisor")
    ET.SubElement(guest.devices, "controller", type="scsi", index="0", model=model)


def _disk(guest: Guest, device: BlockDevice, bus: str, path: str) -> None:
    if bus not in HYPERVISOR_DISK_BUSES:
        raise GuestUnsupported(reason=f"disk bus {bus} is not supported by this hypervisor")
    type = device.device_type if device.device_type in DEVICE_TYPES else "disk"
    format = _disk_format(guest) if device.is_root and not device.is_volume else "raw"
    remote = _network_source(device)
    disk = _file_disk(guest, type, bus, format, "" if remote is not None else _source(device, path))
    if remote is not None:
        _in_ceph(disk, remote)
    name = strip_dev(device.device_name) if device.device_name else f"{prefix_of(bus)}a"
    ET.SubElement(disk, "target", dev=name, bus=bus)
    if device.is_volume and device.volume_id:
        text(disk, "serial", device.volume_id)


def _file_disk(guest: Guest, type: str, bus: str, format: str, file: str) -> ET.Element:
    """A ``<disk>`` of this file, without its target."""
    disk = ET.SubElement(guest.devices, "disk", type="file", device=type)
    driver = ET.SubElement(disk, "driver", name="qemu", type=format, cache="none")
    set_packed_ring(guest, driver, bus)
    ET.SubElement(disk, "source", file=clean(file))
    return disk


def _network_source(device: BlockDevice) -> Mapping[str, Any] | None:
    """The connection's data of a volume in Ceph."""
    info = device.connection_info or {}
    return info.get("data") if device.is_volume and info.get("driver_volume_type") == "rbd" else None


def _in_ceph(disk: ET.Element, data: Mapping[str, Any]) -> None:
    """``nova/virt/libvirt/volume/net.py: LibvirtNetVolumeDriver.get_config``."""
    disk.set("type", "network")
    source = disk.find("source")
    assert source is not None
    source.attrib.clear()
    source.attrib.update(protocol="rbd", name=clean(str(data["name"])))
    for host, port in zip(data.get("hosts", ()), data.get("ports", ()), strict=False):
        ET.SubElement(source, "host", name=clean(str(host)), port=clean(str(port)))


def _source(device: BlockDevice, path: str) -> str:
    """The file behind a device: the volume's, or one of the server's own beside its root disk."""
    if device.is_volume:
        data = (device.connection_info or {}).get("data") or {}
        return str(data.get("device_path") or f"volume-{device.volume_id}")
    return path if device.is_root else f"{path}.{strip_dev(device.device_name or '')}"


def _disk_format(guest: Guest) -> str:
    return file_format(guest.server.system_metadata.get("image_disk_format"))


def file_format(recorded: str | None) -> str:
    """How QEMU reads a disk that was recorded with this format."""
    return recorded if recorded in ("raw", "qcow2", "vmdk", "vdi", "vhdx") else "raw"


def _cdrom(guest: Guest, bus: str, path: str) -> None:
    if bus not in HYPERVISOR_DISK_BUSES:
        raise GuestUnsupported(reason=f"CD-ROM bus {bus} is not supported by this hypervisor")
    disk = ET.SubElement(guest.devices, "disk", type="file", device="cdrom")
    ET.SubElement(disk, "driver", name="qemu", type="raw", cache="none")
    ET.SubElement(disk, "source", file=path)
    ET.SubElement(disk, "target", dev=f"{prefix_of(bus)}z", bus=bus)
    ET.SubElement(disk, "readonly")
