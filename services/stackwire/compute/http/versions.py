"""The version documents, and which versions are answered."""

from typing import Any

from aiohttp import web

from stackwire.http.microversions import Microversion, VersionRange
from stackwire.http.paging import origin
from stackwire.http.request import respond

VERSIONS = VersionRange("compute", Microversion(2, 1), Microversion(2, 104), "X-OpenStack-Nova-API-Version")
_UPDATED = "2013-07-23T11:33:21Z"


def _document(request: web.Request) -> dict[str, Any]:
    return {
        "id": "v2.1",
        "status": "CURRENT",
        "version": str(VERSIONS.maximum),
        "min_version": str(VERSIONS.minimum),
        "updated": _UPDATED,
        "links": [{"rel": "self", "href": f"{origin(request)}/v2.1/"}],
    }


async def list_versions(request: web.Request) -> web.Response:
    """``GET /``"""
    return respond(200, {"versions": [_document(request)]})


async def show_version(request: web.Request) -> web.Response:
    """``GET /v2.1``"""
    media = {"base": "application/json", "type": "application/vnd.openstack.compute+json;version=2.1"}
    return respond(200, {"version": _document(request) | {"media-types": [media]}})
