"""``POST /v2/images/{id}/locations``: a worker looks where the data is, and works out what it is."""

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from support.builders.images import a_queued_image, get_image
from support.cloud import ACloud, Answer, JsonClient, TestCloud
from support.web import Mirror, a_mirror

TWO = ("identity", "image")
OCTETS = {"Content-Type": "application/octet-stream"}
DATA = bytes(range(256)) * 5000
MD5 = hashlib.md5(DATA, usedforsecurity=False).hexdigest()


@pytest.fixture
async def mirror() -> AsyncIterator[Mirror]:
    async with a_mirror() as made:
        made.pages |= {"/image": DATA, "/empty": b""}
        yield made


def settings(mirror: Mirror, **more: Any) -> dict[str, Any]:
    return {
        "image": {
            "enabled_backends": "own:file,web:http", "default_backend": "own",
            "import_filtering_allowed_hosts": "127.0.0.1", "import_filtering_allowed_ports": f"{mirror.port}", **more,
        }
    }  # fmt: skip


@pytest.fixture
async def cloud(a_cloud: ACloud, mirror: Mirror) -> TestCloud:
    return await a_cloud(services=TWO, settings=settings(mirror))


async def add(client: JsonClient, image_id: str, url: str, **more: Any) -> Answer:
    return await client.post("image", f"/v2/images/{image_id}/locations", json={"url": url, **more})


async def located(client: JsonClient, cloud: TestCloud, url: str, **more: Any) -> tuple[Any, Any]:
    """The image and its task after the worker has done what it could."""
    image_id = await a_queued_image(client)
    assert (await add(client, image_id, url, **more)).ok(202).body == b""
    await cloud.settle()
    (task,) = (await client.get("image", f"/v2/images/{image_id}/tasks")).ok(200).json["tasks"]
    assert task["type"] == "location_import"
    image = await get_image(client, image_id)
    assert "os_glance_import_task" not in image
    return image, task


def said(algorithm: str, data: bytes = DATA) -> dict[str, str]:
    return {"os_hash_algo": algorithm, "os_hash_value": hashlib.new(algorithm, data).hexdigest()}


async def fetched(client: JsonClient, cloud: TestCloud, image_id: str) -> Any:
    service = await cloud.http("nova", "service")
    headers = {"X-Service-Token": service.token}
    return (await client.get("image", f"/v2/images/{image_id}/locations", headers=headers)).ok(200).json


@pytest.mark.parametrize("algorithm", [None, "sha512", "sha256", "sha1", "md5"])
async def test_an_image_is_active_with_the_digests_of_what_lies_elsewhere(
    cloud: TestCloud, mirror: Mirror, algorithm: str | None
) -> None:
    client, url = await cloud.http(), f"{mirror.url}/image"
    more = {} if algorithm is None else {"validation_data": said(algorithm)}
    image, task = await located(client, cloud, url, **more)
    assert (task["status"], task["result"], task["message"]) == ("success", {"image_id": image["id"]}, "Copied 1 MiB")
    assert (image["status"], image["size"], image["checksum"]) == ("active", len(DATA), MD5)
    assert {name: image[name] for name in ("os_hash_algo", "os_hash_value")} == said(algorithm or "sha512")
    assert await fetched(client, cloud, image["id"]) == [{"url": url, "metadata": {"store": "web"}}]
    assert not {"locations", "direct_url"} & image.keys()
    answer = (await client.get("image", f"/v2/images/{image['id']}/file")).ok(200)
    assert (answer.body, answer.headers["Content-MD5"]) == (DATA, MD5)
    (await add(client, image["id"], url)).ok(409)
    (await client.delete("image", f"/v2/images/{image['id']}")).ok(204)
    assert set(mirror.verbs) == {"HEAD", "GET"}


