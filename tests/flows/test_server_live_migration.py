"""A running server goes to another host: where it is then, what is shown on the way, how it is hurried and stopped."""

from typing import Any

import pytest

from support import invariants
from support.builders.images import an_image
from support.builders.servers import a_server, finish_action, from_volume, get_server, server_action
from support.builders.volumes import a_volume
from support.cloud import ACloud, Answer, ASharedCloud, JsonClient, TestCloud
from support.polling import until

AUTO = {"block_migration": "auto", "host": None}


@pytest.fixture
async def cloud(a_shared_cloud: ASharedCloud) -> TestCloud:
    return await a_shared_cloud()


async def host_of(cloud: TestCloud, server_id: str) -> str:
    (row,) = await cloud.rows("compute", "SELECT host FROM instances WHERE uuid = $1", server_id)
    return str(row["host"])


def other(host: str) -> str:
    return "compute-2" if host == "compute-1" else "compute-1"


async def ask(client: JsonClient, path: str, version: str = "2.80", method: str = "GET", **body: Any) -> Answer:
    headers = {"OpenStack-API-Version": f"compute {version}"}
    return await client.request(method, "compute", f"/v2.1{path}", json=body or None, headers=headers)


async def migrations(client: JsonClient, server_id: str, version: str = "2.80") -> list[dict[str, Any]]:
    return list((await ask(client, f"/os-migrations?instance_uuid={server_id}", version)).ok(200).json["migrations"])


@pytest.mark.parametrize("backed", ["image", "volume"])
async def test_a_running_server_goes_to_another_host_with_all_it_has(cloud: TestCloud, backed: str) -> None:
    demo, admin = await cloud.http("demo"), await cloud.http("admin")
    image = await an_image(demo)
    fields: dict[str, Any] = {"imageRef": image}
    if backed == "volume":
        root = await a_volume(cloud, demo, imageRef=image)
        fields = {"block_device_mapping_v2": from_volume(root)}
    server_id = await a_server(cloud, demo, **fields)
    old = await host_of(cloud, server_id)
    rows = "SELECT key, value FROM instance_system_metadata WHERE instance_uuid = $1 ORDER BY id"
    before = await cloud.rows("compute", rows, server_id)
    (await server_action(demo, server_id, **{"os-migrateLive": AUTO})).ok(403)
    (await finish_action(cloud, admin, server_id, **{"os-migrateLive": AUTO})).ok(202)
    assert (await host_of(cloud, server_id), (await get_server(demo, server_id))["status"]) == (other(old), "ACTIVE")
    assert await cloud.rows("compute", rows, server_id) == before, "no property changes"
    (migration,) = await migrations(admin, server_id)
    assert {key: migration[key] for key in ("status", "migration_type", "source_compute", "dest_compute")} == {
        "status": "completed", "migration_type": "live-migration", "source_compute": old, "dest_compute": other(old),
    }  # fmt: skip
    claims = await cloud.rows("compute", "SELECT host FROM allocations WHERE instance_uuid = $1", server_id)
    assert [claim["host"] for claim in claims] == [other(old)]
    folders = [path.parent.name for path in cloud.cloud.options.data_dir.rglob(f"{server_id}*")]
    assert folders == [other(old)]
    (await finish_action(cloud, demo, server_id, reboot={"type": "HARD"})).ok(202)
    await invariants.hold_in(cloud.database.admin_url, 5.0)


async def test_a_host_may_be_named_forced_or_refused(cloud: TestCloud) -> None:
    demo, admin = await cloud.http("demo"), await cloud.http("admin")
    server_id = await a_server(cloud, demo, imageRef=await an_image(demo))
    here = await host_of(cloud, server_id)
    old_way = {"block_migration": True, "disk_over_commit": False}
    for version, status, body in (
        ("2.24", 202, {**old_way, "host": other(here)}),
        ("2.24", 400, {**old_way, "host": other(here)}),  # it is there now
        ("2.24", 400, {"block_migration": True, "host": None}),
        ("2.24", 400, {**old_way, "block_migration": "auto", "host": None}),
        ("2.24", 400, {**old_way, "block_migration": False, "host": None}),  # a disk of its own
        ("2.25", 202, {"block_migration": True, "host": here}),
        ("2.25", 400, {**old_way, "host": None}),
        ("2.30", 400, {**AUTO, "force": True}),
        ("2.30", 202, {**AUTO, "host": other(here), "force": True}),
        ("2.67", 202, {**AUTO, "host": here, "force": False}),
        ("2.68", 400, {**AUTO, "host": here, "force": False}),
        ("2.93", 400, {**AUTO, "host": "nowhere"}),
        ("2.93", 400, {"block_migration": "auto"}),
    ):
        answer = await finish_action(cloud, admin, server_id, version=version, **{"os-migrateLive": body})
        assert answer.status == status, (version, body, answer.body)
        if status == 202:
            assert await host_of(cloud, server_id) == (body["host"])
    assert (await get_server(demo, server_id))["status"] == "ACTIVE"
    (await finish_action(cloud, admin, server_id, **{"os-migrateLive": {**AUTO, "block_migration": False}})).ok(202)
    assert next(each["status"] for each in await migrations(admin, server_id)) == "error"
    assert (await get_server(demo, server_id))["OS-EXT-STS:task_state"] is None
    await invariants.hold_in(cloud.database.admin_url, 5.0)


async def a_migrating_server(cloud: TestCloud) -> tuple[JsonClient, JsonClient, str, dict[str, Any]]:
    demo, admin = await cloud.http("demo"), await cloud.http("admin")
    server_id = await a_server(cloud, demo, imageRef=await an_image(demo))
    (await server_action(admin, server_id, **{"os-migrateLive": AUTO})).ok(202)

    async def running() -> Any:
        listed = (await ask(admin, f"/servers/{server_id}/migrations")).ok(200).json["migrations"]
        return [each for each in listed if each["status"] == "running"]

    (migration,) = await until(running)
    return demo, admin, server_id, migration


