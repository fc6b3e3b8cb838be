"""The catalogue: which services there are and where. It is computed from settings; nothing of it is stored."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

INTERFACES = ("public", "internal", "admin")


@dataclass(frozen=True, slots=True)
class Entry:
    """One service. ``public`` and ``internal`` are URLs; ``{project_id}`` in them is filled in for each token."""

    type: str
    name: str
    public: str
    internal: str

    @property
    def id(self) -> str:
        return _stable(self.type)

    def url(self, interface: str) -> str:
        return self.public if interface == "public" else self.internal


def entries(
    identity: tuple[str, str], image: tuple[str, str], volume: tuple[str, str], compute: tuple[str, str]
) -> tuple[Entry, ...]:
    """Each argument is (public, internal) base URLs without a version.

    The image service is listed without a version, as clients expect it. There is no network and no placement service:
    clients ask whatever the catalogue lists.
    """

    def at(base: tuple[str, str], path: str) -> tuple[str, str]:
        return base[0].rstrip("/") + path, base[1].rstrip("/") + path

    return (
        Entry("identity", "keystone", *at(identity, "/v3")),
        Entry("image", "glance", *at(image, "")),
        Entry("volumev3", "cinderv3", *at(volume, "/v3/{project_id}")),
        Entry("block-storage", "cinder", *at(volume, "/v3/{project_id}")),
        Entry("compute", "nova", *at(compute, "/v2.1")),
    )


def catalog_view(listed: Sequence[Entry], region: str, project_id: str | None) -> list[dict[str, Any]]:
    """The catalogue of one token. An endpoint that needs a project is left out of tokens without one."""
    return [
        {
            "endpoints": [
                {
                    "id": endpoint_id(entry, interface),
                    "interface": interface,
                    "region_id": region,
                    "url": entry.url(interface).replace("{project_id}", project_id or ""),
                    "region": region,
                }
                for interface in INTERFACES
                if project_id or "{project_id}" not in entry.url(interface)
            ],
            "id": entry.id,
            "type": entry.type,
            "name": entry.name,
        }
        for entry in listed
    ]


def endpoint_id(entry: Entry, interface: str) -> str:
    return _stable(f"{entry.type}/{interface}")


def _stable(name: str) -> str:
    """The same id for the same thing after every start."""
    return hashlib.sha256(f"stackwire/{name}".encode()).hexdigest()[:32]
