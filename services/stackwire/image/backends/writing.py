"""The way of an image's bytes into a store: they are hashed, inspected and stored at once, while the next ones come."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from stackwire.core.feeds import batches
from stackwire.image.backends.digests import CHECKSUM, Digests
from stackwire.image.backends.port import Writer
from stackwire.image.domain.uploads import Chunk

BATCH_BYTES = 256 * 1024
"""Bytes handed to threads at once: each hand-over has a price."""
T = TypeVar("T")


async def write_object(
    writer: Writer,
    chunks: AsyncIterator[Chunk],
    digests: Digests,
    finish: Callable[[], T],
    inspect: Callable[[Chunk], Awaitable[None]] | None = None,
) -> T:
    """Writes all chunks or none, and answers what ``finish`` does: it is asked, in a thread, before the object is
    complete. ``inspect``: gets each chunk before it is stored. Raises what any of them raises.
    """
    taking: asyncio.Task[None] | None = None

    async def take(batch: Chunk) -> None:
        """It is digested while it is inspected and stored, and afterwards."""
        await digests.update(batch)
        if inspect is not None:
            await inspect(batch)
        await writer.put(batch)

    try:
        async for batch in batches(chunks, BATCH_BYTES):
            if taking is not None:
                await taking
            taking = asyncio.create_task(take(batch))
        if taking is not None:
            await taking
        await digests.finish()
        result = await asyncio.to_thread(finish)
        await writer.complete(digests.digest(CHECKSUM))
    except BaseException:
        if taking is not None and not taking.done():
            taking.cancel()
        await asyncio.shield(writer.discard())
        raise
    return result
