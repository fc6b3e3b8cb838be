"""What the image API refuses of a new image and of a change, and what it takes as it is: bad-input rows 31-78."""

import asyncio
from typing import Any

import pytest

from support.bad_input import refused, row, state, whole
from support.builders.images import a_queued_image, get_image
from support.cloud import ASharedCloud, JsonClient, TestCloud

NOBODY = "11111111-1111-4111-8111-111111111111"
V21 = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
V20 = {"Content-Type": "application/openstack-images-v2.0-json-patch"}
OCTETS = {"Content-Type": "application/octet-stream"}


@pytest.fixture
async def cloud(a_shared_cloud: ASharedCloud) -> TestCloud:
    return await a_shared_cloud()


READ_ONLY = "status checksum size virtual_size created_at updated_at os_hash_value os_hash_algo"
CREATES = [
    *(row(31, f"body {body!r}", body, 400) for body in ([], "x", 1, True)),
    row(32, "key of 256", {"k" * 256: "v"}, 400),
    row(32, "key of half a MB", {"k" * 2**19: "v"}, 400),
    row(32, "key of a MB", {"k" * 2**20: "v"}, 413),
    row(33, "empty key", {"": "v"}, 400),
    *(row(34, f"value {value!r}", {"k": value}, 400) for value in (1, 1.5, True, None, [], ["a"], {}, {"a": "b"})),
    row(35, "value of 65,536 bytes", {"k": "v" * 65536}, 400),
    row(35, "value of 65,536 bytes in fewer characters", {"k": "\u00e9" * 32768}, 400),
    row(36, "129 properties", {f"k{n}": "v" for n in range(129)}, 413),
    *(row(38, f"id {value!r}", {"id": value}, 400) for value in ("x", "", 5, "{6ba7b810-9dad-11d1-80b4-00c04fd430c8}")),
    *(row(39, name, {name: "x"}, 403) for name in READ_ONLY.split()),
    row(39, "status as it would be", {"status": "queued"}, 403),
    *(row(40, name, {name: "x"}, 403) for name in ("self", "schema", "file", "direct_url", "stores")),
    *(row(41, name, {name: value}, 403) for name, value in (("locations", []), ("location", "file:///etc/passwd"),
                                                            ("deleted", "x"), ("deleted_at", "x"))),
    *(row(42, name, {name: "x"}, 403) for name in ("os_glance_importing_to_stores", "os_glance", "os_glance_x")),
    row(43, "owner of another project", {"owner": NOBODY.replace("-", "")}, 403),
    *(row(44, f"visibility {value!r}", {"visibility": value}, 400) for value in ("secret", "Public", 1, None)),
    row(45, "disk format", {"disk_format": "exe"}, 400),
    row(45, "container format", {"container_format": ""}, 400),
    *(row(46, f"{name} {value!r}", {name: value}, 400) for name in ("min_ram", "min_disk")
      for value in (-1, "1", 1.5, True, None)),
    *(row(47, f"{name} 2^{power}", {name: 2**power}, 400) for name in ("min_ram", "min_disk")
      for power in (31, 63)),
    row(48, "protected", {"protected": "yes"}, 400),
    row(48, "os_hidden", {"os_hidden": 1}, 400),
    row(49, "tag of 256", {"tags": ["t" * 256]}, 400),
    row(49, "129 tags", {"tags": [str(n) for n in range(129)]}, 413),
    row(49, "tags are a text", {"tags": "x"}, 400),
    row(49, "tag is a number", {"tags": [1]}, 400),
]  # fmt: skip


@pytest.mark.parametrize(("wish", "status"), CREATES)
async def test_an_image_that_cannot_be_is_refused(demo: JsonClient, wish: Any, status: int) -> None:
    before = await state(demo, "image")
    refused("image", await demo.post("image", "/v2/images", json=wish), status)
    assert await state(demo, "image") == before


async def test_numbers_no_store_can_hold_are_refused(cloud: TestCloud, demo: JsonClient) -> None:
    """Rows 31 (null), 43 and 47: what a JSON writer of ours does not write, and what only administrators reach."""
    json = {"Content-Type": "application/json"}
    for body in (b"null", b'{"min_ram": 18446744073709551616}', b'{"min_disk": 1e30}'):
        refused("image", await demo.post("image", "/v2/images", data=body, headers=json), 400)
    admin = await cloud.http("admin")
    refused("image", await admin.post("image", "/v2/images", json={"owner": "o" * 256}), 400)


