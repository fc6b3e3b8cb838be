"""API versions: there is one."""

from aiohttp import web

from stackwire.http.paging import origin
from stackwire.http.request import respond
from stackwire.identity.http.views import version_view


async def versions(request: web.Request) -> web.Response:
    """``GET /``: 300 Multiple Choices, as Keystone answers."""
    base = origin(request)
    return respond(300, {"versions": {"values": [version_view(base)]}}, {"Location": f"{base}/v3/"})


async def version(request: web.Request) -> web.Response:
    """``GET /v3``."""
    return respond(200, {"version": version_view(origin(request))})
