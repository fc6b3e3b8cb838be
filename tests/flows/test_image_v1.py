"""The Image API v1, in a release that had it: metadata in headers, data in bodies, and the same rules around both."""

import hashlib
from collections.abc import Mapping
from typing import Any

import pytest

from flows.test_image_import import files, said
from stackwire.core.behaviours import RELEASES
from support.cloud import ACloud, Answer, ASharedCloud, JsonClient, TestCloud
from support.web import a_mirror

NOBODY = "11111111-1111-4111-8111-111111111111"
OCTETS = {"Content-Type": "application/octet-stream"}
RAW = {"x-image-meta-disk_format": "raw", "x-image-meta-container_format": "bare"}
DATA = b"data of an image" * 1000
Headers = Mapping[str, str]


@pytest.fixture
async def cloud(a_shared_cloud: ASharedCloud) -> TestCloud:
    return await a_shared_cloud("queens")


async def post(client: JsonClient, data: bytes | None = None, **meta: str) -> Answer:
    """``property_k`` is the property k; any other name an attribute."""
    headers = {f"x-image-meta-{name.replace('property_', 'property-')}": value for name, value in meta.items()}
    return await client.post("image", "/v1/images", data=data, headers={**headers, **(OCTETS if data else {})})


async def made(client: JsonClient, data: bytes | None = None, **meta: str) -> dict[str, Any]:
    image: dict[str, Any] = (await post(client, data, **meta)).ok(201).json["image"]
    return image


async def an_active(client: JsonClient, **meta: str) -> str:
    return str((await made(client, DATA, name="i", disk_format="raw", container_format="bare", **meta))["id"])


async def head(client: JsonClient, image_id: str) -> dict[str, str]:
    answer = (await client.request("HEAD", "image", f"/v1/images/{image_id}")).ok(200)
    return {name.lower(): value for name, value in answer.headers.items()}


async def listed(client: JsonClient, query: str = "", path: str = "/v1/images/detail") -> list[dict[str, Any]]:
    images: list[dict[str, Any]] = (await client.get("image", f"{path}?limit=1000&{query}")).ok(200).json["images"]
    return images


# ---- a life


async def test_an_image_is_made_with_its_data_in_one_call(cloud: TestCloud, demo: JsonClient) -> None:
    answer = await post(
        demo, DATA, name="i", disk_format="raw", container_format="bare", min_disk="1", property_MyKey="v",
        **{"property_OS-Type": "linux"},
    )  # fmt: skip
    image = answer.ok(201).json["image"]
    checksum = hashlib.md5(DATA).hexdigest()
    assert (answer.headers["Location"], answer.headers["Etag"]) == (f"/v1/images/{image['id']}", checksum)
    assert (image["status"], image["size"], image["checksum"]) == ("active", len(DATA), checksum)
    assert (image["is_public"], image["min_disk"], image["owner"]) == (False, 1, demo.project_id)
    assert image["properties"] == {"mykey": "v", "os_type": "linux"}
    await cloud.settle()
    assert await said(cloud, image["id"]) == [
        "image.create", "image.update", "image.prepare", "image.upload", "image.activate", "image.update",
    ]  # fmt: skip

    headers = await head(demo, image["id"])
    assert (headers["x-image-meta-id"], headers["x-image-meta-is_public"]) == (image["id"], "False")
    assert (headers["x-image-meta-property-mykey"], headers["etag"]) == ("v", checksum)
    got = (await demo.get("image", f"/v1/images/{image['id']}")).ok(200)
    assert (got.body, got.headers["x-image-meta-size"]) == (DATA, str(len(DATA)))
    v2 = (await demo.get("image", f"/v2/images/{image['id']}")).ok(200).json
    assert (v2["visibility"], v2["os_type"], v2["mykey"]) == ("shared", "linux", "v")

    answer = (await demo.delete("image", f"/v1/images/{image['id']}")).ok(200)
    assert answer.body == b""
    (await demo.get("image", f"/v1/images/{image['id']}")).ok(404)
    (await demo.delete("image", f"/v1/images/{image['id']}")).ok(404)


