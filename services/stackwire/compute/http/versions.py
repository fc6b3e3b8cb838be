"""The version documents, and which versions are answered. ``nova/api/openstack/compute/versions.py``."""

from typing import Any

from aiohttp import web

from stackwire.core.behaviours import Behaviours
from stackwire.core.errors import NotFound
from stackwire.http.microversions import Microversion, VersionRange
from stackwire.http.paging import origin
from stackwire.http.request import RELAXED, respond

VERSIONS = VersionRange("compute", Microversion(2, 1), Microversion(2, 104), "X-OpenStack-Nova-API-Version")
MAXIMUM_SINCE = {
    "icehouse": "2.1", "kilo": "2.3", "liberty": "2.12", "mitaka": "2.25", "newton": "2.38", "ocata": "2.42",
    "pike": "2.53", "queens": "2.60", "rocky": "2.65", "stein": "2.72", "train": "2.79", "ussuri": "2.87",
    "wallaby": "2.88", "xena": "2.90", "zed": "2.93", "2023.1": "2.95", "2024.1": "2.96", "2025.1": "2.100",
    "2026.1": "2.103", "2026.2": "2.104",
}  # fmt: skip
"""The version that a release says is its newest: ``nova/api/openstack/compute/rest_api_version_history.rst``."""
_HTML = {"rel": "describedby", "type": "text/html", "href": "http://docs.openstack.org/"}
_MEDIA_TYPE = "application/vnd.openstack.compute+json;version="


class VersionHandlers:
    """The documents advertise no version that came after the release that is played."""

    def __init__(self, behaviours: Behaviours) -> None:
        legacy = {"status": "DEPRECATED", "version": "", "min_version": "", "updated": "2025-07-04T12:00:00Z"}
        current = {
            "status": "CURRENT",
            "version": behaviours.latest(MAXIMUM_SINCE),
            "min_version": str(VERSIONS.minimum),
        }
        self._versions: dict[str, dict[str, Any]] = {
            "v2.0": {"id": "v2.0", **legacy},
            "v2.1": {"id": "v2.1", **current, "updated": "2013-07-23T11:33:21Z"},
        }

    async def list(self, request: web.Request) -> web.Response:
        """``/``"""
        base = origin(request)
        found = [version | _links(f"{base}/{_path(id)}/") for id, version in self._versions.items()]
        return respond(200, {"versions": found})

    async def choices(self, request: web.Request) -> web.Response:
        """Whatever begins with no version: 300, and where it might be."""
        found = [
            {"id": id, "status": version["status"]}
            | _links(f"{origin(request)}/{_path(id)}{request.path}")
            | _media(id)
            for id, version in self._versions.items()
        ]
        return respond(300, {"choices": found})

    async def show(self, request: web.Request) -> web.Response:
        """``/v2.1/``, ``/v2/`` and, by their id, ``/v2.1/versions/v2.1``."""
        id = "v2.0" if RELAXED.get() else request.match_info.get("version", "v2.1")
        if id not in self._versions:
            raise NotFound
        document = self._versions[id] | _links(f"{origin(request)}/{_path(id)}/", _HTML) | _media(id)
        return respond(200, {"version": document})


def _path(id: str) -> str:
    return "v2.1" if id == "v2.1" else "v2"


def _links(href: str, *more: dict[str, str]) -> dict[str, Any]:
    return {"links": [{"rel": "self", "href": href}, *more]}


def _media(id: str) -> dict[str, Any]:
    return {"media-types": [{"base": "application/json", "type": _MEDIA_TYPE + _path(id)[1:]}]}
