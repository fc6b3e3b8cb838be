"""The Swift store against Swift's own servers: what goes in comes out; what does not end well leaves nothing."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from hashlib import sha512
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from stackwire.core.context import RequestContext, system_context
from stackwire.core.errors import Unavailable
from stackwire.image.backends.digests import CHECKSUM, Digests
from stackwire.image.backends.swift import SwiftStore
from stackwire.image.backends.writing import write_object
from stackwire.image.domain.errors import BadLocation
from stackwire.image.domain.swift import SwiftOptions, place
from support.s3 import a_certificate
from support.swift import ASwift
from support.tls_door import a_tls_door

MIB = 1024**2
DATA = bytes(range(251)) * 17000  # more than four segments
AStore = Callable[..., SwiftStore]


def a_name() -> str:
    return f"{uuid4()}.{uuid4().hex[:16]}"


@pytest.fixture
async def a_store(a_swift: ASwift) -> AsyncIterator[AStore]:
    made: list[SwiftStore] = []

    def make(**options: Any) -> SwiftStore:
        made.append(SwiftStore("far", place("far", SwiftOptions(**a_swift.options(**options)))))
        made[-1].prepare()
        return made[-1]

    yield make
    for store in made:
        await store.close()


@pytest.fixture
def store(a_store: AStore) -> SwiftStore:
    return a_store()


async def a_stream(data: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


async def fill(
    store: SwiftStore, name: str, data: bytes = DATA, announced: int | None = None, owner: str | None = None
) -> None:
    """As a caller does: what fails is discarded."""
    digests = Digests(CHECKSUM)
    pieces = a_stream(data, 700_000)
    await write_object(await store.writer(name, announced, owner), pieces, digests, lambda: None)
    assert digests.size == len(data)


async def read(store: SwiftStore, name: str, first: int = 0, count: int | None = None) -> tuple[int, str]:
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


async def test_what_goes_in_comes_out_whole_and_in_part_and_leaves_nothing(store: SwiftStore, a_swift: ASwift) -> None:
    account = await a_swift.account()
    for size, announced in (
        (0, None), (0, 0), (1, 1), (MIB, None), (MIB + 1, None), (3 * MIB, 3 * MIB), (len(DATA), None),
    ):  # fmt: skip
        name = a_name()
        await fill(store, name, DATA[:size], announced)
        segments = -(-size // MIB) if announced is None or announced >= 3 * MIB else 0
        expected = [name, *(f"{name}-{number:05}" for number in range(1, segments + 1))]
        assert await account.keys(a_swift.container) == expected
        assert await store.names() == {name}
        assert await read(store, name) == told(DATA[:size])
        for first, count in ((0, 10), (7, None), (MIB - 3, 6), (max(size - 5, 0), None), (size, None), (100, 2 * MIB)):
            part = DATA[:size][first:] if count is None else DATA[:size][first : first + count]
            assert await read(store, name, first, count) == told(part), (size, first, count)
        for _ in range(2):
            await store.remove(name)
        assert await account.keys(a_swift.container) == []
        with pytest.raises(FileNotFoundError):
            await store.open(name)


async def test_a_large_object_is_a_manifest_of_segments_as_glance_store_writes_it(
    store: SwiftStore, a_swift: ASwift
) -> None:
    name = a_name()
    await fill(store, name)
    headers = await (await a_swift.account()).headers(a_swift.container, name)
    assert headers["x-object-manifest"] == f"{a_swift.container}/{name}-"
    assert headers["content-length"] == str(len(DATA))


async def test_an_object_that_has_lost_a_segment_is_not_read(store: SwiftStore, a_swift: ASwift) -> None:
    name = a_name()
    await fill(store, name)
    await (await a_swift.account()).delete(a_swift.container, f"{name}-00002")
    with pytest.raises(OSError, match="a segment is lost"):
        await store.open(name)
    await store.remove(name)
    assert await (await a_swift.account()).keys(a_swift.container) == []


async def test_what_is_not_complete_is_not_there_but_is_known_to_the_sweep(store: SwiftStore, a_swift: ASwift) -> None:
    name = a_name()
    writer = await store.writer(name)
    await writer.put(DATA[: 2 * MIB + 5])
    with pytest.raises(FileNotFoundError):
        await store.open(name)
    assert await store.names() == {name}
    await writer.discard()
    assert await store.names() == set()
    whole = await store.writer(name, 5)
    await whole.put(b"12345")
    with pytest.raises(FileNotFoundError):
        await store.open(name)
    await whole.discard()
    assert await (await a_swift.account()).keys(a_swift.container) == []


async def test_a_container_that_does_not_exist_is_made_only_where_it_may_be(a_store: AStore, a_swift: ASwift) -> None:
    store = a_store(swift_store_create_container_on_put=False)
    with pytest.raises(Unavailable):
        await store.writer(a_name())
    assert await store.names() == set()
    assert await (await a_swift.account()).containers(a_swift.container) == []
    await store.remove(a_name())
    with pytest.raises(FileNotFoundError):
        await store.open(a_name())


async def test_images_are_spread_over_containers_by_the_digits_of_their_ids(a_store: AStore, a_swift: ASwift) -> None:
    store, account = a_store(swift_store_multiple_containers_seed=2), await a_swift.account()
    names = [f"{digits}{a_name()[2:]}" for digits in ("3a", "b7")]
    for name in names:
        await fill(store, name, b"some", 4)
        assert await account.keys(f"{a_swift.container}_{name[:2]}") == [name]
    assert await store.names() == set(names)
    assert await read(store, names[0]) == told(b"some")
    for name in names:
        await store.remove(name)
    assert await account.everything(a_swift.container) == []


async def test_each_project_has_its_own_account_and_each_image_a_container_there(
    a_store: AStore, a_swift: ASwift
) -> None:
    store, own = a_store(swift_store_multi_tenant=True), await a_swift.account()
    demo = (await a_swift.identity.http("demo")).project_id
    name, account = a_name(), await a_swift.account(demo)
    await fill(store, name, owner=demo)
    container = f"{a_swift.container}_{name[:36]}"
    assert (await account.containers(a_swift.container), await own.keys(a_swift.container)) == ([container], [name])
    assert await store.url(name) == f"swift+{a_swift.url}/v1/AUTH_{demo}/{container}/{name}"
    assert await read(store, name) == told(DATA)
    assert await read(a_store(swift_store_multi_tenant=True), name, 5, 5) == told(DATA[5:10])
    assert await store.names() == {name}
    await store.remove(name)
    assert await store.names() == set()
    half = await store.writer(name, None, demo)
    await half.put(DATA)
    assert await store.names() == {name}
    await half.discard()
    assert (await account.containers(a_swift.container), await own.keys(a_swift.container)) == ([], [])
    with pytest.raises(Unavailable):
        await store.writer(a_name())


async def test_locations_name_the_account_and_no_key(a_store: AStore, a_swift: ASwift, tmp_path: Any) -> None:
    name, address = a_name(), a_swift.identity.auth_url.removeprefix("http://")
    assert await a_store().url(name) == f"swift+http://{address}/{a_swift.container}/{name}"
    file = tmp_path / "swift.conf"
    file.write_text(f"[ref1]\nuser = service:glance\nkey = secret\nauth_address = {a_swift.identity.auth_url}\n")
    alone = {"swift_store_user": "", "swift_store_key": "", "swift_store_auth_address": ""}
    listed = a_store(**alone, swift_store_config_file=str(file))
    await fill(listed, name, b"of a reference")
    assert await listed.url(name) == f"swift+config://ref1/{a_swift.container}/{name}"
    assert await read(a_store(), name) == told(b"of a reference")


async def test_foreign_objects_are_read_by_the_uris_that_name_them(store: SwiftStore, a_swift: ASwift) -> None:
    ctx = RequestContext(request_id="req-1", roles=("member",))
    admin, address = system_context("image"), a_swift.identity.auth_url.removeprefix("http://")
    account, other = await a_swift.account(), f"{a_swift.container}-others"
    await account.put(other, "a disk", b"0123456789")
    url = f"swift+http://{address}/{other}/a%20disk"
    assert store.reads(url)
    assert await store.size_at(admin, url) == 10
    with closing(await store.open_at(ctx, url, 2, 3)) as reader:
        assert await reader.read(100) == b"234"
    with pytest.raises(BadLocation):
        await store.size_at(ctx, url)
    with pytest.raises(FileNotFoundError):
        await store.size_at(admin, f"swift+http://{address}/{other}/none")
    own = a_name()
    await fill(store, own)
    for key in (own, f"{own}-00001"):
        with pytest.raises(BadLocation):
            await store.size_at(admin, f"swift+http://{address}/{a_swift.container}/{key}")
    for unread in (
        f"swift+http://service:glance:secret@{address}/{other}/a",
        f"swift+https://{address}/{other}/a",
        f"swift+config://ref1/{other}/a",
        f"swift+http://{address}/{other}",
        f"swift+http://elsewhere/v3/{other}/a",
    ):
        assert not store.reads(unread), unread


async def test_a_swift_that_is_away_or_a_wrong_key_is_no_object_and_no_secret(
    a_store: AStore, a_swift: ASwift, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = "wrong" * 8
    away = "http://127.0.0.1:9"
    stores = [
        a_store(swift_store_key=wrong),
        a_store(swift_store_auth_address=away),
        a_store(swift_store_endpoint=f"{away}/v1/AUTH_x"),
        a_store(swift_store_service_type="object"),
    ]
    for store in stores:
        calls: list[Awaitable[Any]] = [store.open(a_name()), store.names()]
        for call in calls:
            with pytest.raises(OSError, match=r".") as raised:
                await call
            assert not isinstance(raised.value, FileNotFoundError)
        with pytest.raises(Unavailable):
            await store.writer(a_name())
        await store.remove(a_name())
    assert "could not remove" in caplog.text
    assert wrong not in caplog.text


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")  # as it is set
async def test_swift_and_its_identity_service_are_spoken_to_over_tls_and_believed_where_that_is_given(
    a_store: AStore, a_swift: ASwift, tmp_path: Path
) -> None:
    """``swift+https``: locations name the address of the identity service, as glance_store's do."""
    tls, certificate = a_certificate(tmp_path)
    identity, swift = urlsplit(a_swift.identity.auth_url), urlsplit(a_swift.url)
    async with (
        a_tls_door("127.0.0.1", identity.port or 0, tls) as login,
        a_tls_door("127.0.0.1", swift.port or 0, tls) as door,
    ):
        account = urlsplit((await a_swift.account()).url).path
        there = {
            "swift_store_auth_address": f"https://127.0.0.1:{login}{identity.path}",
            "swift_store_endpoint": f"https://127.0.0.1:{door}{account}",
        }
        store, name = a_store(**there, swift_store_cacert=str(certificate)), a_name()
        await fill(store, name)
        url = await store.url(name)
        assert url == f"swift+https://127.0.0.1:{login}{identity.path}/{a_swift.container}/{name}"
        assert store.reads(url)
        assert store.reads(url.replace("swift+https", "swift"))
        assert not store.reads(url.replace("swift+https", "swift+http"))
        await (await a_swift.account()).put(a_swift.container, "disk", b"of somebody else")
        with closing(await store.open_at(system_context("image"), url.replace(name, "disk"), 0, None)) as reader:
            assert await reader.read(MIB) == b"of somebody else"
        assert await read(store, name) == told(DATA)
        assert await read(a_store(**there, swift_store_auth_insecure=True), name) == told(DATA)
        with pytest.raises(OSError, match=r"SSL|certificate"):
            await a_store(**there).open(name)
        await store.remove(name)
        assert await (await a_swift.account()).keys(a_swift.container) == ["disk"]


async def test_a_token_that_swift_no_longer_takes_is_asked_for_anew(store: SwiftStore, a_swift: ASwift) -> None:
    name = a_name()
    await fill(store, name)
    session = store._client._opened()
    token = await asyncio.to_thread(session.get_token)
    glance = await a_swift.identity.http("glance", "service")
    revoke = {"X-Subject-Token": token or ""}
    (await glance.request("DELETE", "identity", "/v3/auth/tokens", headers=revoke)).ok(204)
    assert await read(store, name) == told(DATA)
