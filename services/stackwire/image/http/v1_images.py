"""The v1 API's images: metadata in headers, data in bodies. Source: ``glance/api/v1/images.py``."""

from collections.abc import AsyncIterator
from dataclasses import replace

from aiohttp import web

from stackwire.core.errors import BadRequest, Forbidden, NotFound
from stackwire.http.request import CONTEXT, respond
from stackwire.image.domain import v1_listing, v1_meta
from stackwire.image.domain.errors import ImageNotFound
from stackwire.image.domain.image import Image
from stackwire.image.domain.states import ACTIVE, DEACTIVATED, PENDING_DELETE
from stackwire.image.flows.api.images import Metadata
from stackwire.image.flows.api.v1_images import V1
from stackwire.image.http.image_data import DataHandlers
from stackwire.image.http.images import check_no_body
from stackwire.image.onion.authorization import is_admin

PURGE = "x-glance-registry-purge-props"


class V1ImageHandlers:
    def __init__(self, metadata: Metadata, data: DataHandlers, flow: V1) -> None:
        self._metadata = metadata
        self._data = data
        self._flow = flow

    async def index(self, request: web.Request) -> web.Response:
        return respond(200, {"images": [v1_meta.brief(image) for image in await self._page(request)]})

    async def detail(self, request: web.Request) -> web.Response:
        return respond(200, {"images": [v1_meta.shown(image) for image in await self._page(request)]})

    async def _page(self, request: web.Request) -> list[Image]:
        ctx = request[CONTEXT]
        found, _ = await self._metadata.page(ctx, v1_listing.read(list(request.query.items()), is_admin=is_admin(ctx)))
        return found

    async def head(self, request: web.Request) -> web.Response:
        image = await self._known(request)
        return web.Response(headers={**_headers(image), "Location": _location(image)})

    async def show(self, request: web.Request) -> web.StreamResponse:
        """The data of an active image; of one that is nothing but metadata, none."""
        image = await self._data.flow.download(request[CONTEXT], request.match_info["image_id"])
        if image.status not in (ACTIVE, DEACTIVATED):
            raise NotFound(f"Image {image.id} is not active")
        if not image.size:
            return web.Response(headers=_headers(image), content_type="application/octet-stream")
        return await self._data.give(request, image, _headers(image))

    async def create(self, request: web.Request) -> web.Response:
        self._data.busy += 1
        try:
            wish, chunks = self._asked(request)
            image = await self._flow.create(request[CONTEXT], wish, chunks)
        finally:
            self._data.busy -= 1
        return respond(201, {"image": v1_meta.shown(image)}, {**_etag(image), "Location": _location(image)})

    async def update(self, request: web.Request) -> web.Response:
        purge = v1_meta.flag(PURGE, request.headers.get(PURGE, "true"))
        self._data.busy += 1
        try:
            wish, chunks = self._asked(request)
            image = await self._flow.update(request[CONTEXT], request.match_info["image_id"], wish, chunks, purge)
        except ImageNotFound:
            await self._known(request)
            raise Forbidden("Forbidden to update deleted image.") from None
        finally:
            self._data.busy -= 1
        return respond(200, {"image": v1_meta.shown(image)}, _etag(image))

    async def delete(self, request: web.Request) -> web.Response:
        check_no_body(request)
        try:
            await self._metadata.delete(request[CONTEXT], request.match_info["image_id"])
        except ImageNotFound:
            if (await self._known(request)).status == PENDING_DELETE:
                raise Forbidden(f"Forbidden to delete a {PENDING_DELETE} image.") from None
            raise
        return web.Response(content_type="text/html", charset="UTF-8")

    async def _known(self, request: web.Request) -> Image:
        """An administrator is shown what is left of a deleted image too. Raises ImageNotFound."""
        ctx, image_id = request[CONTEXT], request.match_info["image_id"]
        try:
            return await self._metadata.show(ctx, image_id)
        except ImageNotFound:
            deleted = await self._metadata.deleted(ctx, image_id) if is_admin(ctx) else None
            if deleted is None:
                raise
            return deleted

    def _asked(self, request: web.Request) -> tuple[v1_meta.Wish, AsyncIterator[bytes] | None]:
        """What the headers wish, and the data when there is any: an empty body is none."""
        wish = v1_meta.read(request.headers.items())
        if not request.body_exists or request.content_length == 0:
            return wish, None
        if request.content_type != "application/octet-stream" or "Content-Type" not in request.headers:
            raise BadRequest("Content-Type must be application/octet-stream")
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise BadRequest("Image data is stored as it is sent: Content-Encoding is not supported.")
        length = request.content_length
        if length is not None and wish.size is not None and wish.size != length:
            raise BadRequest(f"{wish.size} bytes were announced, and {length} come.")
        return replace(wish, size=wish.size if length is None else length), self._data.chunks(request)


def _headers(image: Image) -> dict[str, str]:
    return v1_meta.shown_headers(image) | _etag(image)


def _etag(image: Image) -> dict[str, str]:
    return {} if image.checksum is None else {"ETag": image.checksum}


def _location(image: Image) -> str:
    return f"/v1/images/{image.id}"
