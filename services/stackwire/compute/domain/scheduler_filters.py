"""Which hosts a server may go to, and which of them first. Pure: hosts and a request in, a decision out.

``nova/scheduler/filters/`` and what placement would check: zone, traits, capacity. Every filter names what decided.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from oslo_utils.versionutils import VersionPredicate, convert_version_to_str

from stackwire.compute.domain import (
    scheduler_affinity,
    scheduler_aggregates,
    scheduler_limits,
    scheduler_numa,
    scheduler_query,
)
from stackwire.compute.domain.model import Host
from stackwire.compute.domain.scheduler_model import Decision, Needs, Rejects, Step, state_of
from stackwire.compute.domain.scheduler_weights import Multipliers, weighed
from stackwire.core import capabilities

# what a host of this architecture runs natively, beside itself (nova: 32 bit guests on 64 bit hosts)
ALSO_RUNS: Mapping[str, frozenset[str]] = {"x86_64": frozenset({"i686"}), "aarch64": frozenset({"armv7"})}
OVERCOMMIT_CPU, OVERCOMMIT_RAM = 16.0, 1.5  # nova's initial_cpu_allocation_ratio and a common ram ratio
NATIVE = ("hvm",)
_MAXPHYSADDR = "hw:maxphysaddr_bits"

# ---- what placement answers, or the request itself decides


def not_requested(host: Host, needs: Needs) -> str | None:
    """The request names another host or hypervisor, or leaves this one out."""
    if needs.only is not None and host.host not in needs.only:
        return f"only {', '.join(sorted(needs.only))}"
    if needs.destination not in (None, host.host):
        return f"host={needs.destination}"
    if needs.node not in (None, host.hypervisor_hostname):
        return f"hypervisor_hostname={needs.node}"
    return "ignore_hosts" if host.host in needs.ignored else None


def in_other_zone(host: Host, needs: Needs) -> str | None:
    """The host is in another availability zone than the requested one."""
    return None if needs.zone in (None, host.zone) else f"availability_zone={needs.zone}, not {host.zone}"


def lacks_traits(host: Host, needs: Needs) -> str | None:
    """``trait:X=required`` of image and flavor, and ``forbidden`` of the flavor; an encrypted disk needs some, too."""
    required, forbidden = _traits(needs)
    if not required and not forbidden:
        return None
    if missing := sorted(required - set(host.traits)):
        return f"trait:{missing[0]}=required"
    if refused := sorted(forbidden & set(host.traits)):
        return f"trait:{refused[0]}=forbidden"
    return None


def _traits(needs: Needs) -> tuple[set[str], set[str]]:
    """Those that image and flavor require, and those that the flavor forbids."""
    required = set(needs.properties.get("traits_required", ())) | _encryption_traits(needs)
    forbidden: set[str] = set()
    for key, value in needs.flavor.extra_specs.items():
        if key.startswith("trait:"):
            (required if value == "required" else forbidden).add(key.removeprefix("trait:"))
    return required, forbidden


def isolates_traits(host: Host, needs: Needs) -> str | None:
    """``trait:X=required`` of an aggregate: its hosts are for servers that require X (``request_filter.py``)."""
    if not needs.limits.enable_isolated_aggregate_filtering:
        return None
    wanted = {f"trait:{trait}" for trait in _traits(needs)[0]}
    for metadata in host.aggregates:
        for key, value in metadata.items():
            if key.startswith("trait:") and value == "required" and key not in wanted:
                return f"its aggregate has {key}=required, which nothing asks for"
    return None


def _encryption_traits(needs: Needs) -> set[str]:
    """``nova/scheduler/request_filter.py: ephemeral_encryption_filter``; the flavor's word goes first."""
    specs, properties = needs.flavor.extra_specs, needs.properties
    wanted = specs.get("hw:ephemeral_encryption", properties.get("hw_ephemeral_encryption"))
    if str(wanted).strip().lower() not in ("1", "t", "true", "on", "y", "yes"):
        return set()
    form = specs.get("hw:ephemeral_encryption_format") or properties.get("hw_ephemeral_encryption_format")
    trait = "COMPUTE_EPHEMERAL_ENCRYPTION"
    return {trait, f"{trait}_{form.upper()}"} if form else {trait}


