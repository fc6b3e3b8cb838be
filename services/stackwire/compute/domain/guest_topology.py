"""The NUMA cells of a guest, read from its definition (``nova/api/openstack/compute/server_topology.py``)."""

import xml.etree.ElementTree as ET
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cell:
    """``cpus``: the guest's; ``pinning``: those of them that have a processor of the host to themselves, with it."""

    number: int
    cpus: tuple[int, ...]
    memory_mb: int
    siblings: tuple[tuple[int, ...], ...]
    pinning: dict[int, int]


def cells(xml: str) -> tuple[list[Cell], int | None]:
    """None for a guest without NUMA; one for a guest with pinned processors or large pages alone. The pages' KiB."""
    domain = ET.fromstring(xml)  # noqa: S314  # of our own making
    pinned = {int(pin.get("vcpu", "0")): int(pin.get("cpuset", "0")) for pin in domain.findall("cputune/vcpupin")}
    page = domain.find("memoryBacking/hugepages/page")
    found = [
        (int(cell.get("id", "0")), [int(cpu) for cpu in cell.get("cpus", "").split(",")], int(cell.get("memory", "0")))
        for cell in domain.findall("cpu/numa/cell")
    ]
    if not found and (pinned or page is not None):
        found = [(0, list(range(int(domain.findtext("vcpu", "1")))), int(domain.findtext("memory", "0")))]
    threads = _threads(domain) if pinned else 1
    cells = [
        Cell(
            number=number,
            cpus=tuple(cpus),
            memory_mb=memory // 1024,
            siblings=_siblings(cpus, threads),
            pinning={cpu: pinned[cpu] for cpu in cpus if cpu in pinned},
        )
        for number, cpus, memory in found
    ]
    return cells, None if page is None else int(page.get("size", "0"))


def _threads(domain: ET.Element) -> int:
    topology = domain.find("cpu/topology")
    return 1 if topology is None else int(topology.get("threads", "1"))


def _siblings(cpus: list[int], threads: int) -> tuple[tuple[int, ...], ...]:
    """The processors that share a core, where any do."""
    return tuple(tuple(cpus[at : at + threads]) for at in range(0, len(cpus), threads)) if threads > 1 else ()
