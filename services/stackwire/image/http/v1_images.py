"""The v1 API's images: metadata in headers, data in bodies. Source: ``glance/api/v1/images.py``."""

from collections.abc import AsyncIterator
from dataclasses import replace

from aiohttp import web

from stackwire.core.errors import BadRequest
from stackwire.http.request import CONTEXT, respond
from stackwire.image.domain import v1_meta
from stackwire.image.domain.image import Image
from stackwire.image.domain.uploads import Chunk
from stackwire.image.flows.api.v1_images import V1Images
from stackwire.image.http.bodies import check_no_body, empty
from stackwire.image.http.schemas import has_v1_data
from stackwire.image.http.transfers import Transfers

PURGE = "x-glance-registry-purge-props"


class V1ImageHandlers:
    """``/v1/images``."""

    def __init__(self, images: V1Images, transfers: Transfers) -> None:
        self._images = images
        self._transfers = transfers

    async def index(self, request: web.Request) -> web.Response:
        found = await self._images.list_page(request[CONTEXT], list(request.query.items()))
        return respond(200, {"images": [v1_meta.brief_view(image) for image in found]})

    async def detail(self, request: web.Request) -> web.Response:
        found = await self._images.list_page(request[CONTEXT], list(request.query.items()))
        return respond(200, {"images": [v1_meta.image_view(image) for image in found]})

    async def head(self, request: web.Request) -> web.Response:
        """The metadata in headers."""
        image = await self._images.get(request[CONTEXT], request.match_info["image_id"])
        return web.Response(headers={**_headers(image), "Location": _location(image)})

    async def show(self, request: web.Request) -> web.StreamResponse:
        """The data of an active image; of one that is nothing but metadata, none."""
        image = await self._images.get_for_download(request[CONTEXT], request.match_info["image_id"])
        if not image.size:
            return web.Response(headers=_headers(image), content_type="application/octet-stream")
        return await self._transfers.send(request, image, _headers(image))

    async def create(self, request: web.Request) -> web.Response:
        with self._transfers.receiving(request) as data:
            requested, chunks = self._requested(request, data)
            image = await self._images.create(request[CONTEXT], requested, chunks)
        return respond(201, {"image": v1_meta.image_view(image)}, {**_etag(image), "Location": _location(image)})

    async def update(self, request: web.Request) -> web.Response:
        purge = v1_meta.flag(PURGE, request.headers.get(PURGE, "true"))
        image_id = request.match_info["image_id"]
        with self._transfers.receiving(request) as data:
            requested, chunks = self._requested(request, data)
            image = await self._images.update(request[CONTEXT], image_id, requested, chunks, purge)
        return respond(200, {"image": v1_meta.image_view(image)}, _etag(image))

    async def delete(self, request: web.Request) -> web.Response:
        check_no_body(request)
        await self._images.delete(request[CONTEXT], request.match_info["image_id"])
        return empty(200)

    def _requested(
        self, request: web.Request, data: AsyncIterator[Chunk]
    ) -> tuple[v1_meta.V1ImageRequest, AsyncIterator[Chunk] | None]:
        """What the headers request, and the data when there is any."""
        requested = v1_meta.read(request.headers.items())
        if not has_v1_data(request):
            return requested, None
        length = request.content_length
        if length is not None and requested.size not in (None, length):
            raise BadRequest(f"{requested.size} bytes were announced, and {length} come.")
        size = requested.size if length is None else length
        return replace(requested, size=size), data


def _headers(image: Image) -> dict[str, str]:
    return v1_meta.image_headers(image) | _etag(image)


def _etag(image: Image) -> dict[str, str]:
    return {} if image.checksum is None else {"ETag": image.checksum}


def _location(image: Image) -> str:
    return f"/v1/images/{image.id}"
