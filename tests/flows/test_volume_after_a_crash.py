"""A worker that dies leaves a transient state; the sweep ends it cleanly. A message told twice changes nothing."""

from collections.abc import Mapping
from typing import Any

import pytest

from stackwire.contracts.volume_workers import (
    HOST,
    BuildVolume,
    ContinueBackup,
    CreateBackup,
    DeleteBackup,
    GetBackupDevice,
    RestoreBackup,
)
from stackwire.core.context import system_context
from stackwire.messaging.envelope import unwrap
from stackwire.messaging.transport import WireRecord
from support.builders.volumes import BACKUPS, a_backup, a_volume, get_backup
from support.cloud import ACloud, JsonClient, TestCloud

V = "/v3/{project_id}"
NEW = {"OpenStack-API-Version": "volume 3.70"}
WORKER: Mapping[str, Mapping[str, Any]] = {"volume": {"sweep_seconds": 3600.0}}


@pytest.fixture
async def cloud(a_cloud: ACloud) -> TestCloud:
    return await a_cloud(services=("identity", "image", "volume"), settings=WORKER)


async def seen(client: JsonClient, volume: str) -> dict[str, Any] | None:
    answer = await client.get("volume", f"{V}/volumes/{volume}", headers=NEW)
    return None if answer.status == 404 else answer.json["volume"]


@pytest.mark.one_process
@pytest.mark.parametrize(
    ("left_in", "becomes"),
    [
        ({"status": "creating", "launched_at": None}, "error"),
        ({"status": "downloading", "launched_at": None}, "error"),
        ({"status": "downloading", "previous_status": "available"}, "error"),
        ({"status": "uploading", "previous_status": "available"}, "available"),
        ({"status": "extending", "new_size": 2}, "available"),
        ({"status": "reverting"}, "error"),
        ({"status": "managing", "launched_at": None}, "error"),
        ({"status": "unmanaging"}, None),
        ({"status": "retyping", "previous_status": "available"}, "available"),
        ({"status": "maintenance", "migration_status": "migrating"}, "available"),
        ({"status": "deleting"}, None),
    ],
    ids=[
        "creating",
        "downloading",
        "reimaging",
        "uploading",
        "extending",
        "reverting",
        "managing",
        "unmanaging",
        "retyping",
        "maintenance",
        "deleting",
    ],
)
async def test_what_a_dead_worker_left_is_ended_when_the_service_starts_again(
    cloud: TestCloud, demo: JsonClient, left_in: dict[str, Any], becomes: str | None
) -> None:
    volume = await a_volume(cloud, demo)
    sets = ", ".join(f"{name} = ${at}" for at, name in enumerate(left_in, 2))
    await cloud.rows(
        "volume",
        "WITH lease AS (INSERT INTO leases (noun, id, owner, expires_at)"
        " VALUES ('volume', $1, 'a dead one', now() + interval '1 minute'))"
        f" UPDATE volumes SET {sets} WHERE id = $1 RETURNING id",
        volume,
        *left_in.values(),
    )
    (whole,) = cloud.cloud.options.data_dir.rglob(f"volume-{volume}")
    if left_in["status"] in ("creating", "downloading", "deleting"):
        for ending in ("partial", "packed"):
            whole.with_name(f".{whole.name}.{ending}").write_bytes(b"half")
    await cloud.cloud.restart("volume")
    await cloud.settle()
    shown = await seen(demo, volume)
    assert (shown["status"] if shown else None) == becomes
    if left_in["status"] == "extending":
        assert shown is not None
        assert shown["size"] == 2
    await_gone = [path.name for path in cloud.cloud.options.data_dir.rglob("*volume-*")]
    kept = (
        becomes == "available"
        or left_in["status"] in ("reverting", "unmanaging")
        or left_in.get("previous_status") == "available"
    )
    assert await_gone == ([whole.name] if kept else [])


