"""Whether a guest's NUMA cells fit into a host's. ``nova/scheduler/filters/numa_topology_filter.py``.

The cells of a host are compared as they are, whatever its servers use of them.
"""

from stackwire.compute.domain.model import Host
from stackwire.compute.domain.scheduler_model import Needs

_PINNED = ("dedicated", "mixed")
Cell = tuple[int, int]
"""Processors and MiB of memory."""


def does_not_fit(host: Host, needs: Needs) -> str | None:
    """The property that asks for a topology which the host does not have."""
    meant_by = _topology_property(needs)
    if meant_by is None:
        return None
    if not host.numa:
        return f"{meant_by}, the host has no NUMA topology"
    threads = needs.flavor.extra_specs.get("hw:cpu_thread_policy", needs.properties.get("hw_cpu_thread_policy"))
    if threads == "require" and all(int(cell.get("threads", 1)) < 2 for cell in host.numa):
        return "hw_cpu_thread_policy=require, the host has no threads"
    own = sorted(((int(cell["vcpus"]), int(cell["memory_mb"])) for cell in host.numa), reverse=True)
    cells = sorted(_cells(needs), reverse=True)
    fits = len(cells) <= len(own) and all(
        cpus <= most and memory <= limit for (cpus, memory), (most, limit) in zip(cells, own, strict=False)
    )
    return None if fits else f"{meant_by}, the host has {len(own)} cells"


def _topology_property(needs: Needs) -> str | None:
    """The first property or extra spec that means a topology (``nova/virt/hardware.py: numa_get_constraints``)."""
    for name in ("numa_nodes", "mem_page_size", "cpu_policy"):
        for key, meant in ((f"hw:{name}", needs.flavor.extra_specs), (f"hw_{name}", needs.properties)):
            value = meant.get(key)
            if value is not None and (name != "cpu_policy" or value in _PINNED):
                return f"{key}={value}"
    return None


def _cells(needs: Needs) -> list[Cell]:
    """What the guest is laid out as; evenly where nobody says more."""
    flavor, properties = needs.flavor, needs.properties
    count = int(flavor.extra_specs.get("hw:numa_nodes", properties.get("hw_numa_nodes", 1)))
    cpus, memory = properties.get("hw_numa_cpus"), properties.get("hw_numa_mem")
    if cpus and memory:
        return [(len(cell), size) for cell, size in zip(cpus, memory, strict=False)]
    return [(flavor.vcpus // count, flavor.memory_mb // count)] * count
