"""``/servers/{id}/tags``, since 2.26."""

from aiohttp import web

from stackwire.compute.http.schemas.fields import tag
from stackwire.compute.http.schemas.server_metadata import Tags
from stackwire.compute.http.unpack import ApiHandlers, require_version, server_id, unpack
from stackwire.compute.http.views.links import root_url
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest
from stackwire.http.request import body, respond


class ServerTagHandlers(ApiHandlers):
    """``nova/api/openstack/compute/server_tags.py: ServerTagsController``."""

    async def list(self, request: web.Request) -> web.Response:
        """``GET``"""
        ctx, uuid = _unpack(request)
        return respond(200, {"tags": await self._flows.server_tags.list(ctx, uuid)})

    async def replace(self, request: web.Request) -> web.Response:
        """``PUT``: these tags and no others."""
        ctx, uuid = _unpack(request)
        return respond(
            200, {"tags": await self._flows.server_tags.replace(ctx, uuid, (await body(request, Tags)).tags)}
        )

    async def delete_all(self, request: web.Request) -> web.Response:
        """``DELETE``"""
        ctx, uuid = _unpack(request)
        await self._flows.server_tags.replace(ctx, uuid, [])
        return respond(204)

    async def check(self, request: web.Request) -> web.Response:
        """``GET .../{tag}``: 204 when the server has the tag, 404 when it has not."""
        ctx, uuid = _unpack(request)
        await self._flows.server_tags.require(ctx, uuid, request.match_info["tag"])
        return respond(204)

    async def add(self, request: web.Request) -> web.Response:
        """``PUT .../{tag}``: 201 with the tag's address when it is new, 204 when it was there."""
        ctx, uuid = _unpack(request)
        if await request.read() not in (b"", b"null"):
            raise BadRequest("A tag has no body.")
        name = request.match_info["tag"]
        try:
            tag(name)
        except ValueError as invalid:
            raise BadRequest(str(invalid)) from None
        if await self._flows.server_tags.add(ctx, uuid, name):
            return respond(201, headers={"Location": f"{root_url(request)}/servers/{uuid}/tags/{name}"})
        return respond(204)

    async def delete(self, request: web.Request) -> web.Response:
        """``DELETE .../{tag}``"""
        ctx, uuid = _unpack(request)
        await self._flows.server_tags.delete(ctx, uuid, request.match_info["tag"])
        return respond(204)


def _unpack(request: web.Request) -> tuple[RequestContext, str]:
    require_version(request, (2, 26))
    return unpack(request)[0], server_id(request)
