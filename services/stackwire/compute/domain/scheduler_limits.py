"""Filters that the settings decide, of which an aggregate's metadata may say otherwise.

``nova/scheduler/filters/num_instances_filter.py``, ``io_ops_filter.py``, ``isolated_hosts_filter.py``; ``utils.py:
validate_num_values``: of several aggregates the least counts.
"""

import math

from stackwire.compute.domain.model import Host
from stackwire.compute.domain.scheduler_model import Needs


def is_too_full(host: Host, needs: Needs) -> str | None:
    """It has ``max_instances_per_host`` servers."""
    return _servers(host, needs.limits.max_instances_per_host)


def is_too_full_for_its_aggregates(host: Host, needs: Needs) -> str | None:
    """The same, where an aggregate may say how many."""
    return _servers(host, int(of_aggregates(host, "max_instances_per_host", needs.limits.max_instances_per_host, int)))


def _servers(host: Host, most: int) -> str | None:
    return None if host.running_vms < most else f"max_instances_per_host={most}, it has {host.running_vms}"


def is_too_busy(host: Host, needs: Needs) -> str | None:
    """``max_io_ops_per_host`` of its servers are being built, moved, rebuilt or copied."""
    return _operations(host, needs.limits.max_io_ops_per_host)


def is_too_busy_for_its_aggregates(host: Host, needs: Needs) -> str | None:
    """The same, where an aggregate may say how many."""
    return _operations(host, int(of_aggregates(host, "max_io_ops_per_host", needs.limits.max_io_ops_per_host, int)))


def _operations(host: Host, most: int) -> str | None:
    return None if host.io_workload < most else f"max_io_ops_per_host={most}, {host.io_workload} are under way"


def of_aggregates(host: Host, name: str, configured: float, cast: type[int] | type[float]) -> float:
    """The least of what its aggregates' metadata say, or what is configured where one says no number."""
    try:
        found = [cast(metadata[name]) for metadata in host.aggregates if name in metadata]
    except ValueError:
        return configured
    return min(found, default=configured) if all(map(math.isfinite, found)) else configured


def isolates_by_name(host: Host, needs: Needs) -> str | None:
    """``isolated_images`` go to ``isolated_hosts``, and others elsewhere if those hosts are restricted to them."""
    limits = needs.limits
    image, own = needs.image_id in limits.isolated_images, host.host in limits.isolated_hosts
    if image and not own:
        return f"isolated_images has {needs.image_id}, isolated_hosts not this host"
    if own and not image and limits.restrict_isolated_hosts_to_isolated_images:
        return f"isolated_hosts has it, isolated_images not {needs.image_id}"
    return None
