"""The web page and its files, served as they are."""

from collections.abc import Mapping

from aiohttp import web

from stackwire.core.errors import NotFound
from stackwire.trace.flows.page import SCRIPTS, STYLES, asset

_MEDIA_TYPES = {"css": "text/css", "js": "text/javascript"}
# Nothing from other origins, and no inline scripts: the page shows what anybody may have put on the bus.
_POLICY = "default-src 'self'; img-src data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
_HEADERS: Mapping[str, str] = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}


def index_response() -> web.Response:
    """The page itself."""
    headers = {"Content-Security-Policy": _POLICY, **_HEADERS}
    return web.Response(text=asset("index.html"), content_type="text/html", headers=headers)


async def page_file(request: web.Request) -> web.Response:
    """``GET /page/{name}``: a script or the style sheet."""
    name = request.match_info["name"]
    if name not in (*SCRIPTS, *STYLES):
        raise NotFound
    media_type = _MEDIA_TYPES[name.rpartition(".")[2]]
    return web.Response(text=asset(name), content_type=media_type, headers=_HEADERS)
