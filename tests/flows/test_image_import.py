"""Interoperable import: staged by a client, brought in by a worker, told as a task."""

import asyncio
import hashlib
import struct
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from support.builders.images import a_queued_image, a_staged_image, get_image, stage_image
from support.cloud import ACloud, Answer, ASharedCloud, JsonClient, TestCloud

OCTETS = {"Content-Type": "application/octet-stream"}
TWO = ("identity", "image")
TINY = "6f2c1d9e-5b7a-4c3d-9e8f-1a2b3c4d5e01"
VERSION = {"OpenStack-API-Version": "compute 2.93"}
DIRECT = {"method": {"name": "glance-direct"}}
DATA = bytes(range(251)) * 5000
LEAKS = struct.pack(">4sIQIIQ", b"QFI\xfb", 3, 0x200, 1, 16, 1 << 30).ljust(65536, b"\0")
"""A qcow2 with a backing file."""


@pytest.fixture
async def cloud(a_shared_cloud: ASharedCloud) -> TestCloud:
    return await a_shared_cloud()


async def ask(client: JsonClient, image_id: str, wish: Any = DIRECT) -> Answer:
    return await client.post("image", f"/v2/images/{image_id}/import", json=wish)


async def tasks_of(client: JsonClient, image_id: str) -> Any:
    return (await client.get("image", f"/v2/images/{image_id}/tasks")).ok(200).json["tasks"]


def files(cloud: TestCloud) -> list[str]:
    """All bytes the image service keeps, by the names of their images."""
    root = Path(cloud.cloud.options.data_dir) / "image"
    return sorted(path.name[:36] for path in root.rglob("*") if path.is_file())


async def said(cloud: TestCloud, resource: str) -> list[str]:
    rows = await cloud.rows(
        "image",
        "SELECT name FROM outbox WHERE kind = 'notify' AND payload::text LIKE '%' || $1 || '%' ORDER BY seq",
        resource,
    )
    return [row["name"] for row in rows if row["name"] != "properties.crossed"]


