"""Data by the gigabyte: whoever has it calls, in a thread, whoever takes it; the loop sees none of its pieces."""

from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable
from typing import TypeVar

D = TypeVar("D", bound=bytes | bytearray | memoryview)
PIECES_KEPT = 4
Take = Callable[[bytes | memoryview], None]
"""Takes the next piece, in a thread; it may block. A piece is valid until this was called for PIECES_KEPT - 1 more."""
Feed = Callable[[Take], Awaitable[None]]
"""Has all pieces taken, one after the other. Raises what goes wrong with them, and what ``Take`` raises; when it ends,
however it ends, nothing is being taken any more."""


async def batches(chunks: AsyncIterable[D], least: int) -> AsyncGenerator[D | bytes, None]:
    """The same bytes in pieces that are worth a thread each, of ``least`` bytes or more, the last one shorter.

    A chunk that is one already is not copied.
    """
    collected: list[D] = []
    size = 0
    async for chunk in chunks:
        collected.append(chunk)
        size += len(chunk)
        if size >= least:
            yield _joined(collected)
            collected, size = [], 0
    if size:
        yield _joined(collected)


def _joined(chunks: list[D]) -> D | bytes:
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)
