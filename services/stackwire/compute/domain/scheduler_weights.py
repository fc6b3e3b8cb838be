"""Which of the hosts that pass comes first: each weigher's figures are scaled to 0..1, multiplied, and summed.

``nova/weights.py`` and ``nova/scheduler/weights/``. Of its weighers three are not here, for they say the same of every
host: of PCI devices, of metrics and of cells.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from stackwire.compute.domain.model import Host
from stackwire.compute.domain.scheduler_limits import of_aggregates
from stackwire.compute.domain.scheduler_model import Needs


@dataclass(frozen=True, slots=True, kw_only=True)
class Multipliers:
    """``nova/conf/scheduler.py``: how much each weigher counts; 0 for not at all, less to turn it round."""

    ram: float = 1.0
    cpu: float = 1.0
    disk: float = 1.0
    hypervisor_version: float = 1.0
    num_instances: float = 0.0
    io_ops: float = -1.0
    image_props: float = 0.0
    soft_affinity: float = 1.0
    soft_anti_affinity: float = 1.0
    build_failure: float = 1000000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Weigher:
    """``multiplier``: the name it is set by; ``least``: what counts as nothing (None: the least of all hosts).

    ``sign``: -1 where more is worse.
    """

    multiplier: str
    figure: Callable[[Host, Needs], float]
    least: float | None = None
    sign: int = 1


def _members(host: Host, needs: Needs, policy: str) -> int:
    group = needs.group
    return group.members.get(host.host, 0) if group is not None and group.policy == policy else 0


def _alike(host: Host, needs: Needs) -> float:
    """How many properties the images of its servers share with the server's (``image_props.py``)."""
    weights = needs.limits.image_props_weights
    there = Counter((key, str(value)) for image in needs.images_on.get(host.host, ()) for key, value in image.items())
    own = {(key, str(value)) for key, value in needs.properties.items()}
    return sum(there[pair] * (weights.get(pair[0], 0.0) if weights else 1.0) for pair in own)


WEIGHERS: Mapping[str, Weigher] = {
    "RAMWeigher": Weigher(multiplier="ram", figure=lambda host, _: host.memory_mb - host.memory_mb_used, least=0.0),
    "CPUWeigher": Weigher(multiplier="cpu", figure=lambda host, _: host.vcpus - host.vcpus_used, least=0.0),
    "DiskWeigher": Weigher(multiplier="disk", figure=lambda host, _: host.local_gb - host.local_gb_used, least=0.0),
    "HypervisorVersionWeigher": Weigher(
        multiplier="hypervisor_version", figure=lambda host, _: host.hypervisor_version
    ),
    "NumInstancesWeigher": Weigher(multiplier="num_instances", figure=lambda host, _: host.running_vms),
    "IoOpsWeigher": Weigher(multiplier="io_ops", figure=lambda host, _: host.io_workload, least=0.0),
    "ImagePropertiesWeigher": Weigher(multiplier="image_props", figure=_alike),
    "ServerGroupSoftAffinityWeigher": Weigher(
        multiplier="soft_affinity", figure=lambda host, needs: _members(host, needs, "soft-affinity")
    ),
    "ServerGroupSoftAntiAffinityWeigher": Weigher(
        multiplier="soft_anti_affinity", figure=lambda host, needs: -_members(host, needs, "soft-anti-affinity")
    ),
    "BuildFailureWeigher": Weigher(multiplier="build_failure", figure=lambda host, _: host.failed_builds, sign=-1),
}


def weighed(
    hosts: Sequence[Host], needs: Needs, multipliers: Multipliers
) -> tuple[list[Host], dict[str, dict[str, float]]]:
    """The best first, then by their numbers; and what each weigher counted for each host.

    A multiplier may be in the metadata of a host's aggregates, by the name it is set by: ``ram_weight_multiplier``.
    """
    counted: dict[str, dict[str, float]] = {host.host: {} for host in hosts}
    for name, weigher in WEIGHERS.items():
        setting, configured = f"{weigher.multiplier}_weight_multiplier", getattr(multipliers, weigher.multiplier)
        for host, scaled in zip(hosts, _scaled(weigher, hosts, needs), strict=True):
            multiplier = of_aggregates(host, setting, configured, float) if host.aggregates else configured
            counted[host.host][name] = round(scaled * multiplier * weigher.sign, 4) if scaled else 0.0
    return sorted(hosts, key=lambda host: (-sum(counted[host.host].values()), host.id)), counted


def _scaled(weigher: Weigher, hosts: Sequence[Host], needs: Needs) -> list[float]:
    """0 for the least and 1 for the most (``nova/weights.py: normalize``); all 0 where all are the same."""
    figures = [float(weigher.figure(host, needs)) for host in hosts]
    if weigher.least is not None:
        figures = [max(figure, weigher.least) for figure in figures]
    most = max(figures, default=0.0)
    least = min(figures, default=0.0) if weigher.least is None else weigher.least
    return [(figure - least) / (most - least) if most > least else 0.0 for figure in figures]