async def test_an_image_is_queued_first_and_filled_later(demo: JsonClient) -> None:
    image = await made(demo, name="i", disk_format="raw", container_format="bare", property_a="1")
    assert (image["status"], image["size"]) == ("queued", 0)
    (await demo.get("image", f"/v1/images/{image['id']}")).ok(404)
    path = f"/v1/images/{image['id']}"
    filled = (await demo.put("image", path, data=DATA, headers={**OCTETS, "x-image-meta-property-b": "2"})).ok(200)
    assert (filled.json["image"]["status"], filled.json["image"]["size"]) == ("active", len(DATA))
    assert filled.json["image"]["properties"] == {"a": "1", "b": "2"}  # data comes with it: nothing is purged
    (await demo.put("image", path, data=DATA, headers={**OCTETS, "x-image-meta-name": "other"})).ok(409)
    assert (await head(demo, image["id"]))["x-image-meta-name"] == "i"


async def test_size_zero_makes_an_image_of_nothing_but_metadata(cloud: TestCloud, demo: JsonClient) -> None:
    image = await made(demo, name="i", size="0", property_block_device_mapping="[]")
    assert (image["status"], image["size"], image["checksum"], image["disk_format"]) == ("active", 0, None, None)
    await cloud.settle()
    assert await said(cloud, image["id"]) == ["image.create"]
    answer = (await demo.get("image", f"/v1/images/{image['id']}")).ok(200)
    assert (answer.body, answer.headers["Content-Type"]) == (b"", "application/octet-stream")
    assert (await demo.get("image", f"/v2/images/{image['id']}/file")).status == 204
    assert not [name for name in files(cloud) if image["id"] in name]
    assert (await made(demo, name="i", size="5"))["status"] == "queued"
    (await demo.delete("image", f"/v1/images/{image['id']}")).ok(200)


async def test_size_zero_is_no_magic_without_the_behaviour(a_shared_cloud: ASharedCloud) -> None:
    demo = await (await a_shared_cloud("queens", ["size-zero-activation"])).http("demo")
    assert (await made(demo, name="i", size="0"))["status"] == "queued"


async def test_a_size_that_was_only_said_is_forgotten_when_data_comes(cloud: TestCloud, demo: JsonClient) -> None:
    meta = {"name": "said", "disk_format": "raw", "container_format": "bare", "size": "9", "checksum": "0" * 32}
    image_id = (await made(demo, **meta))["id"]
    assert (await head(demo, image_id))["x-image-meta-size"] == "9"
    (await demo.put("image", f"/v1/images/{image_id}", data=DATA, headers=OCTETS)).ok(400)
    (await demo.put("image", f"/v2/images/{image_id}/stage", data=b"three", headers=OCTETS)).ok(204)
    staged = await head(demo, image_id)
    assert (staged["x-image-meta-status"], staged["x-image-meta-size"]) == ("uploading", "5")
    (await demo.post("image", f"/v2/images/{image_id}/import", json={"method": {"name": "glance-direct"}})).ok(202)
    await cloud.settle()
    told = await head(demo, image_id)
    assert (told["x-image-meta-status"], told["etag"]) == ("active", hashlib.md5(b"three").hexdigest())
    wrong = (await made(demo, **{**meta, "size": str(len(DATA))}))["id"]
    (await demo.put("image", f"/v1/images/{wrong}", data=DATA, headers=OCTETS)).ok(400)
    assert (await head(demo, wrong))["x-image-meta-status"] == "killed"
    for done in (image_id, wrong):
        (await demo.delete("image", f"/v1/images/{done}")).ok(200)


@pytest.mark.parametrize(
    ("sent", "left"),
    [
        ({}, {"b": "3"}),
        ({"x-glance-registry-purge-props": "True"}, {"b": "3"}),
        ({"x-glance-registry-purge-props": "false"}, {"a": "1", "b": "3"}),
    ],
)
async def test_properties_that_are_not_given_are_purged(demo: JsonClient, sent: Headers, left: Headers) -> None:
    image = await made(demo, name="i", property_a="1", property_b="2")
    headers = {"x-image-meta-property-b": "3", **sent}
    answer = (await demo.put("image", f"/v1/images/{image['id']}", headers=headers)).ok(200)
    assert answer.json["image"]["properties"] == left


