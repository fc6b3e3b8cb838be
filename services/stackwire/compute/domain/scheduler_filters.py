"""Which hosts a server may go to, and which of them first. Pure: hosts and a request in, an order out.

``nova/scheduler/filters/``: ComputeFilter, AvailabilityZoneFilter, ComputeCapabilitiesFilter, ImagePropertiesFilter,
and what placement would check: capacity, traits.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from oslo_utils.versionutils import VersionPredicate, convert_version_to_str

from stackwire.compute.domain.model import Flavor, Host
from stackwire.core import capabilities

_RESOURCES = re.compile(r"resources([A-Za-z0-9_-]{0,64}):(.+)")
# what a host of this architecture runs natively, beside itself (nova: 32 bit guests on 64 bit hosts)
ALSO_RUNS: Mapping[str, frozenset[str]] = {"x86_64": frozenset({"i686"}), "aarch64": frozenset({"armv7"})}
OVERCOMMIT_CPU, OVERCOMMIT_RAM = 16.0, 1.5  # nova's initial_cpu_allocation_ratio and a common ram ratio
NATIVE = ("hvm",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a server needs of a host. ``properties`` are the image's, typed; ``local_gb`` is 0 for a root volume."""

    flavor: Flavor
    properties: Mapping[str, Any] = field(default_factory=dict)
    local_gb: int = 0
    zone: str | None = None
    only: frozenset[str] | None = None
    """The hosts it may go to; None: any."""


Filter = Callable[[Host, Needs], bool]


def is_requested(host: Host, needs: Needs) -> bool:
    """The request names the host, or none."""
    return needs.only is None or host.host in needs.only


def in_zone(host: Host, needs: Needs) -> bool:
    """The host is in the requested availability zone."""
    return needs.zone is None or host.zone == needs.zone


def enabled(host: Host, needs: Needs) -> bool:
    """Its service is neither disabled nor forced down."""
    return not host.disabled and not host.forced_down


def resources(needs: Needs) -> dict[str, int]:
    """What is claimed of a host, by resource class; ``resources:CLASS`` of the flavor replaces what its columns say.

    ``nova/scheduler/utils.py: ResourceRequest``. Numbered groups (``resources1:CLASS``) ask for more of the same host.
    """
    flavor = needs.flavor
    wanted = {"VCPU": flavor.vcpus, "MEMORY_MB": flavor.memory_mb, "DISK_GB": needs.local_gb}
    groups: dict[str, int] = {}
    for key, value in flavor.extra_specs.items():
        match = _RESOURCES.fullmatch(key)
        if match is None or not (value.isascii() and value.isdigit()):
            continue
        if match[1]:
            groups[match[2]] = groups.get(match[2], 0) + int(value)
        else:
            wanted[match[2]] = int(value)
    return {name: wanted.get(name, 0) + groups.get(name, 0) for name in {**wanted, **groups}}


def has_room(host: Host, needs: Needs) -> bool:
    """A server that is on the host already (a rebuild) needs no more. A host has nothing but the three classes."""
    if needs.only is not None:
        return True
    wanted = resources(needs)
    vcpus, memory_mb, disk_gb = (wanted.pop(name) for name in ("VCPU", "MEMORY_MB", "DISK_GB"))
    return (
        not any(wanted.values())
        and host.vcpus_used + vcpus <= host.vcpus * OVERCOMMIT_CPU
        and vcpus <= host.vcpus
        and host.memory_mb_used + memory_mb <= host.memory_mb * OVERCOMMIT_RAM
        and host.local_gb_used + disk_gb <= host.local_gb
    )


def has_capabilities(host: Host, needs: Needs) -> bool:
    """``capabilities:X`` of the flavor, and ``X`` where the scheduler knows that of a host."""
    have = {
        **{name: getattr(host, name) for name in ("host", "host_ip", "vcpus_used")},
        "nodename": host.hypervisor_hostname,
        "hypervisor_hostname": host.hypervisor_hostname,
        "hypervisor_type": host.hypervisor_type,
        "hypervisor_version": host.hypervisor_version,
        "cpu_info": host.cpu_info,
        "vcpus_total": host.vcpus,
        "total_usable_ram_mb": host.memory_mb,
        "total_usable_disk_gb": host.local_gb,
        "free_ram_mb": host.memory_mb - host.memory_mb_used,
        "free_disk_mb": (host.local_gb - host.local_gb_used) * 1024,
        "disk_mb_used": host.local_gb_used * 1024,
        "num_instances": host.running_vms,
        "num_io_ops": 0,
    }
    specs = needs.flavor.extra_specs.items()
    wanted = {key: value for key, value in specs if key.startswith("capabilities:") or key in have}
    return capabilities.satisfies(_as_text(have), wanted)


