"""A server gets another flavor, or another host, and keeps it or goes back: what it has, where, and what is told."""

from typing import Any

import pytest

from support import invariants
from support.builders.images import an_image
from support.builders.servers import (
    SMALL_FLAVOR,
    TINY_FLAVOR,
    a_server,
    finish_action,
    from_volume,
    get_server,
    server_action,
)
from support.builders.volumes import a_volume
from support.cloud import ACloud, ASharedCloud, JsonClient, TestCloud


@pytest.fixture
async def cloud(a_shared_cloud: ASharedCloud) -> TestCloud:
    return await a_shared_cloud()


async def a_resized_server(cloud: TestCloud, client: JsonClient, **fields: Any) -> str:
    server_id = await a_server(cloud, client, **fields or {"imageRef": await an_image(client)})
    (await finish_action(cloud, client, server_id, resize={"flavorRef": SMALL_FLAVOR})).ok(202)
    return server_id


async def facts(cloud: TestCloud, server_id: str) -> dict[str, Any]:
    """The row, its claims (host, memory, whose), its base image, what it was, its migrations."""
    (row,) = await cloud.rows("compute", "SELECT * FROM instances WHERE uuid = $1", server_id)
    rows = await cloud.rows("compute", "SELECT * FROM instance_system_metadata WHERE instance_uuid = $1", server_id)
    migrations = await cloud.rows("compute", "SELECT * FROM migrations WHERE instance_uuid = $1 ORDER BY id", server_id)
    claims = await cloud.rows("compute", "SELECT * FROM allocations WHERE instance_uuid = $1", server_id)
    meta = {each["key"]: each["value"] for each in rows}
    return {
        "host": row["host"],
        "memory": row["memory_mb"],
        "task": row["task_state"],
        "claims": sorted((claim["host"], claim["memory_mb"], claim["consumer"] == server_id) for claim in claims),
        "base": meta.get("image_base_image_ref"),
        "old_vm_state": meta.get("old_vm_state"),
        "migrations": [migration["status"] for migration in migrations],
    }


async def disks(cloud: TestCloud, server_id: str) -> list[str]:
    folder = cloud.cloud.options.data_dir
    found = folder.rglob(f"{server_id}*")
    return sorted(f"{path.parent.name}/{path.name.removeprefix(server_id)}" for path in found)


async def actions(client: JsonClient, server_id: str) -> list[tuple[str, str | None, list[tuple[str, str]]]]:
    path, version = f"/v2.1/servers/{server_id}/os-instance-actions", {"OpenStack-API-Version": "compute 2.51"}
    listed = (await client.get("compute", path, headers=version)).ok(200).json["instanceActions"]
    shown = [
        (await client.get("compute", f"{path}/{each['request_id']}", headers=version)).ok(200).json["instanceAction"]
        for each in reversed(listed)
    ]
    return [
        (each["action"], each["message"], sorted((event["event"], event["result"]) for event in each["events"]))
        for each in shown
    ]


