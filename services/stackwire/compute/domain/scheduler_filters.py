"""Which hosts a server may go to, and which of them first. Pure: hosts and a request in, an order out.

``nova/scheduler/filters/``: ComputeFilter, AvailabilityZoneFilter, ImagePropertiesFilter, and what placement would
check: capacity, traits.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stackwire.compute.domain.model import Flavor, Host

VERSIONED = re.compile(r"\s*(<=|>=|==|!=|<|>|=)?\s*([0-9.]+)\s*")
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


def has_room(host: Host, needs: Needs) -> bool:
    """A server that is on the host already (a rebuild) needs no more resources."""
    if needs.only is not None:
        return True
    flavor = needs.flavor
    return (
        host.vcpus_used + flavor.vcpus <= host.vcpus * OVERCOMMIT_CPU
        and flavor.vcpus <= host.vcpus
        and host.memory_mb_used + flavor.memory_mb <= host.memory_mb * OVERCOMMIT_RAM
        and host.local_gb_used + needs.local_gb <= host.local_gb
    )


def has_traits(host: Host, needs: Needs) -> bool:
    """``trait:X=required`` of image and flavor, and ``forbidden`` of the flavor."""
    required = set(needs.properties.get("traits_required", ()))
    forbidden: set[str] = set()
    for key, value in needs.flavor.extra_specs.items():
        if key.startswith("trait:"):
            (required if value == "required" else forbidden).add(key.removeprefix("trait:"))
    have = set(host.traits)
    return required <= have and not forbidden & have


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
    """``6.0,<9`` style predicates against a version as Nova counts it (8002000 is 8.2.0); all parts must hold."""
    have = (version // 1_000_000, version // 1000 % 1000, version % 1000)
    for part in wanted.split(","):
        match = VERSIONED.fullmatch(part)
        if match is None:
            return False
        numbers = [int(number) for number in match[2].strip(".").split(".") if number]
        want = tuple([*numbers, 0, 0, 0][:3])
        if not _compare(match[1] or "==", have, want):
            return False
    return True


def _compare(sign: str, have: tuple[int, ...], want: tuple[int, ...]) -> bool:
    return {"<": have < want, "<=": have <= want, ">": have > want, ">=": have >= want, "!=": have != want}.get(
        sign, have == want
    )


FILTERS: Sequence[tuple[str, Filter]] = (
    ("ComputeFilter", enabled),
    ("RequestedHosts", is_requested),
    ("AvailabilityZoneFilter", in_zone),
    ("ImagePropertiesFilter", suits_image),
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
