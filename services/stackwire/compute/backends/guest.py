"""A guest as libvirt would be told of it: domain XML from flavor and typed image properties.

``nova/virt/libvirt/{driver,config,blockinfo,designer}.py``. ``used`` names the properties that shaped the guest; the
others are not the hypervisor's business. What this hypervisor cannot do is refused, and the server goes to error.
"""

import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from stackwire.compute.domain.addresses import FixedIp
from stackwire.compute.domain.bdm import strip_dev
from stackwire.compute.domain.devices import bus_of, prefix_of
from stackwire.compute.domain.instance import BlockDevice
from stackwire.compute.domain.seen import Seen
from stackwire.core.errors import ServiceError

BOOTED = "simulated guest: booted"
DISK_BUSES = frozenset({"virtio", "scsi", "sata", "ide", "usb", "fdc"})
VIF_MODELS = frozenset({"virtio", "ne2k_pci", "pcnet", "rtl8139", "e1000", "e1000e", "igb", "vmxnet3"})
VIDEO_MODELS = frozenset({"cirrus", "qxl", "vga", "vmvga", "virtio", "none", "bochs", "gop"})
SCSI_MODELS: Mapping[str, str] = {
    "virtio-scsi": "virtio-scsi", "lsilogic": "lsilogic", "lsisas1068": "lsisas1068", "lsisas1078": "lsisas1078",
    "buslogic": "buslogic", "vmpvscsi": "vmpvscsi", "ibmvscsi": "ibmvscsi",
}  # fmt: skip
MACHINES: Mapping[str, str] = {
    "x86_64": "pc", "i686": "pc", "aarch64": "virt", "armv7": "virt", "ppc64le": "pseries", "s390x": "s390-ccw-virtio",
}  # fmt: skip
MOST_SERIAL_PORTS = 3
VIDEO_RAM_UNIT = 1024


class GuestUnsupported(ServiceError, wire="nova.exception.UnsupportedHardware"):
    """The hypervisor cannot run this guest: {reason}"""

    status = 400


@dataclass(frozen=True, slots=True)
class Definition:
    """``xml`` as libvirt takes it; ``used``: the properties it was made of, as text."""

    xml: str
    used: dict[str, str]


@dataclass(slots=True)
class _Guest:
    """The document as it grows; asking for a property marks it as used."""

    seen: Seen
    properties: Mapping[str, Any]
    domain: ET.Element = field(default_factory=lambda: ET.Element("domain", type="qemu"))
    used: dict[str, str] = field(default_factory=dict)

    def asked(self, name: str, default: Any = None) -> Any:
        if name not in self.properties:
            return default
        value = self.properties[name]
        self.used[name] = str(value)
        return value

    def part(self, tag: str) -> ET.Element:
        found = self.domain.find(tag)
        return ET.SubElement(self.domain, tag) if found is None else found

    @property
    def devices(self) -> ET.Element:
        return self.part("devices")

    @property
    def specs(self) -> Mapping[str, str]:
        return self.seen.flavor.extra_specs


def define(seen: Seen, properties: Mapping[str, Any], disk: str, console: str) -> Definition:
    """``properties`` are the image's, typed; ``disk`` and ``console`` paths of the host. GuestUnsupported."""
    guest = _Guest(seen, properties)
    _identity(guest)
    for step in STEPS:
        step(guest)
    _disks(guest, disk)
    _consoles(guest, console)
    for step in DEVICES:
        step(guest)
    ET.indent(guest.domain)
    return Definition(ET.tostring(guest.domain, encoding="unicode"), guest.used)


def _text(parent: ET.Element, tag: str, text: str, **attributes: str) -> ET.Element:
    made = ET.SubElement(parent, tag, attributes)
    made.text = text
    return made


def _clean(text: str) -> str:
    """Without the characters no XML document can hold."""
    return "".join(
        c for c in text if c in "\t\n\r" or (c >= " " and c not in "\ufffe\uffff" and not "\ud800" <= c <= "\udfff")
    )


