"""A file written from a stream: a piece is hashed in one thread and written in another while the next one arrives."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterable

from stackwire.core.errors import ServiceError
from stackwire.disk_image import sparse_files


class TooManyBytes(ServiceError):
    """More data than the {limit} bytes that were announced."""


async def write_stream(
    handle: int, pieces: AsyncIterable[bytes | memoryview], digest: "hashlib._Hash", limit: int | None = None
) -> int:
    """Into an empty file, with holes for zeroes; how many bytes. ``pieces``: each must be valid until the next but one
    is asked for. TooManyBytes beyond ``limit`` bytes, DiskFull when the disk is full.
    """
    at = 0
    working: asyncio.Future[tuple[None, None]] | None = None
    try:
        async for piece in pieces:
            if limit is not None and at + len(piece) > limit:
                raise TooManyBytes(limit=limit)
            if working is not None:
                await asyncio.shield(working)
            working = asyncio.gather(
                asyncio.to_thread(digest.update, piece),
                asyncio.to_thread(sparse_files.write_nonzero, handle, at, piece),
            )
            at += len(piece)
    finally:
        if working is not None:
            await asyncio.shield(working)
    await asyncio.to_thread(os.ftruncate, handle, at)
    return at
