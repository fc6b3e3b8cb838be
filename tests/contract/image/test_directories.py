"""The file store over one directory, over several, and over some that nobody writes any more."""

import asyncio
import shutil
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from stackwire.core.errors import Unavailable
from stackwire.image.backends.files import Directory, FileStore
from stackwire.image.backends.readers import ThreadReader
from stackwire.image.domain.errors import StorageFull

DATA = bytes(range(256)) * 300
MakeStore = Callable[[Path], FileStore]


def one(root: Path) -> FileStore:
    return FileStore([Directory(root / "only")])


def several(root: Path) -> FileStore:
    return FileStore([Directory(root / "slow", 100), Directory(root / "fast", 200), Directory(root / "last")])


def with_old_ones(root: Path) -> FileStore:
    return FileStore([Directory(root / "new")], read_only=[Directory(root / "old", 999)])


@pytest.fixture(params=[one, several, with_old_ones], ids=["one directory", "several", "an old one too"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> FileStore:
    make: MakeStore = request.param
    made = make(tmp_path)
    made.prepare()
    return made


async def fill(store: FileStore, name: str, data: bytes = DATA, announced: int | None = None) -> None:
    writer = await store.writer(name, announced)
    await writer.put(data)
    await writer.complete(b"")


async def read(store: FileStore, name: str, first: int = 0, count: int | None = None) -> bytes:
    with closing(await store.open(name, first, count)) as reader:
        pieces = []
        while piece := await reader.read(4096):
            pieces.append(piece)
    told = b"".join(pieces)
    assert reader.size == len(told)
    return told


async def test_what_goes_in_comes_out(store: FileStore) -> None:
    await fill(store, "a")
    assert await read(store, "a") == DATA
    assert await store.names() == {"a"}


async def test_a_part_is_read_as_it_was_asked_for(store: FileStore) -> None:
    await fill(store, "a")
    assert await read(store, "a", 1000) == DATA[1000:]
    assert await read(store, "a", 1000, 5000) == DATA[1000:6000]
    assert await read(store, "a", len(DATA) - 3, 10) == DATA[-3:]
    assert await read(store, "a", 0, 0) == b""


async def test_a_reader_closed_while_it_reads_lets_go_of_the_file_afterwards() -> None:
    """A file closed under a thread that reads it could give that thread another file's bytes."""
    reading, go_on, closed = threading.Event(), threading.Event(), threading.Event()

    class Slow:
        def read(self, most: int, /) -> bytes:
            assert not closed.is_set()
            reading.set()
            assert go_on.wait(10)
            assert not closed.is_set()
            return b"x" * most

        def close(self) -> None:
            closed.set()

    reader = ThreadReader(Slow(), 10)
    under_way = asyncio.ensure_future(reader.read(10))
    await asyncio.to_thread(reading.wait, 10)
    reader.close()
    assert not closed.is_set()
    go_on.set()
    await under_way
    assert closed.is_set()
    assert await reader.read(10) == b""


async def test_what_is_not_complete_is_not_there_to_be_read_but_is_known_to_the_sweep(store: FileStore) -> None:
    writer = await store.writer("a")
    await writer.put(DATA)
    with pytest.raises(FileNotFoundError):
        await store.open("a")
    assert await store.names() == {"a"}
    await store.remove("a")
    assert await store.names() == set()
    await writer.discard()


async def test_what_is_removed_is_gone_and_removing_it_again_is_fine(store: FileStore) -> None:
    await fill(store, "a")
    await fill(store, "b")
    for _ in range(2):
        await store.remove("a")
    with pytest.raises(FileNotFoundError):
        await store.open("a")
    assert await read(store, "b") == DATA


async def test_of_several_the_highest_priority_is_written(tmp_path: Path) -> None:
    store = several(tmp_path)
    store.prepare()
    await fill(store, "a")
    assert (tmp_path / "fast" / "images" / "a").is_file()


async def test_a_directory_that_went_away_is_passed_over(tmp_path: Path) -> None:
    store = several(tmp_path)
    store.prepare()
    shutil.rmtree(tmp_path / "fast")
    await fill(store, "a")
    assert (tmp_path / "slow" / "images" / "a").is_file()
    assert await read(store, "a") == DATA
    assert await store.names() == {"a"}


async def test_without_any_directory_left_nothing_can_be_stored_at_the_moment(tmp_path: Path) -> None:
    store = several(tmp_path)
    store.prepare()
    for name in ("slow", "fast", "last"):
        shutil.rmtree(tmp_path / name)
    with pytest.raises(Unavailable) as refused:
        await store.writer("a")
    assert str(tmp_path) not in refused.value.message


async def test_more_than_any_of_several_has_room_for_is_refused_before_the_first_byte(tmp_path: Path) -> None:
    store = several(tmp_path)
    store.prepare()
    with pytest.raises(StorageFull):
        await store.writer("a", announced=2**62)
    assert await store.names() == set()


async def test_a_directory_that_is_written_no_more_is_read_and_emptied_all_the_same(tmp_path: Path) -> None:
    old = FileStore([Directory(tmp_path / "old")])
    old.prepare()
    await fill(old, "a")
    store = with_old_ones(tmp_path)
    store.prepare()
    await fill(store, "b")
    assert await read(store, "a") == DATA
    assert (tmp_path / "new" / "images" / "b").is_file()
    await store.remove("a")
    assert await store.names() == {"b"}