def has_no_room(host: Host, needs: Needs) -> str | None:
    """A server that is on the host already (a rebuild) needs no more; nor does one that has its claim there."""
    if needs.only is not None:
        return None
    room = {
        "VCPU": min(host.vcpus, int(host.vcpus * OVERCOMMIT_CPU) - host.vcpus_used),
        "MEMORY_MB": int(host.memory_mb * OVERCOMMIT_RAM) - host.memory_mb_used,
        "DISK_GB": host.local_gb - host.local_gb_used,
        **host.resources,
    }
    for name, wanted in needs.wanted.items():
        if wanted > room.get(name, 0):
            return f"{name}={wanted}, {room.get(name, 0)} left"
    return None


# ---- nova/scheduler/filters


def is_down(host: Host, needs: Needs) -> str | None:
    """Its service is disabled, forced down, or does not report."""
    if host.disabled:
        return f"disabled: {host.disabled_reason}" if host.disabled_reason else "disabled"
    return "forced_down" if host.forced_down else "down" if host.host in needs.down else None


def lacks_capabilities(host: Host, needs: Needs) -> str | None:
    """``capabilities:X`` of the flavor, and ``X`` where the scheduler knows that of a host."""
    if not needs.flavor.extra_specs:
        return None
    have = state_of(host)
    specs = dict(needs.flavor.extra_specs)
    if _MAXPHYSADDR in specs:
        specs["capabilities:cpu_info:maxphysaddr:bits"] = f">= {specs.pop(_MAXPHYSADDR)}"
    for key, value in specs.items():
        known = key.startswith("capabilities:") or key in have
        if known and not capabilities.satisfies(_as_text(have), {key: value}):
            return f"{key}={value}"
    return None


def _as_text(have: Any) -> Any:
    """Nova compares texts: ``str(cap)``."""
    return {key: _as_text(value) for key, value in have.items()} if isinstance(have, Mapping) else str(have)


def cannot_run_image(host: Host, needs: Needs) -> str | None:
    """``hw_architecture``, ``img_hv_type``, ``hw_vm_mode``, ``img_hv_requested_version``, ``hw_maxphysaddr_bits``."""
    properties = needs.properties
    emulated = "hw_emulation_architecture" in properties
    for name, suits in _RUNS_IMAGE.items():
        if name in properties and not (emulated and name == "hw_architecture") and not suits(host, properties[name]):
            return f"{name}={properties[name]}"
    return None


def _runs(host: Host, architecture: str) -> bool:
    own = str(host.cpu_info.get("arch", ""))
    return architecture == own or architecture in ALSO_RUNS.get(own, ())


def _addresses(host: Host, bits: int) -> bool:
    """A host that does not say how many bits it has may have them."""
    known = (host.cpu_info.get("maxphysaddr") or {}).get("bits")
    return known is None or int(known) >= bits


def _kinds(host: Host) -> set[str]:
    name = host.hypervisor_type.lower()
    return {name, "kvm", "qemu"} if name in ("qemu", "kvm") else {name}


def satisfies(version: int, wanted: str) -> bool:
    """``>=6.0,<9`` style predicates against a version as Nova counts it (8002000 is 8.2.0); all parts must hold."""
    try:
        return VersionPredicate(wanted).satisfied_by(convert_version_to_str(version))
    except ValueError:
        return False