def _identity(guest: _Guest) -> None:
    server, flavor = guest.seen.instance, guest.seen.flavor
    domain = guest.domain
    _text(domain, "uuid", server.uuid)
    _text(domain, "name", f"instance-{server.id:08x}")
    _text(domain, "memory", str(flavor.memory_mb * 1024), unit="KiB")
    _text(domain, "vcpu", str(flavor.vcpus))
    nova = ET.SubElement(ET.SubElement(domain, "metadata"), "{http://openstack.org/xmlns/libvirt/nova/1.1}instance")
    ns = "{http://openstack.org/xmlns/libvirt/nova/1.1}"
    _text(nova, f"{ns}name", _clean(server.display_name))
    told = ET.SubElement(nova, f"{ns}flavor", name=_clean(flavor.name))
    for tag, value in (("memory", flavor.memory_mb), ("disk", flavor.root_gb), ("vcpus", flavor.vcpus)):
        _text(told, f"{ns}{tag}", str(value))
    if server.image_ref:
        ET.SubElement(nova, f"{ns}root", type="image", uuid=server.image_ref)


# ---- what it is: machine, firmware, features, processor, clock, memory


def _system(guest: _Guest) -> None:
    arch = guest.asked("hw_emulation_architecture") or guest.asked("hw_architecture", "x86_64")
    machine = guest.asked("hw_machine_type") or MACHINES.get(arch)
    if machine is None:
        raise GuestUnsupported(reason=f"no machine type is known for the architecture {arch}")
    if guest.asked("hw_vm_mode", "hvm") != "hvm":
        raise GuestUnsupported(reason="only hvm guests can run here")
    system = guest.part("os")
    _text(system, "type", "hvm", arch=arch, machine=_clean(str(machine)))
    _firmware(guest, system, arch)
    _kernel(guest, system)
    ET.SubElement(system, "boot", dev="hd")
    ET.SubElement(system, "smbios", mode="sysinfo")
    info = ET.SubElement(guest.domain, "sysinfo", type="smbios")
    block = ET.SubElement(info, "system")
    _text(block, "entry", "Stackwire", name="manufacturer")
    _text(block, "entry", guest.seen.uuid, name="uuid")
    if guest.asked("hw_boot_menu") or guest.specs.get("hw:boot_menu", "").lower() in ("true", "1", "yes", "on"):
        ET.SubElement(system, "bootmenu", enable="yes")


def _firmware(guest: _Guest, system: ET.Element, arch: str) -> None:
    secure = guest.asked("os_secure_boot") or guest.specs.get("os:secure_boot")
    uefi = guest.asked("hw_firmware_type") == "uefi" or arch == "aarch64"
    if secure == "required" and (not uefi or arch != "x86_64"):
        raise GuestUnsupported(reason="secure boot needs UEFI on x86_64")
    if not uefi:
        return
    system.set("firmware", "efi")
    loader = ET.SubElement(system, "loader")
    if secure in ("required", "optional"):
        loader.set("secure", "yes")
        ET.SubElement(guest.part("features"), "smm", state="on")
    if guest.asked("hw_firmware_stateless"):
        loader.set("stateless", "yes")


def _kernel(guest: _Guest, system: ET.Element) -> None:
    server = guest.seen.instance
    if not server.kernel_id:
        return
    _text(system, "kernel", f"/var/lib/nova/kernels/{server.kernel_id}")
    if server.ramdisk_id:
        _text(system, "initrd", f"/var/lib/nova/kernels/{server.ramdisk_id}")
    root = guest.seen.instance.root_device_name or "/dev/vda"
    _text(system, "cmdline", _clean(str(guest.asked("os_command_line") or f"root={root} console=tty0 console=ttyS0")))


def _features(guest: _Guest) -> None:
    features = guest.part("features")
    ET.SubElement(features, "acpi")
    ET.SubElement(features, "apic")
    pmu = guest.asked("hw_pmu")
    if pmu is not None:
        ET.SubElement(features, "pmu", state="on" if pmu else "off")
    if guest.asked("img_hide_hypervisor_id"):
        ET.SubElement(ET.SubElement(features, "kvm"), "hidden", state="on")
    if guest.asked("os_type") == "windows":
        hyperv = ET.SubElement(features, "hyperv")
        for name in ("relaxed", "vapic"):
            ET.SubElement(hyperv, name, state="on")
        ET.SubElement(hyperv, "spinlocks", state="on", retries="8191")


