"""Requests that are no HTTP, or HTTP with nonsense in it, sent to every API byte by byte.

Rows 1-30 of the bad-input tables. The answer is a 4xx, nothing is stored, and the next good request is served. What
the HTTP parser itself refuses has no body of the API's: no application was asked yet.
"""

import asyncio
import gzip
from urllib.parse import urlsplit

import pytest

from support.bad_input import LISTS, refused, row, state, whole
from support.builders.images import an_image
from support.builders.servers import TINY_FLAVOR
from support.cloud import ASharedCloud, JsonClient, TestCloud

SERVICES = ("image", "volume", "compute")
POSTS = {"image": "/v2/images", "volume": "/v3/{project_id}/volumes", "compute": "/v2.1/servers"}
every_service = pytest.mark.parametrize("service", SERVICES)
PATIENCE = 30.0  # seconds: far below what a silent connection is given


@pytest.fixture
async def cloud(a_shared_cloud: ASharedCloud) -> TestCloud:
    return await a_shared_cloud()


async def exchanged(client: JsonClient, service: str, request: bytes) -> tuple[int, bytes]:
    """Status and whole answer of one raw request, {T} and {P} replaced; 0 when the connection is closed without one."""
    url = urlsplit(client.urls[service])
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    try:
        writer.write(request.replace(b"{T}", client.token.encode()).replace(b"{P}", client.project_id.encode()))
        await writer.drain()
        async with asyncio.timeout(PATIENCE):
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                (
                    int(line.split(b":")[1])
                    for line in head.lower().split(b"\r\n")
                    if line.startswith(b"content-length")
                ),
                0,
            )
            body = await reader.readexactly(length)
        return int(head.split()[1]), head + body
    except (asyncio.IncompleteReadError, ConnectionError):
        return 0, b""
    finally:
        writer.close()


def raw(verb: bytes, path: str, *headers: bytes, body: bytes = b"", version: bytes = b"HTTP/1.1") -> bytes:
    target = path.replace("{project_id}", "{P}").encode()
    return b"\r\n".join([b"%s %s %s" % (verb, target, version), *headers, b"", body])


HOST, TOKEN, JSON = b"Host: localhost", b"X-Auth-Token: {T}", b"Content-Type: application/json"

FRAMES = [
    row(15, "length and coding", (b"Content-Length: 2", b"Transfer-Encoding: chunked"), b"0\r\n\r\n"),
    row(16, "two same lengths", (b"Content-Length: 2", b"Content-Length: 2"), b"{}"),
    row(16, "two other lengths", (b"Content-Length: 2", b"Content-Length: 3"), b"{} "),
    row(17, "length below zero", (b"Content-Length: -1",), b"{}"),
    row(17, "length with a sign", (b"Content-Length: +5",), b"{}"),
    row(17, "length of letters", (b"Content-Length: abc",), b"{}"),
    row(17, "length of a float", (b"Content-Length: 1e30",), b"{}"),
    row(18, "chunk of letters", (b"Transfer-Encoding: chunked",), b"ZZ\r\n{}\r\n0\r\n\r\n"),
    row(18, "chunk of 17 digits", (b"Transfer-Encoding: chunked",), b"1" * 17 + b"\r\n{}\r\n0\r\n\r\n"),
    row(19, "unknown coding", (b"Transfer-Encoding: xchunked",), b"{}"),
    row(20, "header of 9 KB", (b"X-Long: " + b"x" * 9216, b"Content-Length: 2"), b"{}"),
    row(20, "many headers", (*(b"X-H-%d: v" % n for n in range(2000)), b"Content-Length: 2"), b"{}"),
    row(21, "NUL in a header", (b"X-A: a\0b", b"Content-Length: 2"), b"{}"),
    row(21, "bare CR", (b"X-A: a\rb", b"Content-Length: 2"), b"{}"),
    row(21, "bare LF", (b"X-A: a\nX-B: b", b"Content-Length: 2"), b"{}"),
    row(21, "folded header", (b"X-A: a", b" b", b"Content-Length: 2"), b"{}"),
    row(21, "space before the colon", (b"X-A : a", b"Content-Length: 2"), b"{}"),
    row(13, "plain body called gzip", (b"Content-Encoding: gzip", b"Content-Length: 2"), b"{}"),
    row(27, "CR LF in the token", (b"X-Auth-Token: a\r\n\x00b", b"Content-Length: 2"), b"{}"),
]


@every_service
@pytest.mark.parametrize(("headers", "body"), FRAMES)
async def test_a_request_with_a_broken_frame_is_a_bad_request(
    cloud: TestCloud, service: str, headers: tuple[bytes, ...], body: bytes
) -> None:
    demo = await cloud.http("demo")
    before = await state(demo, service)
    status, answer = await exchanged(
        demo, service, raw(b"POST", POSTS[service], HOST, TOKEN, JSON, *headers, body=body)
    )
    assert status in (400, 413, 431), answer
    assert b"Traceback" not in answer
    assert await state(demo, service) == before