_RUNS_IMAGE: Mapping[str, Callable[[Host, Any], bool]] = {
    "hw_emulation_architecture": lambda host, _: True,
    "hw_architecture": _runs,
    "img_hv_type": lambda host, kind: kind in _kinds(host),
    "hw_vm_mode": lambda host, mode: mode in NATIVE,
    "img_hv_requested_version": lambda host, wanted: satisfies(host.hypervisor_version, str(wanted)),
    "hw_maxphysaddr_bits": _addresses,
}
"""Property to whether a host suits its value."""
PLACEMENT: Mapping[str, Rejects] = {
    "RequestedHosts": not_requested,
    "AvailabilityZone": in_other_zone,
    "Traits": lacks_traits,
    "IsolatedAggregates": isolates_traits,
    "Capacity": has_no_room,
}
"""What is checked before the filters, whichever are enabled."""
FILTERS: Mapping[str, Rejects] = {
    "AggregateImagePropertiesIsolation": scheduler_aggregates.isolates_images,
    "AggregateInstanceExtraSpecsFilter": scheduler_aggregates.lacks_extra_specs,
    "AggregateIoOpsFilter": scheduler_limits.is_too_busy_for_its_aggregates,
    "AggregateMultiTenancyIsolation": scheduler_aggregates.isolates_projects,
    "AggregateNumInstancesFilter": scheduler_limits.is_too_full_for_its_aggregates,
    "AggregateTypeAffinityFilter": scheduler_aggregates.is_for_other_flavors,
    "AllHostsFilter": lambda host, needs: None,
    "ComputeCapabilitiesFilter": lacks_capabilities,
    "ComputeFilter": is_down,
    "DifferentHostFilter": scheduler_affinity.has_other_server,
    "ImagePropertiesFilter": cannot_run_image,
    "IoOpsFilter": scheduler_limits.is_too_busy,
    "IsolatedHostsFilter": scheduler_limits.isolates_by_name,
    "JsonFilter": scheduler_query.does_not_match,
    "NUMATopologyFilter": scheduler_numa.does_not_fit,
    "NumInstancesFilter": scheduler_limits.is_too_full,
    "SameHostFilter": scheduler_affinity.lacks_other_server,
    "ServerGroupAffinityFilter": scheduler_affinity.is_apart,
    "ServerGroupAntiAffinityFilter": scheduler_affinity.has_too_many,
    "SimpleCIDRAffinityFilter": scheduler_affinity.in_other_network,
}
"""By the names that ``enabled_filters`` has."""
DEFAULT_FILTERS = (
    "ComputeFilter",
    "ComputeCapabilitiesFilter",
    "ImagePropertiesFilter",
    "ServerGroupAntiAffinityFilter",
    "ServerGroupAffinityFilter",
)
"""``nova/conf/scheduler.py: enabled_filters``."""
ON_REBUILD = frozenset(
    {"RequestedHosts", "Traits", "ImagePropertiesFilter", "AggregateImagePropertiesIsolation", "IsolatedHostsFilter"}
)
"""What another image can change (``RUN_ON_REBUILD``)."""


def decide(
    hosts: Sequence[Host],
    needs: Needs,
    enabled: Sequence[str] = DEFAULT_FILTERS,
    multipliers: Multipliers | None = None,
) -> Decision:
    """The hosts that pass, the best first, with what each filter removed; nothing is filtered where one is forced."""
    passed, steps = list(hosts), list[Step]()
    for name, rejects in _rejecting(needs, enabled):
        step = _step(name, rejects, passed, needs)
        if step.removed:
            passed = [host for host in passed if host.host not in step.removed]
        steps.append(step)
        if not passed:
            break
    ordered, weights = weighed(passed, needs, multipliers or Multipliers())
    return Decision(hosts=ordered, steps=steps, weights=weights)


def _rejecting(needs: Needs, enabled: Sequence[str]) -> list[tuple[str, Rejects]]:
    names = [*PLACEMENT, *(() if needs.forced else enabled)]
    return [(name, {**PLACEMENT, **FILTERS}[name]) for name in names if not needs.rebuild or name in ON_REBUILD]


def _step(name: str, rejects: Rejects, hosts: Sequence[Host], needs: Needs) -> Step:
    reasons = {host.host: rejects(host, needs) for host in hosts}
    removed = {host: reason for host, reason in reasons.items() if reason is not None}
    return Step(filter=name, removed=removed, remaining=[host for host in reasons if host not in removed])
