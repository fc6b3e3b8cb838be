"""What the image API refuses of lists, data and members: bad-input rows 79-103; imports have tests of their own."""

import asyncio
from typing import Any
from urllib.parse import urlsplit

import pytest

from flows.test_bad_input_image import NOBODY, OCTETS, V21
from support.bad_input import refused, row, state, whole
from support.builders.images import a_queued_image, get_image
from support.cloud import ASharedCloud, JsonClient, TestCloud
from support.polling import until


@pytest.fixture
async def cloud(a_shared_cloud: ASharedCloud) -> TestCloud:
    return await a_shared_cloud()


LISTS = [
    *(row(79, query, query) for query in ("limit=-1", "limit=abc", "limit=", "limit=1.5")),
    *(row(80, query, query) for query in ("marker=x", f"marker={NOBODY}", "marker=")),
    *(row(81, query, query) for query in ("sort_key=owner", "sort=bogus:asc", "sort=name:up", "sort_key=", "sort=:")),
    row(82, "two ways to sort", "sort=name&sort_key=size"),
    row(82, "two directions for three keys", "sort_key=name&sort_key=size&sort_key=id&sort_dir=asc&sort_dir=desc"),
    *(row(83, query, query) for query in ("visibility=x", "member_status=x", "os_hidden=x", "protected=x")),
    row(84, "changes-since", "changes-since=2020-01-01T00:00:00Z"),
    *(row(85, query, query) for query in ("created_at=gte:junk", "updated_at=foo:2020-01-01", "size_min=abc")),
    *(row(86, query, query) for query in ('name=in:"a', "id=in:", 'status=in:a,"b')),
    row(10, "NUL in a filter", "a=%00"),
]  # fmt: skip


@pytest.mark.parametrize("query", LISTS)
async def test_a_list_that_makes_no_sense_is_refused(demo: JsonClient, query: str) -> None:
    refused("image", await demo.get("image", f"/v2/images?{query.replace(chr(34), '%22')}"), 400)


async def test_a_page_may_be_empty_and_is_never_endless(demo: JsonClient) -> None:
    """Row 79."""
    assert (await demo.get("image", "/v2/images?limit=0")).ok(200).json["images"] == []
    (await demo.get("image", f"/v2/images?limit={10**30}")).ok(200)


async def test_a_marker_reveals_nothing_of_other_projects(cloud: TestCloud, demo: JsonClient) -> None:
    """Row 80: the same words for an image of others and for none."""
    foreign = await a_queued_image(await cloud.http("alt"))
    told = [(await demo.get("image", f"/v2/images?marker={marker}")).ok(400).body for marker in (foreign, NOBODY)]
    assert told[0].replace(foreign.encode(), b"") == told[1].replace(NOBODY.encode(), b"")


LITERAL = [row(87, name, name) for name in ("' OR 1=1--", "%25", "_", "\\", "*")]


@pytest.mark.parametrize("name", LITERAL)
async def test_a_name_is_looked_for_as_it_is_written(demo: JsonClient, name: str) -> None:
    await a_queued_image(demo, name="some name")
    assert (await demo.get("image", f"/v2/images?name={name}")).ok(200).json["images"] == []


async def test_a_thousand_tags_are_no_work(demo: JsonClient) -> None:
    """Row 88."""
    async with asyncio.timeout(30):
        assert (await demo.get("image", "/v2/images?" + "&".join(["tag=a"] * 1000))).status in (200, 400)


UPLOADS = [
    row(94, "JSON", {"Content-Type": "application/json"}, 415),
    row(14, "a coding", {**OCTETS, "Content-Encoding": "gzip"}, 415),
    *(row(95, f"size {size!r}", {**OCTETS, "x-openstack-image-size": size}, 400)
      for size in ("abc", "-5", "10", "1e1")),
]  # fmt: skip


@pytest.mark.parametrize(("headers", "status"), UPLOADS)
async def test_an_upload_that_cannot_be_leaves_the_image_queued(
    demo: JsonClient, headers: dict[str, str], status: int
) -> None:
    image_id = await a_queued_image(demo)
    before = await get_image(demo, image_id)
    refused("image", await demo.put("image", f"/v2/images/{image_id}/file", data=b"12345", headers=headers), status)
    after = await get_image(demo, image_id)
    assert after | {"updated_at": ""} == before | {"updated_at": ""}


async def has_status(demo: JsonClient, image_id: str, status: str) -> bool:
    return bool((await get_image(demo, image_id))["status"] == status)


