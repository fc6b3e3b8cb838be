"""A guest's processors and memory, and where on the host they run."""

import xml.etree.ElementTree as ET

from stackwire.compute.backends.guest_parts import Guest, GuestUnsupported, clean, text


def processor(guest: Guest) -> None:
    vcpus = guest.server.flavor.vcpus
    cpu = ET.SubElement(guest.domain, "cpu", match="exact")
    text(cpu, "model", "qemu64")
    sockets, cores, threads = _topology(guest, vcpus)
    ET.SubElement(cpu, "topology", sockets=str(sockets), cores=str(cores), threads=str(threads))
    bits, mode = guest.asked("hw_maxphysaddr_bits"), guest.asked("hw_maxphysaddr_mode")
    if mode is not None:
        ET.SubElement(cpu, "maxphysaddr", {"mode": mode, **({"bits": str(bits)} if bits else {})})
    _numa(guest, cpu)


def _topology(guest: Guest, vcpus: int) -> tuple[int, int, int]:
    """What is preferred as far as the product allows; else sockets only."""
    wished = [guest.asked(f"hw_cpu_{part}") for part in ("sockets", "cores", "threads")]
    limits = [guest.asked(f"hw_cpu_max_{part}") or vcpus for part in ("sockets", "cores", "threads")]
    fits = [
        (sockets, cores, vcpus // (sockets * cores))
        for sockets in range(1, vcpus + 1)
        for cores in range(1, vcpus // sockets + 1)
        if vcpus % (sockets * cores) == 0
    ]
    fits = [found for found in fits if all(n <= most for n, most in zip(found, limits, strict=True))]
    if not fits:
        raise GuestUnsupported(reason=f"no topology gives {vcpus} processors")
    met = [sum(n == want for n, want in zip(found, wished, strict=True)) for found in fits]
    return max(zip(met, fits, strict=True), key=lambda pair: (pair[0], pair[1][0]))[1]


def _numa(guest: Guest, cpu: ET.Element) -> None:
    nodes = guest.asked("hw_numa_nodes")
    if not nodes:
        return
    flavor = guest.server.flavor
    share = flavor.vcpus // nodes
    cells = guest.asked("hw_numa_cpus") or [frozenset(range(n * share, (n + 1) * share)) for n in range(nodes)]
    memory = guest.asked("hw_numa_mem") or [flavor.memory_mb // nodes] * nodes
    numa = ET.SubElement(cpu, "numa")
    for number, (cell, size) in enumerate(zip(cells, memory, strict=False)):
        cpus = ",".join(str(n) for n in sorted(cell))
        ET.SubElement(numa, "cell", id=str(number), cpus=cpus, memory=str(size * 1024), unit="KiB")


def memory(guest: Guest) -> None:
    size, locked = guest.asked("hw_mem_page_size"), guest.asked("hw_locked_memory")
    if guest.asked("hw_mem_encryption"):
        model = guest.asked("hw_mem_encryption_model", "amd-sev")
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
    policy = guest.asked("hw_cpu_policy") or guest.specs.get("hw:cpu_policy")
    guest.asked("hw_cpu_thread_policy")
    mask = guest.asked("hw_cpu_realtime_mask")
    if policy == "dedicated":
        tune = ET.SubElement(guest.domain, "cputune")
        for cpu in range(guest.server.flavor.vcpus):
            ET.SubElement(tune, "vcpupin", vcpu=str(cpu), cpuset=str(cpu))
        if mask is not None:
            ET.SubElement(tune, "vcpusched", vcpus=clean(str(mask)).lstrip("^"), scheduler="fifo", priority="1")
