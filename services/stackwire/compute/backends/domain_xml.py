"""What all parts of a guest's definition are written with: the domain XML, and what cannot be in it."""

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stackwire.compute.domain.server import Server
from stackwire.core.errors import ServiceError


class GuestUnsupported(ServiceError, wire="nova.exception.UnsupportedHardware"):
    """The hypervisor cannot run this guest: {reason}"""

    status = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescue:
    """A disk to boot from instead of the server's own. ``properties``: its image's, typed; ``format``: of its file.

    Without ``hw_rescue_device`` and ``hw_rescue_bus`` it is the first disk, before the server's root disk, and no
    other is there; with one of them it is the last, after all the server has (a *stable device rescue*).
    """

    path: str
    format: str
    properties: Mapping[str, Any]

    @property
    def is_stable(self) -> bool:
        """Whether the server keeps all its devices (``nova/virt/hardware.py: check_hw_rescue_props``)."""
        return not {"hw_rescue_device", "hw_rescue_bus"}.isdisjoint(self.properties)


@dataclass(slots=True)
class Guest:
    """The domain XML while it is written; ``used``: the properties that shaped it; ``rescue``: while it is rescued."""

    server: Server
    properties: Mapping[str, Any]
    domain: ET.Element = field(default_factory=lambda: ET.Element("domain", type="qemu"))
    used: dict[str, str] = field(default_factory=dict)
    rescue: Rescue | None = None

    def use(self, name: str, default: Any = None) -> Any:
        """The value of a property, which becomes part of the guest."""
        if name not in self.properties:
            return default
        value = self.properties[name]
        self.used[name] = str(value)
        return value

    def section(self, tag: str) -> ET.Element:
        """The child of ``<domain>`` with this tag, created where there is none yet."""
        found = self.domain.find(tag)
        return ET.SubElement(self.domain, tag) if found is None else found

    @property
    def devices(self) -> ET.Element:
        """``<devices>``."""
        return self.section("devices")

    @property
    def specs(self) -> Mapping[str, str]:
        """The flavor's extra specs."""
        return self.server.flavor.extra_specs


def text(parent: ET.Element, tag: str, text: str, **attributes: str) -> ET.Element:
    """A new child of ``parent`` with this text."""
    child = ET.SubElement(parent, tag, attributes)
    child.text = text
    return child


def clean(text: str) -> str:
    """Without the characters no XML document can hold."""
    return "".join(
        c for c in text if c in "\t\n\r" or (c >= " " and c not in "\ufffe\uffff" and not "\ud800" <= c <= "\udfff")
    )


def set_packed_ring(guest: Guest, driver: ET.Element, bus: str) -> None:
    """``hw_virtio_packed_ring``, for virtio devices."""
    if bus == "virtio" and guest.use("hw_virtio_packed_ring"):
        driver.set("packed", "on")
