"""Which back end a volume goes to: Cinder's filters and weighers, each a function under its name there.

``cinder/scheduler/filters``, ``cinder/scheduler/weights``, ``cinder/scheduler/sched_utils.py``.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stackwire.core.capabilities import satisfies
from stackwire.core.errors import ServiceError
from stackwire.core.ids import canonical_uuid

DEFAULT_FILTERS = (
    "AvailabilityZoneFilter", "CapacityFilter", "CapabilitiesFilter", "DifferentBackendFilter", "SameBackendFilter",
)  # fmt: skip
DEFAULT_WEIGHERS = ("CapacityWeigher",)
UNSUPPORTED_HINTS = {"query": "JsonFilter", "local_to_instance": "InstanceLocalityFilter"}
"""Scheduler hints that a filter of another name would read."""


class NoValidBackend(ServiceError, wire="cinder.exception.NoValidBackend"):
    """No valid backend was found. {reason}"""


@dataclass(frozen=True, slots=True)
class PoolState:
    """A pool as it is now; ``allocated`` and ``provisioned`` in GiB: its volumes, and these with their snapshots."""

    host: str
    zone: str
    capabilities: Mapping[str, Any]
    allocated: int = 0
    provisioned: int = 0
    volumes: int = 0

    @property
    def total(self) -> float:
        """GiB; infinite where the back end has no end."""
        total = self.capabilities["total_capacity_gb"]
        return math.inf if total == "infinite" else float(total)

    @property
    def free(self) -> float:
        """GiB: what is not provisioned."""
        return max(0.0, self.total - self.provisioned)

    def virtual_free(self, *, thin: bool) -> float:
        """GiB that may still be promised (``sched_utils.calculate_virtual_free_capacity``)."""
        usable: float = self.total - math.floor(self.total * self.capabilities["reserved_percentage"] / 100)
        if thin and self.capabilities["thin_provisioning_support"]:
            usable *= float(self.capabilities["max_over_subscription_ratio"])
        return usable - self.provisioned

    def reported(self) -> dict[str, Any]:
        """The capabilities as the scheduler knows them, with what is used."""
        free = self.capabilities["total_capacity_gb"] if math.isinf(self.total) else self.free
        used = {"allocated_capacity_gb": self.allocated, "provisioned_capacity_gb": self.provisioned}
        return {**self.capabilities, **used, "free_capacity_gb": free}


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """What a back end is wanted for. ``size``: GiB that are added, 0 for what is there already; ``exists_on``: where
    the volume is; ``backend``: the only one that counts (with or without a pool), that of a source; ``tried``: those
    that failed; ``online``: it grows while it is attached; ``hints`` as in the request,
    ``hosts``: of the volumes that hints name.
    """

    size: int
    extra_specs: Mapping[str, str | None] = field(default_factory=dict)
    zones: Collection[str] = ()
    exists_on: str | None = None
    backend: str | None = None
    tried: Collection[str] = ()
    online: bool = False
    hints: Mapping[str, Any] = field(default_factory=dict)
    hosts: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def thin(self) -> bool:
        """Unless the type says ``provisioning:type=thick``."""
        return self.extra_specs.get("provisioning:type") != "thick"


def named_volumes(hint: object) -> list[str] | None:
    """The volumes that a hint names, one or a list; None for what names none, which no back end fits."""
    named = hint if isinstance(hint, list) else [hint]
    return [str(each) for each in named] if all(canonical_uuid(each) for each in named) else None


def _has_capacity(pool: PoolState, wanted: Placement) -> bool:
    """``capacity_filter.py: CapacityFilter``."""
    if pool.host == wanted.exists_on or wanted.size == 0 or math.isinf(pool.total):
        return True
    return pool.total > 0 and pool.virtual_free(thin=wanted.thin) >= wanted.size


def _offers(pool: PoolState, wanted: Placement) -> bool:
    """``capabilities_filter.py: CapabilitiesFilter``."""
    if wanted.online and pool.capabilities.get("online_extend_support") is False:
        return False
    return satisfies(pool.reported(), wanted.extra_specs)


def _is_elsewhere(pool: PoolState, wanted: Placement) -> bool:
    named = named_volumes(wanted.hints.get("different_host", []))
    return named is not None and not any(wanted.hosts.get(volume) == pool.host for volume in named)


def _is_where(pool: PoolState, wanted: Placement) -> bool:
    named = named_volumes(wanted.hints.get("same_host", []))
    return named is not None and (not named or any(wanted.hosts.get(volume) == pool.host for volume in named))


FILTERS: Mapping[str, Callable[[PoolState, Placement], bool]] = {
    "AvailabilityZoneFilter": lambda pool, wanted: not wanted.zones or pool.zone in wanted.zones,
    "CapacityFilter": _has_capacity,
    "CapabilitiesFilter": _offers,
    "DifferentBackendFilter": _is_elsewhere,
    "SameBackendFilter": _is_where,
    "IgnoreAttemptedHostsFilter": lambda pool, wanted: pool.host not in wanted.tried,
}
WEIGHERS: Mapping[str, Callable[[PoolState, Placement], float]] = {
    "CapacityWeigher": lambda pool, wanted: -1.0 if math.isinf(pool.total) else pool.virtual_free(thin=wanted.thin),
    "AllocatedCapacityWeigher": lambda pool, wanted: -pool.allocated,
    "VolumeNumberWeigher": lambda pool, wanted: -pool.volumes,
}
"""The heaviest pool is chosen, with the multipliers that Cinder has unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Chooser:
    """``filters``, ``weighers``: names, as in ``scheduler_default_filters`` and ``scheduler_default_weighers``."""

    filters: Sequence[str] = DEFAULT_FILTERS
    weighers: Sequence[str] = DEFAULT_WEIGHERS

    def candidates(self, pools: Sequence[PoolState], wanted: Placement) -> list[PoolState]:
        """Those that every filter lets pass, the best first; of equals the first of the file."""
        passed = [pool for pool in pools if all(FILTERS[name](pool, wanted) for name in self.filters)]
        if wanted.backend is not None:
            passed = [pool for pool in passed if wanted.backend in (pool.host, pool.host.partition("#")[0])]
        weights = dict.fromkeys((pool.host for pool in passed), 0.0)
        for name in self.weighers:
            raw = {pool.host: WEIGHERS[name](pool, wanted) for pool in passed}
            for host, weight in _normalized(raw).items():
                weights[host] += weight
        return sorted(passed, key=lambda pool: -weights[pool.host])


def _normalized(weights: Mapping[str, float]) -> dict[str, float]:
    """Between 0 and 1 (``cinder/scheduler/base_weight.py: normalize``)."""
    least, most = min(weights.values(), default=0.0), max(weights.values(), default=0.0)
    span = most - least
    return {host: (weight - least) / span if span else 0.0 for host, weight in weights.items()}
