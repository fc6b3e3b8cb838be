"""What a guest is: its machine, firmware, features and clock."""

import xml.etree.ElementTree as ET
from collections.abc import Mapping

from stackwire.compute.backends.domain_xml import Guest, GuestUnsupported, clean, text

MACHINES: Mapping[str, str] = {
    "x86_64": "pc",
    "i686": "pc",
    "aarch64": "virt",
    "armv7": "virt",
    "ppc64le": "pseries",
    "s390x": "s390-ccw-virtio",
}


def identity(guest: Guest) -> None:
    """Name, uuid, size, and Nova's metadata."""
    server, flavor = guest.server.instance, guest.server.flavor
    domain = guest.domain
    text(domain, "uuid", server.uuid)
    text(domain, "name", f"instance-{server.id:08x}")
    text(domain, "memory", str(flavor.memory_mb * 1024), unit="KiB")
    text(domain, "vcpu", str(flavor.vcpus))
    nova = ET.SubElement(ET.SubElement(domain, "metadata"), "{http://openstack.org/xmlns/libvirt/nova/1.1}instance")
    ns = "{http://openstack.org/xmlns/libvirt/nova/1.1}"
    text(nova, f"{ns}name", clean(server.display_name))
    element = ET.SubElement(nova, f"{ns}flavor", name=clean(flavor.name))
    for tag, value in (("memory", flavor.memory_mb), ("disk", flavor.root_gb), ("vcpus", flavor.vcpus)):
        text(element, f"{ns}{tag}", str(value))
    if server.image_ref:
        ET.SubElement(nova, f"{ns}root", type="image", uuid=server.image_ref)


# ---- what it is: machine, firmware, features, processor, clock, memory


def system(guest: Guest) -> None:
    """``<os>``: machine type, firmware, kernel, boot. GuestUnsupported."""
    arch = guest.use("hw_emulation_architecture") or guest.use("hw_architecture", "x86_64")
    machine = guest.use("hw_machine_type") or MACHINES.get(arch)
    if machine is None:
        raise GuestUnsupported(reason=f"no machine type is known for the architecture {arch}")
    if guest.use("hw_vm_mode", "hvm") != "hvm":
        raise GuestUnsupported(reason="only hvm guests can run here")
    system = guest.section("os")
    text(system, "type", "hvm", arch=arch, machine=clean(str(machine)))
    _firmware(guest, system, arch)
    _kernel(guest, system)
    if guest.rescue is None:
        ET.SubElement(system, "boot", dev="hd")
    ET.SubElement(system, "smbios", mode="sysinfo")
    info = ET.SubElement(guest.domain, "sysinfo", type="smbios")
    block = ET.SubElement(info, "system")
    text(block, "entry", "Stackwire", name="manufacturer")
    text(block, "entry", guest.server.uuid, name="uuid")
    if guest.use("hw_boot_menu") or guest.specs.get("hw:boot_menu", "").lower() in ("true", "1", "yes", "on"):
        ET.SubElement(system, "bootmenu", enable="yes")


def _firmware(guest: Guest, system: ET.Element, arch: str) -> None:
    secure = guest.use("os_secure_boot") or guest.specs.get("os:secure_boot")
    uefi = guest.use("hw_firmware_type") == "uefi" or arch == "aarch64"
    if secure == "required" and (not uefi or arch != "x86_64"):
        raise GuestUnsupported(reason="secure boot needs UEFI on x86_64")
    if not uefi:
        return
    system.set("firmware", "efi")
    loader = ET.SubElement(system, "loader")
    if secure in ("required", "optional"):
        loader.set("secure", "yes")
        ET.SubElement(guest.section("features"), "smm", state="on")
    if guest.use("hw_firmware_stateless"):
        loader.set("stateless", "yes")


def _kernel(guest: Guest, system: ET.Element) -> None:
    server = guest.server.instance
    if not server.kernel_id:
        return
    text(system, "kernel", f"/var/lib/nova/kernels/{server.kernel_id}")
    if server.ramdisk_id:
        text(system, "initrd", f"/var/lib/nova/kernels/{server.ramdisk_id}")
    root = guest.server.instance.root_device_name or "/dev/vda"
    text(system, "cmdline", clean(str(guest.use("os_command_line") or f"root={root} console=tty0 console=ttyS0")))


def features(guest: Guest) -> None:
    """``<features>``."""
    features = guest.section("features")
    ET.SubElement(features, "acpi")
    ET.SubElement(features, "apic")
    pmu = guest.use("hw_pmu")
    if pmu is not None:
        ET.SubElement(features, "pmu", state="on" if pmu else "off")
    if guest.use("img_hide_hypervisor_id"):
        ET.SubElement(ET.SubElement(features, "kvm"), "hidden", state="on")
    if guest.use("os_type") == "windows":
        hyperv = ET.SubElement(features, "hyperv")
        for name in ("relaxed", "vapic"):
            ET.SubElement(hyperv, name, state="on")
        ET.SubElement(hyperv, "spinlocks", state="on", retries="8191")


def clock(guest: Guest) -> None:
    """``<clock>`` with its timers, Windows guests' in local time."""
    windows = guest.use("os_type") == "windows"
    clock = ET.SubElement(guest.domain, "clock", offset="localtime" if windows else "utc")
    ET.SubElement(clock, "timer", name="pit", tickpolicy="delay")
    ET.SubElement(clock, "timer", name="rtc", tickpolicy="catchup")
    ET.SubElement(clock, "timer", name="hpet", present="yes" if guest.use("hw_time_hpet") else "no")
    if windows:
        ET.SubElement(clock, "timer", name="hypervclock", present="yes")
