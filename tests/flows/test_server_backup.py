"""Backups of a server: images of a type, of which the latest few are kept."""

from typing import Any

import pytest

from support.builders.images import an_image
from support.builders.servers import a_server, finish_action, from_volume, get_server, server_action
from support.builders.volumes import a_volume
from support.cloud import JsonClient, TestCloud
from support.server_parts import action_events, told

DAILY = {"name": "first", "backup_type": "daily", "rotation": 1}


@pytest.fixture
async def demo(cloud: TestCloud) -> JsonClient:
    return await cloud.http("demo")


async def backups(client: JsonClient) -> list[str]:
    """The names of the backups, newest first."""
    listed = (await client.get("image", "/v2/images?image_type=backup")).ok().json["images"]
    return [image["name"] for image in listed]


async def test_a_backup_is_a_snapshot_of_a_type(cloud: TestCloud, demo: JsonClient) -> None:
    properties = {"team": "a", "img_signature_key_type": "DSA", "base_image_ref": "the-uploaders", "long": "n" * 300}
    image_id = await an_image(demo, b"z" * 4096, **properties)
    server_id = await a_server(cloud, demo, imageRef=image_id)
    wish = {**DAILY, "rotation": "3", "metadata": {"note": "backup 1", "backup_type": "the caller's"}}
    made = (await finish_action(cloud, demo, server_id, createBackup=wish)).ok(202).json["image_id"]
    image = (await demo.get("image", f"/v2/images/{made}")).ok().json
    assert (image["status"], image["size"], image["disk_format"]) == ("active", 4096, "raw")
    assert (image["image_type"], image["backup_type"], image["note"]) == ("backup", "daily", "backup 1")
    assert (image["instance_uuid"], image["base_image_ref"], image["team"]) == (server_id, "the-uploaders", "a")
    assert ("img_signature_key_type" in image, len(image["long"])) == (False, 255)
    assert (await get_server(demo, server_id))["OS-EXT-STS:task_state"] is None
    assert (await action_events(demo, server_id))[0] == ("createBackup", None, ["compute_backup_instance"])
    assert await told(cloud, ".snapshot.") == [
        f"{prefix}.snapshot.{phase}" for phase in ("start", "end") for prefix in ("compute.instance", "instance")
    ]


async def test_the_oldest_backups_of_a_type_are_deleted(cloud: TestCloud, demo: JsonClient) -> None:
    server_id, other_id = [await a_server(cloud, demo, imageRef=await an_image(demo)) for _ in range(2)]
    for number, (server, type) in enumerate([(server_id, "daily"), (server_id, "weekly"), (other_id, "daily")]):
        wish = {"name": f"kept-{number}" if number else "old", "backup_type": type, "rotation": 1}
        (await finish_action(cloud, demo, server, createBackup=wish)).ok(202)
    (await finish_action(cloud, demo, server_id, createBackup={**DAILY, "name": "new"})).ok(202)
    assert await backups(demo) == ["new", "kept-2", "kept-1"]
    answer = await server_action(demo, server_id, "2.44", createBackup={**DAILY, "rotation": 0})
    await cloud.settle()
    assert (answer.ok(202).body, "Location" in answer.headers) == (b"", False)
    assert await backups(demo) == ["kept-2", "kept-1"], "none of the type is kept, not even the new one"
    answer = await server_action(demo, server_id, "2.44", createBackup=DAILY)
    assert "/images/" in answer.ok(202).headers["Location"]


@pytest.mark.parametrize(
    "change",
    [
        {"rotation": -1}, {"rotation": "x"}, {"rotation": ""}, {"rotation": None}, {"backup_type": 5}, {"name": ""},
        {"name": " daily"}, {"metadata": {"k": 1}}, {"other": 1},
    ],
)  # fmt: skip
async def test_what_is_no_backup_is_refused(a_shared_cloud: Any, change: dict[str, Any]) -> None:
    cloud = await a_shared_cloud()
    demo = await cloud.http("demo")
    server_id = await a_server(cloud, demo, imageRef=await an_image(demo))
    assert (await server_action(demo, server_id, createBackup={**DAILY, **change})).status == 400
    assert await backups(demo) == []
    (await demo.delete("compute", f"/v2.1/servers/{server_id}")).ok(204)
    await cloud.settle()


async def test_there_is_no_backup_of_a_server_on_a_volume(cloud: TestCloud, demo: JsonClient) -> None:
    volume_id = await a_volume(cloud, demo, imageRef=await an_image(demo))
    server_id = await a_server(cloud, demo, block_device_mapping_v2=from_volume(volume_id))
    assert (await server_action(demo, server_id, createBackup=DAILY)).status == 400
    assert await backups(demo) == []