def _clock(guest: _Guest) -> None:
    windows = guest.asked("os_type") == "windows"
    clock = ET.SubElement(guest.domain, "clock", offset="localtime" if windows else "utc")
    ET.SubElement(clock, "timer", name="pit", tickpolicy="delay")
    ET.SubElement(clock, "timer", name="rtc", tickpolicy="catchup")
    ET.SubElement(clock, "timer", name="hpet", present="yes" if guest.asked("hw_time_hpet") else "no")
    if windows:
        ET.SubElement(clock, "timer", name="hypervclock", present="yes")


def _processor(guest: _Guest) -> None:
    vcpus = guest.seen.flavor.vcpus
    cpu = ET.SubElement(guest.domain, "cpu", match="exact")
    _text(cpu, "model", "qemu64")
    sockets, cores, threads = _topology(guest, vcpus)
    ET.SubElement(cpu, "topology", sockets=str(sockets), cores=str(cores), threads=str(threads))
    bits, mode = guest.asked("hw_maxphysaddr_bits"), guest.asked("hw_maxphysaddr_mode")
    if mode is not None:
        ET.SubElement(cpu, "maxphysaddr", {"mode": mode, **({"bits": str(bits)} if bits else {})})
    _numa(guest, cpu)


def _topology(guest: _Guest, vcpus: int) -> tuple[int, int, int]:
    """What is preferred as far as the product allows; else sockets only."""
    wished = [guest.asked(f"hw_cpu_{part}") for part in ("sockets", "cores", "threads")]
    limits = [guest.asked(f"hw_cpu_max_{part}") or vcpus for part in ("sockets", "cores", "threads")]
    fits = [
        (sockets, cores, vcpus // (sockets * cores))
        for sockets in range(1, vcpus + 1)
        for cores in range(1, vcpus // sockets + 1)
        if vcpus % (sockets * cores) == 0
    ]
    fits = [found for found in fits if all(n <= most for n, most in zip(found, limits, strict=True))]
    if not fits:
        raise GuestUnsupported(reason=f"no topology gives {vcpus} processors")
    met = [sum(n == want for n, want in zip(found, wished, strict=True)) for found in fits]
    return max(zip(met, fits, strict=True), key=lambda pair: (pair[0], pair[1][0]))[1]


def _numa(guest: _Guest, cpu: ET.Element) -> None:
    nodes = guest.asked("hw_numa_nodes")
    if not nodes:
        return
    flavor = guest.seen.flavor
    share = flavor.vcpus // nodes
    cells = guest.asked("hw_numa_cpus") or [frozenset(range(n * share, (n + 1) * share)) for n in range(nodes)]
    memory = guest.asked("hw_numa_mem") or [flavor.memory_mb // nodes] * nodes
    numa = ET.SubElement(cpu, "numa")
    for number, (cell, size) in enumerate(zip(cells, memory, strict=False)):
        cpus = ",".join(str(n) for n in sorted(cell))
        ET.SubElement(numa, "cell", id=str(number), cpus=cpus, memory=str(size * 1024), unit="KiB")


def _memory(guest: _Guest) -> None:
    size, locked = guest.asked("hw_mem_page_size"), guest.asked("hw_locked_memory")
    if guest.asked("hw_mem_encryption"):
        model = guest.asked("hw_mem_encryption_model", "amd-sev")
        raise GuestUnsupported(reason=f"memory encryption ({model}) is not available on this host")
    if size is None and not locked:
        return
    backing = ET.SubElement(guest.domain, "memoryBacking")
    if size is not None:
        pages = ET.SubElement(backing, "hugepages")
        if str(size).isdigit():
            ET.SubElement(pages, "page", size=str(size), unit="KiB", nodeset="0")
    if locked:
        ET.SubElement(backing, "locked")


def _pinning(guest: _Guest) -> None:
    policy = guest.asked("hw_cpu_policy") or guest.specs.get("hw:cpu_policy")
    guest.asked("hw_cpu_thread_policy")
    mask = guest.asked("hw_cpu_realtime_mask")
    if policy == "dedicated":
        tune = ET.SubElement(guest.domain, "cputune")
        for cpu in range(guest.seen.flavor.vcpus):
            ET.SubElement(tune, "vcpupin", vcpu=str(cpu), cpuset=str(cpu))
        if mask is not None:
            ET.SubElement(tune, "vcpusched", vcpus=_clean(str(mask)).lstrip("^"), scheduler="fifo", priority="1")


# ---- its devices


def _disks(guest: _Guest, path: str) -> None:
    bus = bus_of({"hw_disk_bus": guest.asked("hw_disk_bus")})
    if bus not in DISK_BUSES:
        raise GuestUnsupported(reason=f"disk bus {bus} is not supported by this hypervisor")
    _controller(guest)
    for device in guest.seen.devices:
        if not device.no_device:
            _disk(guest, device, device.disk_bus or bus, path)
    if guest.seen.instance.config_drive or guest.asked("img_config_drive") == "mandatory":
        cdrom = guest.asked("hw_cdrom_bus") or ("sata" if "q35" in str(guest.asked("hw_machine_type", "")) else "ide")
        _cdrom(guest, cdrom, path)


def _controller(guest: _Guest) -> None:
    model = guest.asked("hw_scsi_model")
    if model is None:
        return
    if model not in SCSI_MODELS:
        raise GuestUnsupported(reason=f"SCSI model {model} is not supported by this hypervisor")
    ET.SubElement(guest.devices, "controller", type="scsi", index="0", model=SCSI_MODELS[model])


def _disk(guest: _Guest, device: BlockDevice, bus: str, path: str) -> None:
    if bus not in DISK_BUSES:
        raise GuestUnsupported(reason=f"disk bus {bus} is not supported by this hypervisor")
    kind = device.device_type if device.device_type in ("disk", "cdrom", "floppy", "lun") else "disk"
    disk = ET.SubElement(guest.devices, "disk", type="file", device=kind)
    form = "raw"
    if device.is_volume:
        data = (device.connection_info or {}).get("data") or {}
        source = str(data.get("device_path") or f"volume-{device.volume_id}")
    else:
        form = _disk_format(guest) if device.is_root else "raw"
        source = path if device.is_root else f"{path}.{strip_dev(device.device_name or '')}"
    driver = ET.SubElement(disk, "driver", name="qemu", type=form, cache="none")
    _packed(guest, driver, bus)
    ET.SubElement(disk, "source", file=_clean(source))
    name = strip_dev(device.device_name) if device.device_name else f"{prefix_of(bus)}a"
    ET.SubElement(disk, "target", dev=name, bus=bus)
    if device.is_volume and device.volume_id:
        _text(disk, "serial", device.volume_id)


def _disk_format(guest: _Guest) -> str:
    recorded = guest.seen.system_metadata.get("image_disk_format", "raw")
    return recorded if recorded in ("raw", "qcow2", "vmdk", "vdi", "vhdx") else "raw"


def _cdrom(guest: _Guest, bus: str, path: str) -> None:
    if bus not in DISK_BUSES:
        raise GuestUnsupported(reason=f"CD-ROM bus {bus} is not supported by this hypervisor")
    disk = ET.SubElement(guest.devices, "disk", type="file", device="cdrom")
    ET.SubElement(disk, "driver", name="qemu", type="raw", cache="none")
    ET.SubElement(disk, "source", file=f"{path}.config")
    ET.SubElement(disk, "target", dev=f"{prefix_of(bus)}z", bus=bus)
    ET.SubElement(disk, "readonly")


def _packed(guest: _Guest, driver: ET.Element, bus: str) -> None:
    if bus == "virtio" and guest.asked("hw_virtio_packed_ring"):
        driver.set("packed", "on")


def _consoles(guest: _Guest, path: str) -> None:
    count = guest.asked("hw_serial_port_count") or int(guest.specs.get("hw:serial_port_count", "1") or 1)
    if count > MOST_SERIAL_PORTS:
        raise GuestUnsupported(reason=f"{count} serial ports, this hypervisor has {MOST_SERIAL_PORTS}")
    for port in range(count):
        serial = ET.SubElement(guest.devices, "serial", type="file" if port == 0 else "pty")
        if port == 0:
            ET.SubElement(serial, "source", path=path)
        ET.SubElement(serial, "target", port=str(port))


def _agent(guest: _Guest) -> None:
    if not guest.asked("hw_qemu_guest_agent"):
        return
    channel = ET.SubElement(guest.devices, "channel", type="unix")
    name = f"org.qemu.guest_agent.0.instance-{guest.seen.instance.id:08x}.sock"
    ET.SubElement(channel, "source", mode="bind", path=f"/var/lib/libvirt/qemu/{name}")
    ET.SubElement(channel, "target", type="virtio", name="org.qemu.guest_agent.0")
    guest.asked("os_require_quiesce")


def _interfaces(guest: _Guest) -> None:
    """One for each address, of the model the image wants; the model is checked for a server without any too."""
    model = guest.asked("hw_vif_model", "virtio")
    if model not in VIF_MODELS:
        raise GuestUnsupported(reason=f"network model {model} is not supported by this hypervisor")
    if guest.asked("hw_vif_multiqueue_enabled") and guest.seen.flavor.vcpus < 2:
        raise GuestUnsupported(reason="several queues need at least two processors")
    for address in guest.seen.addresses:
        _interface(guest, address, str(model))


def _interface(guest: _Guest, address: FixedIp, model: str) -> None:
    interface = ET.SubElement(guest.devices, "interface", type="bridge")
    ET.SubElement(interface, "mac", address=address.mac)
    ET.SubElement(interface, "model", type=model)
    queues = guest.seen.flavor.vcpus if guest.asked("hw_vif_multiqueue_enabled") else 1
    if model == "virtio" and (queues > 1 or guest.asked("hw_virtio_packed_ring")):
        driver = ET.SubElement(interface, "driver", name="vhost")
        if queues > 1:
            driver.set("queues", str(queues))
        _packed(guest, driver, model)
    ET.SubElement(interface, "source", bridge=f"br-{address.label}")
    ET.SubElement(interface, "target", dev=address.device)


def _video(guest: _Guest) -> None:
    model = guest.asked("hw_video_model", "virtio")
    if model not in VIDEO_MODELS:
        raise GuestUnsupported(reason=f"video model {model} is not supported by this hypervisor")
    ram, most = guest.asked("hw_video_ram"), int(guest.specs.get("hw_video:ram_max_mb", "0") or 0)
    if ram is not None and ram > most:
        raise GuestUnsupported(reason=f"video memory of {ram} MB, the flavor allows {most}")
    attributes = {"type": str(model)} | ({"vram": str(ram * VIDEO_RAM_UNIT)} if ram else {})
    ET.SubElement(ET.SubElement(guest.devices, "video"), "model", attributes)


def _small_devices(guest: _Guest) -> None:
    action = guest.asked("hw_watchdog_action", "disabled")
    if action != "disabled":
        ET.SubElement(guest.devices, "watchdog", model="i6300esb", action=str(action))
    if guest.specs.get("hw_rng:allowed", "true").lower() not in ("false", "0", "no"):
        guest.asked("hw_rng_model")
        rng = ET.SubElement(guest.devices, "rng", model="virtio")
        _text(rng, "backend", "/dev/urandom", model="random")
    model, version = guest.asked("hw_tpm_model"), guest.asked("hw_tpm_version")
    if version is not None:
        tpm = ET.SubElement(guest.devices, "tpm", model=str(model or "tpm-tis"))
        ET.SubElement(tpm, "backend", type="emulator", version=str(version))
    sound = guest.asked("hw_sound_model")
    if sound is not None:
        ET.SubElement(guest.devices, "sound", model=str(sound))
    ET.SubElement(guest.devices, "memballoon", model="virtio")


def _input(guest: _Guest) -> None:
    bus = guest.asked("hw_input_bus")
    if guest.asked("hw_pointer_model") == "usbtablet" or bus:
        ET.SubElement(guest.devices, "input", type="tablet", bus=str(bus or "usb"))
    if bus:
        ET.SubElement(guest.devices, "input", type="keyboard", bus=str(bus))


def _usb(guest: _Guest) -> None:
    model = guest.asked("hw_usb_model")
    if model is not None:
        ET.SubElement(guest.devices, "controller", type="usb", index="0", model=str(model))
    for _ in range(guest.asked("hw_redirected_usb_ports") or 0):
        ET.SubElement(guest.devices, "redirdev", bus="usb", type="spicevmc")


def _iommu(guest: _Guest) -> None:
    model = guest.asked("hw_viommu_model")
    if model is not None:
        ET.SubElement(guest.devices, "iommu", model="intel" if model == "auto" else str(model))


Step = Callable[[_Guest], None]
STEPS: tuple[Step, ...] = (_system, _features, _clock, _processor, _memory, _pinning)
DEVICES: tuple[Step, ...] = (_agent, _interfaces, _video, _small_devices, _input, _usb, _iommu)