async def test_an_id_is_taken_for_ever(cloud: TestCloud, demo: JsonClient) -> None:
    """Row 38: also by another project, also when the image is gone."""
    image_id = await a_queued_image(demo)
    alt = await cloud.http("alt")
    for client in (demo, alt):
        refused("image", await client.post("image", "/v2/images", json={"id": image_id}), 409)
    (await demo.delete("image", f"/v2/images/{image_id}")).ok(204)
    for client in (demo, alt):
        refused("image", await client.post("image", "/v2/images", json={"id": image_id}), 409)


ODD = [
    "__proto__", "constructor", "__class__", "{0.__class__}", "%(x)s", "${jndi:ldap://a}", "a/b", "a~b", "a b",
    "\U0001f4be", "\u200fx", "e\u0301", "\u00e9", "Case", "case", "image_id", "image_name", "instance_uuid",
    "base_image_ref",
]  # fmt: skip


async def test_odd_names_and_values_come_back_as_they_were_given(demo: JsonClient) -> None:
    """Rows 29, 50-54."""
    odd = {name: name for name in ODD} | {"block_device_mapping": "[{"}
    image_id = await a_queued_image(demo, name="a\r\nX-Evil: 1", tags=["t", "t"], **odd)
    answer = (await demo.get("image", f"/v2/images/{image_id}")).ok(200)
    assert {name: answer.json[name] for name in odd} == odd
    assert (answer.json["name"], answer.json["tags"]) == ("a\r\nX-Evil: 1", ["t"])
    assert "X-Evil" not in answer.headers


async def test_headers_of_the_first_api_mean_nothing(demo: JsonClient) -> None:
    """Row 55."""
    headers = {"x-image-meta-status": "active", "x-image-meta-owner": NOBODY, "x-image-meta-property-a": "b"}
    image = (await demo.post("image", "/v2/images", json={"name": "h"}, headers=headers)).ok(201).json
    assert (image["status"], image["owner"], "a" in image) == ("queued", demo.project_id, False)


def op(verb: str, path: str, value: Any = "v") -> dict[str, Any]:
    return {"op": verb, "path": path, "value": value}


CHANGES = [
    row(37, "128 more properties", [op("add", f"/x{n}") for n in range(128)], 413),
    *(row(57, f"body {body!r}", body, 400) for body in ({}, ["x"], [[]], [None], "x", 5)),
    *(row(59, f"op {verb!r}", [op(verb, "/a")], 400) for verb in ("test", "move", "copy", "ADD", 5, None)),
    row(59, "no op", [{"path": "/a", "value": "v"}], 400),
    *(row(60, f"path {path!r}", [op("add", path)], 400) for path in ("", "a", "/", 5, None)),
    row(60, "no path", [{"op": "add", "value": "v"}], 400),
    *(row(61, f"path {path!r}", [op("add", path)], 400) for path in ("/k//b", "/k/", "//")),
    *(row(62, f"path {path!r}", [op("add", path)], 400) for path in ("/a~2b", "/a~")),
    row(65, "within a text", [op("add", "/a/b")], 400),
    *(row(66, f"{verb} without a value", [{"op": verb, "path": "/a"}], 400) for verb in ("add", "replace")),
    row(67, "replace what is not there", [op("replace", "/none")], 409),
    row(68, "remove what is not there", [{"op": "remove", "path": "/none"}], 409),
    *(row(69, f"remove {name}", [{"op": "remove", "path": f"/{name}"}], 403)
      for name in ("name", "min_ram", "visibility", "tags")),
    *(row(70, f"replace {name}", [op("replace", f"/{name}")], 403)
      for name in ("id", "status", "checksum", "size", "schema", "self", "file")),
    *(row(71, f"replace {name}", [op("replace", f"/{name}")], 403) for name in ("deleted", "location", "os_glance_x")),
    row(74, "no locations", [op("replace", "/locations", [])], 403),
    row(74, "not the last location", [{"op": "remove", "path": "/locations/0"}], 403),
    row(74, "a location", [op("add", "/locations/-", {"url": "file:///etc/passwd", "metadata": {}})], 403),
    row(75, "owner", [op("replace", "/owner", NOBODY)], 403),
    row(76, "fourth of five is wrong", [op("add", "/b"), op("add", "/c"), op("replace", "/name"),
                                        op("replace", "/none"), op("add", "/d")], 409),
    row(76, "fourth of five is forbidden", [op("add", "/b"), op("add", "/c"), op("replace", "/name"),
                                            op("replace", "/size", 1), op("add", "/d")], 403),
    row(77, "10,000 operations", [op("add", "/a", "2")] * 10_000, 413),
    row(47, "min_ram 2^31", [op("replace", "/min_ram", 2**31)], 400),
    row(46, "min_disk true", [op("replace", "/min_disk", True)], 400),
    row(34, "value of a property", [op("add", "/b", 5)], 400),
    row(35, "value of 65,536 bytes", [op("add", "/b", "v" * 65536)], 400),
    row(44, "visibility", [op("replace", "/visibility", "secret")], 400),
    row(49, "129 tags", [op("replace", "/tags", [str(n) for n in range(129)])], 413),
]  # fmt: skip


