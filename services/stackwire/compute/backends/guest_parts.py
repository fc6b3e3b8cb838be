"""What all parts of a guest's definition are written with: the document as it grows, and what cannot be in it."""

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stackwire.compute.domain.server import Server
from stackwire.core.errors import ServiceError


class GuestUnsupported(ServiceError, wire="nova.exception.UnsupportedHardware"):
    """The hypervisor cannot run this guest: {reason}"""

    status = 400


@dataclass(slots=True)
class Guest:
    """The document as it grows; asking for a property marks it as used."""

    server: Server
    properties: Mapping[str, Any]
    domain: ET.Element = field(default_factory=lambda: ET.Element("domain", type="qemu"))
    used: dict[str, str] = field(default_factory=dict)

    def asked(self, name: str, default: Any = None) -> Any:
        if name not in self.properties:
            return default
        value = self.properties[name]
        self.used[name] = str(value)
        return value

    def part(self, tag: str) -> ET.Element:
        found = self.domain.find(tag)
        return ET.SubElement(self.domain, tag) if found is None else found

    @property
    def devices(self) -> ET.Element:
        return self.part("devices")

    @property
    def specs(self) -> Mapping[str, str]:
        return self.server.flavor.extra_specs


def text(parent: ET.Element, tag: str, text: str, **attributes: str) -> ET.Element:
    made = ET.SubElement(parent, tag, attributes)
    made.text = text
    return made


def clean(text: str) -> str:
    """Without the characters no XML document can hold."""
    return "".join(
        c for c in text if c in "\t\n\r" or (c >= " " and c not in "\ufffe\uffff" and not "\ud800" <= c <= "\udfff")
    )


def packed(guest: Guest, driver: ET.Element, bus: str) -> None:
    if bus == "virtio" and guest.asked("hw_virtio_packed_ring"):
        driver.set("packed", "on")
