"""The versions of the API. 3.71 is the highest that is answered as the original answers it."""

from aiohttp import web

from stackwire.core.behaviours import Behaviours
from stackwire.http.microversions import Microversion, VersionRange
from stackwire.http.paging import origin
from stackwire.http.request import respond

VERSIONS = VersionRange("volume", Microversion(3, 0), Microversion(3, 71))
MAXIMUM_SINCE = {
    "icehouse": "3.0", "newton": "3.15", "ocata": "3.27", "pike": "3.43", "queens": "3.50", "rocky": "3.55",
    "stein": "3.59", "ussuri": "3.60", "victoria": "3.62", "wallaby": "3.64", "xena": "3.66", "yoga": "3.68",
    "zed": "3.70", "2024.1": "3.71",
}  # fmt: skip
"""The version that a release says is its newest: ``cinder/api/openstack/rest_api_version_history.rst``."""
_UPDATED = "2023-08-31T00:00:00Z"


class VersionHandlers:
    """The documents advertise no version that came after the release that is played."""

    def __init__(self, behaviours: Behaviours) -> None:
        self._maximum = behaviours.latest(MAXIMUM_SINCE)

    async def choices(self, request: web.Request) -> web.Response:
        """``/``"""
        return respond(300, self._document(request))

    async def current(self, request: web.Request) -> web.Response:
        """``/v3/``, which takes a token, as all below it does."""
        return respond(200, self._document(request))

    async def redirect(self, request: web.Request) -> web.Response:
        """``/v3``"""
        return web.Response(status=302, headers={"Location": f"{origin(request)}/v3/"})

    async def nothing(self, request: web.Request) -> web.Response:
        """Whatever begins with no version."""
        raise web.HTTPNotFound

    def _document(self, request: web.Request) -> dict[str, object]:
        described = {
            "id": "v3.0",
            "status": "CURRENT",
            "version": self._maximum,
            "min_version": str(VERSIONS.minimum),
            "updated": _UPDATED,
            "links": [
                {"rel": "describedby", "type": "text/html", "href": "https://docs.openstack.org/"},
                {"rel": "self", "href": f"{origin(request)}/v3/"},
            ],
            "media-types": [{"base": "application/json", "type": "application/vnd.openstack.volume+json;version=3"}],
        }
        return {"versions": [described]}
