"""Several stores at once: where data goes, from where it comes, and what is left of it."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from stackwire.image.settings import ImageSettings
from support.builders.images import a_queued_image, a_staged_image, download_image, get_image, upload_image
from support.cloud import ACloud, JsonClient, TestCloud

TWO = ("identity", "image")
DATA = bytes(range(251)) * 9000
SEVERAL = {"image": {"enabled_backends": "fast:file, slow:file, spare:file", "default_backend": "fast"}}


async def an_import(client: JsonClient, cloud: TestCloud, **wish: Any) -> Any:
    """The image after a staged import with this wish."""
    image_id = await a_staged_image(client, DATA)
    body = {"method": {"name": "glance-direct"}, **wish}
    (await client.post("image", f"/v2/images/{image_id}/import", json=body)).ok(202)
    await cloud.settle()
    return await get_image(client, image_id)


def holding(cloud: TestCloud) -> dict[str, list[str]]:
    """The objects on the disk, by store."""
    root = Path(cloud.cloud.options.data_dir) / "image" / "stores"
    return {store: [path.name[:36] for path in (root / store / "images").glob("*")] for store in ("fast", "slow")}


async def test_data_goes_into_the_default_store_or_the_one_that_is_named(a_cloud: ACloud) -> None:
    cloud = await a_cloud(services=TWO, settings=SEVERAL)
    client = await cloud.http()
    created = await client.post("image", "/v2/images", json={"disk_format": "raw", "container_format": "bare"})
    assert created.ok(201).headers["OpenStack-image-store-ids"] == "fast,slow,spare"
    usual, named = created.json["id"], await a_queued_image(client)
    (await upload_image(client, usual, DATA)).ok(204)
    (await upload_image(client, named, DATA, **{"x-image-meta-store": "nowhere"})).ok(400)
    (await upload_image(client, named, DATA, **{"x-image-meta-store": "slow"})).ok(204)
    assert [(await get_image(client, one))["stores"] for one in (usual, named)] == ["fast", "slow"]
    assert holding(cloud) == {"fast": [usual], "slow": [named]}
    for image_id in (usual, named):
        assert await download_image(client, image_id) == DATA
        (await client.delete("image", f"/v2/images/{image_id}")).ok(204)
    assert holding(cloud) == {"fast": [], "slow": []}

    told = (await client.get("image", "/v2/info/stores")).ok(200).json["stores"]
    assert told == [{"id": "fast", "default": "true"}, {"id": "slow"}, {"id": "spare"}]
    (await client.get("image", "/v2/info/stores/detail")).ok(403)
    admin = await cloud.http("admin")
    details = (await admin.get("image", "/v2/info/stores/detail")).ok(200).json["stores"]
    assert [(one["id"], one["type"], one["properties"]["thin_provisioning"]) for one in details] == [
        (name, "file", False) for name in ("fast", "slow", "spare")
    ]

    image = await an_import(client, cloud, all_stores=True)
    assert (image["status"], image["stores"]) == ("active", "fast,slow,spare")
    assert (image["os_glance_importing_to_stores"], image["os_glance_failed_import"]) == ("", "")
    image = await an_import(client, cloud, stores=["slow", "spare"])
    assert (image["status"], image["stores"]) == ("active", "slow,spare")
    assert await download_image(client, image["id"]) == DATA
    unknown = {"method": {"name": "glance-direct"}, "stores": ["slow", "nowhere"]}
    staged = await a_staged_image(client, DATA)
    (await client.post("image", f"/v2/images/{staged}/import", json=unknown)).ok(409)


@pytest.mark.parametrize("broken", ["fast", "slow"])
async def test_a_store_that_takes_nothing_fails_the_import_only_where_all_must_succeed(
    a_cloud: ACloud, broken: str
) -> None:
    cloud = await a_cloud(services=TWO, settings=SEVERAL)
    client = await cloud.http()
    incoming = Path(cloud.cloud.options.data_dir) / "image" / "stores" / broken / "incoming"
    incoming.rmdir()
    incoming.write_bytes(b"")
    image = await an_import(client, cloud, stores=["fast", "slow"], all_stores_must_succeed=False)
    working = {"fast": "slow", "slow": "fast"}[broken]
    assert (image["status"], image["stores"], image["os_glance_failed_import"]) == ("active", working, broken)
    events = [
        "update importing fast,slow|", "prepare importing fast,slow|", "upload failed", "update importing slow|fast",
        "prepare importing slow|fast", "upload active slow|fast", "activate active slow|fast", "update active |fast",
    ] if broken == "fast" else [
        "update importing fast,slow|", "prepare importing fast,slow|", "upload active fast,slow|",
        "activate active fast,slow|", "update active slow|", "prepare active slow|", "upload failed",
        "update active |slow",
    ]  # fmt: skip
    assert await told(cloud, image["id"]) == [*events, events[-1]]
    assert await download_image(client, image["id"]) == DATA
    failed = await an_import(client, cloud, stores=["fast", "slow"])
    assert (failed["status"], failed["os_glance_failed_import"]) == ("queued", "fast,slow")
    assert holding(cloud) == {"fast": [], "slow": [], working: [image["id"]]}
    incoming.unlink()
    incoming.mkdir()


async def told(cloud: TestCloud, image_id: str) -> list[str]:
    """The events of an image from its import on: what, its state, where it is still going to, where it failed."""
    events = await cloud.rows(
        "image",
        "SELECT name, payload FROM outbox WHERE name LIKE 'image.%'"
        " AND (payload::text LIKE '%' || $1 || '%' OR json_typeof(payload::json) = 'string')"
        " AND seq > (SELECT max(seq) FROM outbox WHERE name = 'task.create') ORDER BY seq",
        image_id,
    )
    said = []
    for event in events:
        payload, name = event["payload"], event["name"].removeprefix("image.")
        if isinstance(payload, str):
            said.append(f"{name} failed")
            continue
        lists = payload["properties"]
        said.append(
            f"{name} {payload['status']} {lists['os_glance_importing_to_stores']}|{lists['os_glance_failed_import']}"
        )
        if name in ("prepare", "upload"):
            assert payload["os_glance_importing_to_stores"] == sorted(
                filter(None, lists["os_glance_importing_to_stores"].split(","))
            )
        if name in ("upload", "activate"):
            assert (payload["size"], payload["checksum"]) == (len(DATA), hashlib.md5(DATA).hexdigest())
    return said


async def test_an_import_into_several_stores_is_reported_store_by_store(a_cloud: ACloud) -> None:
    """Active when the first one has it, unless all must: then when the last one has it."""
    cloud = await a_cloud(services=TWO, settings=SEVERAL)
    client = await cloud.http()
    image = await an_import(client, cloud, stores=["fast", "slow"])
    assert await told(cloud, image["id"]) == [
        "update importing fast,slow|", "prepare importing fast,slow|", "upload importing fast,slow|",
        "update importing slow|", "prepare importing slow|", "upload active slow|", "activate active slow|",
        "update active |", "update active |",
    ]  # fmt: skip
    image = await an_import(client, cloud, stores=["fast", "slow"], all_stores_must_succeed=False)
    assert (image["status"], image["stores"]) == ("active", "fast,slow")
    assert await told(cloud, image["id"]) == [
        "update importing fast,slow|", "prepare importing fast,slow|", "upload active fast,slow|",
        "activate active fast,slow|", "update active slow|", "prepare active slow|", "upload active slow|",
        "update active |", "update active |",
    ]  # fmt: skip


async def test_what_is_in_several_stores_counts_as_often(a_cloud: ACloud) -> None:
    storage = {**SEVERAL["image"], "user_storage_quota": str(3 * len(DATA)), "image_size_total": 1000}
    cloud = await a_cloud(services=TWO, settings={"image": storage})
    client = await cloud.http("admin")
    both = (await an_import(client, cloud, stores=["fast", "slow"]))["id"]
    staged = await a_staged_image(client, DATA)
    twice = {"method": {"name": "glance-direct"}, "stores": ["fast", "slow"]}
    (await client.post("image", f"/v2/images/{staged}/import", json=twice)).ok(413)
    (await client.post("image", f"/v2/images/{both}/import", json=COPIED)).ok(413)

    body = {**twice, "all_stores_must_succeed": False}
    (await client.post("image", f"/v2/images/{staged}/import", json=body)).ok(202)
    await cloud.settle()
    image = await get_image(client, staged)
    assert (image["status"], image["stores"], image["os_glance_failed_import"]) == ("active", "fast", "slow")
    assert holding(cloud)["slow"] == [both]
    (task,) = (await client.get("image", f"/v2/images/{staged}/tasks")).ok(200).json["tasks"]
    assert (task["status"], "quota" in task["message"]) == ("failure", True)

    (await client.delete("image", f"/v2/stores/slow/{both}")).ok(204)
    assert (await copy(client, cloud, both, stores=["spare"]))["stores"] == "fast,spare"
    (await client.delete("image", f"/v2/stores/fast/{both}")).ok(204)
    assert (await copy(client, cloud, both, stores=["slow"]))["stores"] == "spare,slow"


COPIED = {"method": {"name": "copy-image"}, "stores": ["spare"]}


async def copy(client: JsonClient, cloud: TestCloud, image_id: str, status: int = 202, **wish: Any) -> Any:
    """The image after it was to be copied."""
    body = {"method": {"name": "copy-image"}, **wish}
    (await client.post("image", f"/v2/images/{image_id}/import", json=body)).ok(status)
    await cloud.settle()
    return await get_image(client, image_id)


async def test_an_image_is_copied_into_stores_and_taken_out_of_all_but_one(a_cloud: ACloud) -> None:
    cloud = await a_cloud(services=TWO, settings=SEVERAL)
    client, admin = await cloud.http(), await cloud.http("admin")
    image_id = await a_queued_image(client)
    await copy(admin, cloud, image_id, 409, stores=["slow"])
    (await upload_image(client, image_id, DATA)).ok(204)
    await copy(client, cloud, image_id, 403, stores=["slow"])
    await copy(admin, cloud, image_id, 409, stores=["nowhere"])
    await copy(admin, cloud, image_id, 400, stores=["fast", "slow"])
    image = await copy(admin, cloud, image_id, stores=["slow"])
    assert (image["status"], image["stores"]) == ("active", "fast,slow")
    assert (image["os_glance_importing_to_stores"], image["os_glance_failed_import"]) == ("", "")
    assert "os_glance_import_task" not in image
    assert (await copy(admin, cloud, image_id, all_stores=True))["stores"] == "fast,slow,spare"
    tasks = (await admin.get("image", f"/v2/images/{image_id}/tasks")).ok(200).json["tasks"]
    assert (await copy(admin, cloud, image_id, all_stores=True))["stores"] == "fast,slow,spare"
    assert (await admin.get("image", f"/v2/images/{image_id}/tasks")).ok(200).json["tasks"] == tasks

    async def leave(who: JsonClient, store: str, status: int) -> None:
        (await who.delete("image", f"/v2/stores/{store}/{image_id}")).ok(status)

    await leave(await cloud.http("alt"), "fast", 404)
    await leave(client, "nowhere", 409)
    await leave(client, "fast", 403)
    await leave(admin, "fast", 204)
    await leave(admin, "fast", 404)
    assert (await get_image(client, image_id))["stores"] == "slow,spare"
    assert holding(cloud) == {"fast": [], "slow": [image_id]}
    assert await download_image(client, image_id) == DATA
    await leave(admin, "spare", 204)
    await leave(admin, "slow", 403)
    assert (await get_image(client, image_id))["stores"] == "slow"
    (await client.delete("image", f"/v2/images/{image_id}")).ok(204)
    assert holding(cloud) == {"fast": [], "slow": []}
    await leave(admin, "slow", 404)


@pytest.mark.parametrize(("must", "stores"), [(True, "fast"), (False, "fast,spare")])
async def test_a_copy_that_fails_leaves_the_image_as_it_was(a_cloud: ACloud, must: bool, stores: str) -> None:
    cloud = await a_cloud(services=TWO, settings=SEVERAL)
    client, admin = await cloud.http(), await cloud.http("admin")
    image_id = await a_queued_image(client)
    (await upload_image(client, image_id, DATA)).ok(204)
    incoming = Path(cloud.cloud.options.data_dir) / "image" / "stores" / "slow" / "incoming"
    incoming.rmdir()
    incoming.write_bytes(b"")
    image = await copy(admin, cloud, image_id, stores=["spare", "slow"], all_stores_must_succeed=must)
    assert (image["status"], image["stores"]) == ("active", stores)
    assert image["os_glance_failed_import"] == ("slow,spare" if must else "slow")
    assert "os_glance_import_task" not in image
    end = ["update active |slow,spare"] if must else ["update active |slow", "update active |slow"]
    assert await told(cloud, image_id) == [
        "update active slow,spare|", "prepare active slow,spare|", "upload active slow,spare|", "update active slow|",
        "prepare active slow|", "upload failed", *end,
    ]  # fmt: skip
    assert await download_image(client, image_id) == DATA
    spare = incoming.parents[1] / "spare" / "images"
    assert len(list(spare.glob("*"))) == (0 if must else 1)
    incoming.unlink()
    incoming.mkdir()


async def test_what_was_there_before_stores_were_named_is_still_read_and_deleted(a_cloud: ACloud) -> None:
    before: TestCloud = await a_cloud(services=TWO)
    client = await before.http()
    wish = {"disk_format": "raw", "container_format": "bare"}
    old = (await client.post("image", "/v2/images", json=wish)).ok(201).json["id"]
    (await upload_image(client, old, DATA)).ok(204)
    await before.close()
    cloud = await a_cloud(services=TWO, settings=SEVERAL)
    client = await cloud.http()
    assert (await get_image(client, old))["stores"] == "file"
    assert await download_image(client, old) == DATA
    (await client.delete("image", f"/v2/images/{old}")).ok(204)
    assert list((Path(cloud.cloud.options.data_dir) / "image" / "images").glob("*")) == []


@pytest.mark.parametrize(
    ("wrong", "default"),
    [
        ("a:file", ""), ("a:file", "b"), ("", "a"), ("a:file,a:file", "a"), ("a:vmware", "a"), ("a", "a"),
        ("os_glance_x:file", "os_glance_x"), ("a:file:relative", "a"), ("a/b:file", "a/b"),
        ("a:file:/x,b:file:/x/", "a"), ("file:file:/x", "file"), ("a:file:", "a"),
    ],
)  # fmt: skip
def test_stores_that_make_no_sense_are_refused_at_the_start(wrong: str, default: str) -> None:
    with pytest.raises(ValidationError):
        ImageSettings(enabled_backends=wrong, default_backend=default)  # type: ignore[arg-type]  # as the environment has it: text