def _as_text(have: Any) -> Any:
    """Nova compares texts: ``str(cap)``."""
    return {key: _as_text(value) for key, value in have.items()} if isinstance(have, Mapping) else str(have)


def has_traits(host: Host, needs: Needs) -> bool:
    """``trait:X=required`` of image and flavor, and ``forbidden`` of the flavor; an encrypted disk needs some, too."""
    required = set(needs.properties.get("traits_required", ())) | _encryption_traits(needs)
    forbidden: set[str] = set()
    for key, value in needs.flavor.extra_specs.items():
        if key.startswith("trait:"):
            (required if value == "required" else forbidden).add(key.removeprefix("trait:"))
    have = set(host.traits)
    return required <= have and not forbidden & have


def _encryption_traits(needs: Needs) -> set[str]:
    """``nova/scheduler/request_filter.py: ephemeral_encryption_filter``; the flavor's word goes first."""
    specs, properties = needs.flavor.extra_specs, needs.properties
    wanted = specs.get("hw:ephemeral_encryption", properties.get("hw_ephemeral_encryption"))
    if str(wanted).strip().lower() not in ("1", "t", "true", "on", "y", "yes"):
        return set()
    form = specs.get("hw:ephemeral_encryption_format") or properties.get("hw_ephemeral_encryption_format")
    trait = "COMPUTE_EPHEMERAL_ENCRYPTION"
    return {trait, f"{trait}_{form.upper()}"} if form else {trait}


def suits_image(host: Host, needs: Needs) -> bool:
    """``hw_architecture``, ``img_hv_type``, ``hw_vm_mode``, ``img_hv_requested_version`` against the hypervisor."""
    properties = needs.properties
    arch = properties.get("hw_emulation_architecture") or properties.get("hw_architecture")
    own = str(host.cpu_info.get("arch", ""))
    emulated = "hw_emulation_architecture" in properties
    if arch is not None and arch != own and arch not in ALSO_RUNS.get(own, ()) and not emulated:
        return False
    kind = properties.get("img_hv_type")
    if kind is not None and kind not in _kinds(host):
        return False
    if properties.get("hw_vm_mode", NATIVE[0]) not in NATIVE:
        return False
    wanted = properties.get("img_hv_requested_version")
    return wanted is None or satisfies(host.hypervisor_version, str(wanted))


def _kinds(host: Host) -> set[str]:
    name = host.hypervisor_type.lower()
    return {name, "kvm", "qemu"} if name in ("qemu", "kvm") else {name}


def satisfies(version: int, wanted: str) -> bool:
    """``>=6.0,<9`` style predicates against a version as Nova counts it (8002000 is 8.2.0); all parts must hold."""
    try:
        return VersionPredicate(wanted).satisfied_by(convert_version_to_str(version))
    except ValueError:
        return False


FILTERS: Sequence[tuple[str, Filter]] = (
    ("ComputeFilter", enabled),
    ("RequestedHosts", is_requested),
    ("AvailabilityZoneFilter", in_zone),
    ("ImagePropertiesFilter", suits_image),
    ("ComputeCapabilitiesFilter", has_capabilities),
    ("Traits", has_traits),
    ("Capacity", has_room),
)


def ranked(hosts: Sequence[Host], needs: Needs) -> tuple[list[Host], str | None]:
    """The hosts that pass, the freest first; and the filter that left none, if so."""
    passed = list(hosts)
    for name, holds in FILTERS:
        passed = [host for host in passed if holds(host, needs)]
        if not passed:
            return [], name
    return sorted(
        passed, key=lambda host: (host.memory_mb_used / max(host.memory_mb, 1), host.running_vms, host.id)
    ), None
