"""``/servers/{id}/metadata``."""

from aiohttp import web

from stackwire.compute.http.schemas.server_metadata import MetadataItem, MetadataItems
from stackwire.compute.http.unpack import ApiHandlers, server_id, unpack
from stackwire.core.errors import BadRequest
from stackwire.http.request import body, respond


class ServerMetadataHandlers(ApiHandlers):
    """``nova/api/openstack/compute/server_metadata.py: ServerMetadataController``."""

    async def list(self, request: web.Request) -> web.Response:
        """``GET``"""
        ctx, _ = unpack(request)
        return respond(200, {"metadata": await self._flows.server_metadata.list(ctx, server_id(request))})

    async def show(self, request: web.Request) -> web.Response:
        """``GET .../{key}``"""
        ctx, _ = unpack(request)
        key = request.match_info["key"]
        return respond(200, {"meta": {key: await self._flows.server_metadata.get(ctx, server_id(request), key)}})

    async def update(self, request: web.Request) -> web.Response:
        """``POST``: these items are set, the others stay."""
        ctx, _ = unpack(request)
        items = (await body(request, MetadataItems)).metadata
        return respond(200, {"metadata": await self._flows.server_metadata.update(ctx, server_id(request), items)})

    async def replace(self, request: web.Request) -> web.Response:
        """``PUT``: these items and no others."""
        ctx, _ = unpack(request)
        items = (await body(request, MetadataItems)).metadata
        return respond(
            200, {"metadata": await self._flows.server_metadata.update(ctx, server_id(request), items, replace=True)}
        )

    async def set(self, request: web.Request) -> web.Response:
        """``PUT .../{key}``"""
        ctx, _ = unpack(request)
        key, item = request.match_info["key"], (await body(request, MetadataItem)).meta
        if set(item) != {key}:
            raise BadRequest("The body must hold the item that the URL names, and no other.")
        await self._flows.server_metadata.update(ctx, server_id(request), item)
        return respond(200, {"meta": item})

    async def delete(self, request: web.Request) -> web.Response:
        """``DELETE .../{key}``"""
        ctx, _ = unpack(request)
        await self._flows.server_metadata.delete(ctx, server_id(request), request.match_info["key"])
        return respond(204)
