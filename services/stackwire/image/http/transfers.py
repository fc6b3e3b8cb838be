"""Image data between clients and the flows: byte ranges, the timeout of uploads, the number of transfers."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing, contextmanager

from aiohttp import web

from stackwire.core.errors import BadRequest, NotFound
from stackwire.http.receive import receiving
from stackwire.http.request import CONTEXT
from stackwire.http.sendfile import send_file, socket_of
from stackwire.image.domain.errors import BadRange
from stackwire.image.domain.image import Image
from stackwire.image.domain.uploads import Chunk
from stackwire.image.flows.api.downloads import Data, Downloads

_SENT_BY_THE_KERNEL = 256 * 1024  # bytes; less goes out with the head in one write
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")


class Transfers:
    """``upload_timeout``: seconds an upload may stall. ``active``: uploads and downloads in flight."""

    def __init__(self, downloads: Downloads, upload_timeout: float) -> None:
        self._downloads = downloads
        self._upload_timeout = upload_timeout
        self.active = 0

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Counts a transfer while the block runs, so that a stopping service waits for it."""
        self.active += 1
        try:
            yield
        finally:
            self.active -= 1

    @contextmanager
    def receiving(self, request: web.Request) -> Iterator[AsyncIterator[Chunk]]:
        """The body in chunks, a transfer that counts; UploadStalled when the client sends nothing for too long."""
        with self.counted(), receiving(request, self._upload_timeout) as chunks:
            yield chunks

    async def send(
        self, request: web.Request, image: Image, headers: Mapping[str, str] | None = None
    ) -> web.StreamResponse:
        """The data of an image that has some, or the requested range of it. NotFound, BadRange."""
        if image.size is None or not image.has_data:
            raise NotFound("Image data could not be found.")
        first, last = _byte_range(request, image.size)
        count, partial = last - first + 1, _is_partial(request)
        response = web.StreamResponse(status=206 if partial else 200, headers=headers)
        response.content_type = "application/octet-stream"
        response.content_length = count
        if partial:
            response.headers["Content-Range"] = f"bytes {first}-{last}/{image.size}"
        if image.checksum is not None:
            response.headers["Content-MD5"] = image.checksum
        response.headers["x-openstack-request-id"] = request[CONTEXT].request_id
        with self.counted():
            async with self._downloads.open(request[CONTEXT], image, first, count, cached=not partial) as data:
                await self._write(request, response, image, data, count)
        return response

    async def _write(
        self, request: web.Request, response: web.StreamResponse, image: Image, data: Data, count: int
    ) -> None:
        """The number of bytes sent is recorded whether or not it is all of them."""
        sent = 0
        try:
            writer = await response.prepare(request)
            file = data.file if count >= _SENT_BY_THE_KERNEL and socket_of(request) is not None else None
            if file is not None and writer is not None:
                pieces = send_file(request, writer, file.handle, file.first, count)
            else:
                pieces = _written(response, data.chunks)
            async with aclosing(pieces):
                async for size in pieces:
                    sent += size
            await response.write_eof()
        finally:
            await asyncio.shield(self._downloads.record(request[CONTEXT], image, sent, count))


async def _written(response: web.StreamResponse, chunks: AsyncGenerator[bytes, None]) -> AsyncGenerator[int, None]:
    """The sizes of the chunks that were written."""
    async with aclosing(chunks):
        async for chunk in chunks:
            await response.write(chunk)
            yield len(chunk)


def _is_partial(request: web.Request) -> bool:
    return "Range" in request.headers or "Content-Range" in request.headers


def _byte_range(request: web.Request, size: int) -> tuple[int, int]:
    """First and last byte of the request's Range, or Content-Range, which Glance accepts too."""
    if "Range" in request.headers:
        return _range(request.headers.getall("Range"), size)
    content_range = request.headers.get("Content-Range")
    if content_range is None:
        return 0, size - 1
    match = _CONTENT_RANGE.fullmatch(content_range)
    if match is None or int(match[1]) > int(match[2]) or int(match[1]) >= size:
        raise BadRange
    return int(match[1]), min(int(match[2]), size - 1)


def _range(headers: list[str], size: int) -> tuple[int, int]:
    """First and last byte of a single range. BadRange when it cannot be satisfied."""
    if len(headers) > 1 or "," in headers[0]:
        raise BadRequest("Only a single range can be requested.")
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
