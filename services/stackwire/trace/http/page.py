"""The web page and its files, and the description of the messages."""

from collections.abc import Mapping

from aiohttp import web

from stackwire.contracts import asyncapi
from stackwire.core.errors import NotFound
from stackwire.http.request import respond
from stackwire.trace.domain.message_store import MessageStore
from stackwire.trace.flows.page import SCRIPTS, STYLES, asset

_MEDIA_TYPES = {"css": "text/css", "js": "text/javascript"}
# Nothing from other origins, and no inline scripts: the page shows what anybody may have put on the bus.
_POLICY = "default-src 'self'; img-src data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
_PAGE_HEADERS: Mapping[str, str] = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}


class PageHandlers:
    """``/``, ``/page`` and ``/asyncapi.json``."""

    def __init__(self, store: MessageStore) -> None:
        self._store = store

    async def index(self, request: web.Request) -> web.Response:
        """``GET /``: the page for clients that accept HTML, otherwise what is kept."""
        if "text/html" not in request.headers.get("Accept", ""):
            return respond(200, {"service": "trace", "bounds": self._store.bounds()})
        headers = {"Content-Security-Policy": _POLICY, **_PAGE_HEADERS}
        return web.Response(text=asset("index.html"), content_type="text/html", headers=headers)

    async def file(self, request: web.Request) -> web.Response:
        """``GET /page/{name}``: a script or the style sheet."""
        name = request.match_info["name"]
        if name not in (*SCRIPTS, *STYLES):
            raise NotFound
        media_type = _MEDIA_TYPES[name.rpartition(".")[2]]
        return web.Response(text=asset(name), content_type=media_type, headers=_PAGE_HEADERS)

    async def asyncapi(self, request: web.Request) -> web.Response:
        """``GET /asyncapi.json``: the schemas of all messages."""
        return respond(200, asyncapi.document())
