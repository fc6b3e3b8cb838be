"""The web as a store: sizes and parts of what lies at a URL, as its server gives them."""

from collections.abc import AsyncIterator

import pytest

from stackwire.core.context import RequestContext
from stackwire.image.backends.http import WebStore
from stackwire.image.backends.stores import Stores
from stackwire.image.backends.web import Web
from stackwire.image.domain.errors import AddDisabled, BadLocation
from stackwire.image.domain.image import Image
from stackwire.image.domain.locations import Location
from stackwire.image.domain.uri_filter import UriFilter
from support.web import Mirror, a_mirror

HERE = "127.0.0.1"
DATA = bytes(range(256)) * 4096
CTX = RequestContext()


@pytest.fixture
async def mirror() -> AsyncIterator[Mirror]:
    async with a_mirror() as made:
        made.pages["/image"] = DATA
        yield made


@pytest.fixture
def store() -> WebStore:
    return WebStore(Web(UriFilter(allowed_hosts=(HERE,), allowed_ports=()), stall=0.3, total=5))


async def read(store: WebStore, url: str, first: int = 0, count: int | None = None) -> bytes:
    reader = await store.open_at(CTX, url, first, count)
    came = b""
    while piece := await reader.read(1000):
        came += piece
    assert len(came) == reader.size
    reader.close()
    return came


async def test_the_size_is_taken_from_head_or_else_from_get(store: WebStore, mirror: Mirror) -> None:
    assert await store.size_at(CTX, f"{mirror.url}/image") == len(DATA)
    assert mirror.verbs == ["HEAD"]
    mirror.without = ("HEAD",)
    assert await store.size_at(CTX, f"{mirror.url}/image") == len(DATA)
    assert mirror.verbs == ["HEAD", "HEAD", "GET"]


@pytest.mark.parametrize("ranges", [False, True])
@pytest.mark.parametrize("part", [(0, None), (10, 20), (300_000, 5000), (len(DATA) - 1, 1), (7, None)])
async def test_a_part_comes_whether_or_not_the_server_gives_parts(
    store: WebStore, mirror: Mirror, part: tuple[int, int | None], ranges: bool
) -> None:
    mirror.ranges = ranges
    first, count = part
    last = len(DATA) if count is None else first + count
    assert await read(store, f"{mirror.url}/image", first, count) == DATA[first:last]


async def test_what_is_not_there_is_distinguished_from_what_cannot_be_asked(store: WebStore, mirror: Mirror) -> None:
    mirror.pages["/broken"] = 500
    for url in (f"{mirror.url}/none", f"{mirror.url}/broken"):
        missing = url.endswith("none")
        with pytest.raises(OSError, match="its server answered") as size:
            await store.size_at(CTX, url)
        with pytest.raises(OSError, match="its server answered") as data:
            await store.open_at(CTX, url)
        assert {isinstance(told.value, FileNotFoundError) for told in (size, data)} == {missing}


async def test_a_connection_that_breaks_is_an_error_and_no_end(store: WebStore, mirror: Mirror) -> None:
    mirror.pages["/breaks"] = None
    reader = await store.open_at(CTX, f"{mirror.url}/breaks")
    with pytest.raises(OSError, match="broke off"):
        while await reader.read(1000):
            pass
    reader.close()


async def test_what_the_rules_forbid_is_no_location(mirror: Mirror) -> None:
    store = WebStore(Web(UriFilter(allowed_ports=()), stall=0.3, total=5))
    for url in (f"{mirror.url}/image", "http://user:secret@example.org/", "http://2130706433/"):
        with pytest.raises(BadLocation):
            await store.size_at(CTX, url)
        with pytest.raises(BadLocation):
            await store.open_at(CTX, url)
    assert mirror.asked == []


async def test_nothing_is_written_there(store: WebStore) -> None:
    with pytest.raises(AddDisabled):
        await store.writer("x", 1)
    assert await store.names() == set()
    await store.remove("x")


async def test_locations_are_tried_in_their_order_until_one_answers(store: WebStore, mirror: Mirror) -> None:
    stores = Stores({"web": store}, "web")
    places = [Location(store="web", url=f"{mirror.url}/{name}") for name in ("none", "image", "other")]
    reader = await stores.data(CTX, Image(id="i", status="active", locations=places), 5, 3)
    assert await reader.read(10) == DATA[5:8]
    reader.close()
    assert mirror.asked == ["/none", "/image"]


async def test_a_store_that_is_none_any_more_reveals_nothing(store: WebStore) -> None:
    stores = Stores({"web": store}, "web")
    with pytest.raises(FileNotFoundError):
        await stores.url(Location(store="gone", object="x"))
    assert await stores.url(Location(store="gone", url="http://example.org/")) == "http://example.org/"


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "FILE:///etc/passwd", "filesystem:///x", "swift+config://ref/c/o", "sheepdog://x",
        "ftp://example.org/x", "data:text/plain,x", " http://example.org/", "http:/example.org", "", "x",
        "http://example.org/a b", "http://example.org/\n", "http://example.org/" + "x" * 9000,
    ],
)  # fmt: skip
def test_only_schemes_that_a_store_reads_lead_anywhere(store: WebStore, url: str) -> None:
    with pytest.raises(BadLocation):
        Stores({"web": store}, "web").outside(url)
