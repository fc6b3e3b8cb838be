"""Hardware that both flavor extra specs and image properties describe: which may set what, and what is impossible.

``nova/virt/hardware.py`` and ``nova/compute/api.py: _validate_flavor_image_numa_pci``; every refusal is a 400.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from stackwire.compute.domain.errors import FlavorImageConflict
from stackwire.compute.domain.image_props import TABLE
from stackwire.core.errors import BadRequest

# extra spec -> typed property: both may set it, but not differ
AGREE: Mapping[str, str] = {
    "hw:pmu": "hw_pmu",
    "hw:vif_multiqueue_enabled": "hw_vif_multiqueue_enabled",
    "hw:virtio_packed_ring": "hw_virtio_packed_ring",
    "hw:maxphysaddr_mode": "hw_maxphysaddr_mode",
    "hw:sound_model": "hw_sound_model",
    "hw:usb_model": "hw_usb_model",
    "hw:tpm_version": "hw_tpm_version",
    "hw:tpm_model": "hw_tpm_model",
    "os:secure_boot": "os_secure_boot",
    "hw:redirected_usb_ports": "hw_redirected_usb_ports",
    "hw:mem_encryption": "hw_mem_encryption",
    "hw:mem_encryption_model": "hw_mem_encryption_model",
    "hw:locked_memory": "hw_locked_memory",
    "hw:ephemeral_encryption": "hw_ephemeral_encryption",
    "hw:ephemeral_encryption_format": "hw_ephemeral_encryption_format",
    "hw:pci_numa_affinity_policy": "hw_pci_numa_affinity_policy",
}
_DEDICATION = ("shared", "mixed", "dedicated")
_PARTS = ("sockets", "cores", "threads")
MAX_REDIRECTED_USB_PORTS = 15


class Machine(Protocol):
    """What the checks read of a flavor."""

    @property
    def vcpus(self) -> int: ...
    @property
    def memory_mb(self) -> int: ...
    @property
    def extra_specs(self) -> Mapping[str, str]: ...


def check_hardware(typed: Mapping[str, Any], flavor: Machine) -> None:
    """FlavorImageConflict (400) when flavor and typed image properties cannot make one machine."""
    meant = _agreed(typed, flavor.extra_specs)
    _check_single_values(meant, typed, flavor)
    _check_serial_ports(typed, flavor.extra_specs)
    _check_topology(typed, flavor)
    _check_numa(typed, flavor)
    _check_pinning(typed, flavor.extra_specs)
    _check_memory_pages(meant, typed, flavor.extra_specs)


def check_devices(flavor: Machine) -> None:
    """BadRequest for a flavor with devices that no host can pass to a guest.

    ``nova/pci/request.py: _get_alias_from_config``: no alias is configured; ``nova/accelerator/cyborg.py``: no service.
    """
    specs = flavor.extra_specs
    if "pci_passthrough:alias" in specs:
        raise BadRequest(f"PCI alias {specs['pci_passthrough:alias'].partition(':')[0]} is not defined")
    if specs.get("accel:device_profile"):
        raise BadRequest(f"Device profile name {specs['accel:device_profile']}: there is no accelerator service")


def _refuse(reason: str) -> FlavorImageConflict:
    return FlavorImageConflict(reason=reason)


def _agreed(typed: Mapping[str, Any], specs: Mapping[str, str]) -> dict[str, Any]:
    """The values of the properties that both flavor and image may set."""
    meant: dict[str, Any] = {}
    for spec, name in AGREE.items():
        required = _spec(specs, spec, name)
        if required is not None and name in typed and typed[name] != required:
            raise _refuse(f"{spec}={specs[spec]} and {name}={typed[name]} differ")
        meant[name] = typed.get(name, required)
    return meant


def _spec(specs: Mapping[str, str], spec: str, name: str) -> Any:
    if spec not in specs:
        return None
    try:
        return TABLE[name](specs[spec])
    except ValueError as bad:
        raise _refuse(f"{spec}={specs[spec]}: {bad}") from None


def _check_single_values(meant: Mapping[str, Any], typed: Mapping[str, Any], flavor: Machine) -> None:
    if meant["hw_vif_multiqueue_enabled"] and flavor.vcpus < 2:
        raise _refuse("several queues need at least two processors")
    if not 0 <= (meant["hw_redirected_usb_ports"] or 0) <= MAX_REDIRECTED_USB_PORTS:
        raise _refuse(f"hw_redirected_usb_ports must be between 0 and {MAX_REDIRECTED_USB_PORTS}")
    if meant["hw_mem_encryption"]:
        if typed.get("hw_firmware_type") != "uefi":
            raise _refuse("memory encryption needs hw_firmware_type=uefi")
        if "q35" not in str(typed.get("hw_machine_type", "")):
            raise _refuse("memory encryption needs a q35 machine type")


def _check_serial_ports(typed: Mapping[str, Any], specs: Mapping[str, str]) -> None:
    limit, requested = _number(specs, "hw:serial_port_count"), typed.get("hw_serial_port_count")
    if limit is not None and requested is not None and requested > limit:
        raise _refuse(f"the flavor allows {limit} serial ports, the image requires {requested}")


def _number(specs: Mapping[str, str], spec: str) -> int | None:
    return _spec(specs, spec, "hw_serial_port_count")  # type: ignore[no-any-return]  # the table's reader of integers


def _check_topology(typed: Mapping[str, Any], flavor: Machine) -> None:
    """Sockets, cores and threads: preferences within the limits, and a product that can be the number of vcpus."""
    limits = {part: _topology_limit(part, typed, flavor) for part in _PARTS}
    if min(limits.values()) < 1 or not _divides(flavor.vcpus, [limits[part] for part in _PARTS]):
        raise _refuse(f"no topology within {limits} gives {flavor.vcpus} processors")


def _topology_limit(part: str, typed: Mapping[str, Any], flavor: Machine) -> int:
    """The most of ``part`` that flavor and image allow, after a check of what they prefer."""
    flavor_limit, image_limit = _number(flavor.extra_specs, f"hw:cpu_max_{part}"), typed.get(f"hw_cpu_max_{part}")
    if flavor_limit is not None and image_limit is not None and image_limit > flavor_limit:
        raise _refuse(f"hw_cpu_max_{part}={image_limit} exceeds the flavor's {flavor_limit}")
    limit = image_limit or flavor_limit
    for preferred in (_number(flavor.extra_specs, f"hw:cpu_{part}"), typed.get(f"hw_cpu_{part}")):
        if preferred is not None and (preferred < 1 or (limit is not None and preferred > limit)):
            raise _refuse(f"{preferred} CPU {part} are not within the limits")
    return min(limit or flavor.vcpus, flavor.vcpus)


def _divides(total: int, limits: list[int]) -> bool:
    """Whether ``total`` is a product of numbers from 1 to each limit."""
    if len(limits) == 1:
        return total <= limits[0]
    return any(total % n == 0 and _divides(total // n, limits[1:]) for n in range(1, min(limits[0], total) + 1))


def _check_numa(typed: Mapping[str, Any], flavor: Machine) -> None:
    cpus, memory = typed.get("hw_numa_cpus"), typed.get("hw_numa_mem")
    flavor_nodes, image_nodes = _number(flavor.extra_specs, "hw:numa_nodes"), typed.get("hw_numa_nodes")
    if flavor_nodes is not None and any(value is not None for value in (image_nodes, cpus, memory)):
        raise _refuse("the flavor lays out the NUMA nodes, the image may not")
    count = flavor_nodes if flavor_nodes is not None else image_nodes
    if count is not None:
        _check_numa_cells(count, cpus, memory, flavor)
    elif cpus or memory:
        raise _refuse("hw_numa_cpus and hw_numa_mem need hw_numa_nodes")


def _check_numa_cells(
    count: int, cpus: Sequence[Collection[int]] | None, memory: Sequence[int] | None, flavor: Machine
) -> None:
    """``count`` nodes with these processors and MiB of memory each; None for both: evenly divided."""
    if count < 1 or count > flavor.vcpus:
        raise _refuse(f"{flavor.vcpus} processors cannot be spread over {count} NUMA nodes")
    if (cpus is None) != (memory is None) or any(cells and len(cells) != count for cells in (cpus, memory)):
        raise _refuse("hw_numa_cpus and hw_numa_mem must be given for every node, both or neither")
    if cpus is not None and memory is not None:
        _check_numa_sums(cpus, memory, flavor)
    elif flavor.vcpus % count or flavor.memory_mb % count:
        raise _refuse(f"processors and memory do not divide evenly into {count} NUMA nodes")


def _check_numa_sums(cpus: Sequence[Collection[int]], memory: Sequence[int], flavor: Machine) -> None:
    if sorted(cpu for cell in cpus for cpu in cell) != list(range(flavor.vcpus)):
        raise _refuse("the NUMA nodes must hold every processor once")
    if sum(memory) != flavor.memory_mb:
        raise _refuse(f"the memory of the NUMA nodes must add up to {flavor.memory_mb} MB")


def _check_pinning(typed: Mapping[str, Any], specs: Mapping[str, str]) -> None:
    flavor_policy, image_policy = _spec(specs, "hw:cpu_policy", "hw_cpu_policy"), typed.get("hw_cpu_policy")
    if flavor_policy and image_policy and _DEDICATION.index(image_policy) > _DEDICATION.index(flavor_policy):
        raise _refuse(f"the flavor's CPU policy {flavor_policy} does not allow the image's {image_policy}")
    flavor_threads = _spec(specs, "hw:cpu_thread_policy", "hw_cpu_thread_policy")
    image_threads = typed.get("hw_cpu_thread_policy")
    if flavor_threads not in (None, "prefer") and image_threads not in (None, flavor_threads):
        raise _refuse(f"the flavor's thread policy {flavor_threads} does not allow the image's {image_threads}")
    realtime = str(specs.get("hw:cpu_realtime", "no")).lower() in ("yes", "true", "1", "on")
    if "hw_cpu_realtime_mask" in typed and not realtime:
        raise _refuse("hw_cpu_realtime_mask needs a real-time flavor")


def _check_memory_pages(meant: Mapping[str, Any], typed: Mapping[str, Any], specs: Mapping[str, str]) -> None:
    flavor_size, image_size = specs.get("hw:mem_page_size"), typed.get("hw_mem_page_size")
    if image_size is not None and flavor_size not in ("any", "large"):
        raise _refuse("the image may choose a page size only when the flavor says any or large")
    if meant["hw_locked_memory"] and flavor_size is None:
        raise _refuse("locked memory needs hw:mem_page_size")
