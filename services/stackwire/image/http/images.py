"""Images: the handlers of their metadata."""

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from stackwire.core.errors import UnsupportedMedia
from stackwire.http.paging import link, origin
from stackwire.http.request import CONTEXT, json_body, respond
from stackwire.image.domain import listing, patch
from stackwire.image.domain.errors import Invalid
from stackwire.image.domain.image import Image
from stackwire.image.flows.api.images import ImageMetadata
from stackwire.image.flows.api.stores import StoreQueries
from stackwire.image.http.bodies import body_of, check_no_body, no_content
from stackwire.image.http.views import image_json, image_view


class ImageHandlers:
    """``import_methods`` and the stores are in the headers of the response to a new image."""

    def __init__(self, metadata: ImageMetadata, stores: StoreQueries, import_methods: Sequence[str]) -> None:
        self._metadata = metadata
        self._import_methods = ",".join(import_methods)
        self._stores = stores

    async def create(self, request: web.Request) -> web.Response:
        body = await body_of(request)
        if not isinstance(body, dict):
            raise Invalid(reason="the body must be an object")
        image = await self._metadata.create(request[CONTEXT], body)
        headers = {
            "Location": f"{origin(request)}/v2/images/{image.id}",
            "OpenStack-image-import-methods": self._import_methods,
            "OpenStack-image-store-ids": ",".join(self._stores.ids),
        }
        return respond(201, await self._view(request, image), headers)

    async def show(self, request: web.Request) -> web.Response:
        image = await self._metadata.get(request[CONTEXT], request.match_info["image_id"])
        return respond(200, await self._view(request, image))

    async def _view(self, request: web.Request, image: Image) -> Any:
        (located,) = await self._metadata.locations.render(request[CONTEXT], [image])
        return _rendered(image, located)

    async def index(self, request: web.Request) -> web.Response:
        """A page of the images the caller may see, with the link to the next one."""
        query = listing.read(list(request.query.items()))
        images, more = await self._metadata.list_page(request[CONTEXT], query)
        located = await self._metadata.locations.render(request[CONTEXT], images)
        pairs = [(name, value) for name, value in request.query.items() if name != "marker"]
        body = {
            "images": list(map(_rendered, images, located)),
            "first": link("/v2/images", pairs) if pairs else "/v2/images",
            "schema": "/v2/schemas/images",
        }
        if more:
            body["next"] = link("/v2/images", pairs, marker=images[-1].id)
        return respond(200, body)

    async def update(self, request: web.Request) -> web.Response:
        media_type = request.content_type
        if media_type not in patch.MEDIA_TYPES:
            raise UnsupportedMedia(f"The media type of a patch is one of {', '.join(patch.MEDIA_TYPES)}.")
        changes = patch.read(await json_body(request, media_types=patch.MEDIA_TYPES), media_type)
        image_id = request.match_info["image_id"]
        image = await self._metadata.patch(request[CONTEXT], image_id, changes, media_type)
        return respond(200, await self._view(request, image))

    async def delete(self, request: web.Request) -> web.Response:
        check_no_body(request)
        await self._metadata.delete(request[CONTEXT], request.match_info["image_id"])
        return no_content()

    async def add_tag(self, request: web.Request) -> web.Response:
        check_no_body(request)
        await self._metadata.add_tag(request[CONTEXT], request.match_info["image_id"], request.match_info["tag"])
        return no_content()

    async def remove_tag(self, request: web.Request) -> web.Response:
        check_no_body(request)
        await self._metadata.remove_tag(request[CONTEXT], request.match_info["image_id"], request.match_info["tag"])
        return no_content()

    async def deactivate(self, request: web.Request) -> web.Response:
        check_no_body(request)
        await self._metadata.deactivate(request[CONTEXT], request.match_info["image_id"])
        return no_content()

    async def reactivate(self, request: web.Request) -> web.Response:
        check_no_body(request)
        await self._metadata.reactivate(request[CONTEXT], request.match_info["image_id"])
        return no_content()


def _rendered(image: Image, located: Mapping[str, Any]) -> Any:
    """``located``: what is shown of its locations, to the caller."""
    return {**image_view(image), **located} if located else image_json(image)