VERBS = [
    row(24, "no host", raw(b"GET", "/", TOKEN), {400}),
    row(24, "version 9.9", raw(b"GET", "/", HOST, version=b"HTTP/9.9"), {400, 505}),
    row(20, "URL of 9 KB", raw(b"GET", "/" + "a" * 9216, HOST, TOKEN), {400, 414}),
    row(23, "expects what is not known", raw(b"GET", "/{list}", HOST, TOKEN, b"Expect: 200-maybe"), {417}),
    # The parser refuses verbs no standard names before a service sees them: 400 instead of the catalogue's 405 or 501.
    row(25, "unknown verb", raw(b"FOO", "/{list}", HOST, TOKEN), {400, 405, 501}),
    row(25, "lower-case verb", raw(b"get", "/{list}", HOST, TOKEN), {400, 405}),
    row(25, "wrong verb", raw(b"PATCH", "/{list}", HOST, TOKEN), {404, 405}),  # Nova and Cinder: 404, without a body
    row(25, "unknown path", raw(b"GET", "/v2.1/nothing/here", HOST, TOKEN), {404}),
    row(27, "no token", raw(b"GET", "/{list}", HOST), {401}),
    row(27, "empty token", raw(b"GET", "/{list}", HOST, b"X-Auth-Token:"), {401}),
    row(27, "token of 100 KB", raw(b"GET", "/{list}", HOST, b"X-Auth-Token: " + b"t" * 102400), {400, 401, 431}),
    row(27, "token of odd bytes", raw(b"GET", "/{list}", HOST, b"X-Auth-Token: \xff\xfe"), {400, 401}),
    row(28, "roles without a token", raw(b"GET", "/{list}", HOST, b"X-Roles: admin", b"X-Project-Id: {P}"), {401}),
    row(28, "status confirmed without a token", raw(b"GET", "/{list}", HOST, b"X-Identity-Status: Confirmed"), {401}),
]


@every_service
@pytest.mark.parametrize(("request_", "expected"), VERBS)
async def test_a_request_nobody_serves_gets_an_error(
    cloud: TestCloud, service: str, request_: bytes, expected: set[int]
) -> None:
    demo = await cloud.http("demo")
    path = LISTS[service].replace("{project_id}", "{P}").encode()
    status, answer = await exchanged(demo, service, request_.replace(b"/{list}", path))
    assert status in expected, answer
    assert status != 405 or b"\r\nallow:" in answer.lower()
    await state(demo, service)


@every_service
async def test_odd_header_bytes_are_stored_and_echoed_nowhere_they_break(cloud: TestCloud, service: str) -> None:
    demo = await cloud.http("demo")
    for name in (b"X-Openstack-Request-Id", b"X-Forwarded-For", b"User-Agent", b"X-Roles", b"OpenStack-API-Version"):
        request = raw(b"GET", LISTS[service], HOST, TOKEN, name + b": \xff\xfe")
        status, answer = await exchanged(demo, service, request)
        assert status in (200, 400), (name, answer)


@every_service
async def test_headers_of_a_client_give_no_standing(cloud: TestCloud, service: str) -> None:
    demo, alt = await cloud.http("demo"), await cloud.http("alt")
    headers = {"X-Roles": "admin", "X-Project-Id": demo.project_id, "X-Is-Admin": "True", "X-User-Id": "admin"}
    path = LISTS[service].replace("{project_id}", alt.project_id)
    assert (await alt.get(service, path, headers=headers)).json == (await alt.get(service, path)).json
    foreign = {"image": "/v2/images?owner=", "volume": "/v3/", "compute": "/v2.1/"}[service] + demo.project_id
    suffix = {"image": "", "volume": "/volumes", "compute": "/servers"}[service]
    assert (await alt.get(service, foreign + suffix, headers=headers)).status == (200 if service == "image" else 400)


BODIES = [
    row(1, "a brace", b"{"), row(2, "nothing", b""), row(3, "deep", b"[" * 100_000), row(4, "NaN", b'{"name": NaN}'),
    row(4, "endless", b'{"name": 1e999}'), row(4, "minus infinity", b'{"name": -Infinity}'),
    row(5, "5000 digits", b'{"name": ' + b"9" * 5000 + b"}"), row(6, "twice", b'{"name": "a", "name": "b"}'),
    row(7, "byte order mark", b"\xef\xbb\xbf{}"), row(8, "no UTF-8", b'{"name": "\xff"}'),
    row(9, "half a pair", b'{"name": "\\ud800"}'), row(10, "NUL", b'{"name": "\\u0000"}'),
    row(10, "NUL in a key", b'{"a\\u0000": "b"}'), row(1, "null", b"null"), row(1, "a list", b"[]"),
    row(1, "a number", b"1"),
]  # fmt: skip