async def test_a_migration_on_its_way_is_shown_and_is_hurried_or_stopped(a_cloud: ACloud) -> None:
    cloud = await a_cloud(settings={"compute": {"live_migration_seconds": 60}})
    demo, admin, server_id, migration = await a_migrating_server(cloud)
    path, here = f"/servers/{server_id}/migrations/{migration['id']}", await host_of(cloud, server_id)
    assert (await get_server(demo, server_id))["status"] == "MIGRATING"
    shown = (await ask(admin, path)).ok(200).json["migration"]
    assert (shown["source_compute"], shown["dest_compute"], shown["server_uuid"]) == (here, other(here), server_id)
    (row,) = await migrations(admin, server_id)
    assert [link["rel"] for link in row["links"]] == ["self", "bookmark"]
    for version, keys in (("2.22", set()), ("2.23", {"migration_type"}), ("2.59", {"uuid"}), ("2.80", {"user_id"})):
        assert keys <= (await migrations(admin, server_id, version))[0].keys()
    (await ask(demo, path)).ok(403)
    (await ask(admin, path, "2.22")).ok(404)
    (await ask(admin, f"/servers/{server_id}/migrations/0")).ok(404)
    (await ask(admin, path, "2.23", "DELETE")).ok(404)
    (await ask(admin, f"{path}/action", "2.21", "POST", force_complete=None)).ok(404)
    (await ask(admin, f"{path}/action", "2.22", "POST", force_complete=1)).ok(400)
    (await ask(admin, path, "2.24", "DELETE")).ok(202)
    await cloud.settle()
    assert (await host_of(cloud, server_id), (await get_server(demo, server_id))["status"]) == (here, "ACTIVE")
    (row,) = await migrations(admin, server_id)
    assert (row["status"], "links" in row) == ("cancelled", False)
    (await ask(admin, path, "2.24", "DELETE")).ok(409)
    (await server_action(admin, server_id, **{"os-migrateLive": AUTO})).ok(202)

    async def running() -> Any:
        listed = (await ask(admin, f"/servers/{server_id}/migrations")).ok(200).json["migrations"]
        return [each for each in listed if each["status"] == "running"]

    (migration,) = await until(running)
    path = f"/servers/{server_id}/migrations/{migration['id']}/action"
    (await ask(admin, path, "2.22", "POST", force_complete=None)).ok(202)
    await cloud.settle()
    assert (await host_of(cloud, server_id), (await get_server(demo, server_id))["status"]) == (other(here), "ACTIVE")
    await invariants.hold_in(cloud.database.admin_url, 5.0)


async def test_a_migration_whose_host_dies_leaves_the_server_where_it_is(a_cloud: ACloud) -> None:
    cloud = await a_cloud(settings={"compute": {"live_migration_seconds": 60}})
    demo, admin, server_id, _ = await a_migrating_server(cloud)
    here = await host_of(cloud, server_id)
    await cloud.cloud.restart("compute")

    async def rests() -> bool:
        return (await get_server(demo, server_id))["OS-EXT-STS:task_state"] is None

    await until(rests, 15.0)
    await cloud.settle()
    assert (await host_of(cloud, server_id), (await get_server(demo, server_id))["status"]) == (here, "ACTIVE")
    assert [each["status"] for each in await migrations(admin, server_id)] == ["error"]
    await invariants.hold_in(cloud.database.admin_url, 5.0)


async def test_migrations_are_listed_in_pages_by_who_may_see_them(cloud: TestCloud) -> None:
    demo, admin = await cloud.http("demo"), await cloud.http("admin")
    server_id = await a_server(cloud, demo, imageRef=await an_image(demo))
    for _ in range(2):
        (await finish_action(cloud, admin, server_id, **{"os-migrateLive": AUTO})).ok(202)
    (await ask(demo, "/os-migrations")).ok(403)
    user_id = (await migrations(admin, server_id))[0]["user_id"]
    first = (await ask(admin, f"/os-migrations?instance_uuid={server_id}&limit=1", "2.59")).ok(200).json
    marker = first["migrations"][0]["uuid"]
    assert f"marker={marker}" in first["migrations_links"][0]["href"]
    rest = await ask(admin, f"/os-migrations?instance_uuid={server_id}&marker={marker}", "2.59")
    assert len(rest.ok(200).json["migrations"]) == 1
    every = f"/os-migrations?instance_uuid={server_id}"
    for query, version, status, count in (
        ("&status=completed&migration_type=live-migration", "2.1", 200, 2),
        ("&status=error", "2.80", 200, 0),
        ("&host=compute-1", "2.80", 200, 2),
        ("&source_compute=compute-1", "2.80", 200, 1),
        ("&hidden=true", "2.80", 200, 0),
        (f"&user_id={user_id}", "2.80", 200, 2),
        (f"&user_id={user_id}", "2.79", 400, 0),
        ("&nonsense=1", "2.58", 200, 2),
        ("&nonsense=1", "2.59", 400, 0),
        ("&changes-since=2000-01-01T00:00:00Z", "2.59", 200, 2),
        ("&changes-before=2000-01-01T00:00:00Z", "2.66", 200, 0),
        ("&changes-before=2000-01-01T00:00:00Z", "2.65", 400, 0),
        ("&limit=-1", "2.59", 400, 0),
        ("&marker=unknown", "2.59", 400, 0),
    ):
        answer = await ask(admin, every + query, version)
        assert answer.status == status, (query, version, answer.body)
        assert status != 200 or len(answer.json["migrations"]) == count, (query, version)