async def test_data_that_fails_kills_the_image(cloud: TestCloud, demo: JsonClient) -> None:
    meta = {"name": "doomed", "disk_format": "raw", "container_format": "bare"}
    (await post(demo, DATA, checksum="0" * 32, **meta)).ok(400)
    (await post(demo, b"no qcow2 at all", **{**meta, "disk_format": "qcow2"})).ok(415)
    rows = await cloud.rows("image", "SELECT id, status FROM images WHERE name = 'doomed'")
    assert [row["status"] for row in rows] == ["killed", "killed"]
    assert not any(image["name"] == "doomed" for image in await listed(demo))
    for row in rows:
        assert (await head(demo, row["id"]))["x-image-meta-status"] == "killed"
        assert not [name for name in files(cloud) if row["id"] in name]
        (await demo.delete("image", f"/v1/images/{row['id']}")).ok(200)


async def test_an_image_is_copied_from_the_web_under_the_guard_of_imports(a_cloud: ACloud) -> None:
    async with a_mirror() as mirror:
        settings = {
            "import_filtering_allowed_hosts": "[127.0.0.1]", "import_filtering_allowed_ports": f"{mirror.port}",
        }  # fmt: skip
        cloud = await a_cloud(release="queens", services=("identity", "image"), settings={"image": settings})
        demo = await cloud.http("demo")
        mirror.pages["/image"] = DATA
        copy = {**RAW, "x-glance-api-copy-from": f"{mirror.url}/image"}
        told = (await demo.post("image", "/v1/images", headers=copy)).ok(201).json["image"]
        await cloud.settle()
        assert (await demo.get("image", f"/v1/images/{told['id']}")).ok(200).body == DATA
        for away in ("http://169.254.169.254/latest/meta-data/", "file:///etc/passwd", "http://localhost/"):
            for header in ("x-glance-api-copy-from", "x-image-meta-copy_from"):
                (await demo.post("image", "/v1/images", headers={**RAW, header: away})).ok(400)
        assert [image["id"] for image in await listed(demo)] == [told["id"]]
        (await demo.put("image", f"/v1/images/{told['id']}", headers=copy)).ok(400)
        assert mirror.asked == ["/image"]


async def test_data_stays_where_its_location_says(a_cloud: ACloud) -> None:
    async with a_mirror() as mirror:
        settings = {
            "import_filtering_allowed_hosts": "[127.0.0.1]", "import_filtering_allowed_ports": f"{mirror.port}",
            "enabled_backends": "own:file,web:http", "default_backend": "own",
        }  # fmt: skip
        cloud = await a_cloud(release="queens", services=("identity", "image"), settings={"image": settings})
        demo = await cloud.http("demo")
        mirror.pages["/image"] = DATA
        there = {**RAW, "x-image-meta-location": f"{mirror.url}/image"}
        told = (await demo.post("image", "/v1/images", headers=there)).ok(201).json["image"]
        assert (told["status"], told["size"], told["checksum"]) == ("active", len(DATA), None)
        assert "location" not in told
        answer = (await demo.get("image", f"/v1/images/{told['id']}")).ok(200)
        assert answer.body == DATA
        assert not [value for value in answer.headers.values() if mirror.url in value]
        (await demo.put("image", f"/v1/images/{told['id']}", headers=there)).ok(400)
        queued = (await demo.post("image", "/v1/images", headers=RAW)).ok(201).json["image"]
        path = f"/v1/images/{queued['id']}"
        for refused, status in (
            ({**there, "x-image-meta-size": "7"}, 409),
            ({"x-image-meta-location": f"{mirror.url}/none"}, 400),
            ({"x-image-meta-location": "http://localhost/"}, 400),
            ({"x-image-meta-location": "file:///etc/passwd"}, 400),
            ({"x-image-meta-location": "swift+config://x"}, 400),
            ({**there, "x-glance-api-copy-from": f"{mirror.url}/image"}, 400),
        ):
            (await demo.post("image", "/v1/images", headers={**RAW, **refused})).ok(status)
            (await demo.put("image", path, headers={"x-image-meta-name": "other", **refused})).ok(status)
        (await demo.post("image", "/v1/images", headers={"x-image-meta-location": f"{mirror.url}/image"})).ok(400)
        assert {image["id"] for image in await listed(demo)} == {told["id"], queued["id"]}
        assert (await head(demo, queued["id"])).get("x-image-meta-name") != "other"
        headers = {**there, "x-image-meta-size": str(len(DATA)), "x-image-meta-name": "placed"}
        placed = (await demo.put("image", path, headers=headers)).ok(200).json["image"]
        assert (placed["status"], placed["name"]) == ("active", "placed")
        assert (await demo.get("image", path)).ok(200).body == DATA
        for image_id in (told["id"], queued["id"]):
            (await demo.delete("image", f"/v1/images/{image_id}")).ok(200)
        assert set(mirror.verbs) == {"HEAD", "GET"}


