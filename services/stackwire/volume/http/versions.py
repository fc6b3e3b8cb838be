"""The versions of the API. 3.71 is the highest that is answered as the original answers it."""

from aiohttp import web

from stackwire.http.microversions import Microversion, VersionRange
from stackwire.http.paging import origin
from stackwire.http.request import respond

VERSIONS = VersionRange("volume", Microversion(3, 0), Microversion(3, 71))
_UPDATED = "2023-08-31T00:00:00Z"


def _document(request: web.Request) -> dict[str, object]:
    described = {
        "id": "v3.0",
        "status": "CURRENT",
        "version": str(VERSIONS.maximum),
        "min_version": str(VERSIONS.minimum),
        "updated": _UPDATED,
        "links": [
            {"rel": "describedby", "type": "text/html", "href": "https://docs.openstack.org/"},
            {"rel": "self", "href": f"{origin(request)}/v3/"},
        ],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.volume+json;version=3"}],
    }
    return {"versions": [described]}


async def choices(request: web.Request) -> web.Response:
    """GET /"""
    return respond(300, _document(request))


async def current(request: web.Request) -> web.Response:
    """GET /v3"""
    return respond(200, _document(request))
