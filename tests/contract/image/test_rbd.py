"""The RBD store against a Ceph of one node: what goes in comes out; what does not end well leaves nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from hashlib import sha512
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from stackwire.core.context import RequestContext, system_context
from stackwire.core.errors import Unavailable
from stackwire.image.backends.digests import CHECKSUM, Digests
from stackwire.image.backends.writing import write_object
from stackwire.image.domain.errors import BadLocation
from stackwire.image.domain.rbd import RbdOptions, place
from support.ceph import APool, Ceph
from support.polling import until

if TYPE_CHECKING:
    from stackwire.image.backends.rbd import RbdStore

MIB = 1024**2
DATA = bytes(range(251)) * 50000 + bytes(5 * MIB)  # more than two objects
AStore = Callable[..., "RbdStore"]


def a_name() -> str:
    return f"{uuid4()}.{uuid4().hex[:16]}"


@pytest.fixture
async def a_store(a_pool: APool) -> AsyncIterator[AStore]:
    from stackwire.image.backends.rbd import RbdStore  # its library is part of Ceph's packages

    made: list[RbdStore] = []

    def make(**options: Any) -> RbdStore:
        made.append(RbdStore("far", place("far", RbdOptions(**a_pool.options(**options)))))
        return made[-1]

    yield make
    for store in made:
        await store.close()


@pytest.fixture
def store(a_store: AStore) -> "RbdStore":
    return a_store()


async def a_stream(data: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


async def fill(store: "RbdStore", name: str, data: bytes = DATA, announced: int | None = None) -> None:
    """As a caller does: what fails is discarded."""
    digests = Digests(CHECKSUM)
    pieces = a_stream(data, 3_000_000)
    await write_object(await store.writer(name, announced), pieces, digests, lambda: None)
    assert digests.size == len(data)


async def read(store: "RbdStore", name: str, first: int = 0, count: int | None = None) -> tuple[int, str]:
    """Which bytes they are, in a form that a failure can show."""
    with closing(await store.open(name, first, count)) as reader:
        pieces = []
        while piece := await reader.read(MIB):
            pieces.append(piece)
    whole = b"".join(pieces)
    assert reader.size == len(whole)
    return told(whole)


def told(data: bytes) -> tuple[int, str]:
    return len(data), sha512(data).hexdigest()


@pytest.mark.parametrize("thin", [False, True], ids=["with zeroes", "without zeroes"])
async def test_what_goes_in_comes_out_whole_and_in_part_and_leaves_nothing(
    a_store: AStore, a_pool: APool, thin: bool
) -> None:
    store = a_store(rbd_thin_provisioning=thin)
    for size, announced in ((0, None), (8 * MIB + 1, 8 * MIB + 1), (len(DATA), None)):
        name = a_name()
        await fill(store, name, DATA[:size], announced)
        assert a_pool.names() == [name]
        assert await store.names() == {name}
        for first, count in ((0, None), (7, 10), (8 * MIB - 3, 6), (max(size - 5, 0), None), (size, None)):
            part = DATA[:size][first:] if count is None else DATA[:size][first : first + count]
            assert await read(store, name, first, count) == told(part), (size, first, count)
        for _ in range(2):
            await store.remove(name)
        assert a_pool.names() == []
        with pytest.raises(FileNotFoundError):
            await store.open(name)


async def test_an_image_is_in_chunks_with_the_protected_snapshot_that_glance_makes(
    a_store: AStore, a_pool: APool, ceph: Ceph
) -> None:
    store, name = a_store(rbd_store_chunk_size=4, rbd_thin_provisioning=True), a_name()
    await fill(store, name)
    assert "order 22 (4 MiB objects)" in a_pool.rbd("info", f"@{name}")
    assert "protected: True" in a_pool.rbd("info", f"@{name}@snap")
    fsid = ceph.fsid
    assert await store.url(name) == f"rbd://{fsid}/{a_pool.name}/{name}/snap"
    written = sum(int(line.split()[1]) for line in a_pool.rbd("diff", f"@{name}").splitlines()[1:])
    assert written < len(DATA) - 4 * MIB  # the zeroes at the end take no room


async def test_what_is_not_complete_is_not_there_but_is_known_to_the_sweep(store: "RbdStore", a_pool: APool) -> None:
    name = a_name()
    writer = await store.writer(name)
    await writer.put(DATA[:MIB])
    with pytest.raises(FileNotFoundError):
        await store.open(name)
    assert await store.names() == {name}
    for _ in range(2):
        await writer.discard()
    assert a_pool.names() == []
    left = await store.writer(name)  # a process that died has it open until the cluster finds out
    await left.put(DATA[:MIB])
    await store.remove(name)
    await left.discard()
    assert a_pool.names() == []


async def test_an_image_with_clones_is_in_use_and_stays(store: "RbdStore", a_pool: APool) -> None:
    name = a_name()
    await fill(store, name)
    assert not await store.in_use(name)
    a_pool.rbd("clone", f"@{name}@snap", "@volume")
    assert await store.in_use(name)
    await store.remove(name)
    assert await read(store, name) == told(DATA)
    assert "protected: True" in a_pool.rbd("info", f"@{name}@snap")
    a_pool.rbd("rm", "@volume")
    assert not await store.in_use(name)
    await store.remove(name)
    assert a_pool.names() == []


async def test_foreign_images_are_read_by_the_uris_that_name_them(store: "RbdStore", a_pool: APool, ceph: Ceph) -> None:
    ctx, admin = RequestContext(request_id="req-1", roles=("member",)), system_context("image")
    a_pool.rbd("create --size 1M", "@disk")
    a_pool.rbd("snap create", "@disk@monday")
    fsid = ceph.fsid
    for url in ("rbd://disk", f"rbd://{fsid}/{a_pool.name}/disk/monday"):
        assert store.reads(url)
        assert await store.size_at(admin, url) == MIB
        with closing(await store.open_at(ctx, url, MIB - 2, 10)) as reader:
            assert await reader.read(100) == b"\0\0"
        with pytest.raises(BadLocation):
            await store.size_at(ctx, url)
    own = a_name()
    await fill(store, own, b"own")
    for url in (f"rbd://{own}", f"rbd://{fsid}/{a_pool.name}/{own}/snap", f"rbd://{uuid4()}/{a_pool.name}/disk/monday"):
        with pytest.raises(BadLocation):
            await store.size_at(admin, url)
    for url in ("rbd://none", f"rbd://{fsid}/{a_pool.name}/disk/tuesday"):
        with pytest.raises(FileNotFoundError):
            await store.size_at(admin, url)
    for url in (f"rbd://{fsid}/other/disk/monday", "rbd://a/b", "rbd://a//c/d", "rbd://", "http://disk"):
        assert not store.reads(url), url


async def test_a_ceph_that_is_away_or_a_pool_that_is_not_there_is_no_object(
    a_store: AStore, a_pool: APool, ceph: Ceph, tmp_path: Any
) -> None:
    nowhere = tmp_path / "ceph.conf"
    nowhere.write_text(ceph.conf.read_text().replace("mon host = v2:127.0.0.1:", "mon host = v2:127.0.0.2:"))
    for store in (a_store(rbd_store_pool="none"), a_store(rbd_store_ceph_conf=str(nowhere), rados_connect_timeout=1)):
        for call in (store.names(), store.url(a_name())) if store._place.pool != "none" else (store.names(),):
            with pytest.raises(OSError, match=r"."):
                await call
        with pytest.raises(Unavailable):
            await store.writer(a_name())
        await store.remove(a_name())


async def test_a_ceph_that_goes_away_fails_what_is_under_way_and_is_used_again_when_it_is_back(
    a_store: AStore, a_pool: APool, ceph: Ceph
) -> None:
    """The store waits a second; what is to work has longer, on a machine that has much else to do."""
    patient, store, kept, lost = a_store(rados_connect_timeout=30), a_store(rados_connect_timeout=1), a_name(), a_name()
    await fill(patient, kept)
    writer = await store.writer(lost)
    with ceph.away():
        with pytest.raises(Unavailable):
            await writer.put(DATA)
        with pytest.raises(OSError, match=r"."):
            await store.open(kept)
        with pytest.raises(Unavailable):
            await store.in_use(kept)
        await asyncio.shield(writer.discard())

    async def is_read() -> bool:
        try:
            return await read(store, kept) == told(DATA)
        except OSError:
            return False

    await until(is_read, 60)
    await patient.remove(lost)
    assert await patient.names() == {kept}