# ---- lists


async def test_a_list_is_brief_or_whole_and_its_filters_find(demo: JsonClient) -> None:
    first = await made(demo, name="listed-1", size="0", min_ram="5", property_team="a", property_image_type="x")
    second = await made(demo, name="listed-2", size="7", property_team="b")
    (brief,) = await listed(demo, "name=listed-1", "/v1/images")
    assert set(brief) == {"id", "name", "size", "disk_format", "container_format", "checksum"}
    (whole,) = await listed(demo, "name=listed-1")
    assert (whole["properties"], whole["deleted"]) == ({"team": "a", "image_type": "x"}, False)
    found = {
        query: [image["id"] for image in await listed(demo, query)]
        for query in ("property-team=a", "property-image_type=x", "min_ram=5", "property-team=a&name=listed-2",
                      "size_min=7&size_max=7", "status=active&property-team=a", "protected=true&property-team=a",
                      "is_public=none&property-team=b", "is_public=false&property-team=b", "property-eam=a")
    }  # fmt: skip
    one, two, none = [first["id"]], [second["id"]], []
    assert list(found.values()) == [one, one, one, none, two, one, none, two, two, none]
    names = [image["name"] for image in await listed(demo, "sort_key=name&sort_dir=asc")]
    assert names == sorted(names, key=str)
    page = (await demo.get("image", "/v1/images?limit=1&sort_key=name&sort_dir=desc&name=listed-2")).ok(200).json
    assert [image["id"] for image in page["images"]] == two
    after = await listed(demo, f"marker={second['id']}&sort_key=created_at&sort_dir=desc")
    assert first["id"] in {image["id"] for image in after}
    assert second["id"] not in {image["id"] for image in after}


async def test_what_changed_is_strictly_later_and_includes_what_went_away(demo: JsonClient) -> None:
    stays, goes = await made(demo, name="stays", size="0"), await made(demo, name="goes", size="0")
    (await demo.delete("image", f"/v1/images/{goes['id']}")).ok(200)
    since = (await listed(demo, "name=stays"))[0]["updated_at"].replace(".000000", "Z")
    changed = {image["id"]: image for image in await listed(demo, f"changes-since={since}")}
    assert (changed[goes["id"]]["deleted"], changed[goes["id"]]["status"]) == (True, "deleted")
    assert stays["id"] in changed
    assert goes["id"] not in {image["id"] for image in await listed(demo)}
    assert await listed(demo, "changes-since=2100-01-01T00:00:00") == []
    assert await listed(demo, f"marker={goes['id']}&changes-since=2100-01-01T00:00:00") == []


# ---- who may


async def test_an_image_of_another_project_looks_like_none(cloud: TestCloud, demo: JsonClient) -> None:
    image_id = await an_active(demo, property_secret="canary")
    alt, admin = await cloud.http("alt"), await cloud.http("admin")
    for client, verb in ((alt, "GET"), (alt, "PUT"), (alt, "DELETE"), (alt, "HEAD")):
        answer = await client.request(verb, "image", f"/v1/images/{image_id}")
        none = await client.request(verb, "image", f"/v1/images/{NOBODY}")
        assert (answer.status, answer.body.replace(image_id.encode(), NOBODY.encode())) == (404, none.body)
    for query in ("", "is_public=none", "is_public=false", "changes-since=2000-01-01", "property-secret=canary"):
        assert image_id not in {image["id"] for image in await listed(alt, query)}
    assert image_id not in {image["id"] for image in await listed(admin)}
    assert image_id in {image["id"] for image in await listed(admin, "is_public=none")}
    (await admin.put("image", f"/v1/images/{image_id}", headers={"x-image-meta-is_public": "True"})).ok(200)
    for verb, status in (("GET", 200), ("PUT", 403), ("DELETE", 403)):
        (await alt.request(verb, "image", f"/v1/images/{image_id}")).ok(status)
    assert (await demo.get("image", f"/v1/images/{image_id}")).ok(200).body == DATA


