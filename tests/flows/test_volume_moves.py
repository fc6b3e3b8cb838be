"""Volumes get other types and move to other back ends; what they have of their image stays (``golden2`` fact 12)."""

from pathlib import Path
from typing import Any

import pytest

from stackwire.messaging.envelope import unwrap
from stackwire.messaging.transport import WireRecord
from support.builders.images import an_image
from support.builders.volumes import VOLUMES, a_volume, get_volume, volume_action
from support.cloud import ACloud, Answer, JsonClient, TestCloud

V = "/v3/{project_id}"
FILE = """
[backends.files]
[backends.far]
[backends.small]
total_capacity_gb = 1
thin_provisioning_support = false
thick_provisioning_support = true
"""
HERE, FAR, SMALL = "stackwire@files#files", "stackwire@far#far", "stackwire@small#small"


@pytest.fixture
async def cloud(a_cloud: ACloud, tmp_path: Path) -> TestCloud:
    path = tmp_path / "backends.toml"
    path.write_text(FILE)
    return await a_cloud(services=("identity", "image", "volume"), settings={"volume": {"backends": path}})


@pytest.fixture
async def admin(cloud: TestCloud) -> JsonClient:
    client = await cloud.http("admin")
    for name, specs in {"near": HERE, "near too": HERE, "far": FAR}.items():
        backend = specs.partition("#")[2]
        body = {"volume_type": {"name": name, "extra_specs": {"volume_backend_name": backend}}}
        (await client.post("volume", f"{V}/types", json=body)).ok(200)
    return client


async def an_imaged_volume(cloud: TestCloud, client: JsonClient) -> tuple[str, dict[str, Any]]:
    """Of type near; with its image metadata."""
    volume = await a_volume(cloud, client, imageRef=await an_image(client, team="storage"), volume_type="near")
    return volume, (await get_volume(client, volume))["volume_image_metadata"]


async def retype(cloud: TestCloud, client: JsonClient, volume: str, **fields: Any) -> Answer:
    answer = await volume_action(client, volume, "os-retype", fields)
    await cloud.settle()
    return answer


async def migrate(cloud: TestCloud, admin: JsonClient, volume: str, host: str, **fields: Any) -> Answer:
    answer = await volume_action(admin, volume, "os-migrate_volume", {"host": host, **fields})
    await cloud.settle()
    return answer


async def place(admin: JsonClient, volume: str) -> tuple[str, str, str | None, bool]:
    """Its status, host and migration status, and whether it has the data of a copy."""
    found = await get_volume(admin, volume)
    name_id = found["os-vol-mig-status-attr:name_id"]
    migration = found["os-vol-mig-status-attr:migstat"]
    return found["status"], found["os-vol-host-attr:host"], migration, name_id not in (None, volume)


def files(cloud: TestCloud) -> list[str]:
    return sorted(f"{path.parent.name}/{path.name[:7]}" for path in cloud.cloud.options.data_dir.rglob("volume-*"))


async def test_a_type_of_the_same_back_end_is_taken_in_place(
    cloud: TestCloud, demo: JsonClient, admin: JsonClient
) -> None:
    volume, rows = await an_imaged_volume(cloud, demo)
    (await demo.post("volume", f"{V}/snapshots", json={"snapshot": {"volume_id": volume}})).ok(202)
    await cloud.settle()
    (await retype(cloud, demo, volume, new_type="near too")).ok(202)
    found = await get_volume(demo, volume)
    assert (found["volume_type"], found["volume_image_metadata"]) == ("near too", rows)
    assert await place(admin, volume) == ("available", HERE, None, False)
    assert (await retype(cloud, demo, volume, new_type="far", migration_policy="on-demand")).status == 202
    assert (await get_volume(demo, volume))["volume_type"] == "near too"  # it has a snapshot


async def test_another_back_end_needs_a_migration_that_is_allowed(
    cloud: TestCloud, demo: JsonClient, admin: JsonClient
) -> None:
    heard: list[tuple[str, str]] = []

    def hear(record: WireRecord) -> None:
        if record.kind == "publish" and record.routing_key in ("notifications.info", "notifications.error"):
            message = unwrap(record.body, record.properties)
            heard.append((message["event_type"], message["publisher_id"]))

    volume, rows = await an_imaged_volume(cloud, demo)
    assert cloud.cloud.broker is not None
    watch = cloud.cloud.broker.watch(hear)
    (await retype(cloud, demo, volume, new_type="far")).ok(202)
    assert await place(admin, volume) == ("available", HERE, None, False)
    (await retype(cloud, demo, volume, new_type="far", migration_policy="on-demand")).ok(202)
    await watch.cancel()
    assert heard == [("scheduler.retype", "scheduler.stackwire"), ("volume.retype", "volume.stackwire@files")]
    assert await place(admin, volume) == ("available", FAR, "success", True)
    found = await get_volume(demo, volume)
    assert (found["volume_type"], found["volume_image_metadata"]) == ("far", rows)
    assert files(cloud) == ["volumes-far/volume-"]
    listed = (await demo.get("volume", VOLUMES)).ok(200).json["volumes"]
    assert [one["id"] for one in listed] == [volume]
    used = (await demo.get("volume", f"{V}/limits")).ok(200).json["limits"]["absolute"]
    assert (used["totalVolumesUsed"], used["totalGigabytesUsed"]) == (1, 1)


