"""/volumes/{id}/metadata and /snapshots/{id}/metadata."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest
from stackwire.http.request import CONTEXT, body, respond
from stackwire.volume.flows.api.metadata import Metadata
from stackwire.volume.http.schemas.volumes import MetaBody, MetadataBody, SnapshotMetaBody, SnapshotMetadataBody


class MetadataHandlers:
    """``get_owner``: reads the volume or snapshot; ``owner_id``: its id in a request's path."""

    def __init__(
        self,
        flows: Metadata,
        get_owner: Callable[[RequestContext, str], Awaitable[Any]],
        owner_id: Callable[[web.Request], str],
        all_body: type[MetadataBody | SnapshotMetadataBody] = MetadataBody,
        item_body: type[MetaBody | SnapshotMetaBody] = MetaBody,
    ) -> None:
        self._flows = flows
        self._get_owner = get_owner
        self._owner_id = owner_id
        self._all_body = all_body
        self._item_body = item_body

    async def show(self, request: web.Request) -> web.Response:
        owner = await self._get_owner(request[CONTEXT], self._owner_id(request))
        return respond(200, {"metadata": owner.metadata})

    async def show_item(self, request: web.Request) -> web.Response:
        owner = await self._get_owner(request[CONTEXT], self._owner_id(request))
        key = request.match_info["key"]
        if key not in owner.metadata:
            raise self._flows.key_not_found(owner.id, key)
        return respond(200, {"meta": {key: owner.metadata[key]}})

    async def add(self, request: web.Request) -> web.Response:
        return await self._set(request, replace=False)

    async def replace(self, request: web.Request) -> web.Response:
        return await self._set(request, replace=True)

    async def set_item(self, request: web.Request) -> web.Response:
        given = (await body(request, self._item_body)).meta
        if list(given) != [request.match_info["key"]]:
            raise BadRequest("Request body and URI mismatch")
        await self._flows.set(request[CONTEXT], self._owner_id(request), given, replace=False)
        return respond(200, {"meta": given})

    async def delete_item(self, request: web.Request) -> web.Response:
        await self._flows.delete(request[CONTEXT], self._owner_id(request), request.match_info["key"])
        return respond(200)

    async def _set(self, request: web.Request, *, replace: bool) -> web.Response:
        given = (await body(request, self._all_body)).metadata
        metadata = await self._flows.set(request[CONTEXT], self._owner_id(request), given, replace=replace)
        return respond(200, {"metadata": metadata})
