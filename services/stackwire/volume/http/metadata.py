"""/volumes/{id}/metadata and /snapshots/{id}/metadata."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest
from stackwire.http.request import CONTEXT, body, respond
from stackwire.volume.flows.metadata import Metadata
from stackwire.volume.http import bodies


class MetadataApi:
    """``shown``: the volume or the snapshot of an id; ``ident``: the id in a request's path."""

    def __init__(
        self,
        flows: Metadata,
        shown: Callable[[RequestContext, str], Awaitable[Any]],
        ident: Callable[[web.Request], str],
    ) -> None:
        self._flows = flows
        self._shown = shown
        self._ident = ident

    async def show(self, request: web.Request) -> web.Response:
        found = await self._shown(request[CONTEXT], self._ident(request))
        return respond(200, {"metadata": found.metadata})

    async def item(self, request: web.Request) -> web.Response:
        found = await self._shown(request[CONTEXT], self._ident(request))
        key = request.match_info["key"]
        if key not in found.metadata:
            raise self._flows.unknown(found.id, key)
        return respond(200, {"meta": {key: found.metadata[key]}})

    async def add(self, request: web.Request) -> web.Response:
        return await self._set(request, replace=False)

    async def replace(self, request: web.Request) -> web.Response:
        return await self._set(request, replace=True)

    async def _set(self, request: web.Request, *, replace: bool) -> web.Response:
        given = (await body(request, bodies.MetadataBody)).metadata
        found = await self._flows.set(request[CONTEXT], self._ident(request), given, replace=replace)
        return respond(200, {"metadata": found})

    async def set_item(self, request: web.Request) -> web.Response:
        given = (await body(request, bodies.MetaBody)).meta
        if list(given) != [request.match_info["key"]]:
            raise BadRequest("Request body and URI mismatch")
        await self._flows.set(request[CONTEXT], self._ident(request), given, replace=False)
        return respond(200, {"meta": given})

    async def drop_item(self, request: web.Request) -> web.Response:
        await self._flows.drop(request[CONTEXT], self._ident(request), request.match_info["key"])
        return respond(200)
