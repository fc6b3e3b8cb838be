"""The S3 store against a server that speaks S3: what goes in comes out; what does not end well leaves nothing."""

import asyncio
import logging
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from hashlib import sha512
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from stackwire.core.context import RequestContext, system_context
from stackwire.core.errors import ServiceError, Unavailable
from stackwire.image.backends.digests import CHECKSUM, Digests
from stackwire.image.backends.s3 import S3Store
from stackwire.image.backends.stores import Stores
from stackwire.image.backends.writing import write_object
from stackwire.image.domain.errors import BadLocation, StorageFull
from stackwire.object_store.bucket import S3Error
from support.polling import pass_time
from support.s3 import ACCESS, SECRET, ABucket, Endpoint, Gate, a_certificate, a_gate

MIB = 1024**2
DATA = bytes(range(251)) * 66000  # more than three parts
PART = 5 * MIB
AStore = Callable[..., S3Store]


def a_name() -> str:
    return f"{uuid4()}.{uuid4().hex[:16]}"


@pytest.fixture
async def a_store(bucket: ABucket, gate: Gate, tmp_path: Path) -> AsyncIterator[AStore]:
    """A store in the bucket, reached by the gate unless told."""
    made: list[S3Store] = []

    def make(url: str | None = None, **options: Any) -> S3Store:
        made.append(bucket.store(tmp_path / "coming", url or gate.url, **options))
        return made[-1]

    yield make
    for store in made:
        await store.close()


@pytest.fixture
def store(a_store: AStore) -> S3Store:
    return a_store()