@pytest.mark.parametrize("given", [False, True])
async def test_without_hashing_what_is_said_is_believed(a_cloud: ACloud, mirror: Mirror, given: bool) -> None:
    cloud = await a_cloud(services=TWO, settings=settings(mirror, do_secure_hash=False))
    client = await cloud.http()
    more = {"validation_data": said("sha256", b"another")} if given else {}
    image, task = await located(client, cloud, f"{mirror.url}/image", **more)
    assert (image["status"], task["status"], image["checksum"]) == ("active", "success", None)
    assert image["os_hash_value"] == (said("sha256", b"another")["os_hash_value"] if given else None)
    assert mirror.verbs == ["HEAD"]


async def test_bytes_that_are_not_what_was_said_leave_the_image_queued(cloud: TestCloud, mirror: Mirror) -> None:
    client = await cloud.http()
    image, task = await located(client, cloud, f"{mirror.url}/image", validation_data=said("sha512", b"another"))
    assert task["status"] == "failure"
    assert "not matched with actual os_hash_value" in task["message"]
    assert [image[name] for name in ("status", "size", "checksum", "os_hash_algo", "os_hash_value")] == [
        "queued", None, None, None, None,
    ]  # fmt: skip
    assert await fetched(client, cloud, image["id"]) == []
    (await client.put("image", f"/v2/images/{image['id']}/file", data=b"x", headers=OCTETS)).ok(204)


@pytest.mark.parametrize("path", ["/none", "/empty", "/broken", "/unsaid"])
async def test_where_nothing_is_the_image_stays_queued(cloud: TestCloud, mirror: Mirror, path: str) -> None:
    mirror.pages |= {"/broken": 500, "/unsaid": (b"x", b"y")}
    image, task = await located(await cloud.http(), cloud, mirror.url + path)
    assert (image["status"], task["status"], task["message"]) == ("queued", "failure", "Invalid location")
    assert image["size"] is None


@pytest.mark.parametrize("checked", [False, True])
async def test_bytes_that_cannot_be_read_are_asked_for_again_and_then_given_up(
    cloud: TestCloud, mirror: Mirror, checked: bool
) -> None:
    """An image that waits for its verification is queued again; one that is active already stays."""
    mirror.pages["/breaks"] = None
    more = {"validation_data": said("sha512")} if checked else {}
    image, task = await located(await cloud.http(), cloud, f"{mirror.url}/breaks", **more)
    assert mirror.verbs == ["HEAD", *["GET"] * 4]
    assert (image["status"], task["status"]) == (("queued", "failure") if checked else ("active", "success"))
    assert (image["size"], image["checksum"], image["os_hash_value"]) == (None if checked else 1000, None, None)


@pytest.mark.parametrize(
    ("wish", "status"),
    [
        ({}, 400),
        ([], 400),
        ({"url": 7}, 400),
        ({"url": ""}, 400),
        ({"url": "{web}/image", "metadata": {}}, 400),
        ({"url": "{web}/" + "x" * 256}, 400),
        ({"url": "file:///etc/passwd"}, 400),
        ({"url": "swift+config:///x"}, 400),
        ({"url": "cinder://x"}, 400),
        ({"url": "{web}/image", "validation_data": []}, 400),
        ({"url": "{web}/image", "validation_data": {"os_hash_value": "a" * 128}}, 400),
        ({"url": "{web}/image", "validation_data": {"os_hash_algo": "sha512"}}, 400),
        ({"url": "{web}/image", "validation_data": {"os_hash_algo": "sha123", "os_hash_value": "a" * 128}}, 400),
        ({"url": "{web}/image", "validation_data": {"os_hash_algo": "sha512", "os_hash_value": "a" * 64}}, 400),
        ({"url": "{web}/image", "validation_data": {"os_hash_algo": "sha512", "os_hash_value": "x" * 128}}, 400),
        ({"url": "{web}/image", "validation_data": {"os_hash_algo": 7, "os_hash_value": None}}, 400),
        ({"url": "{web}/image", "validation_data": {"checksum": "a" * 32}}, 400),
    ],
)  # fmt: skip
async def test_what_is_no_location_is_refused_and_no_task(
    cloud: TestCloud, mirror: Mirror, wish: Any, status: int
) -> None:
    client = await cloud.http()
    image_id = await a_queued_image(client)
    if isinstance(wish, dict) and isinstance(wish.get("url"), str):
        wish = {**wish, "url": wish["url"].replace("{web}", mirror.url)}
    (await client.post("image", f"/v2/images/{image_id}/locations", json=wish)).ok(status)
    assert (await client.get("image", f"/v2/images/{image_id}/tasks")).ok(200).json["tasks"] == []
    assert mirror.asked == []


