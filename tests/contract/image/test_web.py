"""Fetching from the web: what is connected to is what was judged."""

import socket
from collections.abc import AsyncIterator, Sequence

import pytest

from stackwire.image.backends.web import Web
from stackwire.image.domain.errors import DownloadFailed, UriRefused
from stackwire.image.domain.uri_filter import UriFilter
from support.postgres import skip_or_fail
from support.web import Mirror, a_mirror

OPEN = UriFilter(allowed_ports=())
HERE = "127.0.0.1"


def our_address() -> str:
    """One of this machine that is not its loopback: to the rules it is anybody's."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent
        except OSError:
            skip_or_fail("this machine has no address but its loopback")
        return str(probe.getsockname()[0])


@pytest.fixture
async def mirror() -> AsyncIterator[Mirror]:
    async with a_mirror("0.0.0.0") as made:
        made.pages["/image"] = b"data"
        yield made


def a_web(*answers: Sequence[str], rules: UriFilter = OPEN) -> Web:
    """Names mean the next of these addresses each time they are asked for."""
    left = list(answers)

    async def resolve(host: str, port: int) -> Sequence[str]:
        return left.pop(0) if left else [host]

    return Web(rules, stall=0.3, total=5, resolve=resolve)


async def fetched(web: Web, uri: str) -> bytes:
    async with web.open(uri) as page:
        return b"".join([chunk async for chunk in page.chunks])


async def test_a_name_is_resolved_once_and_that_is_where_the_bytes_come_from(mirror: Mirror) -> None:
    web = a_web([our_address()], [HERE])
    assert await fetched(web, f"http://mirror.example:{mirror.port}/image?x=%20y") == b"data"
    assert mirror.asked == ["/image?x=%20y"]


async def test_a_name_that_means_this_machine_is_never_connected_to(mirror: Mirror) -> None:
    for answer in ([HERE], ["::1"], ["::ffff:127.0.0.1"], ["0.0.0.0"], []):
        with pytest.raises(UriRefused):
            await fetched(a_web(answer), f"http://mirror.example:{mirror.port}/image")
        with pytest.raises(UriRefused):
            await a_web(answer).check(f"http://mirror.example:{mirror.port}/image")
    assert mirror.asked == []


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:{port}/image", "http://[::ffff:127.0.0.1]:{port}/image", "http://2130706433:{port}/image",
        "http://0x7f.1:{port}/image", "http://localhost:{port}/image", "http://169.254.169.254/", "file:///etc/passwd",
        "http://127.0.0.1.nip.io:{port}/image",
    ],
)  # fmt: skip
async def test_no_redirect_leads_to_this_machine(mirror: Mirror, location: str) -> None:
    mirror.pages["/away"] = location.format(port=mirror.port)
    ours = our_address()

    async def resolve(host: str, port: int) -> Sequence[str]:
        return {"mirror.example": [ours], "localhost": [HERE], "127.0.0.1.nip.io": [HERE]}.get(host, [host])

    web = Web(OPEN, stall=1, total=5, resolve=resolve)
    with pytest.raises(UriRefused, match=r"Redirect|filtering"):
        await fetched(web, f"http://mirror.example:{mirror.port}/away")
    assert mirror.asked == ["/away"]


async def test_redirects_end(mirror: Mirror) -> None:
    ours = our_address()
    mirror.pages["/here"] = "/image"
    mirror.pages["/for/ever"] = "/for/ever"
    assert await fetched(a_web(), f"http://{ours}:{mirror.port}/here") == b"data"
    with pytest.raises(DownloadFailed, match="more than 10 redirects"):
        await fetched(a_web(), f"http://{ours}:{mirror.port}/for/ever")


async def test_what_is_no_whole_answer_is_a_failure(mirror: Mirror) -> None:
    web, base = a_web(rules=UriFilter(allowed_hosts=(HERE,), allowed_ports=())), f"http://{HERE}:{mirror.port}"
    mirror.pages |= {"/broken": None, "/silent": (b"x", "..."), "/500": 500, "/206": 206, "/204": 204}
    for path in ("/broken", "/silent", "/500", "/206", "/204", "/nothing"):
        with pytest.raises(DownloadFailed):
            await fetched(web, base + path)
    mirror.headers["Content-Encoding"] = "gzip"
    with pytest.raises(DownloadFailed, match="encoded"):
        await fetched(web, f"{base}/image")
    with pytest.raises(DownloadFailed, match="did not answer"):
        await fetched(web, f"http://{HERE}:1/")


async def test_a_name_nobody_knows_is_refused() -> None:
    with pytest.raises(UriRefused):
        await Web(OPEN, stall=1, total=5).check("http://there.is.no.such.name.invalid/")