async def test_an_administrator_moves_a_volume_and_moves_it_back(
    cloud: TestCloud, demo: JsonClient, admin: JsonClient
) -> None:
    volume = await a_volume(cloud, demo, imageRef=await an_image(demo, team="storage"))
    rows = (await get_volume(demo, volume))["volume_image_metadata"]
    start = next(cloud.cloud.options.data_dir.rglob("volume-*"))
    with start.open("r+b") as file:
        file.write(b"what is on it")
    for host, locked in (("stackwire@far", True), (HERE, False)):
        (await migrate(cloud, admin, volume, host, lock_volume=locked)).ok(202)
        status, where, migration, _ = await place(admin, volume)
        assert (status, where.partition("#")[0], migration) == ("available", host.partition("#")[0], "success")
        (only,) = cloud.cloud.options.data_dir.rglob("volume-*")
        with only.open("rb") as file:
            assert file.read(13) == b"what is on it"
    assert (await get_volume(demo, volume))["volume_image_metadata"] == rows
    snapshot = await demo.post("volume", f"{V}/snapshots", json={"snapshot": {"volume_id": volume}})
    await cloud.settle()
    shown = await demo.get("volume", f"{V}/snapshots/{snapshot.ok(202).json['snapshot']['id']}")
    assert shown.ok(200).json["snapshot"]["status"] == "available"
    assert (await migrate(cloud, admin, volume, FAR)).status == 400
    (await demo.delete("volume", f"{VOLUMES}/{volume}?cascade=true")).ok(202)
    await cloud.settle()
    assert files(cloud) == []


async def test_a_back_end_without_room_leaves_the_volume_where_it_is(
    cloud: TestCloud, demo: JsonClient, admin: JsonClient
) -> None:
    volume = await a_volume(cloud, demo, size=30, volume_type="near")
    (await migrate(cloud, admin, volume, SMALL, lock_volume=True)).ok(202)
    assert await place(admin, volume) == ("available", HERE, "error", False)
    (await migrate(cloud, admin, volume, "stackwire@far", lock_volume=True)).ok(202)
    assert await place(admin, volume) == ("available", HERE, "error", False)  # its type is for another back end
    plain = await a_volume(cloud, demo, size=2)
    next(cloud.cloud.options.data_dir.rglob("volumes-far")).rmdir()
    (await migrate(cloud, admin, plain, FAR)).ok(202)
    assert await place(admin, plain) == ("available", HERE, "error", False)
    assert len(files(cloud)) == 2


async def test_what_cannot_move_is_refused(cloud: TestCloud, demo: JsonClient, admin: JsonClient) -> None:
    volume = await a_volume(cloud, demo, size=2)
    assert (await migrate(cloud, demo, volume, FAR)).status == 403
    for host in ("stackwire@none", "elsewhere", HERE, ""):
        assert (await migrate(cloud, admin, volume, host)).status == 400, host
    for fields in ({"new_type": "none"}, {"new_type": "far", "migration_policy": None}, {}, {"new_type": 1}):
        assert (await retype(cloud, demo, volume, **fields)).status == (404 if fields == {"new_type": "none"} else 400)
    alone = await a_volume(cloud, demo)
    complete = "os-migrate_volume_completion"
    done = await volume_action(admin, volume, complete, {"new_volume": alone})
    assert done.ok(200).json == {"save_volume_id": alone}
    (await volume_action(admin, volume, "os-reset_status", {"migration_status": "migrating"})).ok(202)
    assert (await volume_action(admin, volume, complete, {"new_volume": alone})).status == 400
    assert (await volume_action(demo, volume, complete, {"new_volume": alone})).status == 403
    assert (await retype(cloud, demo, volume, new_type="far")).status == 400
    assert (await demo.delete("volume", f"{VOLUMES}/{volume}")).status == 400
