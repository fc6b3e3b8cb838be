"""The catalogue: which services there are and where. It is computed from settings; nothing of it is stored."""

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

INTERFACES = ("public", "internal", "admin")
PROJECT_ID = "{project_id}"
"""Stands in a URL for the project of the token that the catalogue is for."""


class Endpoint(NamedTuple):
    """One address of a service; ``url`` may contain ``{project_id}``."""

    id: str
    service_id: str
    interface: str
    url: str


@dataclass(frozen=True, slots=True)
class CatalogService:
    """One service. ``public`` and ``internal`` are URLs; ``{project_id}`` in them is filled in for each token."""

    type: str
    name: str
    public: str
    internal: str

    @property
    def id(self) -> str:
        """The same after every start."""
        return _stable_id(self.type)

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """One for each interface."""
        return tuple(
            Endpoint(
                _stable_id(f"{self.type}/{interface}"),
                self.id,
                interface,
                self.public if interface == "public" else self.internal,
            )
            for interface in INTERFACES
        )


def catalog_services(
    identity: tuple[str, str],
    image: tuple[str, str],
    volume: tuple[str, str],
    compute: tuple[str, str],
    object_store: str = "",
) -> tuple[CatalogService, ...]:
    """Each argument is (public, internal) base URLs without a version; ``object_store`` the URL of a project's account.

    The image service is listed without a version, as clients expect it. There is no network and no placement service:
    clients call whatever the catalogue lists.
    """

    def at(base: tuple[str, str], path: str) -> tuple[str, str]:
        return base[0].rstrip("/") + path, base[1].rstrip("/") + path

    return (
        CatalogService("identity", "keystone", *at(identity, "/v3")),
        CatalogService("image", "glance", *at(image, "")),
        CatalogService("volumev3", "cinderv3", *at(volume, f"/v3/{PROJECT_ID}")),
        CatalogService("block-storage", "cinder", *at(volume, f"/v3/{PROJECT_ID}")),
        CatalogService("compute", "nova", *at(compute, "/v2.1")),
        *([CatalogService("object-store", "swift", object_store, object_store)] if object_store else []),
    )


def _stable_id(name: str) -> str:
    return hashlib.sha256(f"stackwire/{name}".encode()).hexdigest()[:32]
