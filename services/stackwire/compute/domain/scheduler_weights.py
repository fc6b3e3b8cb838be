"""Which of the hosts that pass comes first: each weigher's figures are scaled to 0..1, multiplied, and summed.

``nova/weights.py`` and ``nova/scheduler/weights/``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from stackwire.compute.domain.model import Host
from stackwire.compute.domain.scheduler_model import Needs


@dataclass(frozen=True, slots=True, kw_only=True)
class Multipliers:
    """``nova/conf/scheduler.py``: how much each weigher counts."""

    ram: float = 1.0
    cpu: float = 1.0
    disk: float = 1.0
    soft_affinity: float = 1.0
    soft_anti_affinity: float = 1.0


Weigher = Callable[[Host, Needs], float]


def _members(host: Host, needs: Needs, policy: str) -> int:
    group = needs.group
    return group.members.get(host.host, 0) if group is not None and group.policy == policy else 0


WEIGHERS: Mapping[str, tuple[str, Weigher]] = {
    "RAMWeigher": ("ram", lambda host, needs: host.memory_mb - host.memory_mb_used),
    "CPUWeigher": ("cpu", lambda host, needs: host.vcpus - host.vcpus_used),
    "DiskWeigher": ("disk", lambda host, needs: host.local_gb - host.local_gb_used),
    "ServerGroupSoftAffinityWeigher": ("soft_affinity", lambda host, needs: _members(host, needs, "soft-affinity")),
    "ServerGroupSoftAntiAffinityWeigher": (
        "soft_anti_affinity",
        lambda host, needs: -_members(host, needs, "soft-anti-affinity"),
    ),
}


def weighed(
    hosts: Sequence[Host], needs: Needs, multipliers: Multipliers
) -> tuple[list[Host], dict[str, dict[str, float]]]:
    """The best first, then by their numbers; and what each weigher counted for each host."""
    counted: dict[str, dict[str, float]] = {host.host: {} for host in hosts}
    for name, (multiplier, weigh) in WEIGHERS.items():
        figures = {host.host: float(weigh(host, needs)) for host in hosts}
        least, most = min(figures.values(), default=0.0), max(figures.values(), default=0.0)
        for host, figure in figures.items():
            scaled = (figure - least) / (most - least) if most > least else 0.0
            counted[host][name] = round(scaled * getattr(multipliers, multiplier), 4)
    return sorted(hosts, key=lambda host: (-sum(counted[host.host].values()), host.id)), counted
