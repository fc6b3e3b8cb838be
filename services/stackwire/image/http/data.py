"""An image's bytes over HTTP, streamed both ways."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from typing import BinaryIO

from aiohttp import web

from stackwire.core.errors import BadRequest, NotFound, ServiceError, UnsupportedMedia
from stackwire.http.request import CONTEXT
from stackwire.image.backends.files import FileStore
from stackwire.image.domain.errors import BadRange
from stackwire.image.domain.image import Image
from stackwire.image.flows.data import Data
from stackwire.image.http.images import no_content

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_CHUNK = 1024**2


class UploadStalled(ServiceError):
    """No data came for {seconds} seconds."""

    status = 408
    title = "Request Timeout"


class DataHandlers:
    """``patience``: seconds an upload may stay silent. ``busy`` counts transfers under way."""

    def __init__(self, data: Data, files: FileStore, patience: float) -> None:
        self._data = data
        self._files = files
        self._patience = patience
        self.busy = 0

    async def upload(self, request: web.Request) -> web.Response:
        if request.content_type != "application/octet-stream" or "Content-Type" not in request.headers:
            raise UnsupportedMedia("The media type of image data is application/octet-stream.")
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise UnsupportedMedia("Image data is stored as it is sent: Content-Encoding is not supported.")
        if "x-image-meta-store" in request.headers and request.headers["x-image-meta-store"] != "file":
            raise BadRequest("There is no such store.")
        announced = _announced(request)
        self.busy += 1
        try:
            await self._data.upload(request[CONTEXT], request.match_info["image_id"], self._chunks(request), announced)
        finally:
            self.busy -= 1
        return no_content()

    async def _chunks(self, request: web.Request) -> AsyncIterator[bytes]:
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
        image = await self._data.download(request[CONTEXT], request.match_info["image_id"])
        if not image.has_data or image.size is None or image.object is None:
            return no_content()
        first, last = _range(request.headers.getall("Range", []), image.size)
        try:
            file = await asyncio.to_thread(open, self._files.path(image.object), "rb")
        except FileNotFoundError as error:
            raise NotFound("Image data could not be found.") from error
        self.busy += 1
        try:
            return await self._send(request, image, file, first, last)
        finally:
            self.busy -= 1
            file.close()

    async def _send(
        self, request: web.Request, image: Image, file: BinaryIO, first: int, last: int
    ) -> web.StreamResponse:
        """Bytes ``first`` to ``last``, both counted; what was sent is told whether or not all of it was."""
        partial = "Range" in request.headers
        expected = last - first + 1
        response = web.StreamResponse(status=206 if partial else 200)
        response.content_type = "application/octet-stream"
        response.content_length = expected
        if partial:
            response.headers["Content-Range"] = f"bytes {first}-{last}/{image.size}"
        if image.checksum is not None:
            response.headers["Content-MD5"] = image.checksum
        response.headers["x-openstack-request-id"] = request[CONTEXT].request_id
        sent = 0
        try:
            await response.prepare(request)
            async for chunk in _read(file, first, expected):
                await response.write(chunk)
                sent += len(chunk)
            await response.write_eof()
        finally:
            await asyncio.shield(self._data.sent(request[CONTEXT], image, sent, expected))
        return response


async def _read(file: BinaryIO, first: int, count: int) -> AsyncIterator[bytes]:
    """The bytes, the next piece read while the last one is sent."""
    descriptor = file.fileno()

    def ask(at: int) -> "asyncio.Future[bytes]":
        size = min(_CHUNK, first + count - at)
        return asyncio.ensure_future(asyncio.to_thread(os.pread, descriptor, size, at))

    at = first
    coming = ask(at) if count else None
    while coming is not None:
        chunk = await coming
        if not chunk:
            raise ConnectionResetError("the object is shorter than its image says")
        at += len(chunk)
        coming = ask(at) if at < first + count else None
        yield chunk


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


def _range(headers: list[str], size: int) -> tuple[int, int]:
    """First and last byte of a single range; the whole when none is asked. BadRange for one that cannot be."""
    if not headers:
        return 0, size - 1
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
