"""Version discovery. Source: ``glance/api/versions.py``."""

from typing import Any

from aiohttp import web

from stackwire.core.behaviours import Behaviours
from stackwire.core.errors import NotSimulated
from stackwire.http.addresses import merged_slashes
from stackwire.http.paging import origin
from stackwire.http.request import respond

V2 = tuple(range(17, -1, -1))
CACHED = 18
"""The newest minor version where the image cache is enabled."""
_MEDIA_TYPE = "application/vnd.openstack.images-"
CACHE_ONLY = (18, 16, 14)
"""Minor versions that added calls of the cache: without it they are not listed."""


class VersionHandlers:
    """With the behaviour ``v1-api`` the v1 API is listed too. ``caches``: whether the image cache is enabled.

    ``names``: the first place of a path in which this API is.
    """

    def __init__(self, behaviours: Behaviours, *, caches: bool = False) -> None:
        self._has_v1 = behaviours.has("v1-api")
        self._minors = [minor for minor in (CACHED, *V2) if caches or minor not in CACHE_ONLY]
        self.names = {"v2", *(f"v2.{minor}" for minor in self._minors)}

    def rewrite(self, request: web.Request) -> str:
        """Any minor version is v2, in the path or, for a path without one, in ``Accept``.

        Source: ``glance/api/middleware/version_negotiation.py``.
        """
        path = merged_slashes(request)
        version, _, rest = path[1:].partition("/")
        accept = request.headers.get("Accept", "")
        if accept.startswith(_MEDIA_TYPE) and version != "v2":
            version, rest = accept.removeprefix(_MEDIA_TYPE), path[1:]
        return f"/v2/{rest}" if version in self.names else path

    async def root(self, request: web.Request) -> web.Response:
        """300 with every version."""
        return respond(300, self._document(request))

    async def explicit(self, request: web.Request) -> web.Response:
        """200 with every version."""
        return respond(200, self._document(request))

    async def redirect(self, request: web.Request) -> web.Response:
        """``/v2``"""
        return web.Response(status=302, headers={"Location": f"{origin(request)}/v2/"})

    async def artifacts(self, request: web.Request) -> web.Response:
        """Glance had them as v3 (an experiment of Liberty and Mitaka) and gave them to Glare, whose first was v0.1."""
        raise NotSimulated(what="artifacts (Glare)")

    async def unknown(self, request: web.Request) -> web.Response:
        """What begins with no version that is there: 300 with those that are. v1 is one of them since it went."""
        return respond(300, self._document(request))

    def _document(self, request: web.Request) -> dict[str, Any]:
        base = origin(request)
        versions = [
            _version(f"v2.{minor}", "CURRENT" if minor == self._minors[0] else "SUPPORTED", f"{base}/v2/")
            for minor in self._minors
        ]
        if self._has_v1:
            versions += [_version(f"v1.{minor}", "SUPPORTED", f"{base}/v1/") for minor in (1, 0)]
        return {"versions": versions}


def _version(name: str, status: str, href: str) -> dict[str, Any]:
    return {"id": name, "status": status, "links": [{"rel": "self", "href": href}]}
