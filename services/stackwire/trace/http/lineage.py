"""Lineage: resources, and where their properties came from."""

from aiohttp import web

from stackwire.http.request import respond
from stackwire.trace.domain.message_store import MessageStore
from stackwire.trace.flows import queries
from stackwire.trace.flows.pacer import caught_up


class LineageHandlers:
    """``/resources``, ``/lineage``, ``/why``, ``/where`` and ``/diff``. A resource is selected by an id, its beginning,
    ``kind:id``, or a name."""

    def __init__(self, store: MessageStore) -> None:
        self._store = store

    async def resources(self, request: web.Request) -> web.Response:
        """``GET /resources``."""
        await caught_up(self._store)
        return respond(200, queries.resources(self._store))

    async def map(self, request: web.Request) -> web.Response:
        """``GET /map``: who sends how much to whom."""
        await caught_up(self._store)
        return respond(200, queries.cloud_map(self._store))

    async def lineage(self, request: web.Request) -> web.Response:
        """``GET /lineage/{id}``."""
        await caught_up(self._store)
        return respond(200, queries.lineage(self._store, request.match_info["id"]))

    async def why(self, request: web.Request) -> web.Response:
        """``GET /why/{key}/{id}``."""
        await caught_up(self._store)
        return respond(200, queries.why(self._store, request.match_info["key"], request.match_info["id"]))

    async def where(self, request: web.Request) -> web.Response:
        """``GET /where/{key}``."""
        await caught_up(self._store)
        return respond(200, queries.where(self._store, request.match_info["key"]))

    async def diff(self, request: web.Request) -> web.Response:
        """``GET /diff/{left}/{right}``."""
        await caught_up(self._store)
        return respond(200, queries.diff(self._store, request.match_info["left"], request.match_info["right"]))
