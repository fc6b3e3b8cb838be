"""An image's bytes over HTTP, streamed both ways."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, closing
from dataclasses import dataclass

from aiohttp import web

from stackwire.core.errors import BadRequest, NotFound, ServiceError, UnsupportedMedia
from stackwire.http.request import CONTEXT
from stackwire.image.backends.cache import CacheWriter
from stackwire.image.backends.port import Reader
from stackwire.image.backends.stores import Stores
from stackwire.image.domain.errors import BadRange
from stackwire.image.domain.image import Image
from stackwire.image.flows.api.data import Data
from stackwire.image.flows.image_cache import ImageCache
from stackwire.image.http.images import no_content

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")
_CHUNK = 1024**2


class UploadStalled(ServiceError):
    """No data came for {seconds} seconds."""

    status = 408
    title = "Request Timeout"


@dataclass(frozen=True, slots=True)
class _Part:
    """What of an image is sent: bytes ``first`` to ``last``, both counted."""

    image: Image
    first: int
    last: int
    headers: Mapping[str, str]

    @property
    def count(self) -> int:
        return self.last - self.first + 1


class DataHandlers:
    """``patience``: seconds an upload may stay silent. ``busy`` counts transfers under way.

    ``cache``: where whole downloads come from and pass by, if there is one; parts come from the store.
    """

    def __init__(self, data: Data, files: Stores, patience: float, cache: ImageCache | None = None) -> None:
        self.flow = data
        self._files = files
        self._patience = patience
        self._cache = cache
        self.busy = 0

    async def upload(self, request: web.Request) -> web.Response:
        announced = _check_octets(request)
        store = request.headers.get("x-image-meta-store")
        if store is not None:
            self._files.known(store)
        self.busy += 1
        try:
            image_id = request.match_info["image_id"]
            await self.flow.upload(request[CONTEXT], image_id, self.chunks(request), announced, store=store)
        finally:
            self.busy -= 1
        return no_content()

    async def stage(self, request: web.Request) -> web.Response:
        announced = _check_octets(request)
        if "x-image-meta-store" in request.headers:
            raise BadRequest("Where the data goes is said when it is imported.")
        self.busy += 1
        try:
            await self.flow.stage(request[CONTEXT], request.match_info["image_id"], self.chunks(request), announced)
        finally:
            self.busy -= 1
        return no_content()

    async def chunks(self, request: web.Request) -> AsyncIterator[bytes]:
        """The body as it comes; UploadStalled when nothing does."""
        while True:
            try:
                async with asyncio.timeout(self._patience):
                    chunk = await request.content.readany()
            except TimeoutError as silent:
                raise UploadStalled(seconds=self._patience) from silent
            if not chunk:
                return
            yield chunk

    async def download(self, request: web.Request) -> web.StreamResponse:
        image = await self.flow.download(request[CONTEXT], request.match_info["image_id"])
        if not image.has_data or image.size is None:
            return no_content()
        return await self.give(request, image)

    async def give(
        self, request: web.Request, image: Image, headers: Mapping[str, str] | None = None
    ) -> web.StreamResponse:
        """The data of an image that has some, with these headers of its own."""
        if image.size is None or not image.has_data:
            raise NotFound("Image data could not be found.")
        first, last = _asked(request, image.size)
        part = _Part(image, first, last, dict(headers or {}))
        self.busy += 1
        try:
            if self._cache is None or _is_partial(request):
                return await self._from_store(request, part)
            return await self._by_cache(request, part, self._cache)
        finally:
            self.busy -= 1

    async def _by_cache(self, request: web.Request, part: _Part, cache: ImageCache) -> web.StreamResponse:
        """Whose the image is, and who may read it, has been asked before."""
        file = await cache.find(part.image)
        if file is not None:
            with closing(file):
                return await self._send(request, part, file)
        async with cache.filling(part.image) as writer:
            response = await self._from_store(request, part, writer)
            if writer is not None:
                await cache.keep(part.image, writer)
            return response

    async def _from_store(
        self, request: web.Request, part: _Part, writer: CacheWriter | None = None
    ) -> web.StreamResponse:
        try:
            file = await self._files.data(request[CONTEXT], part.image, part.first, part.count)
        except FileNotFoundError as error:
            raise NotFound("Image data could not be found.") from error
        with closing(file):
            return await self._send(request, part, file, writer)

    async def _send(
        self, request: web.Request, part: _Part, file: Reader, writer: CacheWriter | None = None
    ) -> web.StreamResponse:
        """What was sent is told whether or not all of it was. ``writer`` gets the bytes too."""
        image = part.image
        partial = _is_partial(request)
        response = web.StreamResponse(status=206 if partial else 200, headers=part.headers)
        response.content_type = "application/octet-stream"
        response.content_length = part.count
        if partial:
            response.headers["Content-Range"] = f"bytes {part.first}-{part.last}/{image.size}"
        if image.checksum is not None:
            response.headers["Content-MD5"] = image.checksum
        response.headers["x-openstack-request-id"] = request[CONTEXT].request_id
        sent = 0
        try:
            await response.prepare(request)
            async with aclosing(_read(file, part.count)) as chunks:
                async for chunk in chunks:
                    await response.write(chunk)
                    if writer is not None:
                        await writer.put(chunk)
                    sent += len(chunk)
            await response.write_eof()
        finally:
            await asyncio.shield(self.flow.sent(request[CONTEXT], image, sent, part.count))
        return response


async def _read(file: Reader, count: int) -> AsyncGenerator[bytes, None]:
    """The bytes, the next piece read while the last one is sent."""
    left = count
    coming = asyncio.ensure_future(file.read(_CHUNK)) if left else None
    try:
        while coming is not None:
            chunk = await coming
            if not chunk:
                raise ConnectionResetError("the object is shorter than its image says")
            left -= len(chunk)
            coming = asyncio.ensure_future(file.read(_CHUNK)) if left else None
            yield chunk
    finally:
        if coming is not None:
            coming.cancel()


def _check_octets(request: web.Request) -> int | None:
    """Image data as such, and how much the client says there is."""
    if request.content_type != "application/octet-stream" or "Content-Type" not in request.headers:
        raise UnsupportedMedia("The media type of image data is application/octet-stream.")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMedia("Image data is stored as it is sent: Content-Encoding is not supported.")
    return _announced(request)


def _announced(request: web.Request) -> int | None:
    """How many bytes the client says there are. ``x-openstack-image-size`` and Content-Length must agree."""
    told = request.headers.get("x-openstack-image-size")
    if told is None:
        return request.content_length
    if not (told.isascii() and told.isdigit()) or len(told) > 18:
        raise BadRequest("x-openstack-image-size is not a number of bytes.")
    if request.content_length is not None and request.content_length != int(told):
        raise BadRequest("x-openstack-image-size and Content-Length differ.")
    return int(told)


def _is_partial(request: web.Request) -> bool:
    return "Range" in request.headers or "Content-Range" in request.headers


def _asked(request: web.Request, size: int) -> tuple[int, int]:
    """First and last byte that are asked for: as Range, or as Content-Range, which Glance has always taken too."""
    if "Range" in request.headers:
        return _range(request.headers.getall("Range"), size)
    told = request.headers.get("Content-Range")
    if told is None:
        return 0, size - 1
    match = _CONTENT_RANGE.fullmatch(told)
    if match is None or int(match[1]) > int(match[2]) or int(match[1]) >= size:
        raise BadRange
    return int(match[1]), min(int(match[2]), size - 1)


def _range(headers: list[str], size: int) -> tuple[int, int]:
    """First and last byte of a single range. BadRange for one that cannot be."""
    if len(headers) > 1 or "," in headers[0]:
        raise BadRequest("Only a single range can be asked for.")
    match = _RANGE.fullmatch(headers[0].replace(" ", ""))
    if match is None or not (match[1] or match[2]):
        raise BadRange
    if not match[1]:
        first, last = max(size - int(match[2]), 0), size - 1
        if int(match[2]) == 0:
            raise BadRange
    else:
        first, last = int(match[1]), min(int(match[2] or size - 1), size - 1)
    if first > last:
        raise BadRange
    return first, last
