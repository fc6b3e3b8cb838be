"""The properties the compute service gives a meaning to: their types, their values, and the names they had before.

One table (``nova/objects/image_meta.py: ImageMetaProps 1.43``, value sets ``nova/objects/fields.py``). A property
that is not in it travels all the same, unread; one that is in it must have a value of its type wherever a server is
made from the image.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from oslo_utils.versionutils import VersionPredicate

from stackwire.compute.domain.travel_values import PREFIX
from stackwire.core.behaviours import Behaviours

Reader = Callable[[Any], Any]


class BadProperty(ValueError):
    """A typed property with a value its type does not have. ``name`` is the name the image uses."""

    def __init__(self, name: str, value: object, why: str) -> None:
        super().__init__(f"{name}={value!r}: {why}")
        self.name = name
        self.value = value
        self.why = why


def text(value: Any) -> str:
    return str(value)


def whole(value: Any) -> int:
    """An integer, also from text; a fraction is none."""
    if isinstance(value, bool) or not re.fullmatch(r"\s*[+-]?[0-9]{1,18}\s*", str(value), re.ASCII):
        raise ValueError("not an integer")
    return int(value)


def flag(value: Any) -> bool:
    """yes, true, 1, on, t, y in any case; every other value is false, never an error (oslo.utils' lenient form)."""
    return str(value).strip().lower() in ("1", "t", "true", "on", "y", "yes")


def records(value: Any) -> list[Any]:
    """A list of objects, as ``mappings`` and ``block_device_mapping`` are."""
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise ValueError("not a list of objects")
    return value


def one_of(names: str, *, also: Mapping[str, str] | None = None, any_case: bool = False) -> Reader:
    """One of a closed set of names, which blanks separate; ``also`` maps other spellings to the one meant."""
    allowed = frozenset(names.split())
    aliases = also or {}

    def read(value: Any) -> str:
        given = str(value).lower() if any_case else str(value)
        meant = aliases.get(given, given)
        if meant not in allowed:
            raise ValueError(f"must be one of {', '.join(sorted(allowed))}")
        return meant

    return read


def version_predicate(value: Any) -> str:
    """Comma-separated comparisons such as ``>=1.0, <6.0``; each has an operator."""
    VersionPredicate(str(value))
    return str(value)


ARCHITECTURES = (
    "alpha armv6 armv7 armv7b aarch64 cris i686 ia64 lm32 m68k microblaze microblazeel mips mipsel mips64 mips64el "
    "openrisc parisc parisc64 ppc ppcle ppc64 ppc64le ppcemb s390 s390x sh4 sh4eb sparc sparc64 unicore32 x86_64 "
    "xtensa xtensaeb"
)
_ARCHITECTURE = one_of(
    ARCHITECTURES,
    also={"i386": "i686", "i486": "i686", "i586": "i686", "x86_32": "i686", "x86_32p": "i686", "amd64": "x86_64"},
    any_case=True,
)
DISK_BUSES = ("fdc", "ide", "sata", "scsi", "usb", "virtio", "xen", "lxc", "uml")
_DISK_BUS = one_of(" ".join(DISK_BUSES))
_VIF_MODEL = one_of(
    "virtio ne2k_pci pcnet rtl8139 e1000 e1000e netfront spapr-vlan lan9118 sriov vmxnet vmxnet3 igb",
    also={
        "virtuale1000": "e1000",
        "virtuale1000e": "e1000e",
        "virtualpcnet32": "pcnet",
        "virtualsriovethernetcard": "sriov",
        "virtualvmxnet": "vmxnet",
        "virtualvmxnet3": "vmxnet3",
    },
    any_case=True,
)
_SCSI_MODEL = one_of(
    "buslogic ibmvscsi lsilogic lsisas1068 lsisas1078 virtio-scsi vmpvscsi",
    also={"lsilogicsas": "lsisas1068", "paravirtual": "vmpvscsi"},
    any_case=True,
)
_VM_MODE = one_of("hvm xen uml exe", also={"pv": "xen", "hv": "hvm", "baremetal": "hvm"}, any_case=True)
_HV_TYPE = one_of(
    "baremetal bhyve docker fake hyperv ironic kqemu kvm lxc lxd openvz parallels vz phyp qemu test uml vbox vmware xen"
    " zvm prsm",
    also={"xapi": "xen", "powervm": "phyp"},
    any_case=True,
)


def _all(reader: Reader, names: str) -> dict[str, Reader]:
    return dict.fromkeys(names.split(), reader)


TABLE: Mapping[str, Reader] = {
    # uuids are kept as they are given: oslo.versionedobjects warns of a bad one and stores it
    **_all(
        text,
        "hw_auto_disk_config hw_cpu_realtime_mask hw_disk_type hw_machine_type hw_mem_page_size img_owner_id "
        "img_root_device_name img_signature img_signature_certificate_uuid hw_ephemeral_encryption_secret_uuid "
        "os_admin_user os_command_line os_distro",
    ),
    **_all(
        flag,
        "hw_boot_menu hw_firmware_stateless hw_ipxe_boot hw_locked_memory hw_mem_encryption hw_pmu "
        "hw_qemu_guest_agent hw_time_hpet hw_vif_multiqueue_enabled hw_virtio_packed_ring hw_ephemeral_encryption "
        "img_bittorrent img_bdm_v2 img_cache_in_nova img_hide_hypervisor_id img_linked_clone img_use_agent "
        "os_require_quiesce os_skip_agent_inject_ssh os_skip_agent_inject_files_at_boot",
    ),
    **_all(
        whole,
        "hw_cpu_cores hw_cpu_sockets hw_cpu_threads hw_cpu_max_cores hw_cpu_max_sockets hw_cpu_max_threads "
        "hw_device_id hw_numa_nodes hw_serial_port_count hw_video_ram hw_maxphysaddr_bits hw_redirected_usb_ports "
        "img_compression_level img_version",
    ),
    **_all(_DISK_BUS, "hw_cdrom_bus hw_disk_bus hw_floppy_bus hw_rescue_bus"),
    **_all(_ARCHITECTURE, "hw_architecture hw_emulation_architecture"),
    **_all(records, "img_block_device_mapping img_mappings"),
    "hw_cpu_policy": one_of("dedicated shared mixed"),
    "hw_cpu_thread_policy": one_of("prefer isolate require"),
    "hw_firmware_type": one_of("uefi bios"),
    "hw_input_bus": one_of("usb virtio"),
    "hw_mem_encryption_model": one_of("amd-sev amd-sev-es amd-sev-snp"),
    "hw_pci_numa_affinity_policy": one_of("required legacy preferred socket"),
    "hw_pointer_model": one_of("usbtablet"),
    "hw_rescue_device": one_of("cdrom disk floppy fs lun"),
    "hw_rng_model": one_of("virtio"),
    "hw_scsi_model": _SCSI_MODEL,
    "hw_video_model": one_of("cirrus qxl vga vmvga xen virtio gop none bochs"),
    "hw_vif_model": _VIF_MODEL,
    "hw_viommu_model": one_of("intel smmuv3 virtio auto"),
    "hw_vm_mode": _VM_MODE,
    "hw_watchdog_action": one_of("none pause poweroff reset disabled"),
    "hw_tpm_model": one_of("tpm-tis tpm-crb"),
    "hw_tpm_version": one_of("1.2 2.0"),
    "hw_ephemeral_encryption_format": one_of("plain luks luksv2"),
    "hw_maxphysaddr_mode": one_of("passthrough emulate"),
    "hw_sound_model": one_of("sb16 es1370 pcspk ac97 ich6 ich9 usb virtio"),
    "hw_usb_model": one_of("none nec-xhci qemu-xhci"),
    "img_hv_requested_version": version_predicate,
    "img_hv_type": _HV_TYPE,
    "img_config_drive": one_of("optional mandatory"),
    "img_signature_hash_method": one_of("SHA-224 SHA-256 SHA-384 SHA-512"),
    "img_signature_key_type": one_of(
        "DSA ECC_SECT571K1 ECC_SECT409K1 ECC_SECT571R1 ECC_SECT409R1 ECC_SECP521R1 ECC_SECP384R1 RSA-PSS"
    ),
    "os_secure_boot": one_of("required disabled optional"),
    "os_type": one_of("linux windows", any_case=True),
}

LEGACY: Mapping[str, str] = {
    "architecture": "hw_architecture",
    "owner_id": "img_owner_id",
    "vmware_disktype": "hw_disk_type",
    "vmware_image_version": "img_version",
    "vmware_ostype": "os_distro",
    "auto_disk_config": "hw_auto_disk_config",
    "ipxe_boot": "hw_ipxe_boot",
    "xenapi_device_id": "hw_device_id",
    "xenapi_image_compression_level": "img_compression_level",
    "vmware_linked_clone": "img_linked_clone",
    "xenapi_use_agent": "img_use_agent",
    "xenapi_skip_agent_inject_ssh": "os_skip_agent_inject_ssh",
    "xenapi_skip_agent_inject_files_at_boot": "os_skip_agent_inject_files_at_boot",
    "cache_in_nova": "img_cache_in_nova",
    "vm_mode": "hw_vm_mode",
    "bittorrent": "img_bittorrent",
    "mappings": "img_mappings",
    "block_device_mapping": "img_block_device_mapping",
    "bdm_v2": "img_bdm_v2",
    "root_device_name": "img_root_device_name",
    "hypervisor_version_requires": "img_hv_requested_version",
    "hypervisor_type": "img_hv_type",
}
_ADAPTER = "vmware_adaptertype"
_TRAIT = re.compile(r"trait:([A-Z0-9_]{1,255})", re.ASCII)


def known(name: str) -> bool:
    """Whether a stored name is a typed property, under today's name or an old one."""
    return name in TABLE or name in LEGACY or name == _ADAPTER


def typed(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The typed view of an image's properties under today's names; BadProperty for a value its type does not have.

    Today's name wins over an old one for the same property; a null property counts as absent.
    """
    view: dict[str, Any] = {}
    for name, value in _old_names_first(properties):
        today = LEGACY.get(name, name)
        view[today] = _read(name, TABLE[today], value)
    view |= _adapter(properties, view) | _numa(properties)
    traits = [m[1] for name, value in properties.items() if (m := _TRAIT.fullmatch(name)) and value == "required"]
    return view | ({"traits_required": traits} if traits else {})


def _old_names_first(properties: Mapping[str, Any]) -> list[tuple[str, Any]]:
    old = [(name, properties[name]) for name in LEGACY if properties.get(name) is not None]
    return old + [(name, properties[name]) for name in TABLE if properties.get(name) is not None]


def _read(name: str, reader: Reader, value: Any) -> Any:
    try:
        return reader(value)
    except ValueError as error:
        raise BadProperty(name, value, str(error)) from None


def _adapter(properties: Mapping[str, Any], view: Mapping[str, Any]) -> dict[str, Any]:
    """VMware's adapter type names a bus, and for all but ide the model of its controller."""
    adapter = properties.get(_ADAPTER)
    if adapter is None:
        return {}
    meant = {"hw_disk_bus": "ide"} if adapter == "ide" else {"hw_disk_bus": "scsi", "hw_scsi_model": adapter}
    return {name: _read(_ADAPTER, TABLE[name], value) for name, value in meant.items() if name not in view}


def _numa(properties: Mapping[str, Any]) -> dict[str, Any]:
    """``hw_numa_cpus.N`` and ``hw_numa_mem.N``, N from 0 to the first gap."""
    found: dict[str, Any] = {}
    for name, reader in (("hw_numa_cpus", cpu_set), ("hw_numa_mem", whole)):
        values: list[Any] = []
        while properties.get(f"{name}.{len(values)}") is not None:
            key = f"{name}.{len(values)}"
            values.append(_read(key, reader, properties[key]))
        if values:
            found[name] = values
    return found


def cpu_set(value: Any) -> frozenset[int]:
    """``"0-2,^1"`` as the set {0, 2}; ValueError for anything else, and for numbers past 4095."""
    kept: set[int] = set()
    barred: set[int] = set()
    for part in str(value).split(","):
        match = re.fullmatch(r"\s*(\^?)([0-9]{1,4})(?:-([0-9]{1,4}))?\s*", part, re.ASCII)
        if match is None or (match[1] and match[3]):
            raise ValueError("not a set of CPUs")
        first, last = int(match[2]), int(match[3] or match[2])
        if last < first or last > 4095:
            raise ValueError("not a set of CPUs")
        (barred if match[1] else kept).update(range(first, last + 1))
    if not kept - barred:
        raise ValueError("an empty set of CPUs")
    return frozenset(kept - barred)


def standard(rows: Mapping[str, str | None], behaviours: Behaviours) -> dict[str, str]:
    """Of the properties in a server's rows those Nova knows, as a server's view has them since 2.98."""
    named = {key.removeprefix(PREFIX): value for key, value in rows.items() if key.startswith(PREFIX)}
    every = not behaviours.has("servers-show-standard-image-properties")
    return {key: value for key, value in named.items() if value is not None and (every or known(key))}


def typed_of_server(rows: Mapping[str, str | None]) -> dict[str, Any]:
    """The typed view of the properties in a server's rows; BadProperty."""
    return typed({key.removeprefix(PREFIX): value for key, value in rows.items() if key.startswith(PREFIX)})
