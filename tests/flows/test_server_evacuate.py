"""A server whose host is down is built again on another: what it keeps, where it is refused, and the host's return."""

from typing import Any

import pytest

from support import invariants
from support.builders.images import an_image
from support.builders.servers import a_server, finish_action, from_volume, get_server, server_action
from support.builders.volumes import a_volume
from support.cloud import ACloud, JsonClient, TestCloud
from support.polling import until


async def facts(cloud: TestCloud, server_id: str) -> tuple[str, str, list[str]]:
    """Its host, its base image, and what became of its migrations."""
    (row,) = await cloud.rows("compute", "SELECT host FROM instances WHERE uuid = $1", server_id)
    sql = "SELECT value FROM instance_system_metadata WHERE instance_uuid = $1 AND key = 'image_base_image_ref'"
    (base,) = await cloud.rows("compute", sql, server_id)
    migrations = await cloud.rows("compute", "SELECT * FROM migrations WHERE instance_uuid = $1 ORDER BY id", server_id)
    return row["host"], base["value"], [each["status"] for each in migrations]


async def force_down(cloud: TestCloud, admin: JsonClient, host: str, down: bool) -> None:
    """Its heartbeats say nothing while it is forced down; it is not up before it knows what was evacuated from it."""
    version = {"OpenStack-API-Version": "compute 2.53"}
    found = (await admin.get("compute", f"/v2.1/os-services?host={host}", headers=version)).ok(200).json["services"]
    (service,) = [each["id"] for each in found if each["binary"] == "nova-compute"]

    async def forced() -> bool:
        body = {"forced_down": down}
        return (await admin.put("compute", f"/v2.1/os-services/{service}", json=body, headers=version)).status == 200

    _forced: bool = await until(forced, 15.0)


@pytest.mark.parametrize(
    ("backed", "version", "stopped", "end"),
    [
        ("image", "2.93", False, "ACTIVE"),
        ("image", "2.93", True, "SHUTOFF"),
        ("image", "2.95", False, "SHUTOFF"),
        ("volume", "2.93", False, "ACTIVE"),
    ],
)
async def test_a_server_of_a_dead_host_is_built_again_elsewhere(
    cloud: TestCloud, backed: str, version: str, stopped: bool, end: str
) -> None:
    demo, admin = await cloud.http("demo"), await cloud.http("admin")
    image = await an_image(demo)
    fields: dict[str, Any] = {"imageRef": image}
    if backed == "volume":
        fields = {"block_device_mapping_v2": from_volume(await a_volume(cloud, demo, imageRef=image))}
    server_id = await a_server(cloud, demo, **fields)
    if stopped:
        (await finish_action(cloud, demo, server_id, **{"os-stop": None})).ok(202)
    old, base, _ = await facts(cloud, server_id)
    (await server_action(demo, server_id, evacuate={})).ok(403)
    answer = (await server_action(admin, server_id, version, evacuate={})).ok(400)
    assert answer.json["badRequest"]["message"] == f"Compute service of {old} is still in use."
    await force_down(cloud, admin, old, True)
    assert (await finish_action(cloud, admin, server_id, version=version, evacuate={})).ok(200).body in (b"", b"null")
    host, after, (status,) = await facts(cloud, server_id)
    assert (host != old, after) == (True, base), "no property changes"
    assert status in ("done", "completed"), "the old host may have let go of it already"
    assert (await get_server(demo, server_id))["status"] == end
    await cloud.cloud.restart("compute")
    await force_down(cloud, admin, old, False)
    await invariants.hold_in(cloud.database.admin_url, 10.0)
    folders = [path.parent.name for path in cloud.cloud.options.data_dir.rglob(f"{server_id}*")]
    assert folders == [host]


async def test_what_each_version_may_say_of_an_evacuation(a_cloud: ACloud) -> None:
    cloud = await a_cloud(settings={"compute": {"sweep_seconds": 0.5}})
    demo, admin = await cloud.http("demo"), await cloud.http("admin")
    server_id = await a_server(cloud, demo, imageRef=await an_image(demo))
    here, _, _ = await facts(cloud, server_id)
    other = "compute-2" if here == "compute-1" else "compute-1"
    await force_down(cloud, admin, here, True)
    for version, status, body in (
        ("2.13", 400, {}),
        ("2.13", 400, {"onSharedStorage": True, "adminPass": "p"}),
        ("2.14", 400, {"onSharedStorage": False}),
        ("2.28", 400, {"force": False}),
        ("2.29", 400, {"force": True}),
        ("2.68", 400, {"host": other, "force": True}),
        ("2.93", 400, {"host": here}),
        ("2.93", 404, {"host": "nowhere"}),
        ("2.93", 400, {"host": ""}),
        ("2.13", 200, {"onSharedStorage": False, "adminPass": "given"}),
    ):
        answer = await finish_action(cloud, admin, server_id, version=version, evacuate=body)
        assert answer.status == status, (version, body, answer.body)
    assert answer.json == {"adminPass": "given"}
    assert (await facts(cloud, server_id))[0] == other
    await force_down(cloud, admin, other, True)
    (await finish_action(cloud, admin, server_id, evacuate={})).ok(200)
    shown = await get_server(demo, server_id)
    assert (shown["status"], (await facts(cloud, server_id))[2][-1]) == ("ERROR", "error")
    await force_down(cloud, admin, here, False)
    (await finish_action(cloud, admin, server_id, version="2.67", evacuate={"host": here, "force": True})).ok(200)
    assert ((await get_server(demo, server_id))["status"], (await facts(cloud, server_id))[0]) == ("ACTIVE", here)
    await invariants.hold_in(cloud.database.admin_url, 10.0)
