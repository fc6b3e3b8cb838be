"""The index's API, for administrators: it tells of the properties of every project."""

from collections.abc import Sequence

from aiohttp import web

from stackwire.core.errors import Forbidden
from stackwire.http.app import Route
from stackwire.http.middlewares import Handler
from stackwire.http.request import CONTEXT, respond
from stackwire.index.flows.index import PropertyIndex
from stackwire.messaging.notification_listener import NotificationListener


def routes(index: PropertyIndex, listener: NotificationListener) -> Sequence[Route]:
    """Every route."""
    handlers = IndexHandlers(index, listener)
    table = (
        ("GET", "/status", handlers.status),
        ("GET", "/where/{key}", handlers.where),
        ("POST", "/rebuild", handlers.rebuild),
    )
    return [Route(method, path, _for_administrators(handler)) for method, path, handler in table]


def _for_administrators(handler: Handler) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        if not request[CONTEXT].is_admin:
            raise Forbidden
        return await handler(request)

    return handle


class IndexHandlers:
    """``/status``, ``/where`` and ``/rebuild``."""

    def __init__(self, index: PropertyIndex, listener: NotificationListener) -> None:
        self._index = index
        self._listener = listener

    async def status(self, request: web.Request) -> web.Response:
        """``GET /status``: with what became of the notifications."""
        counted = await self._listener.status()
        notifications = {
            "handled": counted.handled, "rejected": counted.rejected, "dead_letters": counted.dead_letters,
        }  # fmt: skip
        return respond(200, {**await self._index.status(), "notifications": notifications})

    async def where(self, request: web.Request) -> web.Response:
        """``GET /where/{key}``, of one ``kind``, with one ``value``."""
        key, query = request.match_info["key"], request.query
        found = await self._index.where(key, query.get("kind"), query.get("value"))
        return respond(200, {"key": key, "places": found})

    async def rebuild(self, request: web.Request) -> web.Response:
        """``POST /rebuild``: answered when all is read."""
        return respond(200, {"resources": await self._index.rebuild()})