@pytest.mark.parametrize(("change", "status"), CHANGES)
async def test_a_change_that_cannot_be_changes_nothing(demo: JsonClient, change: Any, status: int) -> None:
    image_id = await a_queued_image(demo, a="1")
    before = await get_image(demo, image_id)
    if isinstance(change, list) and len(change) == 1:
        change = [{"op": "replace", "path": "/a", "value": "changed"}, *change]
    refused("image", await demo.patch("image", f"/v2/images/{image_id}", json=change, headers=V21), status)
    assert await get_image(demo, image_id) == before
    (await demo.delete("image", f"/v2/images/{image_id}")).ok(204)


MEDIA = [
    row(56, "JSON", {"Content-Type": "application/json"}),
    row(56, "no media type", {"Content-Type": ""}),
    row(56, "the patch of the RFC", {"Content-Type": "application/json-patch+json"}),
]  # fmt: skip


@pytest.mark.parametrize("headers", MEDIA)
async def test_a_change_has_one_of_two_media_types(demo: JsonClient, headers: dict[str, str]) -> None:
    image_id = await a_queued_image(demo)
    answer = await demo.patch("image", f"/v2/images/{image_id}", data=b"[]", headers=headers)
    refused("image", answer, 415)
    assert set(answer.headers["Accept-Patch"].split(", ")) >= {V21["Content-Type"], V20["Content-Type"]}


GRANTED = [
    row(58, "nothing", [], {}),
    row(63, "slash", [op("add", "/x~1b")], {"x/b": "v"}),
    row(64, "tilde", [op("add", "/x~0b")], {"x~b": "v"}),
    row(64, "tilde before one", [op("add", "/x~01")], {"x~1": "v"}),
    row(72, "add what is there", [op("add", "/a")], {"a": "v"}),
]  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), GRANTED)
async def test_an_odd_change_that_can_be_is_made(demo: JsonClient, change: Any, expected: dict[str, str]) -> None:
    image_id = await a_queued_image(demo, a="1")
    before = await get_image(demo, image_id)
    after = (await demo.patch("image", f"/v2/images/{image_id}", json=change, headers=V21)).ok(200).json
    expected = {"updated_at": after["updated_at"], **expected} if change else expected
    assert after == await get_image(demo, image_id) == before | expected


async def test_the_older_media_type_adds_only_what_is_not_there(demo: JsonClient) -> None:
    """Row 72."""
    image_id = await a_queued_image(demo, a="1")
    before = await get_image(demo, image_id)
    change = [{"add": "/a", "value": "2"}]
    refused("image", await demo.patch("image", f"/v2/images/{image_id}", json=change, headers=V20), 409)
    assert await get_image(demo, image_id) == before


async def test_formats_and_locations_of_an_active_image_stay(demo: JsonClient) -> None:
    """Rows 73 and 74."""
    image_id = await a_queued_image(demo)
    (await demo.put("image", f"/v2/images/{image_id}/file", data=b"x", headers=OCTETS)).ok(204)
    before = await get_image(demo, image_id)
    for change in (
        op("replace", "/disk_format", "qcow2"),
        op("replace", "/container_format", "ovf"),
        op("replace", "/locations", []),
        {"op": "remove", "path": "/locations/0"},
    ):
        refused("image", await demo.patch("image", f"/v2/images/{image_id}", json=[change], headers=V21), 403)
    assert await get_image(demo, image_id) == before


async def test_two_changes_at_once_are_both_kept(demo: JsonClient) -> None:
    """Row 78."""
    image_id = await a_queued_image(demo)
    path = f"/v2/images/{image_id}"
    answers = await asyncio.gather(
        *(demo.patch("image", path, json=[op("add", f"/p{n}")], headers=V21) for n in range(8))
    )
    assert [answer.status for answer in answers] == [200] * 8
    assert {f"p{n}" for n in range(8)} <= (await get_image(demo, image_id)).keys()


HERE = "flows/test_bad_input_image.py: "
ELSEWHERE = {
    **dict.fromkeys(range(50, 55), HERE + "test_odd_names_and_values_come_back_as_they_were_given"),
    55: HERE + "test_headers_of_the_first_api_mean_nothing",
    73: HERE + "test_formats_and_locations_of_an_active_image_stay",
    78: HERE + "test_two_changes_at_once_are_both_kept",
}


def test_no_row_is_forgotten() -> None:
    whole(range(31, 79), (CREATES, CHANGES, MEDIA, GRANTED), ELSEWHERE)
