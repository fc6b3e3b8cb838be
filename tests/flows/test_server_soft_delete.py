"""Servers whose deletion is put off: taken back, or gone when their time is up."""

from datetime import timedelta
from typing import Any

import pytest

from support.builders.images import an_image
from support.builders.servers import SERVERS, a_server, finish_action, get_server, request_server, server_action
from support.cloud import JsonClient, TestCloud
from support.server_parts import action_events, system_metadata, told


@pytest.fixture
async def cloud(a_cloud: Any) -> TestCloud:
    found: TestCloud = await a_cloud(settings={"compute": {"reclaim_instance_interval": 3600}})
    return found


@pytest.fixture
async def demo(cloud: TestCloud) -> JsonClient:
    return await cloud.http("demo")


async def deleted(cloud: TestCloud, client: JsonClient, server_id: str) -> None:
    (await client.delete("compute", f"{SERVERS}/{server_id}")).ok(204)
    await cloud.settle()


async def listed(client: JsonClient, query: str = "") -> list[str]:
    return [each["id"] for each in (await client.get("compute", f"{SERVERS}{query}")).ok(200).json["servers"]]


async def test_a_deleted_server_can_be_taken_back(cloud: TestCloud, demo: JsonClient) -> None:
    admin = await cloud.http("admin")
    server_id = await a_server(cloud, demo, imageRef=await an_image(demo, team="a"))
    rows = await system_metadata(cloud, server_id)
    await deleted(cloud, demo, server_id)
    server = await get_server(demo, server_id)
    assert (server["status"], server["OS-EXT-STS:vm_state"]) == ("SOFT_DELETED", "soft-delete")
    assert (await listed(demo), await listed(admin, "?all_tenants=1&soft_deleted=1")) == ([], [server_id])
    assert await listed(admin, "?all_tenants=1&deleted=1") == [server_id]
    assert (await server_action(demo, server_id, **{"os-start": None})).status == 409
    (await finish_action(cloud, demo, server_id, restore=None)).ok(202)
    assert ((await get_server(demo, server_id))["status"], await listed(demo)) == ("ACTIVE", [server_id])
    assert await system_metadata(cloud, server_id) == rows
    assert (await server_action(demo, server_id, restore=None)).status == 409
    assert [name for name in await told(cloud, "soft_delete", "restore") if name.startswith("compute.")] == [
        f"compute.instance.{action}.{phase}" for action in ("soft_delete", "restore") for phase in ("start", "end")
    ]
    assert await action_events(demo, server_id) == [
        ("restore", None, ["compute_restore_instance"]),
        ("delete", None, ["compute_soft_delete_instance"]),
        ("create", None, ["compute__do_build_and_run_instance"]),
    ]


async def test_quotas_do_not_count_it_until_it_is_taken_back(cloud: TestCloud, demo: JsonClient) -> None:
    admin, image_id = await cloud.http("admin"), await an_image(demo)
    quota = {"quota_set": {"instances": 1}}
    (await admin.put("compute", f"/v2.1/os-quota-sets/{demo.project_id}", json=quota)).ok(200)
    server_id = await a_server(cloud, demo, imageRef=image_id)
    await deleted(cloud, demo, server_id)
    (await request_server(demo, imageRef=image_id)).ok(202)
    await cloud.settle()
    assert (await server_action(demo, server_id, restore=None)).status == 403
    assert (await get_server(demo, server_id))["status"] == "SOFT_DELETED"


async def test_it_is_gone_by_force_and_when_its_time_is_up(cloud: TestCloud, demo: JsonClient) -> None:
    by_force, in_time = [await a_server(cloud, demo, imageRef=await an_image(demo)) for _ in range(2)]
    for server_id in (by_force, in_time):
        await deleted(cloud, demo, server_id)
    (await finish_action(cloud, demo, by_force, forceDelete=None)).ok(202)
    hour = timedelta(hours=2)
    await cloud.rows(
        "compute",
        "UPDATE instances SET deleted_at = deleted_at - $2::interval WHERE uuid = $1 RETURNING id",
        in_time,
        hour,
    )
    for sweep in [sweep for process in cloud.processes("compute") for sweep in process._sweeps._sweeps]:
        await sweep.run()
    await cloud.settle()
    for server_id in (by_force, in_time):
        assert (await demo.get("compute", f"{SERVERS}/{server_id}")).status == 404
    assert await cloud.rows("compute", "SELECT * FROM allocations") == []


async def test_a_server_that_never_ran_or_is_on_no_host_is_deleted_at_once(cloud: TestCloud, demo: JsonClient) -> None:
    failed = (
        (await request_server(demo, imageRef=await an_image(demo, hw_video_model="xen"))).ok(202).json["server"]["id"]
    )
    shelved = await a_server(cloud, demo, imageRef=await an_image(demo))
    (await finish_action(cloud, demo, shelved, shelve=None)).ok(202)
    for server_id in (failed, shelved):
        await deleted(cloud, demo, server_id)
        assert (await demo.get("compute", f"{SERVERS}/{server_id}")).status == 404
