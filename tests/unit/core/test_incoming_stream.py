"""Files written and hashed from data that comes: several at once, with holes, and what ends one before its time."""

import asyncio
import hashlib
import os
from pathlib import Path

import pytest

from stackwire.core.feeds import Feed
from stackwire.disk_image.incoming_stream import TooManyBytes, write_stream
from support.feeds import feed_of

MIB = 1024**2


async def written(path: Path, feed: Feed, limit: int | None = None) -> str:
    """The digest of what was written."""
    digest, handle = hashlib.sha512(), os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        assert await write_stream(handle, feed, digest, limit) == os.fstat(handle).st_size
    finally:
        os.close(handle)
    return digest.hexdigest()


async def test_each_of_several_at_once_has_its_own_bytes_and_digest(tmp_path: Path) -> None:
    data = [[os.urandom(MIB - number) for _ in range(9)] for number in range(12)]
    feeds = enumerate(feed_of(pieces) for pieces in data)
    digests = await asyncio.gather(*(written(tmp_path / str(number), feed) for number, feed in feeds))
    for number, pieces in enumerate(data):
        assert (tmp_path / str(number)).read_bytes() == b"".join(pieces)
        assert digests[number] == hashlib.sha512(b"".join(pieces)).hexdigest()


async def test_zeroes_are_holes_and_part_of_the_size(tmp_path: Path) -> None:
    pieces = [bytes(MIB), os.urandom(MIB), bytes(MIB)]
    await written(tmp_path / "it", feed_of(pieces))
    assert (tmp_path / "it").read_bytes() == b"".join(pieces)
    assert (tmp_path / "it").stat().st_blocks * 512 < 2 * MIB


async def test_more_than_was_announced_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TooManyBytes):
        await written(tmp_path / "it", feed_of([b"1234", b"5678"]), limit=7)
    assert (tmp_path / "it").read_bytes() == b"1234"


async def test_what_ends_the_data_is_raised(tmp_path: Path) -> None:
    with pytest.raises(ConnectionResetError):
        await written(tmp_path / "it", feed_of([b"1234"], ConnectionResetError("Connection lost")))
