"""What else a guest has: consoles, agent, interfaces, video, small devices."""

import xml.etree.ElementTree as ET

from stackwire.compute.backends.domain_xml import Guest, GuestUnsupported, set_packed_ring, text
from stackwire.compute.domain.addresses import FixedIp

VIF_MODELS = frozenset({"virtio", "ne2k_pci", "pcnet", "rtl8139", "e1000", "e1000e", "igb", "vmxnet3"})
VIDEO_MODELS = frozenset({"cirrus", "qxl", "vga", "vmvga", "virtio", "none", "bochs", "gop"})
MOST_SERIAL_PORTS = 3
VIDEO_RAM_UNIT = 1024


def consoles(guest: Guest, path: str) -> None:
    """Serial ports, the first of which writes the console log."""
    count = guest.use("hw_serial_port_count") or int(guest.specs.get("hw:serial_port_count", "1") or 1)
    if count > MOST_SERIAL_PORTS:
        raise GuestUnsupported(reason=f"{count} serial ports, this hypervisor has {MOST_SERIAL_PORTS}")
    for port in range(count):
        serial = ET.SubElement(guest.devices, "serial", type="file" if port == 0 else "pty")
        if port == 0:
            ET.SubElement(serial, "source", path=path)
        ET.SubElement(serial, "target", port=str(port))


def agent(guest: Guest) -> None:
    """The channel of the QEMU guest agent."""
    if not guest.use("hw_qemu_guest_agent"):
        return
    channel = ET.SubElement(guest.devices, "channel", type="unix")
    name = f"org.qemu.guest_agent.0.instance-{guest.server.instance.id:08x}.sock"
    ET.SubElement(channel, "source", mode="bind", path=f"/var/lib/libvirt/qemu/{name}")
    ET.SubElement(channel, "target", type="virtio", name="org.qemu.guest_agent.0")
    guest.use("os_require_quiesce")


def interfaces(guest: Guest) -> None:
    """One for each address, of the model the image wants; the model is checked for a server without any too."""
    model = guest.use("hw_vif_model", "virtio")
    if model not in VIF_MODELS:
        raise GuestUnsupported(reason=f"network model {model} is not supported by this hypervisor")
    if guest.use("hw_vif_multiqueue_enabled") and guest.server.flavor.vcpus < 2:
        raise GuestUnsupported(reason="several queues need at least two processors")
    for address in guest.server.addresses:
        _interface(guest, address, str(model))


def _interface(guest: Guest, address: FixedIp, model: str) -> None:
    interface = ET.SubElement(guest.devices, "interface", type="bridge")
    ET.SubElement(interface, "mac", address=address.mac)
    ET.SubElement(interface, "model", type=model)
    queues = guest.server.flavor.vcpus if guest.use("hw_vif_multiqueue_enabled") else 1
    if model == "virtio" and (queues > 1 or guest.use("hw_virtio_packed_ring")):
        driver = ET.SubElement(interface, "driver", name="vhost")
        if queues > 1:
            driver.set("queues", str(queues))
        set_packed_ring(guest, driver, model)
    ET.SubElement(interface, "source", bridge=f"br-{address.label}")
    ET.SubElement(interface, "target", dev=address.device)


def video(guest: Guest) -> None:
    """The display adapter and its memory."""
    model = guest.use("hw_video_model", "virtio")
    if model not in VIDEO_MODELS:
        raise GuestUnsupported(reason=f"video model {model} is not supported by this hypervisor")
    ram, most = guest.use("hw_video_ram"), int(guest.specs.get("hw_video:ram_max_mb", "0") or 0)
    if ram is not None and ram > most:
        raise GuestUnsupported(reason=f"video memory of {ram} MB, the flavor allows {most}")
    attributes = {"type": str(model)} | ({"vram": str(ram * VIDEO_RAM_UNIT)} if ram else {})
    ET.SubElement(ET.SubElement(guest.devices, "video"), "model", attributes)


def small_devices(guest: Guest) -> None:
    """Watchdog, random numbers, sound, TPM, balloon."""
    action = guest.use("hw_watchdog_action", "disabled")
    if action != "disabled":
        ET.SubElement(guest.devices, "watchdog", model="i6300esb", action=str(action))
    if guest.specs.get("hw_rng:allowed", "true").lower() not in ("false", "0", "no"):
        guest.use("hw_rng_model")
        rng = ET.SubElement(guest.devices, "rng", model="virtio")
        text(rng, "backend", "/dev/urandom", model="random")
    model, version = guest.use("hw_tpm_model"), guest.use("hw_tpm_version")
    if version is not None:
        tpm = ET.SubElement(guest.devices, "tpm", model=str(model or "tpm-tis"))
        ET.SubElement(tpm, "backend", type="emulator", version=str(version))
    sound = guest.use("hw_sound_model")
    if sound is not None:
        ET.SubElement(guest.devices, "sound", model=str(sound))
    ET.SubElement(guest.devices, "memballoon", model="virtio")


def pointer(guest: Guest) -> None:
    """A tablet, and a keyboard on the same bus."""
    bus = guest.use("hw_input_bus")
    if guest.use("hw_pointer_model") == "usbtablet" or bus:
        ET.SubElement(guest.devices, "input", type="tablet", bus=str(bus or "usb"))
    if bus:
        ET.SubElement(guest.devices, "input", type="keyboard", bus=str(bus))


def usb(guest: Guest) -> None:
    """The USB controller and redirected ports."""
    model = guest.use("hw_usb_model")
    if model is not None:
        ET.SubElement(guest.devices, "controller", type="usb", index="0", model=str(model))
    for _ in range(guest.use("hw_redirected_usb_ports") or 0):
        ET.SubElement(guest.devices, "redirdev", bus="usb", type="spicevmc")


def iommu(guest: Guest) -> None:
    """The virtual IOMMU."""
    model = guest.use("hw_viommu_model")
    if model is not None:
        ET.SubElement(guest.devices, "iommu", model="intel" if model == "auto" else str(model))
