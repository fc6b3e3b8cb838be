"""The catalogue: which services there are and where. By settings, with what administrators changed on top."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from stackwire.identity.domain.entities import Row
from stackwire.identity.domain.errors import EntityNotFound

INTERFACES = ("public", "internal", "admin")
PROJECT_ID = "{project_id}"
"""Stands in a URL of the settings for the project of the token that the catalogue is for."""
_SUBSTITUTION = re.compile(r"[%$]\((\w+)\)s")
_PROJECT = frozenset({"project_id", "tenant_id"})


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


@dataclass(frozen=True, slots=True)
class Catalog:
    """Services, endpoints and regions by id: rows of their columns, and ``extra`` for what nobody knows."""

    services: Mapping[str, Row]
    endpoints: Mapping[str, Row]
    regions: Mapping[str, Row]

    def rows(self, kind: str) -> Mapping[str, Row]:
        """``kind``: service, endpoint or region."""
        return {"service": self.services, "endpoint": self.endpoints, "region": self.regions}[kind]

    def one(self, kind: str, id: str) -> Row:
        """EntityNotFound for an unknown id."""
        found = self.rows(kind).get(id)
        if found is None:
            raise EntityNotFound(entity=kind, id=id)
        return found

    def endpoints_of(self, service_id: str) -> list[Row]:
        """The enabled endpoints of a service."""
        return [row for row in self.endpoints.values() if row["service_id"] == service_id and row["enabled"]]

    def regions_below(self, region_id: str) -> set[str]:
        """The region and all whose parent it is, at any distance."""
        found = {region_id}
        while more := {id for id, row in self.regions.items() if row["parent_region_id"] in found} - found:
            found |= more
        return found


def by_settings(services: Sequence[CatalogService], region: str) -> Catalog:
    """The catalogue that nobody changed; its URLs have Keystone's ``%(project_id)s`` where the project belongs."""
    endpoints = [endpoint for service in services for endpoint in service.endpoints]
    return Catalog(
        {
            each.id: {
                "id": each.id,
                "type": each.type,
                "name": each.name,
                "enabled": True,
                "extra": {"description": ""},
            }
            for each in services
        },
        {
            each.id: {
                "id": each.id,
                "service_id": each.service_id,
                "interface": each.interface,
                "region_id": region,
                "url": each.url.replace(PROJECT_ID, "%(project_id)s"),
                "enabled": True,
                "extra": {},
            }
            for each in endpoints
        },
        {region: {"id": region, "description": "", "parent_region_id": None, "extra": {}}},
    )


def changed(catalog: Catalog, stored: Mapping[str, Sequence[Row]]) -> Catalog:
    """With the rows that administrators changed, by kind. An endpoint has no place without its service."""
    services, endpoints, regions = (
        _changed(catalog.rows(kind), stored.get(kind, ())) for kind in ("service", "endpoint", "region")
    )
    return Catalog(services, {id: row for id, row in endpoints.items() if row["service_id"] in services}, regions)


def _changed(known: Mapping[str, Row], stored: Sequence[Row]) -> dict[str, Row]:
    rows = dict(known)
    for each in stored:
        row = {key: value for key, value in each.items() if key != "deleted"}
        if "url" in row and row["url"] is None:
            row["url"] = known.get(row["id"], {}).get("url", "")
        if each["deleted"]:
            rows.pop(row["id"], None)
        else:
            rows[row["id"]] = row
    return rows


def filled(url: str, known: Mapping[str, str | None]) -> str | None:
    """The URL for a token's project and user; None where it needs one that the token has not."""
    names = {match[1] for match in _SUBSTITUTION.finditer(url)}
    if any(known.get(name) is None for name in names):
        return None
    return _SUBSTITUTION.sub(lambda match: str(known[match[1]]), url)


def is_url(url: str) -> bool:
    """Whether all that is to be substituted in it can be. Source: ``keystone/common/utils.py: check_endpoint_url``."""
    known: dict[str, Any] = dict.fromkeys((*_PROJECT, "user_id"), "x")
    try:
        url.replace("$(", "%(") % known
    except (KeyError, TypeError, ValueError):
        return False
    return True
