"""A guest's processors and memory, and where on the host they run."""

import xml.etree.ElementTree as ET

from stackwire.compute.backends.domain_xml import Guest, GuestUnsupported, clean, text

PARTS = ("sockets", "cores", "threads")


def processor(guest: Guest) -> None:
    """``<cpu>``: model, topology, NUMA cells."""
    vcpus = guest.server.flavor.vcpus
    cpu = ET.SubElement(guest.domain, "cpu", match="exact")
    text(cpu, "model", "qemu64")
    sockets, cores, threads = _topology(guest, vcpus)
    ET.SubElement(cpu, "topology", sockets=str(sockets), cores=str(cores), threads=str(threads))
    bits, mode = guest.use("hw_maxphysaddr_bits"), guest.use("hw_maxphysaddr_mode")
    if mode is not None:
        ET.SubElement(cpu, "maxphysaddr", {"mode": mode, **({"bits": str(bits)} if bits else {})})
    _numa(guest, cpu)


def _topology(guest: Guest, vcpus: int) -> tuple[int, int, int]:
    """Sockets, cores, threads: the preferred ones as far as their product allows; else sockets only."""
    preferred = [guest.use(f"hw_cpu_{part}") for part in PARTS]
    limits = [guest.use(f"hw_cpu_max_{part}") or vcpus for part in PARTS]
    fits = [found for found in _factorizations(vcpus) if all(n <= most for n, most in zip(found, limits, strict=True))]
    if not fits:
        raise GuestUnsupported(reason=f"no topology gives {vcpus} processors")
    met = [sum(n == want for n, want in zip(found, preferred, strict=True)) for found in fits]
    return max(zip(met, fits, strict=True), key=lambda pair: (pair[0], pair[1][0]))[1]


def _factorizations(vcpus: int) -> list[tuple[int, int, int]]:
    """Every (sockets, cores, threads) whose product is the number of processors."""
    return [
        (sockets, cores, vcpus // (sockets * cores))
        for sockets in range(1, vcpus + 1)
        for cores in range(1, vcpus // sockets + 1)
        if vcpus % (sockets * cores) == 0
    ]


def _numa(guest: Guest, cpu: ET.Element) -> None:
    nodes = guest.use("hw_numa_nodes")
    if not nodes:
        return
    flavor = guest.server.flavor
    share = flavor.vcpus // nodes
    cells = guest.use("hw_numa_cpus") or [frozenset(range(n * share, (n + 1) * share)) for n in range(nodes)]
    memory = guest.use("hw_numa_mem") or [flavor.memory_mb // nodes] * nodes
    numa = ET.SubElement(cpu, "numa")
    for number, (cell, size) in enumerate(zip(cells, memory, strict=False)):
        cpus = ",".join(str(n) for n in sorted(cell))
        ET.SubElement(numa, "cell", id=str(number), cpus=cpus, memory=str(size * 1024), unit="KiB")


def memory(guest: Guest) -> None:
    """``<memoryBacking>``. GuestUnsupported: encrypted memory."""
    size, locked = guest.use("hw_mem_page_size"), guest.use("hw_locked_memory")
    if guest.use("hw_mem_encryption"):
        model = guest.use("hw_mem_encryption_model", "amd-sev")
        raise GuestUnsupported(reason=f"memory encryption ({model}) is not available on this host")
    if size is None and not locked:
        return
    backing = ET.SubElement(guest.domain, "memoryBacking")
    if size is not None:
        pages = ET.SubElement(backing, "hugepages")
        if str(size).isdigit():
            ET.SubElement(pages, "page", size=str(size), unit="KiB", nodeset="0")
    if locked:
        ET.SubElement(backing, "locked")


def pinning(guest: Guest) -> None:
    """``<cputune>`` of a guest with dedicated processors."""
    policy = guest.use("hw_cpu_policy") or guest.specs.get("hw:cpu_policy")
    guest.use("hw_cpu_thread_policy")
    mask = guest.use("hw_cpu_realtime_mask")
    if policy == "dedicated":
        tune = ET.SubElement(guest.domain, "cputune")
        for cpu in range(guest.server.flavor.vcpus):
            ET.SubElement(tune, "vcpupin", vcpu=str(cpu), cpuset=str(cpu))
        if mask is not None:
            ET.SubElement(tune, "vcpusched", vcpus=clean(str(mask)).lstrip("^"), scheduler="fifo", priority="1")
