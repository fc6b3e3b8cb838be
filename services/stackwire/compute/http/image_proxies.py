"""``/images`` up to 2.35, and ``/images/{id}/metadata`` up to 2.38."""

from aiohttp import web

from stackwire.compute.flows.api.image_proxies import ImageProxies
from stackwire.compute.http.schemas.server_metadata import MetadataItem, MetadataItems
from stackwire.compute.http.unpack import MAX_PAGE_ITEMS, PROXIES_UNTIL, ApiHandlers, require_version, unpack
from stackwire.compute.http.views.image_proxies import ImageView
from stackwire.compute.http.views.links import next_links, root_url
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest
from stackwire.http.paging import limit_of
from stackwire.http.request import body, respond

_METADATA_UNTIL = (2, 38)


class ImageProxyHandlers(ApiHandlers):
    """``nova/api/openstack/compute/images.py: ImagesController``."""

    async def list(self, request: web.Request) -> web.Response:
        """``GET /images``"""
        return await self._list(request, detailed=False)

    async def detail(self, request: web.Request) -> web.Response:
        """``GET /images/detail``"""
        return await self._list(request, detailed=True)

    async def _list(self, request: web.Request, *, detailed: bool) -> web.Response:
        ctx, _ = _unpack(request)
        limit = limit_of(request, 2**31) if "limit" in request.query else None
        if limit == 0:
            raise BadRequest("Invalid input for query parameters limit. Value: 0. 0 is less than the minimum of 1")
        for name in ("offset", "page_size"):  # nobody reads them, but a number they must be
            if not request.query.get(name, "0").isdecimal():
                raise BadRequest(f"Invalid input for query parameters {name}. Value: {request.query[name][:100]}.")
        images = await self._flows.image_proxies.list_page(
            ctx, request.query, limit=limit, marker=request.query.get("marker")
        )
        view, most = self._view(request), min(limit or MAX_PAGE_ITEMS, MAX_PAGE_ITEMS)
        page = {"images": [view.show(image) if detailed else view.brief(image) for image in images]}
        if len(images) == most:
            path = "images/detail" if detailed else "images"
            page["images_links"] = next_links(request, path, limit=most, marker=images[-1]["id"])
        return respond(200, page)

    async def show(self, request: web.Request) -> web.Response:
        """``GET /images/{id}``"""
        ctx, image_id = _unpack(request)
        return respond(200, {"image": self._view(request).show(await self._flows.image_proxies.get(ctx, image_id))})

    async def delete(self, request: web.Request) -> web.Response:
        """``DELETE /images/{id}``"""
        ctx, image_id = _unpack(request)
        await self._flows.image_proxies.delete(ctx, image_id)
        return respond(204)

    def _view(self, request: web.Request) -> ImageView:
        return ImageView(root_url(request), self._flows.image_proxies.url)


class ImageMetadataHandlers(ApiHandlers):
    """``nova/api/openstack/compute/image_metadata.py: ImageMetadataController``."""

    @property
    def _proxies(self) -> ImageProxies:
        return self._flows.image_proxies

    async def list(self, request: web.Request) -> web.Response:
        """``GET``"""
        ctx, image_id = _unpack(request, _METADATA_UNTIL)
        return respond(200, {"metadata": (await self._proxies.get(ctx, image_id))["properties"]})

    async def show(self, request: web.Request) -> web.Response:
        """``GET .../{key}``"""
        ctx, image_id = _unpack(request, _METADATA_UNTIL)
        key = request.match_info["key"]
        return respond(200, {"meta": {key: await self._proxies.get_property(ctx, image_id, key)}})

    async def update(self, request: web.Request) -> web.Response:
        """``POST``: these properties are set, the others stay."""
        ctx, image_id = _unpack(request, _METADATA_UNTIL)
        items = (await body(request, MetadataItems)).metadata
        return respond(200, {"metadata": await self._proxies.set_properties(ctx, image_id, items)})

    async def replace(self, request: web.Request) -> web.Response:
        """``PUT``: these properties and no others."""
        ctx, image_id = _unpack(request, _METADATA_UNTIL)
        items = (await body(request, MetadataItems)).metadata
        return respond(200, {"metadata": await self._proxies.set_properties(ctx, image_id, items, replace=True)})

    async def set(self, request: web.Request) -> web.Response:
        """``PUT .../{key}``"""
        ctx, image_id = _unpack(request, _METADATA_UNTIL)
        item = (await body(request, MetadataItem)).meta
        if set(item) != {request.match_info["key"]}:
            raise BadRequest("Request body and URI mismatch")
        await self._proxies.set_properties(ctx, image_id, item)
        return respond(200, {"meta": item})

    async def delete(self, request: web.Request) -> web.Response:
        """``DELETE .../{key}``"""
        ctx, image_id = _unpack(request, _METADATA_UNTIL)
        await self._proxies.delete_property(ctx, image_id, request.match_info["key"])
        return respond(204)


def _unpack(request: web.Request, until: tuple[int, int] = PROXIES_UNTIL) -> tuple[RequestContext, str]:
    require_version(request, (2, 1), until)
    return unpack(request)[0], request.match_info.get("image", "")