async def test_only_a_queued_image_that_says_what_it_is_gets_one(cloud: TestCloud, mirror: Mirror) -> None:
    client, url = await cloud.http(), f"{mirror.url}/image"
    formless = await a_queued_image(client, disk_format=None)
    (await add(client, formless, url)).ok(400)
    filled = await a_queued_image(client)
    (await client.put("image", f"/v2/images/{filled}/file", data=b"x", headers=OCTETS)).ok(204)
    (await add(client, filled, url)).ok(409)
    staged = await a_queued_image(client)
    (await client.put("image", f"/v2/images/{staged}/stage", data=b"x", headers=OCTETS)).ok(204)
    (await add(client, staged, url)).ok(409)
    (await add(client, "7a4f0000-0000-4000-8000-000000000000", url)).ok(404)
    assert mirror.asked == []


async def test_a_second_one_waits_for_none_while_the_first_is_looked_at(cloud: TestCloud, mirror: Mirror) -> None:
    client = await cloud.http()
    mirror.pages["/slow"] = (b"x", "...", b"y")
    mirror.pages["/image"] = DATA
    image_id = await a_queued_image(client)
    (await add(client, image_id, f"{mirror.url}/slow")).ok(202)
    await mirror.silent.wait()
    (await add(client, image_id, f"{mirror.url}/image")).ok(409)
    mirror.go_on.set()
    await cloud.settle()
    assert (await get_image(client, image_id))["status"] == "queued"
    (await add(client, image_id, f"{mirror.url}/image")).ok(202)
    await cloud.settle()
    assert (await get_image(client, image_id))["status"] == "active"


async def test_a_location_task_of_a_worker_that_died_leaves_the_image_queued(cloud: TestCloud, mirror: Mirror) -> None:
    client = await cloud.http()
    image, task = await located(client, cloud, f"{mirror.url}/image")
    await cloud.rows("image", "UPDATE tasks SET status = 'processing', expires_at = NULL")
    await cloud.rows("image", "UPDATE images SET status = 'importing'")
    await cloud.rows(
        "image",
        "INSERT INTO image_properties (image_id, name, value, created_at, updated_at, image_created_at)"
        " SELECT id, 'os_glance_import_task', $2, now(), now(), created_at FROM images WHERE id = $1"
        " ON CONFLICT (image_id, name) DO UPDATE SET value = excluded.value, deleted_at = NULL",
        image["id"], task["id"],
    )  # fmt: skip
    await cloud.cloud.restart("image")
    image = await get_image(client, image["id"])
    assert (image["status"], image["size"], image["checksum"], image["os_hash_algo"]) == ("queued", None, None, None)
    assert "os_glance_import_task" not in image
    assert await fetched(client, cloud, image["id"]) == []


async def test_an_image_that_is_deleted_meanwhile_stays_deleted(cloud: TestCloud, mirror: Mirror) -> None:
    client = await cloud.http()
    image_id = await a_queued_image(client)
    mirror.pages["/slow"] = (b"x", "...", b"y")
    mirror.without = ("HEAD",)
    (await add(client, image_id, f"{mirror.url}/slow")).ok(202)
    await mirror.silent.wait()
    (await client.delete("image", f"/v2/images/{image_id}")).ok(204)
    mirror.go_on.set()
    await cloud.settle()
    (await client.get("image", f"/v2/images/{image_id}")).ok(404)
    assert await cloud.rows("image", "SELECT 1 FROM image_locations") == []
    assert [row["status"] for row in await cloud.rows("image", "SELECT status FROM tasks")] == ["failure"]
