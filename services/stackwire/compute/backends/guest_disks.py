"""A guest's disks, and what they hang on."""

import xml.etree.ElementTree as ET

from stackwire.compute.backends.domain_xml import Guest, GuestUnsupported, clean, set_packed_ring, text
from stackwire.compute.domain.bdm import strip_dev
from stackwire.compute.domain.devices import bus_of, prefix_of
from stackwire.compute.domain.model import BlockDevice

HYPERVISOR_DISK_BUSES = frozenset({"virtio", "scsi", "sata", "ide", "usb", "fdc"})
SCSI_MODELS = frozenset(["virtio-scsi", "lsilogic", "lsisas1068", "lsisas1078", "buslogic", "vmpvscsi", "ibmvscsi"])


def disks(guest: Guest, path: str) -> None:
    """A ``<disk>`` for each device; ``path``: the root disk's file. GuestUnsupported: a bus the hypervisor has not."""
    bus = bus_of({"hw_disk_bus": guest.use("hw_disk_bus")})
    if bus not in HYPERVISOR_DISK_BUSES:
        raise GuestUnsupported(reason=f"disk bus {bus} is not supported by this hypervisor")
    _controller(guest)
    for device in guest.server.devices:
        if not device.no_device:
            _disk(guest, device, device.disk_bus or bus, path)
    if guest.server.instance.config_drive or guest.use("img_config_drive") == "mandatory":
        cdrom = guest.use("hw_cdrom_bus") or ("sata" if "q35" in str(guest.use("hw_machine_type", "")) else "ide")
        _cdrom(guest, cdrom, path)


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
    type = device.device_type if device.device_type in ("disk", "cdrom", "floppy", "lun") else "disk"
    disk = ET.SubElement(guest.devices, "disk", type="file", device=type)
    format = _disk_format(guest) if device.is_root and not device.is_volume else "raw"
    driver = ET.SubElement(disk, "driver", name="qemu", type=format, cache="none")
    set_packed_ring(guest, driver, bus)
    ET.SubElement(disk, "source", file=clean(_source(device, path)))
    name = strip_dev(device.device_name) if device.device_name else f"{prefix_of(bus)}a"
    ET.SubElement(disk, "target", dev=name, bus=bus)
    if device.is_volume and device.volume_id:
        text(disk, "serial", device.volume_id)


def _source(device: BlockDevice, path: str) -> str:
    """The file behind a device: the volume's, or one of the server's own beside its root disk."""
    if device.is_volume:
        data = (device.connection_info or {}).get("data") or {}
        return str(data.get("device_path") or f"volume-{device.volume_id}")
    return path if device.is_root else f"{path}.{strip_dev(device.device_name or '')}"


def _disk_format(guest: Guest) -> str:
    recorded = guest.server.system_metadata.get("image_disk_format", "raw")
    return recorded if recorded in ("raw", "qcow2", "vmdk", "vdi", "vhdx") else "raw"


def _cdrom(guest: Guest, bus: str, path: str) -> None:
    if bus not in HYPERVISOR_DISK_BUSES:
        raise GuestUnsupported(reason=f"CD-ROM bus {bus} is not supported by this hypervisor")
    disk = ET.SubElement(guest.devices, "disk", type="file", device="cdrom")
    ET.SubElement(disk, "driver", name="qemu", type="raw", cache="none")
    ET.SubElement(disk, "source", file=f"{path}.config")
    ET.SubElement(disk, "target", dev=f"{prefix_of(bus)}z", bus=bus)
    ET.SubElement(disk, "readonly")