async def a_stream(data: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


async def fill(store: S3Store, name: str, data: bytes = DATA, announced: int | None = None) -> None:
    """As a caller does: what fails is discarded."""
    digests = Digests(CHECKSUM)
    pieces = a_stream(data, MIB)
    await write_object(await store.writer(name, announced), pieces, digests, lambda: None)
    assert digests.size == len(data)


def told(data: bytes) -> tuple[int, str]:
    """Which bytes they are, in a form that a failure can show."""
    return len(data), sha512(data).hexdigest()


async def read(store: S3Store, name: str, first: int = 0, count: int | None = None) -> bytes:
    with closing(await store.open(name, first, count)) as reader:
        pieces = []
        while piece := await reader.read(MIB):
            pieces.append(piece)
    whole = b"".join(pieces)
    assert reader.size == len(whole)
    return whole


@pytest.mark.parametrize("tells", [False, True], ids=["of a length nobody told", "of a length told before"])
@pytest.mark.parametrize("size", [0, 1, PART, PART + 1, 2 * PART, 12 * MIB, len(DATA)])
async def test_what_goes_in_comes_out(store: S3Store, bucket: ABucket, size: int, tells: bool) -> None:
    name = a_name()
    await fill(store, name, DATA[:size], size if tells else None)
    assert bucket.names() == [name]
    assert bucket.uploads() == []
    assert told(await read(store, name)) == told(DATA[:size])
    assert await store.names() == {name}
    for _ in range(2):
        await store.remove(name)
    assert bucket.is_empty
    with pytest.raises(FileNotFoundError):
        await store.open(name)


@pytest.mark.parametrize(
    ("announced", "calls"),
    [
        (11 * MIB, ["PutObject"]),
        (12 * MIB, ["CreateMultipartUpload", *["UploadPart"] * 3, "CompleteMultipartUpload", "ListMultipartUploads"]),
        (None, ["CreateMultipartUpload", *["UploadPart"] * 3, "CompleteMultipartUpload", "ListMultipartUploads"]),
        (5 * MIB, ["PutObject"]),
    ],
)
async def test_an_object_goes_in_parts_from_the_size_that_is_set(
    store: S3Store, gate: Gate, announced: int | None, calls: list[str]
) -> None:
    await fill(store, a_name(), DATA[: announced or 11 * MIB], announced)
    assert gate.seen == ["ListMultipartUploads", *calls]


@pytest.mark.parametrize(("first", "count"), [(0, 10), (7, None), (PART - 3, 6), (len(DATA) - 5, None), (100, MIB)])
async def test_a_part_is_read_as_it_was_asked_for(store: S3Store, first: int, count: int | None) -> None:
    name = a_name()
    await fill(store, name)
    end = None if count is None else first + count
    assert told(await read(store, name, first, count)) == told(DATA[first:end])


async def test_what_is_not_complete_is_not_there_but_is_known_to_the_sweep(store: S3Store, bucket: ABucket) -> None:
    name = a_name()
    writer = await store.writer(name)
    await writer.put(DATA[: PART + 1])
    await writer.put(DATA[:PART])
    with pytest.raises(FileNotFoundError):
        await store.open(name)
    assert await store.names() == {name}
    await store.remove(name)
    assert await store.names() == set()
    await writer.discard()
    assert bucket.is_empty


async def test_what_else_is_in_the_bucket_is_not_this_service_s(store: S3Store, bucket: ABucket) -> None:
    name = a_name()
    client = bucket.endpoint.client()
    client.put_object(Bucket=bucket.name, Key="a letter", Body=b"dear")
    client.put_object(Bucket=bucket.name, Key=str(uuid4()), Body=b"an image of a Glance that was here before")
    client.create_multipart_upload(Bucket=bucket.name, Key="another letter")
    assert await store.names() == set()
    await store.remove(name)
    assert len(bucket.names()) == 2
    assert bucket.uploads() == ["another letter"]


async def test_what_a_copy_left_in_parts_goes_when_the_same_object_comes_again(store: S3Store, bucket: ABucket) -> None:
    name = a_name()
    client = bucket.endpoint.client()
    for key in (name, f"{name}.not"):
        client.create_multipart_upload(Bucket=bucket.name, Key=key)
    await fill(store, name, DATA[:100])
    assert bucket.uploads() == [f"{name}.not"]


async def test_an_administrator_may_name_what_lies_in_the_bucket_and_is_nobody_s_image(
    store: S3Store, bucket: ABucket
) -> None:
    key, ours = str(uuid4()), a_name()
    bucket.endpoint.client().put_object(Bucket=bucket.name, Key=key, Body=DATA[:1000])
    await fill(store, ours, DATA[:10])
    admin, user = system_context("image"), RequestContext(request_id="req-1", roles=("member",))
    url = (await store.url(ours)).replace(ours, key)
    stores = Stores({"far": store}, "far")
    assert stores.writable == ["far"]
    place, size = await stores.elsewhere(admin, url, {})
    assert (place.store, place.url, size) == ("far", url, 1000)
    with closing(await store.open_at(user, url, 10, 20)) as reader:
        assert await reader.read(100) == DATA[10:30]
    for who, where in (
        (user, url),
        (admin, await store.url(ours)),
        (admin, url.replace(key, str(uuid4()))),
        (admin, url.replace("://", "://me:secret@")),
        (admin, url.replace(bucket.name, "another")),
    ):
        with pytest.raises(BadLocation):
            await stores.elsewhere(who, where, {})


@pytest.mark.parametrize("call", ["CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"])
async def test_an_upload_that_is_refused_leaves_no_part_behind(
    store: S3Store, bucket: ABucket, gate: Gate, call: str
) -> None:
    gate.refused[call] = (403, "AccessDenied")
    with pytest.raises(Unavailable):
        await fill(store, a_name())
    assert bucket.is_empty
    assert ("AbortMultipartUpload" in gate.seen) is (call != "CreateMultipartUpload")


@pytest.mark.parametrize("announced", [None, 6 * MIB])
async def test_an_object_that_is_refused_as_a_whole_is_not_there(
    store: S3Store, bucket: ABucket, gate: Gate, tmp_path: Path, announced: int | None
) -> None:
    gate.refused["PutObject"] = (403, "AccessDenied")
    with pytest.raises(Unavailable):
        await fill(store, a_name(), DATA[: announced or 100], announced)
    assert bucket.is_empty
    assert list((tmp_path / "coming").iterdir()) == []


@pytest.mark.parametrize(
    ("status", "code"),
    [(403, "QuotaExceeded"), (507, "XMinioStorageFull"), (400, "XMinioAdminBucketQuotaExceeded"), (507, "Whatever"),
     (403, "InsufficientStorageSpace"), (400, "EntityTooLarge")],
)  # fmt: skip
@pytest.mark.parametrize("call", ["PutObject", "UploadPart"])
async def test_a_full_store_says_so(store: S3Store, gate: Gate, call: str, status: int, code: str) -> None:
    gate.refused[call] = (status, code)
    with pytest.raises(StorageFull):
        await fill(store, a_name(), DATA if call == "UploadPart" else DATA[:10])


async def test_an_answer_that_was_lost_is_asked_for_again(store: S3Store, bucket: ABucket, gate: Gate) -> None:
    name = a_name()
    for call in ("CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"):
        gate.lost[call] = 1
    await fill(store, name)
    assert told(await read(store, name)) == told(DATA)
    assert bucket.names() == [name]
    assert gate.seen.count("CreateMultipartUpload") == 2
    assert bucket.uploads() == []


@pytest.mark.parametrize("call", ["PutObject", "CompleteMultipartUpload"])
async def test_what_was_stored_though_nobody_heard_is_taken_away_again(
    store: S3Store, bucket: ABucket, gate: Gate, call: str
) -> None:
    gate.lost[call] = 100
    gate.refused["HeadObject"] = (403, "AccessDenied")
    with pytest.raises(Unavailable):
        await fill(store, a_name(), DATA if call == "CompleteMultipartUpload" else DATA[:10])
    assert bucket.is_empty


async def test_a_cancelled_upload_takes_away_what_arrives_after_it(store: S3Store, bucket: ABucket, gate: Gate) -> None:
    gate.held = {"UploadPart"}
    filling = asyncio.create_task(fill(store, a_name()))
    await gate.until_waiting()
    filling.cancel()
    for _ in range(3):
        await pass_time(0)
    assert not filling.done()
    await gate.let_go()
    with pytest.raises(asyncio.CancelledError):
        await filling
    assert bucket.is_empty


@pytest.mark.parametrize("call", ["CreateMultipartUpload", "CompleteMultipartUpload", "PutObject"])
async def test_an_upload_cancelled_at_any_call_leaves_nothing(
    store: S3Store, bucket: ABucket, gate: Gate, call: str
) -> None:
    gate.held = {call}
    filling = asyncio.create_task(fill(store, a_name(), DATA[:10] if call == "PutObject" else DATA))
    await gate.until_waiting()
    filling.cancel()
    await pass_time(0)
    await gate.let_go()
    with pytest.raises(asyncio.CancelledError):
        await filling
    assert bucket.is_empty


async def test_no_more_parts_are_held_than_may_be_and_nobody_else_waits(a_store: AStore, gate: Gate) -> None:
    store = a_store(s3_store_thread_pools=2)
    gate.held = {"UploadPart"}
    writer = await store.writer(a_name())
    taken = 0

    async def push() -> None:
        nonlocal taken
        for _ in range(12):
            await writer.put(DATA[:PART])
            taken += 1

    pushing = asyncio.create_task(push())
    await gate.until_waiting(2)
    for _ in range(50):  # the loop runs, and so do other threads
        await asyncio.to_thread(lambda: None)
    assert taken <= 4  # two on their way, one that is full, one half taken
    assert not pushing.done()
    await gate.let_go()
    await pushing
    assert taken == 12
    await writer.discard()


async def test_a_download_goes_on_where_the_connection_broke_off(store: S3Store, gate: Gate) -> None:
    name = a_name()
    await fill(store, name)
    gate.cut, gate.cut_at = 3, 2 * MIB
    assert told(await read(store, name)) == told(DATA)
    assert gate.seen.count("GetObject") == 4


async def test_a_download_that_breaks_off_again_and_again_fails(store: S3Store, gate: Gate) -> None:
    name = a_name()
    await fill(store, name, DATA[: 2 * MIB])
    gate.cut, gate.cut_at = 100, 0
    with pytest.raises(S3Error):
        await read(store, name)


async def test_a_part_that_is_not_the_one_asked_for_is_not_given(store: S3Store, gate: Gate, bucket: ABucket) -> None:
    name = a_name()
    await fill(store, name, DATA[:1000])
    gate.refused["GetObject"] = (200, "all of it")
    with pytest.raises(S3Error):
        await store.open(name, 10, 20)


@pytest.mark.parametrize("wanted", [True, False])
async def test_a_bucket_is_made_only_where_that_is_wanted(
    a_store: AStore, s3_endpoint: Endpoint, wanted: bool, caplog: pytest.LogCaptureFixture
) -> None:
    new = ABucket(s3_endpoint, f"new-{uuid4().hex}")
    store = a_store(s3_store_bucket=new.name, s3_store_create_bucket_on_put=wanted)
    name = a_name()
    assert await store.names() == set()
    await store.remove(name)
    with pytest.raises(FileNotFoundError):
        await store.open(name)
    if wanted:
        await fill(store, name, DATA[:10])
        assert new.names() == [name]
    else:
        with pytest.raises(Unavailable):
            await fill(store, name, DATA[:10])
        assert "NoSuchBucket" in caplog.text


async def test_a_bucket_in_a_region_is_made_there(a_store: AStore, s3_endpoint: Endpoint) -> None:
    new = ABucket(s3_endpoint, f"new-{uuid4().hex}")
    options = {"s3_store_create_bucket_on_put": True, "s3_store_region_name": "eu-central-1"}
    await fill(a_store(s3_store_bucket=new.name, **options), a_name(), DATA[:10])
    assert s3_endpoint.client().get_bucket_location(Bucket=new.name)["LocationConstraint"] == "eu-central-1"


async def test_a_server_with_a_certificate_of_its_own_is_believed_where_that_is_given(
    a_store: AStore, bucket: ABucket, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tls, certificate = a_certificate(tmp_path)
    async with a_gate(bucket.endpoint.url, tls) as gate:
        name = a_name()
        store = a_store(gate.url, s3_store_cacert=str(certificate))
        await fill(store, name)
        assert told(await read(store, name)) == told(DATA)
        with pytest.raises(Unavailable):
            await fill(a_store(gate.url), a_name())
        assert "CERTIFICATE_VERIFY_FAILED" in caplog.text


@pytest.mark.parametrize(("style", "host"), [("virtual", "{}.s3.example.org"), ("path", "s3.example.org")])
async def test_the_bucket_is_in_the_host_s_name_or_in_the_path_as_it_is_set(
    a_store: AStore, bucket: ABucket, gate: Gate, monkeypatch: pytest.MonkeyPatch, style: str, host: str
) -> None:
    """By way of a proxy, as the environment may name one: there is no such host."""
    monkeypatch.setenv("http_proxy", gate.url)
    gate.refused["ListMultipartUploads"] = (403, "AccessDenied")
    with pytest.raises(Unavailable):
        await a_store("http://s3.example.org", s3_store_bucket_url_format=style).writer(a_name())
    assert gate.hosts == [host.format(bucket.name)]


async def test_a_large_object_of_undeclared_length_is_never_whole_in_memory(
    a_store: AStore, bucket: ABucket, gate: Gate
) -> None:
    """With glance_store's own sizes: parts of 10 MiB, of which few are held."""
    sizes = {"s3_store_large_object_size": 100, "s3_store_large_object_chunk_size": 10, "s3_store_thread_pools": 2}
    store = a_store(bucket.endpoint.url, **sizes)
    name, digest = a_name(), sha512()
    tracemalloc.start()
    try:
        writer = await store.writer(name)
        for number in range(30):
            chunk = bytes([number]) * (4 * MIB)
            digest.update(chunk)
            await writer.put(chunk)
        await writer.complete(b"")  # of parts each has its own
        with closing(await store.open(name)) as reader:
            again = sha512()
            while piece := await reader.read(MIB):
                again.update(piece)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert again.digest() == digest.digest()
    assert reader.size == 120 * MIB
    assert most < 60 * MIB


async def test_an_endpoint_that_is_away_is_reported_as_such(a_store: AStore, caplog: pytest.LogCaptureFixture) -> None:
    store = a_store("http://127.0.0.1:9")
    with pytest.raises(Unavailable) as refused:
        await store.writer(a_name())
    assert "127.0.0.1" not in refused.value.message
    with pytest.raises(S3Error):
        await store.open(a_name())
    with pytest.raises(S3Error):
        await store.names()
    await store.remove(a_name())
    assert "Could not connect" in caplog.text


def everything_told(error: BaseException) -> str:
    chain, one = [], error
    while one is not None:
        chain += [str(one), repr(one), repr(getattr(one, "facts", ""))]
        one = one.__cause__  # type: ignore[assignment]  # the last has none
    return " ".join(chain)


async def test_a_wrong_key_is_refused_and_no_key_is_revealed_to_anybody(
    strict_s3_endpoint: Endpoint, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bucket = strict_s3_endpoint.a_bucket()
    caplog.set_level(logging.DEBUG)
    right = bucket.store(tmp_path)
    await fill(right, a_name(), DATA[:10])
    await right.close()
    for wrong in ({"s3_store_secret_key": "x" * 40}, {"s3_store_access_key": "AKIANOBODYNOBODYNO"}):
        store = bucket.store(tmp_path, **wrong)
        with pytest.raises(Unavailable) as refused:
            await store.writer(a_name())
        with pytest.raises(S3Error) as unread:
            await store.names()
        said = everything_told(refused.value) + everything_told(unread.value) + repr(store._place) + caplog.text
        for secret in (strict_s3_endpoint.access, strict_s3_endpoint.secret, *wrong.values()):
            assert secret not in said
        await store.close()
    assert "AccessDenied" in caplog.text or "InvalidAccessKeyId" in caplog.text
    assert len(bucket.names()) == 1


async def test_a_server_that_answers_with_the_keys_is_not_quoted(
    store: S3Store, gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    gate.refused["ListMultipartUploads"] = (400, "Odd")
    with pytest.raises(ServiceError) as refused:
        await store.writer(a_name())
    assert ACCESS not in everything_told(refused.value) + caplog.text
    assert SECRET not in everything_told(refused.value) + caplog.text
    assert "no, ***, not with ***" in caplog.text
