"""What users are told of requests that failed after they were accepted: as Cinder words and numbers it."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from support.builders.images import an_image
from support.builders.volumes import (
    BACKUPS,
    VOLUME_VERSION,
    VOLUMES,
    a_backup,
    a_volume,
    create_volume,
    get_volume,
    request_backup,
    restore,
    volume_action,
)
from support.cloud import ASharedCloud, JsonClient, TestCloud

V = "/v3/{project_id}"
SNAPSHOTS = f"{V}/snapshots"
ATTACH = {"instance_uuid": "1a6b2c1e-0000-4000-8000-000000000001", "mountpoint": "/dev/vdb", "mode": "rw"}


@pytest.fixture
async def cloud(a_shared_cloud: ASharedCloud) -> TestCloud:
    cloud = await a_shared_cloud()
    await endless(cloud)
    return cloud


@pytest.fixture
async def damaged(cloud: TestCloud, demo: JsonClient) -> str:
    """A volume whose bytes are gone."""
    volume = await a_volume(cloud, demo)
    file_of(cloud, f"volume-{volume}").unlink()
    return volume


async def endless(cloud: TestCloud) -> None:
    """As many volumes as all these tests make."""
    path = f"{V}/os-quota-sets/{(await cloud.http('demo')).project_id}"
    limits = {"quota_set": {"volumes": -1, "gigabytes": -1, "backups": -1, "snapshots": -1, "backup_gigabytes": -1}}
    (await (await cloud.http("admin")).put("volume", path, json=limits)).ok(200)


def file_of(cloud: TestCloud, name: str) -> Path:
    (found,) = [path for path in cloud.cloud.options.data_dir.rglob(name) if path.is_file()]
    return found


def make_undeletable(path: Path) -> None:
    """A folder in its place, which is removed by no ``unlink``."""
    path.unlink()
    path.mkdir()


async def told(client: JsonClient, resource: str) -> list[tuple[str, str, str]]:
    """Resource type, event id and words of each message about it, the oldest first."""
    answer = await client.get(
        "volume", f"{V}/messages?resource_uuid={resource}&sort=created_at:asc", headers=VOLUME_VERSION
    )
    return [
        (message["resource_type"], message["event_id"], message["user_message"])
        for message in answer.ok(200).json["messages"]
    ]


async def acted(cloud: TestCloud, client: JsonClient, volume: str, action: str, value: Any, status: int) -> None:
    (await volume_action(client, volume, action, value)).ok(status)
    await cloud.settle()


async def a_snapshot_of(cloud: TestCloud, client: JsonClient, volume: str) -> str:
    """Whatever becomes of it."""
    answer = await client.post("volume", SNAPSHOTS, json={"snapshot": {"volume_id": volume, "force": True}})
    await cloud.settle()
    return str(answer.ok(202).json["snapshot"]["id"])


async def status_of(client: JsonClient, path: str, noun: str) -> str:
    return str((await client.get("volume", path)).ok(200).json[noun]["status"])


async def test_a_growth_and_an_upload_that_fail_are_told(cloud: TestCloud, demo: JsonClient, damaged: str) -> None:
    upload = {"image_name": "never", "disk_format": "raw", "container_format": "bare"}
    await acted(cloud, demo, damaged, "os-volume_upload_image", upload, 202)
    assert (await get_volume(demo, damaged))["status"] == "available"
    await acted(cloud, demo, damaged, "os-extend", {"new_size": 2}, 202)
    assert await told(demo, damaged) == [
        ("VOLUME", "VOLUME_VOLUME_003_004", "copy volume to image:Failed to upload volume to image at backend."),
        ("VOLUME", "VOLUME_VOLUME_007_010", "extend volume:Volume Driver failed to extend volume."),
    ]


async def test_an_upload_over_the_quota_of_images_is_told(a_shared_cloud: ASharedCloud) -> None:
    cloud = await a_shared_cloud(settings={"image": {"user_storage_quota": "1MB"}})
    demo = await cloud.http()
    volume = await a_volume(cloud, demo)
    upload = {"image_name": "too large", "disk_format": "raw", "container_format": "bare"}
    await acted(cloud, demo, volume, "os-volume_upload_image", upload, 202)
    assert await told(demo, volume) == [
        ("VOLUME", "VOLUME_VOLUME_003_006", "copy volume to image:Not enough quota resource for operation.")
    ]


async def test_a_snapshot_that_fails_is_told(cloud: TestCloud, demo: JsonClient, damaged: str) -> None:
    snapshot = await a_snapshot_of(cloud, demo, damaged)
    assert await told(demo, snapshot) == [
        ("VOLUME_SNAPSHOT", "VOLUME_VOLUME_SNAPSHOT_009_013", "create snapshot:Snapshot failed to create.")
    ]


async def test_what_cannot_be_deleted_says_so_and_counts_until_it_is(cloud: TestCloud, demo: JsonClient) -> None:
    """Of a volume Cinder leaves no message; a cascade ends with the snapshot that stays."""
    volume = await a_volume(cloud, demo)
    snapshot = await a_snapshot_of(cloud, demo, volume)
    path = file_of(cloud, f"snapshot-{snapshot}")
    make_undeletable(path)
    (await demo.delete("volume", f"{SNAPSHOTS}/{snapshot}")).ok(202)
    await cloud.settle()
    assert await status_of(demo, f"{SNAPSHOTS}/{snapshot}", "snapshot") == "error_deleting"
    assert await told(demo, snapshot) == [
        ("VOLUME_SNAPSHOT", "VOLUME_VOLUME_SNAPSHOT_010_016", "delete snapshot:Snapshot failed to delete.")
    ]
    admin = await cloud.http("admin")
    for kind, ident in (("snapshots", snapshot), ("volumes", volume)):
        reset = {"os-reset_status": {"status": "available"}}
        (await admin.post("volume", f"{V}/{kind}/{ident}/action", json=reset)).ok(202)
    (await demo.delete("volume", f"{VOLUMES}/{volume}?cascade=true", headers=VOLUME_VERSION)).ok(202)
    await cloud.settle()
    assert (await get_volume(demo, volume))["status"] == "error_deleting"
    assert await told(demo, volume) == []

    path.rmdir()
    reset = {"os-reset_status": {"status": "error"}}
    (await admin.post("volume", f"{SNAPSHOTS}/{snapshot}/action", json=reset)).ok(202)
    disk = file_of(cloud, f"volume-{volume}")
    make_undeletable(disk)
    for left in (True, False):
        (await admin.post("volume", f"{VOLUMES}/{volume}/action", json=reset)).ok(202)
        (await demo.delete("volume", f"{VOLUMES}/{volume}?cascade=true", headers=VOLUME_VERSION)).ok(202)
        await cloud.settle()
        assert (await demo.get("volume", f"{SNAPSHOTS}/{snapshot}")).status == 404
        shown = await demo.get("volume", f"{VOLUMES}/{volume}")
        assert (shown.json["volume"]["status"] if left else shown.status) == ("error_deleting" if left else 404)
        if left:
            disk.rmdir()


async def test_a_group_with_a_volume_that_cannot_be_deleted_stays(cloud: TestCloud, demo: JsonClient) -> None:
    admin = await cloud.http("admin")
    body = {"group_type": {"name": "stays", "is_public": True}}
    group_type = (await admin.post("volume", f"{V}/group_types", json=body, headers=VOLUME_VERSION)).ok(202).json
    types = (await demo.get("volume", f"{V}/types")).ok(200).json["volume_types"]
    wish = {"group": {"group_type": group_type["group_type"]["id"], "volume_types": [types[0]["id"]]}}
    group = (await demo.post("volume", f"{V}/groups", json=wish, headers=VOLUME_VERSION)).ok(202).json["group"]["id"]
    await cloud.settle()
    volume = await a_volume(cloud, demo, group_id=group, volume_type=types[0]["id"])
    disk = file_of(cloud, f"volume-{volume}")
    make_undeletable(disk)
    for status in ("error_deleting", None):
        deletion = {"delete": {"delete-volumes": True}}
        (await demo.post("volume", f"{V}/groups/{group}/action", json=deletion, headers=VOLUME_VERSION)).ok(202)
        await cloud.settle()
        shown = await demo.get("volume", f"{V}/groups/{group}", headers=VOLUME_VERSION)
        assert (shown.json["group"]["status"] if shown.status == 200 else None) == status
        if disk.exists():
            disk.rmdir()
    assert (await demo.get("volume", f"{VOLUMES}/{volume}")).status == 404


async def test_a_backup_that_fails_is_told(cloud: TestCloud, demo: JsonClient, damaged: str) -> None:
    """By its driver; and of a volume in use, by the back end that was to make a copy."""
    for detail, words in (
        ("020", "Backup driver failed to create backup."),
        ("019", "Failed to get backup device from the volume service."),
    ):
        answer = await request_backup(demo, damaged, force=True)
        backup = answer.ok(202).json["backup"]["id"]
        await cloud.settle()
        assert await told(demo, backup) == [
            ("VOLUME_BACKUP", f"VOLUME_VOLUME_BACKUP_013_{detail}", f"create backup:{words}")
        ]
        if detail == "020":
            await acted(cloud, demo, damaged, "os-attach", ATTACH, 202)


async def test_a_backup_that_is_not_restored_or_deleted_is_told(cloud: TestCloud, demo: JsonClient) -> None:
    backup = await a_backup(cloud, demo, await a_volume(cloud, demo))
    folder = cloud.cloud.options.data_dir / "volume" / "backups" / backup["container"]
    (digests,) = folder.glob("*_sha256file")
    make_undeletable(digests)
    restored = await restore(cloud, demo, backup["id"])
    assert restored["status"] == "error_restoring"
    (await demo.delete("volume", f"{BACKUPS}/{backup['id']}")).ok(202)
    await cloud.settle()
    assert await status_of(demo, f"{BACKUPS}/{backup['id']}", "backup") == "error"
    assert await told(demo, backup["id"]) == [
        ("VOLUME_BACKUP", "VOLUME_VOLUME_BACKUP_015_026", "restore backup:Backup driver failed to restore backup."),
        ("VOLUME_BACKUP", "VOLUME_VOLUME_BACKUP_014_025", "delete backup:Backup driver failed to delete backup."),
    ]
    shutil.rmtree(folder)
    (await demo.delete("volume", f"{BACKUPS}/{backup['id']}")).ok(202)
    await cloud.settle()


async def test_a_volume_that_was_not_copied_from_its_source_is_told(cloud: TestCloud, demo: JsonClient) -> None:
    """Cinder says nothing of it; here the reason is told."""
    damaged = await a_volume(cloud, demo)
    snapshot = await a_snapshot_of(cloud, demo, damaged)
    file_of(cloud, f"snapshot-{snapshot}").unlink()
    failed = await create_volume(cloud, demo, snapshot_id=snapshot)
    events = [event for _, event, _ in await told(demo, failed["id"])]
    assert (failed["status"], events) == ("error", ["VOLUME_VOLUME_001_003"])  # as often as there are back ends to try
    image = await an_image(demo)
    for path in cloud.cloud.options.data_dir.rglob("*"):
        if path.is_file() and path.stat().st_size == 4096 and path.read_bytes() == b"x" * 4096:
            path.chmod(0o600)
            path.write_bytes(b"y" * 4096)
    copied = await create_volume(cloud, demo, imageRef=image)
    ((_, event, words),) = await told(demo, copied["id"])
    assert (event, words.partition(":")[0]) == ("VOLUME_VOLUME_005_001", "copy image to volume")
    assert "of the bytes that arrived is not the image's" in words
    written = await a_volume(cloud, demo)
    await acted(cloud, demo, written, "os-reimage", {"image_id": image}, 202)
    ((_, event, words),) = await told(demo, written)
    assert (event, words.partition(":")[0]) == ("VOLUME_VOLUME_016_001", "reimage volume")


async def test_a_mode_that_the_volume_forbids_is_told(cloud: TestCloud, demo: JsonClient) -> None:
    volume = await a_volume(cloud, demo)
    await acted(cloud, demo, volume, "os-update_readonly_flag", {"readonly": True}, 202)
    attach = {"instance_uuid": "1a6b2c1e-0000-4000-8000-000000000001", "mountpoint": "/dev/vdb", "mode": "rw"}
    assert (await volume_action(demo, volume, "os-attach", attach)).status == 400
    assert await told(demo, volume) == [
        ("VOLUME", "VOLUME_VOLUME_002_005", "attach volume:Volume's attach mode is invalid.")
    ]