async def test_the_same_policies_and_guards_stand_around_v1(cloud: TestCloud, demo: JsonClient) -> None:
    image_id = await an_active(demo, protected="True")
    path = f"/v1/images/{image_id}"
    (await demo.delete("image", path)).ok(403)
    (await post(demo, name="i", is_public="True")).ok(403)
    (await post(demo, name="i", owner=NOBODY)).ok(403)
    (await post(demo, name="i", status="active")).ok(403)
    (await post(demo, name="i", id=image_id)).ok(409)
    for meta in ({"status": "killed"}, {"size": "5"}, {"checksum": "0" * 32}, {"is_public": "True"},
                 {"owner": NOBODY}, {"id": NOBODY}, {"disk_format": "qcow2"}, {"property-status": "x"},
                 {"property-os_glance_x": "x"}):  # fmt: skip
        headers = {f"x-image-meta-{name}": value for name, value in meta.items()}
        (await demo.put("image", path, headers=headers)).ok(403)
    (await demo.post("image", f"/v2/images/{image_id}/actions/deactivate")).ok(204)
    (await demo.put("image", path, headers={"x-image-meta-status": "active"})).ok(403)
    (await demo.get("image", path)).ok(403)
    assert (await head(demo, image_id))["x-image-meta-status"] == "deactivated"


# ---- members


@pytest.mark.parametrize("release", ["newton", "queens"])
async def test_an_image_is_shared_and_visible_once_it_is_accepted(a_shared_cloud: ASharedCloud, release: str) -> None:
    cloud = await a_shared_cloud(release)
    demo, alt = await cloud.http("demo"), await cloud.http("alt")
    image_id = await an_active(demo)
    members, path = f"/v1/images/{image_id}/members", f"/v1/images/{image_id}"
    assert (await demo.put("image", f"{members}/{alt.project_id}")).ok(204).body == b""
    (await demo.put("image", f"{members}/{alt.project_id}", json={"member": {"can_share": False}})).ok(204)
    listing = {"members": [{"member_id": alt.project_id, "can_share": False}]}
    for client in (demo, alt):
        assert (await client.get("image", members)).ok(200).json == listing
    told = (await alt.get("image", f"/v1/shared-images/{alt.project_id}")).ok(200).json["shared_images"]
    assert {"image_id": image_id, "can_share": False} in told
    assert (await alt.get("image", path)).ok(200).body == DATA
    assert image_id not in {image["id"] for image in await listed(alt)}
    accepted = {"status": "accepted"}
    (await alt.put("image", f"/v2/images/{image_id}/members/{alt.project_id}", json=accepted)).ok(200)
    assert image_id in {image["id"] for image in await listed(alt)}

    (await demo.put("image", members, json={"memberships": [{"member_id": "other"}]})).ok(204)
    assert (await demo.get("image", members)).json["members"] == [{"member_id": "other", "can_share": False}]
    (await alt.get("image", path)).ok(404)
    (await demo.delete("image", f"{members}/other")).ok(204)
    (await demo.delete("image", f"{members}/other")).ok(404)
    (await demo.get("image", f"{members}/other")).ok(405)
    await cloud.settle()
    assert [event for event in await said(cloud, image_id) if "member" in event] == [
        "image.member.create", "image.member.update", "image.member.delete", "image.member.create",
        "image.member.delete",
    ]  # fmt: skip


async def test_only_the_owner_shares_and_nobody_learns_what_others_share(cloud: TestCloud, demo: JsonClient) -> None:
    alt, admin = await cloud.http("alt"), await cloud.http("admin")
    image_id, other = await an_active(demo), await an_active(demo)
    for shared, member in ((image_id, alt.project_id), (other, "third")):
        (await demo.put("image", f"/v1/images/{shared}/members/{member}")).ok(204)
    members = f"/v1/images/{image_id}/members"
    (await alt.put("image", f"{members}/third")).ok(404)
    (await alt.delete("image", f"{members}/{alt.project_id}")).ok(404)
    for wanted in ([], [{"member_id": alt.project_id}], [{"member_id": "third"}]):
        (await alt.put("image", members, json={"memberships": wanted})).ok(404)
    (await alt.put("image", f"/v1/images/{other}/members/{alt.project_id}")).ok(404)
    (await alt.get("image", f"/v1/images/{other}/members")).ok(404)
    assert len((await demo.get("image", members)).ok(200).json["members"]) == 1

    async def shared_with(client: JsonClient, member: str) -> set[str]:
        answer = (await client.get("image", f"/v1/shared-images/{member}")).ok(200)
        return {row["image_id"] for row in answer.json["shared_images"]}

    assert await shared_with(alt, "third") == set()
    assert other in await shared_with(demo, "third")
    assert other in await shared_with(admin, "third")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"memberships": "x"}, 400), ({"memberships": [{}]}, 400), ({"memberships": [{"member_id": 5}]}, 400),
        ({"memberships": [{"member_id": "m" * 256}]}, 400), ({"members": []}, 400), ([], 400),
        ({"memberships": [{"member_id": "m", "can_share": True}]}, 501),
        ({"memberships": [{"member_id": "m", "can_share": "yes"}]}, 400),
        ({"memberships": [{"member_id": str(n)} for n in range(129)]}, 413),
    ],
)  # fmt: skip
async def test_members_that_cannot_be_are_refused(demo: JsonClient, body: Any, status: int) -> None:
    members = f"/v1/images/{(await made(demo, name='i'))['id']}/members"
    (await demo.put("image", f"{members}/kept")).ok(204)
    (await demo.put("image", members, json=body)).ok(status)
    assert (await demo.get("image", members)).json["members"] == [{"member_id": "kept", "can_share": False}]


