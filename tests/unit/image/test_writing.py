"""The way of bytes into a store: hashed once, inspected and written at the same time, whole or not at all."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator

import pytest

from stackwire.core.errors import Unavailable
from stackwire.image.backends.digests import CHECKSUM, CHUNKS_AHEAD, OS_HASH, SMALL, Digests
from stackwire.image.backends.writing import BATCH_BYTES, write_object
from stackwire.image.domain.errors import ContentRefused
from stackwire.image.domain.uploads import Chunk

DATA = os.urandom(20 * BATCH_BYTES + 7)


class Writer:
    """Keeps what it is given; ``fails``: at which chunk. ``ended``: what it came to."""

    def __init__(self, fails: int = -1) -> None:
        self.chunks: list[Chunk] = []
        self.ended: list[str] = []
        self._fails = fails

    async def put(self, chunk: Chunk) -> None:
        if len(self.chunks) == self._fails:
            raise Unavailable
        self.chunks.append(chunk)

    async def complete(self, md5: bytes) -> None:
        self.ended.append(md5.hex())

    async def discard(self) -> None:
        self.ended.append("discarded")


async def stream(*sizes: int) -> AsyncIterator[bytes]:
    at = 0
    for size in sizes:
        yield DATA[at : at + size]
        at += size


SIZES = ([], [1], [SMALL], [SMALL - 1] * 5, [BATCH_BYTES] * 12, [1, BATCH_BYTES, 7, SMALL, 3 * BATCH_BYTES, 1])


@pytest.mark.parametrize("sizes", SIZES, ids=str)
async def test_digests_are_those_of_the_bytes_in_their_order(sizes: list[int]) -> None:
    digests, whole = Digests(CHECKSUM, OS_HASH, "sha256"), DATA[: sum(sizes)]
    async for chunk in stream(*sizes):
        await digests.update(chunk)
    await digests.finish()
    assert digests.size == len(whole)
    for name in (CHECKSUM, OS_HASH, "sha256"):
        assert digests.hexdigest(name) == hashlib.new(name, whole).hexdigest()
    assert digests.digest("sha1") == b""


async def test_many_at_once_take_turns_and_all_are_right() -> None:
    async def one(number: int) -> str:
        digests = Digests(CHECKSUM, OS_HASH)
        for _ in range(CHUNKS_AHEAD * 3):
            await digests.update(bytes([number]) * BATCH_BYTES)
        await digests.finish()
        return digests.hexdigest(OS_HASH)

    found = await asyncio.gather(*(one(number) for number in range(12)))
    wanted = [hashlib.sha512(bytes([number]) * (BATCH_BYTES * CHUNKS_AHEAD * 3)).hexdigest() for number in range(12)]
    assert found == wanted


@pytest.mark.parametrize("sizes", SIZES, ids=str)
async def test_all_of_it_is_written_and_told_to_who_inspects(sizes: list[int]) -> None:
    writer, digests, whole, seen = Writer(), Digests(CHECKSUM), DATA[: sum(sizes)], bytearray()

    async def inspect(chunk: Chunk) -> None:
        seen.extend(chunk)

    assert await write_object(writer, stream(*sizes), digests, lambda: "done", inspect) == "done"
    assert (b"".join(writer.chunks), bytes(seen)) == (whole, whole)
    assert writer.ended == [hashlib.md5(whole).hexdigest()]


async def test_small_chunks_are_collected_and_large_ones_are_not_copied() -> None:
    async def chunks() -> AsyncIterator[Chunk]:
        for _ in range(10):
            yield b"x" * (BATCH_BYTES // 4)
        yield large

    writer, large = Writer(), bytearray(2 * BATCH_BYTES)
    await write_object(writer, chunks(), Digests(), lambda: None)
    assert [len(chunk) // BATCH_BYTES for chunk in writer.chunks] == [1, 1, 2]
    assert sum(len(chunk) for chunk in writer.chunks) == 4 * BATCH_BYTES + BATCH_BYTES // 2
    await write_object(again := Writer(), one_piece(large), Digests(), lambda: None)
    assert again.chunks[0] is large


async def one_piece(piece: Chunk) -> AsyncIterator[Chunk]:
    yield piece


async def test_what_a_store_does_not_take_is_discarded() -> None:
    writer = Writer(fails=2)
    with pytest.raises(Unavailable):
        await write_object(writer, stream(*[BATCH_BYTES] * 8), Digests(CHECKSUM, OS_HASH), lambda: None)
    assert writer.ended == ["discarded"]


async def test_what_is_refused_is_discarded_before_it_is_complete() -> None:
    def refuse() -> None:
        raise ContentRefused(reason="it is")

    async def refuse_chunk(chunk: Chunk) -> None:
        refuse()

    for inspect, finish in ((refuse_chunk, lambda: None), (None, refuse)):
        writer = Writer()
        with pytest.raises(ContentRefused):
            await write_object(writer, stream(BATCH_BYTES, BATCH_BYTES), Digests(CHECKSUM), finish, inspect)
        assert writer.ended == ["discarded"]


async def test_who_is_cancelled_leaves_nothing() -> None:
    async def held() -> AsyncIterator[bytes]:
        yield DATA[:BATCH_BYTES]
        begun.set()
        await asyncio.Event().wait()

    writer, begun = Writer(), asyncio.Event()
    writing = asyncio.create_task(write_object(writer, held(), Digests(CHECKSUM), lambda: None))
    await begun.wait()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert writer.ended == ["discarded"]