async def test_a_resize_moves_the_server_and_waits_for_its_confirmation(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    image = await an_image(demo, base_image_ref="given-by-the-uploader")
    server_id = await a_server(cloud, demo, imageRef=image)
    before = await facts(cloud, server_id)
    assert before["base"] == "given-by-the-uploader"
    (await finish_action(cloud, demo, server_id, resize={"flavorRef": SMALL_FLAVOR})).ok(202)
    resized, shown = await facts(cloud, server_id), await get_server(demo, server_id)
    old, new = before["host"], resized["host"]
    assert (shown["status"], shown["flavor"]["original_name"], shown["OS-EXT-STS:vm_state"]) == (
        "VERIFY_RESIZE", "m1.small", "resized",
    )  # fmt: skip
    assert new != old
    assert resized == {
        "host": new, "memory": 1024, "task": None, "base": image, "old_vm_state": "active",
        "claims": sorted([(old, 512, False), (new, 1024, True)]), "migrations": ["finished"],
    }  # fmt: skip
    assert await disks(cloud, server_id) == sorted([f"{old}/_resize", f"{new}/"])
    (await finish_action(cloud, demo, server_id, confirmResize=None)).ok(204)
    assert (await get_server(demo, server_id))["status"] == "ACTIVE"
    assert await facts(cloud, server_id) == {
        **resized, "old_vm_state": None, "claims": [(new, 1024, True)], "migrations": ["confirmed"],
    }  # fmt: skip
    assert await disks(cloud, server_id) == [f"{new}/"]
    assert (await actions(demo, server_id))[1:] == [
        ("resize", None, [
            (event, "Success")
            for event in ("cold_migrate", "compute_finish_resize", "compute_prep_resize", "compute_resize_instance",
                          "conductor_migrate_server")
        ]),
        ("confirmResize", None, [("compute_confirm_resize", "Success")]),
    ]  # fmt: skip
    await finish_action(cloud, demo, server_id, createImage={"name": "snap"})
    (snapshot,) = (await demo.get("image", "/v2/images?name=snap")).ok(200).json["images"]
    assert (snapshot["base_image_ref"], "old_vm_state" in snapshot) == (image, False)


@pytest.mark.parametrize("state", ["ACTIVE", "SHUTOFF"])
async def test_a_revert_brings_everything_back_but_the_base_image(cloud: TestCloud, state: str) -> None:
    demo = await cloud.http("demo")
    image = await an_image(demo, base_image_ref="given-by-the-uploader")
    server_id = await a_server(cloud, demo, imageRef=image)
    if state == "SHUTOFF":
        (await finish_action(cloud, demo, server_id, **{"os-stop": None})).ok(202)
    before = await facts(cloud, server_id)
    (await finish_action(cloud, demo, server_id, resize={"flavorRef": SMALL_FLAVOR})).ok(202)
    (await finish_action(cloud, demo, server_id, revertResize=None)).ok(202)
    shown = await get_server(demo, server_id)
    assert (shown["status"], shown["flavor"]["original_name"]) == (state, "m1.tiny")
    assert await facts(cloud, server_id) == {**before, "base": image, "migrations": ["reverted"]}
    assert await disks(cloud, server_id) == [f"{before['host']}/"]
    (await server_action(demo, server_id, revertResize=None)).ok(409)
    again = await finish_action(cloud, demo, server_id, resize={"flavorRef": SMALL_FLAVOR})
    assert again.status == 202
    (await finish_action(cloud, demo, server_id, confirmResize=None)).ok(204)
    assert (await get_server(demo, server_id))["status"] == state


async def test_a_server_on_a_volume_takes_its_volumes_along_and_back(cloud: TestCloud) -> None:
    demo, admin = await cloud.http("demo"), await cloud.http("admin")
    root = await a_volume(cloud, demo, imageRef=await an_image(demo))
    server_id = await a_resized_server(cloud, demo, block_device_mapping_v2=from_volume(root))
    assert (await facts(cloud, server_id))["base"] == ""
    for action in ("revertResize", "confirmResize"):
        volume = (await admin.get("volume", f"/v3/{{project_id}}/volumes/{root}")).ok(200).json["volume"]
        assert (volume["status"], [each["host_name"] for each in volume["attachments"]]) == (
            "in-use", [(await facts(cloud, server_id))["host"]],
        )  # fmt: skip
        (await finish_action(cloud, demo, server_id, **{action: None})).ok(202, 204)
        if action == "revertResize":
            (await finish_action(cloud, demo, server_id, resize={"flavorRef": SMALL_FLAVOR})).ok(202)
    assert (await facts(cloud, server_id))["migrations"] == ["reverted", "confirmed"]
    await invariants.hold_in(cloud.database.admin_url, 5.0)


async def test_a_resized_server_is_deleted_on_both_hosts(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    server_id = await a_resized_server(cloud, demo)
    (await demo.delete("compute", f"/v2.1/servers/{server_id}")).ok(204)
    await cloud.settle()
    assert await disks(cloud, server_id) == []
    assert await cloud.rows("compute", "SELECT * FROM allocations WHERE instance_uuid = $1", server_id) == []


async def test_a_cold_migration_keeps_the_flavor_and_an_administrator_may_name_the_host(cloud: TestCloud) -> None:
    demo, admin = await cloud.http("demo"), await cloud.http("admin")
    server_id = await a_server(cloud, demo, imageRef=await an_image(demo))
    old = (await facts(cloud, server_id))["host"]
    other = "compute-2" if old == "compute-1" else "compute-1"
    (await server_action(demo, server_id, migrate=None)).ok(403)
    for host, status in ((old, 400), ("nowhere", 400), ("not a host", 400), (other, 202)):
        assert (await finish_action(cloud, admin, server_id, migrate={"host": host})).status == status
    moved, shown = await facts(cloud, server_id), await get_server(demo, server_id)
    assert (shown["status"], shown["flavor"]["original_name"], moved["host"]) == ("VERIFY_RESIZE", "m1.tiny", other)
    assert moved["claims"] == [("compute-1", 512, other == "compute-1"), ("compute-2", 512, other == "compute-2")]
    (await finish_action(cloud, demo, server_id, confirmResize=None)).ok(204)
    (await finish_action(cloud, admin, server_id, version="2.55", migrate={"host": old})).ok(202)
    assert (await facts(cloud, server_id))["host"] == old, "before 2.56 the value means nothing"


async def test_what_a_flavor_must_have_for_a_resize(cloud: TestCloud) -> None:
    demo, admin = await cloud.http("demo"), await cloud.http("admin")
    image = await an_image(demo, min_ram=256)
    server_id = await a_server(cloud, demo, imageRef=image)

    async def a_flavor(name: str, **fields: Any) -> str:
        body = {"flavor": {"name": name, "ram": 512, "vcpus": 1, "disk": 1, **fields}}
        return str((await admin.post("compute", "/v2.1/flavors", json=body)).ok(200).json["flavor"]["id"])

    refused = {
        TINY_FLAVOR: "must change flavor",
        "unknown": "could not be found",
        await a_flavor("no-memory", ram=128): "memory",
        await a_flavor("no-disk", disk=0): "disk",
        await a_flavor("hidden", **{"os-flavor-access:is_public": False}): "could not be found",
    }
    for flavor, text in refused.items():
        answer = (await server_action(demo, server_id, resize={"flavorRef": flavor})).ok(400)
        assert text in answer.json["badRequest"]["message"]
    huge = await a_flavor("huge", vcpus=21)
    (await server_action(demo, server_id, resize={"flavorRef": huge})).ok(403)
    for body in ({}, {"flavorRef": None}, {"flavorRef": ""}, {"flavorRef": SMALL_FLAVOR, "x": 1}, None):
        (await server_action(demo, server_id, resize=body)).ok(400)
    assert (await facts(cloud, server_id))["migrations"] == []
    assert (await get_server(demo, server_id))["status"] == "ACTIVE"


async def test_a_disk_is_never_made_smaller(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    server_id = await a_resized_server(cloud, demo)
    (await finish_action(cloud, demo, server_id, confirmResize=None)).ok(204)
    before = await facts(cloud, server_id)
    (await finish_action(cloud, demo, server_id, resize={"flavorRef": TINY_FLAVOR})).ok(202)
    after = await facts(cloud, server_id)
    assert after == {**before, "old_vm_state": "active", "migrations": ["confirmed", "error"]}
    assert await disks(cloud, server_id) == [f"{before['host']}/"]
    assert (await get_server(demo, server_id))["status"] == "ACTIVE"
    assert (await actions(demo, server_id))[-1][:2] == ("resize", "Error")
    await invariants.hold_in(cloud.database.admin_url, 5.0)


async def test_without_another_host_the_server_stays_as_it_was_unless_it_may_stay_on_its_own(a_cloud: ACloud) -> None:
    cloud = await a_cloud(settings={"compute": {"hosts": ("compute-1",)}})
    demo = await cloud.http("demo")
    server_id = await a_server(cloud, demo, imageRef=await an_image(demo))
    (await finish_action(cloud, demo, server_id, resize={"flavorRef": SMALL_FLAVOR})).ok(202)
    assert await facts(cloud, server_id) | {"base": ""} == {
        "host": "compute-1", "memory": 512, "task": None, "base": "", "old_vm_state": None,
        "claims": [("compute-1", 512, True)], "migrations": ["error"],
    }  # fmt: skip
    name, message, events = (await actions(demo, server_id))[-1]
    assert (name, message) == ("resize", "Error")
    assert events == [("cold_migrate", "Error"), ("conductor_migrate_server", "Error")]


@pytest.mark.parametrize("end", ["confirmResize", "revertResize"])
async def test_a_resize_on_the_same_host_keeps_the_disk_twice_until_its_end(a_cloud: ACloud, end: str) -> None:
    cloud = await a_cloud(settings={"compute": {"hosts": ("compute-1",), "allow_resize_to_same_host": True}})
    demo = await cloud.http("demo")
    server_id = await a_resized_server(cloud, demo)
    assert await disks(cloud, server_id) == ["compute-1/", "compute-1/_resize"]
    assert (await facts(cloud, server_id))["claims"] == [("compute-1", 512, False), ("compute-1", 1024, True)]
    (await finish_action(cloud, demo, server_id, **{end: None})).ok(202, 204)
    memory = 1024 if end == "confirmResize" else 512
    assert (await facts(cloud, server_id))["claims"] == [("compute-1", memory, True)]
    assert await disks(cloud, server_id) == ["compute-1/"]
    (await finish_action(cloud, demo, server_id, reboot={"type": "HARD"})).ok(202)
    assert (await get_server(demo, server_id))["status"] == "ACTIVE"
