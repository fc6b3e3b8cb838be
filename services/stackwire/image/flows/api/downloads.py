"""Downloads: whole images come from the node's cache, if there is one, and fill it; parts come from the store.

The cache is read after the onion has allowed the download (CVE-2013-4428).
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass

from stackwire.core.context import RequestContext
from stackwire.core.errors import NotFound
from stackwire.image.backends.cache import CacheWriter
from stackwire.image.backends.port import OnDisk, Reader
from stackwire.image.backends.stores import Stores
from stackwire.image.domain.image import Image
from stackwire.image.flows.api.data import DataTransfers
from stackwire.image.flows.image_cache import ImageCache

_DOWNLOAD_CHUNK_BYTES = 1024**2

Chunks = AsyncGenerator[bytes, None]


@dataclass(frozen=True, slots=True)
class Data:
    """The bytes of a download: ``chunks``, or where ``file`` is one, its bytes for who can send them from there."""

    chunks: Chunks
    file: OnDisk | None = None


class Downloads:
    def __init__(self, data: DataTransfers, stores: Stores, cache: ImageCache | None) -> None:
        self._data = data
        self._stores = stores
        self._cache = cache

    async def get(self, ctx: RequestContext, image_id: str) -> Image:
        """The image whose data the caller may have."""
        return await self._data.get_for_download(ctx, image_id)

    @asynccontextmanager
    async def open(
        self, ctx: RequestContext, image: Image, first: int, count: int, *, cached: bool
    ) -> AsyncIterator[Data]:
        """``count`` bytes from byte ``first`` on, of an image from ``get``; ``cached``: the whole image. NotFound."""
        if self._cache is None or not cached:
            async with self._from_store(ctx, image, first, count) as data:
                yield data
            return
        file = await self._cache.find(image)
        if file is not None:
            with closing(file):
                yield _data(file, count)
            return
        async with self._cache.filling(image) as writer:
            async with self._from_store(ctx, image, first, count, writer) as data:
                yield data
            if writer is not None:
                await self._cache.keep(image, writer)

    @asynccontextmanager
    async def _from_store(
        self, ctx: RequestContext, image: Image, first: int, count: int, writer: CacheWriter | None = None
    ) -> AsyncIterator[Data]:
        try:
            reader = await self._stores.data(ctx, image, first, count)
        except FileNotFoundError as error:
            raise NotFound("Image data could not be found.") from error
        with closing(reader):
            yield _data(reader, count, writer)

    async def record(self, ctx: RequestContext, image: Image, sent: int, expected: int) -> None:
        """Emits how many bytes the client received."""
        await self._data.record_download(ctx, image, sent, expected)


def _data(reader: Reader, count: int, writer: CacheWriter | None = None) -> Data:
    """A file that is no shorter than the image, unless ``writer`` wants to see its bytes."""
    file = reader if isinstance(reader, OnDisk) and writer is None and reader.size >= count else None
    return Data(_chunks(reader, count, writer), file)


async def _chunks(reader: Reader, count: int, writer: CacheWriter | None = None) -> Chunks:
    """The bytes; the next chunk is read while the last one is sent. ``writer`` gets each chunk that was sent."""
    remaining = count
    following = asyncio.ensure_future(reader.read(_DOWNLOAD_CHUNK_BYTES)) if remaining else None
    try:
        while following is not None:
            chunk = await following
            if not chunk:
                raise ConnectionResetError("the object is shorter than its image says")
            remaining -= len(chunk)
            following = asyncio.ensure_future(reader.read(_DOWNLOAD_CHUNK_BYTES)) if remaining else None
            yield chunk
            if writer is not None:
                await writer.put(chunk)
    finally:
        if following is not None:
            following.cancel()
