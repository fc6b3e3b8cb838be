"""Images whose data stays where it is: locations shown, added, removed, and read from a web server."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from flows.test_image_bytes import sweep
from stackwire.image.flows.worker.scrub import restore
from stackwire.messaging.envelope import unwrap
from stackwire.messaging.transport import WireRecord
from support.builders.images import a_queued_image, an_image, download_image, get_image, upload_image
from support.cloud import ACloud, Answer, JsonClient, TestCloud
from support.user_actions import UserActions
from support.web import Mirror, a_mirror

TWO = ("identity", "image")
PATCH = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
OCTETS = {"Content-Type": "application/octet-stream"}
DATA = bytes(range(256)) * 3000
OTHER = DATA[::-1]
DIGEST = {"os_hash_algo": "sha512", "os_hash_value": hashlib.sha512(DATA).hexdigest()}


@pytest.fixture
async def mirror() -> AsyncIterator[Mirror]:
    async with a_mirror() as made:
        made.pages |= {"/image": DATA, "/copy": DATA, "/other": OTHER, "/short": DATA[:-1], "/empty": b""}
        yield made


def settings(mirror: Mirror, **more: Any) -> dict[str, Any]:
    return {
        "image": {
            "enabled_backends": "own:file,web:http", "default_backend": "own", "show_multiple_locations": True,
            "import_filtering_allowed_hosts": "127.0.0.1", "import_filtering_allowed_ports": f"{mirror.port}", **more,
        }
    }  # fmt: skip


@pytest.fixture
async def cloud(a_cloud: ACloud, mirror: Mirror) -> TestCloud:
    return await a_cloud(services=TWO, settings=settings(mirror))


def at(url: str, **metadata: Any) -> dict[str, Any]:
    return {"url": url, "metadata": metadata}


def op(verb: str, path: str, value: Any = None) -> dict[str, Any]:
    return {"op": verb, "path": path, **({} if verb == "remove" else {"value": value})}


async def patch(client: JsonClient, image_id: str, *changes: Any) -> Answer:
    return await client.patch("image", f"/v2/images/{image_id}", json=list(changes), headers=PATCH)


async def a_located(client: JsonClient, url: str) -> str:
    image_id = await a_queued_image(client)
    (await patch(client, image_id, op("add", "/locations/-", at(url)))).ok(200)
    return image_id


async def test_where_deletion_is_delayed_a_location_elsewhere_comes_back_and_goes_like_any_other(
    a_cloud: ACloud, mirror: Mirror
) -> None:
    cloud = await a_cloud(services=TWO, settings=settings(mirror, delayed_delete=True, scrub_time=0))
    client = await cloud.http()
    url = f"{mirror.url}/image"
    image_id = await a_located(client, url)
    before = (await get_image(client, image_id))["locations"]
    (await client.delete("image", f"/v2/images/{image_id}")).ok(204)
    (await client.get("image", f"/v2/images/{image_id}")).ok(404)
    await restore(cloud.cloud.services["image"].database, image_id)
    assert (await get_image(client, image_id))["locations"] == before
    assert await download_image(client, image_id) == DATA
    (await client.delete("image", f"/v2/images/{image_id}")).ok(204)
    await sweep(cloud)
    assert await cloud.rows("image", "SELECT status FROM images") == [{"status": "deleted"}]
    assert await cloud.rows("image", "SELECT url FROM image_locations") == []


async def test_an_image_is_active_with_its_first_location_and_is_read_from_there(
    cloud: TestCloud, mirror: Mirror
) -> None:
    client = await cloud.http()
    image_id = await a_queued_image(client)
    assert (await get_image(client, image_id))["locations"] == []
    url = f"{mirror.url}/image"
    image = (await patch(client, image_id, op("add", "/locations/-", at(url, rack="7")))).ok(200).json
    assert image["locations"] == [{"url": url, "metadata": {"rack": "7", "store": "web"}}]
    assert (image["status"], image["size"], image["checksum"], image["stores"]) == ("active", len(DATA), None, "web")
    assert "direct_url" not in image
    (listed,) = (await client.get("image", "/v2/images")).ok(200).json["images"]
    assert listed["locations"] == image["locations"]
    assert await download_image(client, image_id) == DATA
    for ranges in (False, True):
        mirror.ranges = ranges
        assert await download_image(client, image_id, Range="bytes=1000-300000") == DATA[1000:300001]
        assert await download_image(client, image_id, Range="bytes=-5") == DATA[-5:]
    (await client.put("image", f"/v2/images/{image_id}/file", data=b"x", headers=OCTETS)).ok(409)
    asked = len(mirror.asked)
    (await client.delete("image", f"/v2/images/{image_id}")).ok(204)
    assert len(mirror.asked) == asked
    assert set(mirror.verbs) == {"HEAD", "GET"}
    assert await cloud.rows("image", "SELECT 1 FROM image_locations") == []


async def test_several_locations_are_one_image_in_their_order(cloud: TestCloud, mirror: Mirror) -> None:
    client, admin = await cloud.http(), await cloud.http("admin")
    first, second = f"{mirror.url}/image", f"{mirror.url}/copy"
    image_id = await a_located(client, first)
    image = (await patch(client, image_id, op("add", "/locations/0", at(second)))).ok(200).json
    assert [place["url"] for place in image["locations"]] == [second, first]
    mirror.pages["/copy"] = 404
    assert await download_image(client, image_id) == DATA
    mirror.pages["/image"] = 500
    (await client.get("image", f"/v2/images/{image_id}/file")).ok(503)
    mirror.pages["/image"] = 404
    (await client.get("image", f"/v2/images/{image_id}/file")).ok(404)
    mirror.pages |= {"/image": DATA, "/copy": DATA}
    image = (await patch(admin, image_id, op("remove", "/locations/0"))).ok(200).json
    assert [place["url"] for place in image["locations"]] == [first]


async def test_an_image_of_our_own_gets_a_mirror_and_may_lose_its_own_data(cloud: TestCloud, mirror: Mirror) -> None:
    client, admin = await cloud.http(), await cloud.http("admin")
    image_id = await a_queued_image(client)
    (await client.put("image", f"/v2/images/{image_id}/file", data=DATA, headers=OCTETS)).ok(204)
    (own,) = (await get_image(client, image_id))["locations"]
    assert own["url"].startswith("file:///")
    assert own["metadata"] == {"store": "own"}
    image = (await patch(client, image_id, op("add", "/locations/-", at(f"{mirror.url}/image")))).ok(200).json
    assert image["stores"] == "own,web"
    (await patch(client, image_id, op("remove", "/locations/0"))).ok(403)
    image = (await patch(admin, image_id, op("remove", "/locations/0"))).ok(200).json
    assert (image["stores"], image["status"], bool(image["checksum"])) == ("web", "active", True)
    assert await download_image(client, image_id) == DATA
    assert mirror.asked[-1] == "/image"
    assert not Path(own["url"].removeprefix("file://")).exists()


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (op("add", "/locations/-", {"url": "{web}/image"}), 400),
        (op("add", "/locations/-", {"metadata": {}}), 400),
        (op("add", "/locations/-", at("{web}/none")), 400),
        (op("add", "/locations/-", at("{web}/empty")), 400),
        (op("add", "/locations/-", at("{web}/" + "x" * 256)), 400),
        (op("add", "/locations/-", at("file:///etc/passwd")), 400),
        (op("add", "/locations/-", at("FILE:///etc/passwd")), 400),
        (op("add", "/locations/-", at("swift+config:///x")), 400),
        (op("add", "/locations/-", at("cinder://x")), 400),
        (op("add", "/locations/-", at("http://user:secret@127.0.0.1/")), 400),
        (op("add", "/locations/-", at("http://169.254.169.254/")), 400),
        (op("add", "/locations/-", {**at("{web}/image"), "more": 1}), 400),
        (op("add", "/locations/-", {"url": "{web}/image", "metadata": []}), 400),
        (op("add", "/locations/-", {"url": 7, "metadata": {}}), 400),
        (op("add", "/locations/-", "{web}/image"), 400),
        (op("add", "/locations/-", [at("{web}/image")]), 400),
        (op("add", "/locations/first", at("{web}/image")), 400),
        (op("add", "/locations", at("{web}/image")), 400),
        (op("add", "/locations/0/url", "{web}/image"), 400),
        (op("replace", "/locations/0", at("{web}/image")), 400),
        (op("replace", "/locations", at("{web}/image")), 400),
        (op("replace", "/locations", []), 403),
        (op("replace", "/locations", [at("{web}/image"), at("{web}/image")]), 400),
        (op("replace", "/locations", [at("{web}/image"), at("{web}/short")]), 400),
        (op("replace", "/locations", [at("{web}/image")] * 11), 413),
        (op("remove", "/locations/0"), 403),
        (op("add", "/locations/-", {**at("{web}/image"), "validation_data": {"checksum": "x"}}), 400),
        (op("add", "/locations/-", {**at("{web}/image"), "validation_data":
            {"os_hash_algo": "sha512", "os_hash_value": "zz"}}), 409),
        (op("add", "/locations/-", {**at("{web}/image"), "validation_data":
            {"os_hash_algo": "sha512", "os_hash_value": "ab"}}), 409),
        (op("add", "/locations/-", {**at("{web}/image"), "validation_data":
            {"os_hash_algo": "md5", "os_hash_value": "a" * 32}}), 409),
        (op("add", "/locations/-", {**at("{web}/image"), "validation_data":
            {"os_hash_algo": "sha512", "os_hash_value": "a" * 128, "checksum": "b"}}), 409),
    ],
)  # fmt: skip
async def test_what_is_no_location_is_refused_and_changes_nothing(
    cloud: TestCloud, mirror: Mirror, change: Any, status: int
) -> None:
    client = await cloud.http()
    image_id = await a_queued_image(client)
    before = await get_image(client, image_id)

    def filled(value: Any) -> Any:
        if isinstance(value, str):
            return value.replace("{web}", mirror.url)
        if isinstance(value, list):
            return [filled(each) for each in value]
        return {name: filled(each) for name, each in value.items()} if isinstance(value, dict) else value

    answer = (await patch(client, image_id, op("add", "/a", "b"), filled(change))).ok(status)
    assert b"secret" not in answer.body
    assert await get_image(client, image_id) == before


async def test_an_active_image_keeps_a_location_and_gets_each_once(cloud: TestCloud, mirror: Mirror) -> None:
    client, admin = await cloud.http(), await cloud.http("admin")
    url = f"{mirror.url}/image"
    (await patch(admin, await a_queued_image(client), op("remove", "/locations/0"))).ok(409)
    image_id = await a_located(client, url)
    before = await get_image(client, image_id)
    digest = {"os_hash_algo": "sha512", "os_hash_value": "a" * 128}
    for change, status in (
        (op("add", "/locations/-", at(url)), 400),
        (op("add", "/locations/-", at(f"{mirror.url}/short")), 400),
        (op("add", "/locations/-", {**at(f"{mirror.url}/copy"), "validation_data": digest}), 409),
        (op("replace", "/locations", []), 403),
        (op("replace", "/locations", [at(f"{mirror.url}/copy")]), 400),
        (op("remove", "/locations/0"), 403),
        (op("remove", "/locations/-"), 403),
    ):
        (await patch(admin, image_id, change)).ok(status)
    assert await get_image(client, image_id) == before
    for number in range(9):
        (await patch(client, image_id, op("add", "/locations/-", at(url, number=number)))).ok(200)
    (await patch(client, image_id, op("add", "/locations/-", at(url, number=9)))).ok(413)
    (await patch(admin, image_id, op("remove", "/locations/10"))).ok(400)
    (await patch(client, image_id, op("remove", "/locations/1"))).ok(403)
    assert len((await get_image(client, image_id))["locations"]) == 10
    (await client.post("image", f"/v2/images/{image_id}/actions/deactivate")).ok(204)
    (await patch(client, image_id, op("add", "/locations/-", at(url, number=10)))).ok(409)


async def test_what_the_bytes_are_said_to_be_is_the_images(cloud: TestCloud, mirror: Mirror) -> None:
    client = await cloud.http()
    image_id = await a_queued_image(client)
    said = {"checksum": "c" * 32, "os_hash_algo": "sha512", "os_hash_value": "a" * 128}
    change = op("replace", "/locations", [{**at(f"{mirror.url}/image"), "validation_data": said}])
    image = (await patch(client, image_id, change)).ok(200).json
    assert {name: image[name] for name in said} == said
    assert "validation_data" not in image["locations"][0]
    formless = await a_queued_image(client, disk_format=None)
    (await patch(client, formless, change)).ok(400)
    assert (await get_image(client, formless))["status"] == "queued"


async def test_locations_are_shown_and_changed_only_where_the_operator_says_so(a_cloud: ACloud, mirror: Mirror) -> None:
    cloud = await a_cloud(services=TWO, settings=settings(mirror, show_multiple_locations=False))
    client, admin = await cloud.http(), await cloud.http("admin")
    image_id = await a_queued_image(client)
    for who in (client, admin):
        (await patch(who, image_id, op("add", "/locations/-", at(f"{mirror.url}/image")))).ok(403)
    (await client.put("image", f"/v2/images/{image_id}/file", data=b"x", headers=OCTETS)).ok(204)
    for who in (client, admin):
        assert not {"locations", "direct_url"} & (await get_image(who, image_id)).keys()
    assert mirror.asked == []


async def test_the_direct_url_is_the_first_location(a_cloud: ACloud, mirror: Mirror) -> None:
    more = {"show_image_direct_url": True, "location_strategy": "store_type", "store_type_preference": "http,file"}
    cloud = await a_cloud(services=TWO, settings=settings(mirror, **more))
    client, alt = await cloud.http(), await cloud.http("alt")
    image_id = await a_queued_image(client, visibility="community")
    assert "direct_url" not in await get_image(client, image_id)
    (await client.put("image", f"/v2/images/{image_id}/file", data=DATA, headers=OCTETS)).ok(204)
    assert (await get_image(client, image_id))["direct_url"].startswith("file:///")
    url = f"{mirror.url}/image"
    (await patch(client, image_id, op("add", "/locations/-", at(url)))).ok(200)
    image = await get_image(client, image_id)
    assert image["direct_url"] == url == image["locations"][0]["url"]
    assert await download_image(client, image_id) == DATA
    assert mirror.asked[-1] == "/image"
    seen = await get_image(alt, image_id)
    assert (seen["locations"], seen.get("direct_url")) == ([], None)
    (await patch(alt, image_id, op("add", "/locations/-", at(f"{mirror.url}/copy")))).ok(403)
    assert "/copy" not in mirror.asked


async def test_an_upload_into_a_store_that_is_only_read_is_refused(cloud: TestCloud) -> None:
    client = await cloud.http()
    image_id = await a_queued_image(client)
    headers = {**OCTETS, "x-image-meta-store": "web"}
    answer = (await client.put("image", f"/v2/images/{image_id}/file", data=b"x", headers=headers)).ok(410)
    assert b"Adding images to store is disabled" in answer.body
    assert (await get_image(client, image_id))["status"] == "queued"
    (await client.put("image", f"/v2/images/{image_id}/stage", data=b"x", headers=OCTETS)).ok(204)
    wish = {"method": {"name": "glance-direct"}, "stores": ["web"]}
    (await client.post("image", f"/v2/images/{image_id}/import", json=wish)).ok(409)
    (await client.post("image", f"/v2/images/{image_id}/import", json={**wish, "stores": ["own"]})).ok(202)
    await cloud.settle()
    assert (await get_image(client, image_id))["stores"] == "own"
    told = (await client.get("image", "/v2/info/stores")).ok(200).json["stores"]
    assert told == [{"id": "own", "default": "true"}, {"id": "web", "read-only": "true"}]


async def test_what_is_elsewhere_counts_as_what_is_here(a_cloud: ACloud, mirror: Mirror) -> None:
    cloud = await a_cloud(services=TWO, settings=settings(mirror, user_storage_quota=str(len(DATA) + 10)))
    client = await cloud.http()
    await a_located(client, f"{mirror.url}/image")
    image_id = await a_queued_image(client)
    (await patch(client, image_id, op("add", "/locations/-", at(f"{mirror.url}/copy")))).ok(413)
    (await client.put("image", f"/v2/images/{image_id}/file", data=b"x" * 11, headers=OCTETS)).ok(413)
    (await client.put("image", f"/v2/images/{image_id}/file", data=b"x" * 10, headers=OCTETS)).ok(204)


async def test_each_location_counts(a_cloud: ACloud, mirror: Mirror) -> None:
    cloud = await a_cloud(services=TWO, settings=settings(mirror, user_storage_quota=str(2 * len(DATA) + 10)))
    client = await cloud.http()
    image_id = await a_located(client, f"{mirror.url}/image")
    (await patch(client, image_id, op("add", "/locations/-", at(f"{mirror.url}/copy")))).ok(200)
    (await patch(client, image_id, op("add", "/locations/-", at(f"{mirror.url}/copy", again="yes")))).ok(413)
    assert len((await get_image(client, image_id))["locations"]) == 2


async def test_of_many_who_add_a_location_at_once_as_many_do_as_may(a_cloud: ACloud, mirror: Mirror) -> None:
    cloud = await a_cloud(services=TWO, settings=settings(mirror, image_location_quota=5))
    client = await cloud.http()
    image_id = await a_located(client, f"{mirror.url}/image")
    added = [op("add", "/locations/-", at(f"{mirror.url}/copy", number=str(n))) for n in range(16)]
    answers = await asyncio.gather(*(patch(client, image_id, each) for each in added))
    assert sorted(answer.status for answer in answers) == [200] * 4 + [413] * 12
    assert len((await get_image(client, image_id))["locations"]) == 5


async def test_what_became_shorter_is_read_from_another_location_or_not_at_all(
    cloud: TestCloud, mirror: Mirror
) -> None:
    client = await cloud.http()
    image_id = await a_located(client, f"{mirror.url}/image")
    mirror.pages["/image"] = DATA[:-1]
    (await client.get("image", f"/v2/images/{image_id}/file")).ok(503)
    (await patch(client, image_id, op("add", "/locations/-", at(f"{mirror.url}/copy")))).ok(200)
    assert await download_image(client, image_id) == DATA


async def test_what_is_notified_of_a_location_is_that_the_image_changed(cloud: TestCloud, mirror: Mirror) -> None:
    client, heard = await cloud.http(), list[dict[str, Any]]()

    def hear(record: WireRecord) -> None:
        if record.kind in ("publish", "drop") and record.exchange == "glance":
            heard.append(unwrap(record.body, record.properties))

    image_id = await a_queued_image(client)
    await cloud.settle()
    assert cloud.cloud.broker is not None
    watch = cloud.cloud.broker.watch(hear)
    (await patch(client, image_id, op("add", "/locations/-", at(f"{mirror.url}/image")))).ok(200)
    await cloud.settle()
    assert [told["event_type"] for told in heard] == ["image.update"]
    heard.clear()
    other = await a_queued_image(client)
    asked = {"url": f"{mirror.url}/image", "validation_data": DIGEST}
    (await client.post("image", f"/v2/images/{other}/locations", json=asked)).ok(202)
    await cloud.settle()
    await watch.cancel()
    assert [told["event_type"] for told in heard] == [
        "image.create", "task.create", "task.processing", "image.update", "image.update", "task.success", "task.run",
    ]  # fmt: skip
    assert [told["payload"]["status"] for told in heard if told["event_type"] == "image.update"] == [
        "importing", "active",
    ]  # fmt: skip
    assert mirror.url not in json.dumps([told["payload"] for told in heard])


@pytest.mark.parametrize(
    ("who", "visibility", "status"),
    [
        ("demo", "private", 200), ("reader", "private", 403), ("alt", "private", 404), ("admin", "private", 200),
        ("alt", "public", 403), ("reader", "public", 403), ("alt", "community", 403),
    ],
)  # fmt: skip
async def test_who_may_set_locations_and_nobody_else_makes_a_url_be_looked_at(
    cloud: TestCloud, mirror: Mirror, who: str, visibility: str, status: int
) -> None:
    client, admin, caller = await cloud.http(), await cloud.http("admin"), await cloud.http(who)
    image_id = await a_queued_image(client)
    (await patch(admin, image_id, op("replace", "/visibility", visibility))).ok(200)
    (await patch(caller, image_id, op("add", "/locations/-", at(f"{mirror.url}/image")))).ok(status)
    assert bool(mirror.asked) is (status == 200)


async def test_a_volume_and_a_server_are_made_from_what_lies_elsewhere(a_cloud: ACloud, mirror: Mirror) -> None:
    user = await UserActions.of(await a_cloud(settings=settings(mirror)))
    image_id = await a_located(user.client, f"{mirror.url}/image")
    volume = await user.volume(imageRef=image_id)
    shown_volume = (await user.client.get("volume", f"/v3/{{project_id}}/volumes/{volume}")).ok(200).json["volume"]
    kept = shown_volume["volume_image_metadata"]
    assert (kept["image_id"], kept["size"], kept.get("checksum")) == (image_id, str(len(DATA)), None)
    server_id = await user.server(imageRef=image_id)
    server = (await user.client.get("compute", f"/v2.1/servers/{server_id}")).ok(200).json["server"]
    assert (server["status"], server["image"]["id"]) == ("ACTIVE", image_id)


async def test_what_lies_elsewhere_is_neither_cached_nor_scrubbed(a_cloud: ACloud, mirror: Mirror) -> None:
    more = {"image_cache": True, "delayed_delete": True, "wakeup_time": 7777}
    cloud = await a_cloud(services=TWO, settings=settings(mirror, **more))
    client, admin = await cloud.http(), await cloud.http("admin")
    image_id = await a_located(client, f"{mirror.url}/image")
    assert await download_image(client, image_id) == DATA
    (await admin.put("image", f"/v2/cache/{image_id}")).ok(202)
    await cloud.settle()
    cached = (await admin.get("image", "/v2/cache")).ok(200).json
    assert cached == {"cached_images": [], "queued_images": []}
    asked = len(mirror.asked)
    (await client.delete("image", f"/v2/images/{image_id}")).ok(204)
    sql = "SELECT i.status, l.status AS place FROM images i LEFT JOIN image_locations l ON l.image_id = i.id"
    (row,) = await cloud.rows("image", sql)
    assert (row["status"], row["place"]) == ("pending_delete", "pending_delete")
    await sweep(cloud)
    (row,) = await cloud.rows("image", sql)
    assert (row["status"], row["place"]) == ("deleted", None)
    assert len(mirror.asked) == asked


async def test_data_that_is_elsewhere_is_not_copied_into_a_store(cloud: TestCloud, mirror: Mirror) -> None:
    admin = await cloud.http("admin")
    image_id = await a_located(admin, f"{mirror.url}/image")
    before = await get_image(admin, image_id)
    wish = {"method": {"name": "copy-image"}, "stores": ["own"]}
    refused = await admin.post("image", f"/v2/images/{image_id}/import", json=wish)
    assert refused.status in (400, 409)
    assert await get_image(admin, image_id) == before


async def test_two_who_remove_the_last_two_locations_leave_one(cloud: TestCloud, mirror: Mirror) -> None:
    admin = await cloud.http("admin")
    image_id = await a_located(admin, f"{mirror.url}/image")
    (await patch(admin, image_id, op("add", "/locations/-", at(f"{mirror.url}/copy")))).ok(200)
    answers = await asyncio.gather(*(patch(admin, image_id, op("remove", f"/locations/{at}")) for at in (0, 1)))
    assert 200 in {answer.status for answer in answers} <= {200, 403}
    assert len((await get_image(admin, image_id))["locations"]) == 1
    added = await asyncio.gather(
        *(patch(admin, image_id, op("add", "/locations/-", at(f"{mirror.url}/copy", n=1))) for _ in range(4))
    )
    assert sorted(answer.status for answer in added) == [200, 400, 400, 400]


async def test_with_the_bug_an_image_without_locations_takes_other_bytes(a_cloud: ACloud, mirror: Mirror) -> None:
    """CVE-2016-0757."""
    cloud = await a_cloud(services=TWO, settings=settings(mirror), with_bugs=["lp-1525915"])
    client = await cloud.http()
    image_id = await an_image(client, b"the first")
    emptied = (await patch(client, image_id, op("replace", "/locations", []))).ok(200).json
    assert (emptied["status"], emptied["locations"], emptied["size"]) == ("queued", [], None)
    assert (await client.get("image", f"/v2/images/{image_id}/file")).status == 204
    (await upload_image(client, image_id, b"another")).ok(204)
    assert ((await get_image(client, image_id))["status"], await download_image(client, image_id)) == (
        "active",
        b"another",
    )
