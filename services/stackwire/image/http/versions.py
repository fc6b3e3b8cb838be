"""Which versions there are, for clients that ask before they speak."""

from typing import Any

from aiohttp import web

from stackwire.core.behaviours import Behaviours
from stackwire.core.errors import NotSimulated
from stackwire.http.paging import origin
from stackwire.http.request import respond

CURRENT = 17
"""Of v2: what Glance counts without an image cache."""


class VersionHandlers:
    """With the behaviour ``v1-api`` the first API is told of too."""

    def __init__(self, behaviours: Behaviours) -> None:
        self._has_v1 = behaviours.has("v1-api")

    async def root(self, request: web.Request) -> web.Response:
        return respond(300, self._document(request))

    async def explicit(self, request: web.Request) -> web.Response:
        return respond(200, self._document(request))

    async def v1(self, request: web.Request) -> web.Response:
        """While there was a v1 API its root told the versions; its calls are not simulated. Later it is no version."""
        if self._has_v1 and request.match_info.get("rest"):
            raise NotSimulated(what="the calls of the Image API v1")
        return respond(300, self._document(request))

    def _document(self, request: web.Request) -> dict[str, Any]:
        base = origin(request)
        versions = [
            _version(f"v2.{minor}", "CURRENT" if minor == CURRENT else "SUPPORTED", f"{base}/v2/")
            for minor in range(CURRENT, -1, -1)
        ]
        if self._has_v1:
            versions += [_version(f"v1.{minor}", "SUPPORTED", f"{base}/v1/") for minor in (1, 0)]
        return {"versions": versions}


def _version(name: str, status: str, href: str) -> dict[str, Any]:
    return {"id": name, "status": status, "links": [{"rel": "self", "href": href}]}