async def within_a_good_wish(client: JsonClient, service: str, body: bytes) -> bytes:
    """The body's fields in a wish that would be granted without them, so that nothing else is to blame."""
    if service == "image":
        return body
    if service == "volume":
        return b'{"volume": {"size": 1, %s}' % body[1:]
    image = await an_image(client)
    good = b'"flavorRef": "%s", "imageRef": "%s", "networks": "none"' % (TINY_FLAVOR.encode(), image.encode())
    return b'{"server": {%s, %s}' % (good, body[1:])


@every_service
@pytest.mark.parametrize("body", BODIES)
async def test_a_body_that_cannot_be_read_is_a_bad_request(cloud: TestCloud, service: str, body: bytes) -> None:
    demo = await cloud.http("demo")
    wrapped = await within_a_good_wish(demo, service, body) if body.startswith(b'{"') else body
    before = await state(demo, service)
    answer = await demo.post(service, POSTS[service], data=wrapped, headers={"Content-Type": "application/json"})
    refused(service, answer, 400)
    assert await state(demo, service) == before


LARGE = b'{"name": "' + b"n" * 2**20 + b'"}'
WEIGHTS = [
    row(11, "a MB and a byte", LARGE, {}),
    row(11, "a MB and a byte of gzip", gzip.compress(LARGE), {"Content-Encoding": "gzip"}),
]  # fmt: skip


@every_service
@pytest.mark.parametrize(("body", "headers"), WEIGHTS)
async def test_a_body_that_is_too_large_gets_an_error(
    cloud: TestCloud, service: str, body: bytes, headers: dict[str, str]
) -> None:
    demo = await cloud.http("demo")
    answer = await demo.post(service, POSTS[service], data=body, headers=headers | {"Content-Type": "application/json"})
    refused(service, answer, 413)


MEDIA = [row(12, kind, kind) for kind in ("text/plain", "application/xml", "application/x-www-form-urlencoded")]


@every_service
@pytest.mark.parametrize("kind", MEDIA)
async def test_a_body_of_another_kind_is_refused(cloud: TestCloud, service: str, kind: str) -> None:
    """The image service reads JSON whatever it is called, as Glance does."""
    demo = await cloud.http("demo")
    before = await state(demo, service)
    answer = await demo.post(service, POSTS[service], data=b"<!DOCTYPE a>", headers={"Content-Type": kind})
    refused(service, answer, 400 if service == "image" else 415)
    assert await state(demo, service) == before


async def test_a_bomb_is_not_unpacked(cloud: TestCloud) -> None:
    """Row 14: 200 KB that would be 200 MB."""
    demo = await cloud.http("demo")
    wish = {"name": "i", "disk_format": "raw", "container_format": "bare"}
    path = f"/v2/images/{(await demo.post('image', '/v2/images', json=wish)).ok(201).json['id']}"
    headers = {"Content-Type": "application/octet-stream", "Content-Encoding": "gzip"}
    bomb = gzip.compress(bytes(200 * 2**20), compresslevel=1)
    async with asyncio.timeout(PATIENCE):
        refused("image", await demo.put("image", f"{path}/file", data=bomb, headers=headers), 415)
    image = (await demo.get("image", path)).ok(200).json
    assert (image["status"], image["size"]) == ("queued", None)


@every_service
async def test_who_says_nothing_keeps_nobody_waiting(cloud: TestCloud, service: str) -> None:
    """Row 30 in small: 200 connections that say one byte and no more; others are answered at once."""
    demo = await cloud.http("demo")
    url = urlsplit(demo.urls[service])
    silent = [await asyncio.open_connection(url.hostname, url.port) for _ in range(200)]
    try:
        for _, writer in silent:
            writer.write(b"G")
        async with asyncio.timeout(PATIENCE):
            assert await state(demo, service)
        assert not any(reader.at_eof() for reader, _ in silent)
    finally:
        for _, writer in silent:
            writer.close()


HERE = "flows/test_bad_input_transport.py: "
ELSEWHERE = {
    14: HERE + "test_a_bomb_is_not_unpacked",
    22: HERE + "test_odd_header_bytes_are_stored_and_echoed_nowhere_they_break",
    26: "flows/test_addresses.py: test_an_address_is_answered_as_the_recorded_cloud_answers_it",
    29: "flows/test_bad_input_image.py: test_odd_names_and_values_come_back_as_they_were_given",
    30: HERE + "test_who_says_nothing_keeps_nobody_waiting",
}


def test_no_row_is_forgotten() -> None:
    whole(range(1, 31), (FRAMES, VERBS, BODIES, WEIGHTS, MEDIA), ELSEWHERE)