@pytest.mark.parametrize(
    ("left_in", "of", "becomes"),
    [
        ("creating", "backing-up", ("error", "available")),
        ("restoring", "restoring-backup", ("available", "error_restoring")),
        ("available", "backing-up", ("available", "available")),
        ("deleting", "available", (None, "available")),
    ],
)
async def test_what_a_dead_worker_left_of_a_backup_is_ended_too(
    cloud: TestCloud, demo: JsonClient, left_in: str, of: str, becomes: tuple[str | None, str]
) -> None:
    volume = await a_volume(cloud, demo)
    backup = (await a_backup(cloud, demo, volume))["id"]
    dead = "INSERT INTO leases (noun, id, owner, expires_at) VALUES ($1, $2, 'a dead one', now()) RETURNING id"
    for noun, key, status in (("backup", backup, left_in), ("volume", volume, of)):
        await cloud.rows("volume", dead, noun, key)
        sets = "status = $2, restore_volume_id = $3" if noun == "backup" else "status = $2, previous_status = $3"
        value = volume if noun == "backup" else "available"
        await cloud.rows("volume", f"UPDATE {noun}s SET {sets} WHERE id = $1 RETURNING id", key, status, value)
    await cloud.cloud.restart("volume")
    await cloud.settle()
    answer = await demo.get("volume", f"{BACKUPS}/{backup}", headers=NEW)
    shown = await seen(demo, volume)
    assert shown is not None
    assert (None if answer.status == 404 else answer.json["backup"]["status"], shown["status"]) == becomes
    limits = (await demo.get("volume", f"{V}/limits")).ok().json["limits"]["absolute"]
    assert limits["totalBackupsUsed"] == (0 if becomes[0] is None else 1)
    kept = [path for path in cloud.cloud.options.data_dir.rglob("volume_*") if backup in path.name]
    assert bool(kept) == (becomes[0] == "available")


async def test_messages_about_backups_delivered_twice_are_handled_once(cloud: TestCloud, demo: JsonClient) -> None:
    volume = await a_volume(cloud, demo)
    backup = await a_backup(cloud, demo, volume)
    again = {"versioned_object.data": {"id": backup["id"]}}
    async with cloud.cloud.services["volume"].database.work(system_context("volume")) as uow:
        for message in (
            CreateBackup(backup=again),
            GetBackupDevice(backup=again),
            ContinueBackup(backup=again, backup_device={}),
            RestoreBackup(backup=again, volume_id=volume),
            DeleteBackup(backup=again),
        ):
            uow.cast(message, server=HOST)
    await cloud.settle()
    assert await get_backup(demo, backup["id"]) == backup


async def test_a_message_delivered_twice_is_handled_once(cloud: TestCloud, demo: JsonClient) -> None:
    heard: list[str] = []

    def hear(record: WireRecord) -> None:
        if record.kind == "publish" and record.routing_key == "notifications.info":
            heard.append(unwrap(record.body, record.properties)["event_type"])

    assert cloud.cloud.broker is not None
    watch = cloud.cloud.broker.watch(hear)
    volume = await a_volume(cloud, demo)
    order = BuildVolume(volume={"versioned_object.data": {"id": volume}})
    async with cloud.cloud.services["volume"].database.work(system_context("volume")) as uow:
        uow.cast(order, server=HOST)
        uow.cast(order, server=HOST)
    await cloud.settle()
    await watch.cancel()
    assert heard == ["volume.create.start", "volume.create.end"]


async def test_a_deleted_volume_takes_its_rows_bytes_and_quota_with_it(cloud: TestCloud, demo: JsonClient) -> None:
    volume = await a_volume(cloud, demo)
    wish = {"snapshot": {"volume_id": volume}}
    (await demo.post("volume", f"{V}/snapshots", json=wish)).ok(202)
    await cloud.settle()
    (await demo.delete("volume", f"{V}/volumes/{volume}?cascade=true")).ok(202)
    await cloud.settle()
    assert await seen(demo, volume) is None
    assert [path.name for path in cloud.cloud.options.data_dir.rglob("*volume-*")] == []
    assert [path.name for path in cloud.cloud.options.data_dir.rglob("*snapshot-*")] == []
    limits = (await demo.get("volume", f"{V}/limits")).ok().json["limits"]["absolute"]
    assert (limits["totalVolumesUsed"], limits["totalGigabytesUsed"], limits["totalSnapshotsUsed"]) == (0, 0, 0)
