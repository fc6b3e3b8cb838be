"""A guest as libvirt would be told of it: domain XML from flavor and typed image properties.

``nova/virt/libvirt/{driver,config,blockinfo,designer}.py``. ``used`` names the properties that shaped the guest; the
others are not the hypervisor's business. What this hypervisor cannot do is refused, and the server goes to error.
"""

import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from stackwire.compute.backends import guest_devices as devices
from stackwire.compute.backends import guest_machine as machine
from stackwire.compute.backends import guest_processor as processor
from stackwire.compute.backends.domain_xml import Guest, Rescue
from stackwire.compute.backends.guest_disks import disks
from stackwire.compute.domain.server import Server


@dataclass(frozen=True, slots=True)
class Definition:
    """``xml`` as libvirt takes it; ``used``: the properties it was made of, as text."""

    xml: str
    used: dict[str, str]


def define(
    server: Server, properties: Mapping[str, Any], disk: str, console: str, rescue: Rescue | None = None
) -> Definition:
    """``properties`` are the image's, typed; ``disk`` and ``console`` paths of the host. GuestUnsupported."""
    guest = Guest(server, properties, rescue=rescue)
    machine.identity(guest)
    for step in STEPS:
        step(guest)
    disks(guest, disk)
    devices.consoles(guest, console)
    for step in DEVICES:
        step(guest)
    ET.indent(guest.domain)
    return Definition(ET.tostring(guest.domain, encoding="unicode"), guest.used)


Step = Callable[[Guest], None]
STEPS: tuple[Step, ...] = (
    machine.system,
    machine.features,
    machine.clock,
    processor.processor,
    processor.memory,
    processor.pinning,
)
DEVICES: tuple[Step, ...] = (
    devices.agent,
    devices.interfaces,
    devices.video,
    devices.small_devices,
    devices.pointer,
    devices.usb,
    devices.iommu,
)