# ---- what is refused


@pytest.mark.parametrize(
    ("headers", "data", "status"),
    [
        ({"x-image-meta-nonsense": "x"}, None, 400),
        ({"x-image-meta-size": "-1"}, None, 400),
        ({"x-image-meta-size": str(1024**4 + 1)}, None, 413),
        ({"x-image-meta-disk_format": "floppy"}, None, 400),
        ({"x-image-meta-store": "moon"}, None, 400),
        ({"x-image-meta-location": "http://example.org/image"}, None, 400),
        ({"x-image-meta-location": "file:///etc/passwd"}, None, 400),
        ({"x-image-meta-location": "http://a/", "x-glance-api-copy-from": "http://b/"}, None, 400),
        ({**RAW, **OCTETS, "x-glance-api-copy-from": "http://b/"}, DATA, 400),
        ({**RAW, "Content-Type": "text/plain"}, DATA, 400),
        ({**RAW, **OCTETS, "x-image-meta-size": "5"}, DATA, 400),
        ({**RAW, **OCTETS, "Content-Encoding": "gzip"}, DATA, 400),
        (OCTETS, DATA, 400),
        ({"x-image-meta-property-" + "k" * 256: "v"}, None, 400),
        ({"x-image-meta-name": "n" * 256}, None, 400),
    ],
)  # fmt: skip
async def test_an_image_that_cannot_be_is_refused(
    demo: JsonClient, headers: Headers, data: bytes | None, status: int
) -> None:
    before = await listed(demo)
    answer = (await demo.post("image", "/v1/images", headers=headers, data=data)).ok(status)
    assert str(status).encode() in answer.body
    assert await listed(demo) == before


@pytest.mark.parametrize(
    "query", ["changes-since=yesterday", "limit=-1", "marker=x", f"marker={NOBODY}", "sort_key=owner", "nonsense=1",
              "is_public=maybe", "size_min=x", "property-a=%00"],
)  # fmt: skip
async def test_a_list_that_cannot_be_is_refused(demo: JsonClient, query: str) -> None:
    (await demo.get("image", f"/v1/images?{query}")).ok(400)


async def test_who_has_no_token_gets_an_error(cloud: TestCloud, demo: JsonClient) -> None:
    for verb, path in (("GET", "/v1/images"), ("POST", "/v1/images"), ("HEAD", f"/v1/images/{NOBODY}")):
        (await demo.request(verb, "image", path, headers={"X-Auth-Token": "none"})).ok(401)
    (await demo.get("image", "/v1/nonsense")).ok(404)
    (await demo.patch("image", "/v1/images")).ok(405)


@pytest.mark.parametrize("release", RELEASES[RELEASES.index("rocky") :: 10])
async def test_later_releases_have_no_v1(a_shared_cloud: ASharedCloud, release: str) -> None:
    demo = await (await a_shared_cloud(release)).http("demo")
    for verb in ("GET", "POST", "PUT", "DELETE"):
        answer = await demo.request(verb, "image", "/v1/images", headers={"x-image-meta-copy_from": "http://a/"})
        assert answer.status == 300
        assert {version["id"][:2] for version in answer.json["versions"]} == {"v2"}
    (await demo.post("image", "/v2/images", json={"name": "i"}, headers={"x-image-meta-status": "active"})).ok(201)
    assert {image["status"] for image in (await demo.get("image", "/v2/images")).json["images"]} == {"queued"}
