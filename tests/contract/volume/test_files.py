"""The back end's files: whole or not at all, sparse, and the same bytes at both ends."""

import hashlib
import os
from pathlib import Path

import pytest

from stackwire.core.feeds import Feed
from stackwire.disk_image.sparse_files import BytesMissing
from stackwire.volume.backends.files import FileStore, TooManyBytes
from support.feeds import feed_of

MIB = 1024**2


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path)


def chunks(data: bytes, size: int = 100_000) -> Feed:
    return feed_of(data[at : at + size] for at in range(0, len(data), size))


async def read(store: FileStore, name: str) -> bytes:
    return b"".join([chunk async for chunk in store.read(name)])


def on_disk(store: FileStore, name: str) -> int:
    """Bytes that the file takes on the disk."""
    return store.path(name).stat().st_blocks * 512


async def filled(store: FileStore, name: str, data: bytes) -> str:
    async with store.incoming(name) as incoming:
        return (await incoming.fill(chunks(data), "sha512", len(data))).digest


async def test_what_is_written_has_its_digest_and_is_read(store: FileStore) -> None:
    data = os.urandom(9 * MIB + 17)
    written = await filled(store, "v", data)
    assert await read(store, "v") == data
    assert written == hashlib.sha512(data).hexdigest()


async def test_zeroes_take_no_space_and_read_as_zeroes(store: FileStore) -> None:
    data = b"x" + bytes(8 * MIB) + b"y"
    assert await filled(store, "v", data) == hashlib.sha512(data).hexdigest()
    await store.resize("v", 64 * MIB)
    assert store.path("v").stat().st_size == 64 * MIB
    assert on_disk(store, "v") <= MIB
    assert await read(store, "v") == data.ljust(64 * MIB, b"\0")


async def test_zeroes_at_the_end_are_part_of_what_was_received(store: FileStore) -> None:
    data = b"x" * 100 + bytes(MIB)
    await filled(store, "v", data)
    assert await read(store, "v") == data


async def test_a_copy_keeps_bytes_and_holes(store: FileStore) -> None:
    data = bytes(3 * MIB) + os.urandom(MIB) + bytes(5 * MIB)
    await filled(store, "v", data)
    await store.copy("v", "w", 10 * MIB)
    assert await read(store, "w") == data.ljust(10 * MIB, b"\0")
    assert on_disk(store, "w") <= 2 * MIB


async def test_an_interrupted_stream_changes_nothing(store: FileStore, tmp_path: Path) -> None:
    await filled(store, "v", b"old")

    with pytest.raises(ConnectionError):
        async with store.incoming("v") as incoming:
            await incoming.fill(feed_of([b"new"], ConnectionError()), "md5", 100)
    assert await read(store, "v") == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["v"]


async def test_more_than_was_announced_is_refused(store: FileStore) -> None:
    with pytest.raises(TooManyBytes):
        async with store.incoming("v") as incoming:
            await incoming.fill(chunks(bytes(1000)), "md5", 999)


async def test_what_is_not_there_is_missing_and_removing_it_is_fine(store: FileStore) -> None:
    await store.remove("v")
    with pytest.raises(BytesMissing):
        await read(store, "v")
    with pytest.raises(BytesMissing):
        await store.copy("v", "w", 1)