async def test_what_is_staged_waits_and_what_is_imported_is_there(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    created = (
        await demo.post("image", "/v2/images", json={"name": "i", "disk_format": "raw", "container_format": "bare"})
    ).ok(201)
    methods = (await demo.get("image", "/v2/info/import")).ok(200).json["import-methods"]["value"]
    assert created.headers["OpenStack-image-import-methods"].split(",") == methods
    assert "glance-direct" in methods
    image_id = created.json["id"]
    (await stage_image(demo, image_id, DATA)).ok(204)
    image = await get_image(demo, image_id)
    assert (image["status"], image["size"], image["checksum"]) == ("uploading", len(DATA), None)
    (await demo.get("image", f"/v2/images/{image_id}/file")).ok(204)

    answer = (await ask(demo, image_id)).ok(202)
    await cloud.settle()

    image = await get_image(demo, image_id)
    assert (image["status"], image["size"], image["virtual_size"]) == ("active", len(DATA), len(DATA))
    assert image["checksum"] == hashlib.md5(DATA).hexdigest()
    assert image["os_hash_value"] == hashlib.sha512(DATA).hexdigest()
    assert (image["os_glance_importing_to_stores"], image["os_glance_failed_import"]) == ("", "")
    assert "os_glance_import_task" not in image
    assert (await demo.get("image", f"/v2/images/{image_id}/file")).ok(200).body == DATA
    assert files(cloud).count(image_id) == 1
    (task,) = await tasks_of(demo, image_id)
    assert (task["type"], task["status"], task["owner"]) == ("api_image_import", "success", demo.project_id)
    assert task["request_id"] == answer.headers["X-Openstack-Request-Id"]
    assert task["input"]["import_req"] == DIRECT
    assert task["result"] == {"image_id": image_id}
    assert task["message"] == "Copied 1 MiB"
    assert task["expires_at"] > task["created_at"]
    (await demo.delete("image", f"/v2/images/{image_id}")).ok(204)


async def test_an_import_is_reported_as_glance_reports_it(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    image_id = await a_staged_image(demo)
    (await ask(demo, image_id)).ok(202)
    await cloud.settle()
    (task,) = await tasks_of(demo, image_id)
    assert await said(cloud, image_id) == [
        "image.create", "image.update", "image.update",
        "image.update", "image.prepare", "image.upload", "image.activate", "image.update", "image.update",
    ]  # fmt: skip
    events = await cloud.rows(
        "image",
        "SELECT name, payload FROM outbox WHERE kind = 'notify' AND payload ->> 'id' = $1 ORDER BY seq",
        task["id"],
    )
    assert [(row["name"], row["payload"]["status"]) for row in events] == [
        ("task.create", "pending"), ("task.processing", "processing"), ("task.success", "success"),
        ("task.run", "pending"),
    ]  # fmt: skip
    assert events[2]["payload"] == {
        "id": task["id"], "type": "api_image_import", "status": "success", "result": None, "owner": demo.project_id,
        "message": None, "expires_at": task["expires_at"][:19] + "Z", "created_at": task["created_at"][:19] + "Z",
        "updated_at": task["updated_at"][:19] + "Z", "deleted": False, "deleted_at": None,
    }  # fmt: skip
    prepared, uploaded = await cloud.rows(
        "image",
        "SELECT payload FROM outbox WHERE name IN ('image.prepare', 'image.upload') AND payload ->> 'id' = $1"
        " ORDER BY seq",
        image_id,
    )
    for row in (prepared, uploaded):
        assert row["payload"]["os_glance_importing_to_stores"] == ["file"]
        assert row["payload"]["os_glance_failed_import"] == []
        assert row["payload"]["properties"]["os_glance_import_task"] == task["id"]


@pytest.mark.parametrize(
    ("wish", "data", "reason"),
    [({"disk_format": "qcow2"}, LEAKS, "unsafe"), ({"disk_format": "qcow2"}, b"no qcow2 at all", "not acceptable")],
    ids=["backing-file", "another-format"],
)
async def test_content_that_would_not_be_uploaded_is_not_imported(
    cloud: TestCloud, wish: dict[str, str], data: bytes, reason: str
) -> None:
    demo = await cloud.http("demo")
    image_id = await a_staged_image(demo, data, **wish)
    (await ask(demo, image_id)).ok(202)
    await cloud.settle()
    image = await get_image(demo, image_id)
    assert (image["status"], image["size"], image["checksum"]) == ("queued", None, None)
    assert (image["os_glance_importing_to_stores"], image["os_glance_failed_import"]) == ("", "file")
    assert "os_glance_import_task" not in image
    assert image_id not in files(cloud)
    (task,) = await tasks_of(demo, image_id)
    assert (task["status"], task["result"]) == ("failure", None)
    assert reason in task["message"]
    assert (await said(cloud, image_id))[-1] == "image.update"
    (await stage_image(demo, image_id, DATA)).ok(204)  # and it may be tried again


@pytest.mark.parametrize(
    "body",
    [
        {}, [], None, {"method": "glance-direct"}, {"method": {}}, {"method": {"name": 5}},
        {"method": {"name": "nonsense"}},
        {**DIRECT, "all_stores": "yes"}, {**DIRECT, "all_stores_must_succeed": 1},
        {**DIRECT, "stores": ["file"], "all_stores": True},
    ],
    ids=str,
)  # fmt: skip
async def test_an_import_that_makes_no_sense_changes_nothing(cloud: TestCloud, body: Any) -> None:
    demo = await cloud.http("demo")
    image_id = await a_staged_image(demo, b"x")
    answer = await demo.post(
        "image", f"/v2/images/{image_id}/import", data=b"null", headers={"Content-Type": "application/json"}
    ) if body is None else await ask(demo, image_id, body)  # fmt: skip
    answer.ok(400)
    assert await tasks_of(demo, image_id) == []
    assert (await get_image(demo, image_id))["status"] == "uploading"


@pytest.mark.parametrize("stores", ["file", [1], ["nowhere"]], ids=str)
async def test_stores_that_are_none_are_a_conflict(cloud: TestCloud, stores: Any) -> None:
    demo = await cloud.http("demo")
    image_id = await a_staged_image(demo, b"x")
    (await ask(demo, image_id, {**DIRECT, "stores": stores})).ok(409)
    assert (await get_image(demo, image_id))["status"] == "uploading"


async def test_keys_that_an_import_does_not_know_are_left_out_as_glance_does(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    body = {"method": {"name": "glance-direct", "uri": "http://example.org/"}, "colour": "red"}
    (await ask(demo, await a_staged_image(demo, b"x"), body)).ok(202)
    await cloud.settle()


async def test_an_image_that_is_not_ready_is_a_conflict(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    queued = await a_queued_image(demo)
    (await ask(demo, queued)).ok(409)
    (await demo.put("image", f"/v2/images/{queued}/file", data=b"x", headers=OCTETS)).ok(204)
    (await ask(demo, queued)).ok(409)
    (await stage_image(demo, queued, b"x")).ok(409)
    formless = (await demo.post("image", "/v2/images", json={"name": "formless"})).ok(201).json["id"]
    (await stage_image(demo, formless, b"x")).ok(204)
    (await ask(demo, formless)).ok(409)
    (await stage_image(demo, formless, b"x")).ok(409)
    (await ask(demo, formless, {**DIRECT, "stores": ["nowhere"]})).ok(409)
    (await demo.put("image", f"/v2/images/{formless}/file", data=b"x", headers=OCTETS)).ok(409, 400)


async def test_an_image_of_no_bytes_is_imported_too(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    image_id = await a_staged_image(demo, b"")
    (await ask(demo, image_id)).ok(202)
    await cloud.settle()
    image = await get_image(demo, image_id)
    assert (image["status"], image["size"]) == ("active", 0)


async def test_only_the_owner_stages_and_imports(cloud: TestCloud) -> None:
    demo, alt, admin = await cloud.http("demo"), await cloud.http("alt"), await cloud.http("admin")
    mine = await a_staged_image(demo, b"x")
    seen = await a_staged_image(demo, b"x", visibility="community")
    for image_id, status in ((mine, 404), (seen, 403)):
        (await stage_image(alt, image_id, b"y")).ok(status)
        (await ask(alt, image_id)).ok(status)
    (await alt.get("image", f"/v2/images/{mine}/tasks")).ok(404)
    (await ask(demo, seen)).ok(202)
    await cloud.settle()
    assert await tasks_of(alt, seen) == []
    assert len(await tasks_of(admin, seen)) == 1
    (await ask(admin, mine)).ok(202)
    await cloud.settle()
    assert (await get_image(demo, mine))["status"] == "active"
    (await demo.get("image", "/v2/images/nonsense/tasks")).ok(404)


async def test_two_imports_at_once_are_one(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    for _ in range(5):
        image_id = await a_staged_image(demo, b"x" * 1000)
        answers = await asyncio.gather(*(ask(demo, image_id) for _ in range(4)))
        assert sorted(answer.status for answer in answers) == [202, 409, 409, 409]
        await cloud.settle()
        assert (await get_image(demo, image_id))["status"] == "active"
        assert [task["status"] for task in await tasks_of(demo, image_id)] == ["success"]


async def test_whenever_an_image_is_deleted_its_bytes_go_with_it(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    for looks in range(6):
        image_id = await a_staged_image(demo, DATA * 4)
        if looks:
            (await ask(demo, image_id)).ok(202)
            for _ in range(looks):
                await get_image(demo, image_id)
        (await demo.delete("image", f"/v2/images/{image_id}")).ok(204)
        await cloud.settle()
        assert image_id not in files(cloud)
        rows = await cloud.rows("image", "SELECT status FROM tasks WHERE image_id = $1", image_id)
        assert all(row["status"] in ("success", "failure") for row in rows)


async def test_what_an_import_leaves_in_its_image_comes_into_volumes_and_not_into_snapshots(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    image_id = await a_staged_image(demo, b"x" * 1000, hw_disk_bus="scsi")
    (await ask(demo, image_id)).ok(202)
    await cloud.settle()
    volume = {"volume": {"size": 1, "imageRef": image_id}}
    made = (await demo.post("volume", "/v3/{project_id}/volumes", json=volume)).ok(202).json["volume"]
    server = {"server": {"name": "s", "flavorRef": TINY, "networks": "none", "imageRef": image_id}}
    booted = (await demo.post("compute", "/v2.1/servers", json=server, headers=VERSION)).ok(202).json["server"]
    await cloud.settle()
    found = (await demo.get("volume", f"/v3/{{project_id}}/volumes/{made['id']}")).ok(200).json["volume"]
    assert found["volume_image_metadata"]["os_glance_importing_to_stores"] == ""
    (await demo.post("compute", f"/v2.1/servers/{booted['id']}/action", json={"createImage": {"name": "snap"}})).ok(202)
    await cloud.settle()
    (snapshot,) = (await demo.get("image", "/v2/images?name=snap")).ok(200).json["images"]
    assert (snapshot["status"], snapshot["hw_disk_bus"]) == ("active", "scsi")
    assert not [name for name in snapshot if name.startswith("os_glance")]


async def test_staging_has_the_caps_of_uploads(a_cloud: ACloud) -> None:
    cloud = await a_cloud(
        services=TWO, settings={"image": {"image_size_cap": 1000, "user_storage_quota": "1500B", "upload_seconds": 1}}
    )
    demo = await cloud.http("demo")
    image_id = await a_queued_image(demo)

    async def many() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 100

    (await stage_image(demo, image_id, b"x" * 1001)).ok(413)
    (await stage_image(demo, image_id, many())).ok(413)
    (await stage_image(demo, image_id, b"x" * 5, **{"x-openstack-image-size": "6"})).ok(400)
    (await stage_image(demo, image_id, b"x", **{"Content-Type": "text/plain"})).ok(415)
    (await stage_image(demo, image_id, b"x", **{"x-image-meta-store": "file"})).ok(400)
    assert (await get_image(demo, image_id))["status"] == "queued"
    assert files(cloud) == []
    (await stage_image(demo, image_id, b"x" * 1000)).ok(204)
    other = await a_queued_image(demo)
    (await stage_image(demo, other, b"x" * 600)).ok(413)
    (await ask(demo, image_id)).ok(202)
    await cloud.settle()
    assert (await get_image(demo, image_id))["status"] == "active"
    (await stage_image(demo, other, b"x" * 600)).ok(413)
    (await stage_image(demo, other, b"x" * 500)).ok(204)


async def test_imports_of_a_worker_that_died_are_queued_again_and_tasks_end(a_cloud: ACloud) -> None:
    cloud = await a_cloud(services=TWO, settings={"image": {"task_time_to_live": 0.0}})
    demo = await cloud.http("demo")
    importing, staging = await a_staged_image(demo, b"x" * 10), await a_queued_image(demo)
    (await ask(demo, importing)).ok(202)
    await cloud.settle()
    root = Path(cloud.cloud.options.data_dir) / "image"
    (task,) = await tasks_of(demo, importing)
    await cloud.rows("image", "UPDATE tasks SET status = 'processing', expires_at = NULL")
    await cloud.rows("image", "DELETE FROM image_locations")
    await cloud.rows(
        "image",
        "UPDATE images SET status = 'importing', staged = $2 WHERE id = $1",
        importing, f"{importing}.s",
    )  # fmt: skip
    await cloud.rows(
        "image",
        "UPDATE image_properties SET value = $2, deleted_at = NULL"
        " WHERE image_id = $1 AND name = 'os_glance_import_task'",
        importing, task["id"],
    )  # fmt: skip
    await cloud.rows(
        "image",
        "UPDATE images SET status = 'uploading', staged = $2 WHERE id = $1", staging, f"{staging}.s",
    )  # fmt: skip
    for name in (f"{importing}.s", f"incoming/{staging}.s", "nobodys"):
        (root / "staging" / name).write_bytes(b"left")
    await cloud.cloud.restart("image")
    for image_id in (importing, staging):
        image = await get_image(demo, image_id)
        assert (image["status"], image["size"]) == ("queued", None)
        assert "os_glance_import_task" not in image
    assert files(cloud) == []
    ended = await said(cloud, task["id"])
    assert ended[-2:] == ["task.failure", "task.delete"]
    assert await tasks_of(demo, importing) == []
    (await stage_image(demo, importing, b"again")).ok(204)
    (await ask(demo, importing)).ok(202)


async def test_what_a_living_worker_let_go_of_unheard_is_taken_back(a_cloud: ACloud) -> None:
    """As when the database was away while an upload, a staging or a task failed."""
    cloud = await a_cloud(services=TWO, settings={"image": {"heartbeat_seconds": 0.05, "lease_seconds": 0.15}})
    demo = await cloud.http("demo")
    uploading, staging, importing = (
        await a_queued_image(demo),
        await a_queued_image(demo),
        await a_staged_image(demo, b"x"),
    )
    (await ask(demo, importing)).ok(202)
    await cloud.settle()
    unheard = (
        ("UPDATE images SET status = 'saving', object = 'x.1' WHERE id = $1", uploading),
        ("UPDATE images SET status = 'uploading', staged = 'x.2' WHERE id = $1", staging),
        ("UPDATE tasks SET status = 'processing' WHERE image_id = $1", importing),
    )
    for sql, image_id in unheard:
        await cloud.rows("image", sql, image_id)
    for image_id in (uploading, staging):
        while (await get_image(demo, image_id))["status"] != "queued":
            await cloud.settle()
    while (await tasks_of(demo, importing))[0]["status"] != "failure":
        await cloud.settle()
    (await stage_image(demo, uploading, b"again")).ok(204)


@pytest.mark.parametrize(
    ("status", "minutes", "answer"), [("success", 59, 409), ("success", 61, 202), ("pending", 100, 409), (None, 0, 202)]
)
async def test_a_lock_that_was_left_is_taken_over_in_time(
    cloud: TestCloud, status: str | None, minutes: int, answer: int
) -> None:
    demo = await cloud.http("demo")
    image_id = await a_staged_image(demo, b"x")
    holder = str(uuid.uuid4())
    if status is not None:
        await cloud.rows(
            "image",
            "INSERT INTO tasks (id, type, status, created_at, updated_at)"
            " SELECT $1, 'api_image_import', $2, t, t FROM (SELECT now() - make_interval(mins => $3) AS t) AS at",
            holder, status, minutes,
        )  # fmt: skip
    await cloud.rows(
        "image",
        "INSERT INTO image_properties (image_id, name, value, created_at, updated_at, image_created_at)"
        " SELECT id, 'os_glance_import_task', $2, now(), now(), created_at FROM images WHERE id = $1",
        image_id, holder,
    )  # fmt: skip
    (await ask(demo, image_id)).ok(answer)
    await cloud.settle()
    image = await get_image(demo, image_id)
    assert image["status"] == ("active" if answer == 202 else "uploading")
    assert image.get("os_glance_import_task") == (None if answer == 202 else holder)
