"""What a server needs of a host, and what filters and weighers are: pure functions over both."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stackwire.compute.domain.model import Flavor, Host

_RESOURCES = re.compile(r"resources([A-Za-z0-9_-]{0,64}):(.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupNeeds:
    """The server's group: its policy, how many of its servers one host may have, and how many each host has."""

    uuid: str
    policy: str
    max_per_host: int = 1
    members: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What filters and weighers are set to (``nova/conf/scheduler.py``), beside multipliers."""

    max_io_ops_per_host: int = 8
    max_instances_per_host: int = 50
    isolated_images: frozenset[str] = frozenset()
    isolated_hosts: frozenset[str] = frozenset()
    restrict_isolated_hosts_to_isolated_images: bool = True
    enable_isolated_aggregate_filtering: bool = False
    image_props_weights: Mapping[str, float] = field(default_factory=dict)
    """How much each image property counts; empty: all of them alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a server needs of a host. ``properties`` are the image's, typed; ``local_gb`` is 0 for a root volume.

    ``hints``: the client's scheduler hints; ``near``: the host of each server they name. ``down``: hosts whose service
    does not report. ``rebuild``: it stays where it is; ``forced``: an administrator chose the host, unfiltered.
    ``images_on``: of each host, the typed image properties of each of its servers.
    """

    flavor: Flavor
    properties: Mapping[str, Any] = field(default_factory=dict)
    local_gb: int = 0
    zone: str | None = None
    only: frozenset[str] | None = None
    """The hosts it may go to; None: any."""
    destination: str | None = None
    """The one host that the request names."""
    node: str | None = None
    """The one hypervisor that the request names."""
    ignored: frozenset[str] = frozenset()
    """The hosts it may not go to."""
    project_id: str = ""
    hints: Mapping[str, Sequence[str]] = field(default_factory=dict)
    near: Mapping[str, str] = field(default_factory=dict)
    group: GroupNeeds | None = None
    down: frozenset[str] = frozenset()
    rebuild: bool = False
    forced: bool = False
    image_id: str | None = None
    images_on: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    wanted: Mapping[str, int] = field(init=False, repr=False, compare=False)
    """``resources`` of it, reckoned once and not for each of a thousand hosts."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "wanted", resources(self))


Rejects = Callable[[Host, Needs], str | None]
"""What speaks against the host: the property that decides, and what the host has instead; None: nothing does."""


def state_of(host: Host) -> dict[str, Any]:
    """What filters may ask of a host by name (``nova/scheduler/host_manager.py: HostState``)."""
    return {
        **{name: getattr(host, name) for name in ("host", "host_ip", "vcpus_used", "hypervisor_hostname")},
        "nodename": host.hypervisor_hostname,
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
        "num_io_ops": host.io_workload,
        "failed_builds": host.failed_builds,
        **host.capabilities,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One filter's part in a decision. ``removed``: host to what spoke against it."""

    filter: str
    removed: Mapping[str, str]
    remaining: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """``hosts``: those that passed, the best first; ``weights``: host to weigher to what it counted."""

    hosts: Sequence[Host]
    steps: Sequence[Step]
    weights: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


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
