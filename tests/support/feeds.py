"""Data as a thread feeds it that receives into the same buffers again and again."""

import asyncio
from collections.abc import Iterable

from stackwire.core.feeds import PIECES_KEPT, Feed, Take


def feed_of(pieces: Iterable[bytes], broken: Exception | None = None) -> Feed:
    """``broken``: raised after them."""

    def run(take: Take) -> None:
        kept: list[bytearray] = []
        for piece in pieces:
            kept.append(bytearray(piece))
            take(memoryview(kept[-1]))
            if len(kept) == PIECES_KEPT:
                old = kept.pop(0)
                old[:] = bytes(len(old))
        if broken is not None:
            raise broken

    async def feed(take: Take) -> None:
        await asyncio.to_thread(run, take)

    return feed