async def test_an_upload_that_breaks_off_leaves_nothing(cloud: TestCloud, demo: JsonClient) -> None:
    """Row 96: a hundred bytes announced, ten sent, the connection closed."""
    image_id = await a_queued_image(demo)
    url = urlsplit(demo.urls["image"])
    _, writer = await asyncio.open_connection(url.hostname, url.port)
    head = (
        f"PUT /v2/images/{image_id}/file HTTP/1.1\r\nHost: h\r\nX-Auth-Token: {demo.token}\r\n"
        "Content-Type: application/octet-stream\r\nContent-Length: 100\r\n\r\n"
    )
    writer.write(head.encode() + b"x" * 10)
    await writer.drain()
    await until(lambda: has_status(demo, image_id, "saving"))
    writer.close()
    await writer.wait_closed()
    await until(lambda: has_status(demo, image_id, "queued"))
    assert (await get_image(demo, image_id))["size"] is None
    (await demo.put("image", f"/v2/images/{image_id}/file", data=b"whole", headers=OCTETS)).ok(204)


async def test_data_comes_once_and_only_where_it_may(cloud: TestCloud, demo: JsonClient) -> None:
    """Rows 93, 97-99."""
    admin = await cloud.http("admin")
    image_id = await a_queued_image(demo)
    path = f"/v2/images/{image_id}"
    assert (await demo.get("image", f"{path}/file", headers={"Range": "bytes=0-4"})).status in (204, 416)
    (await demo.put("image", f"{path}/file", data=b"", headers=OCTETS)).ok(204)
    image = await get_image(demo, image_id)
    assert (image["status"], image["size"]) == ("active", 0)
    refused("image", await demo.put("image", f"{path}/file", data=b"x", headers=OCTETS), 409)
    (await admin.post("image", f"{path}/actions/deactivate")).ok(204)
    refused("image", await demo.put("image", f"{path}/file", data=b"x", headers=OCTETS), 409)
    (await demo.delete("image", path)).ok(204)
    refused("image", await demo.put("image", f"{path}/file", data=b"x", headers=OCTETS), 404)
    bare = (await demo.post("image", "/v2/images", json={"name": "no formats"})).ok(201).json["id"]
    refused("image", await demo.put("image", f"/v2/images/{bare}/file", data=b"x", headers=OCTETS), 400)


MEMBERS = [
    row(100, f"{str(body)[:24]}", body)
    for body in ({}, {"member": 1}, {"member": "m" * 256}, {"member": ""}, [], {"member": None}, {"member": "m\0"})
]


@pytest.mark.parametrize("member", MEMBERS)
async def test_a_member_that_cannot_be_is_refused(demo: JsonClient, member: Any) -> None:
    path = f"/v2/images/{await a_queued_image(demo, visibility='shared')}/members"
    refused("image", await demo.post("image", path, json=member), 400)
    assert (await demo.get("image", path)).ok(200).json["members"] == []


@pytest.mark.parametrize("verb", ["GET", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["", "/file", "/tags/t", "/members/m", "/actions/deactivate"])
@pytest.mark.parametrize("image_id", [NOBODY, "x", "%00", "..%2f..%2fetc%2fpasswd"])
async def test_an_image_that_is_not_there(demo: JsonClient, verb: str, path: str, image_id: str) -> None:
    """Row 26, for whatever can be asked of an image."""
    data, headers = None, {}
    if verb == "PATCH":
        data, headers = b"[]", V21
    elif verb == "PUT" and path == "/file":
        data, headers = b"x", OCTETS
    elif verb == "PUT" and path == "/members/m":
        data, headers = b'{"status": "accepted"}', {"Content-Type": "application/json"}
    answer = await demo.request(verb, "image", f"/v2/images/{image_id}{path}", data=data, headers=headers)
    assert answer.status in (403, 404, 405), answer.body
    refused("image", answer, answer.status)


async def test_a_body_a_store_cannot_hold_makes_no_image(demo: JsonClient) -> None:
    before = await state(demo, "image")
    for name in (b'"a\\u0000b"', b'"\\udc00"'):
        body = b'{"tags": [%s]}' % name
        refused("image", await demo.post("image", "/v2/images", data=body,
                                         headers={"Content-Type": "application/json"}), 400)  # fmt: skip
    assert await state(demo, "image") == before


DATA = "flows/test_image_data.py: "
HERE = "flows/test_bad_input_image_data.py: "
IMPORTS = "flows/test_image_import.py: "
ELSEWHERE = {
    88: HERE + "test_a_thousand_tags_are_no_work",
    **dict.fromkeys(range(89, 93), DATA + "test_ranges"),
    93: DATA + "test_an_image_without_data_has_nothing_to_send",
    96: HERE + "test_an_upload_that_breaks_off_leaves_nothing",
    **dict.fromkeys((97, 98, 99), HERE + "test_data_comes_once_and_only_where_it_may"),
    101: IMPORTS + "test_an_import_that_makes_no_sense_changes_nothing",
    102: IMPORTS + "test_an_image_that_is_not_ready_is_a_conflict",
    103: "flows/test_web_download.py: test_what_must_not_be_fetched_is_refused_at_once",
}


def test_no_row_is_forgotten() -> None:
    entries = (entry for table in (LISTS, LITERAL, UPLOADS, MEMBERS) for entry in table)
    whole(range(79, 104), [[entry for entry in entries if int(entry.id.split()[0]) > 78]], ELSEWHERE)
