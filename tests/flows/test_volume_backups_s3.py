"""Backups in S3: what they hold and give back, and what becomes of them where the server is away, full or lying."""

import bz2
import json
import os
import zlib
from pathlib import Path
from typing import Any

from support.builders.images import an_image
from support.builders.volumes import (
    BACKUPS,
    VOLUME_VERSION,
    a_backup,
    a_volume,
    create_volume,
    get_backup,
    get_volume,
    request_backup,
    restore,
)
from support.cloud import ACloud, JsonClient, TestCloud
from support.s3 import ABucket, Endpoint, Gate

V = "/v3/{project_id}"
S3 = "cinder.backup.drivers.s3.S3BackupDriver"
SERVICES = ("identity", "image", "volume")
BLOCK = 32 * 1024
OBJECT = 16 * 1024 * 1024
DISK = b"boot sector".ljust(512, b"\0") + bytes(3 * BLOCK) + b"the end".ljust(512, b"\0")
AWAY = "http://127.0.0.1:9"


def in_s3(bucket: ABucket, url: str | None = None, **more: Any) -> dict[str, Any]:
    return {
        "volume": {
            "backup_driver": S3,
            "backup_s3_endpoint_url": url or bucket.endpoint.url,
            "backup_s3_store_access_key": bucket.endpoint.access,
            "backup_s3_store_secret_key": bucket.endpoint.secret,
            "backup_s3_store_bucket": bucket.name,
            "backup_s3_object_size": OBJECT,
            "backup_s3_retry_max_attempts": 0,
            "backup_s3_timeout": 10,
            **more,
        }
    }


def disk_of(cloud: TestCloud, volume: str) -> Path:
    (file,) = cloud.cloud.options.data_dir.rglob(f"volume-{volume}")
    return file


def write(cloud: TestCloud, volume: str, at: int, data: bytes) -> None:
    with disk_of(cloud, volume).open("r+b") as handle:
        handle.seek(at)
        handle.write(data)


def read(cloud: TestCloud, volume: str, length: int, at: int = 0) -> bytes:
    with disk_of(cloud, volume).open("rb") as handle:
        handle.seek(at)
        return handle.read(length)


def bodies(bucket: ABucket, backup: str) -> dict[str, bytes]:
    """The objects of a backup by the last part of their name."""
    client = bucket.endpoint.client()
    keys = [key for key in bucket.names() if backup in key]
    return {key.partition(backup)[2]: client.get_object(Bucket=bucket.name, Key=key)["Body"].read() for key in keys}


async def failure(client: JsonClient, backup: str) -> tuple[str, str, str]:
    """Its status and reason, and the event id of the one message about it."""
    found = await get_backup(client, backup)
    told = (await client.get("volume", f"{V}/messages?resource_uuid={backup}", headers=VOLUME_VERSION)).ok(200).json
    (message,) = told["messages"]
    return found["status"], found["fail_reason"] or "", message["event_id"]


async def test_a_backup_lies_in_the_bucket_and_gives_everything_back(a_cloud: ACloud, bucket: ABucket) -> None:
    cloud = await a_cloud(services=SERVICES, settings=in_s3(bucket))
    demo = await cloud.http()
    image = await an_image(demo, DISK, team="storage")
    volume = (await create_volume(cloud, demo, imageRef=image, name="v", metadata={"purpose": "test"}))["id"]
    write(cloud, volume, OBJECT + BLOCK, b"in the second object")
    full = await a_backup(cloud, demo, volume)
    assert (full["container"], full["object_count"]) == (bucket.name, 64)
    (key,) = [key for key in bucket.names() if key.endswith("-00001")]
    assert key.startswith(f"volume_{volume}/")
    assert key.endswith(f"/az_nova_backup_{full['id']}-00001")
    objects = bodies(bucket, full["id"])
    assert zlib.decompress(objects["-00002"])[BLOCK : BLOCK + 20] == b"in the second object"
    assert json.loads(objects["_sha256file"])["chunk_size"] == BLOCK
    assert sum(map(len, objects.values())) < 8 * 1024**2

    write(cloud, volume, OBJECT + BLOCK, b"changed, and grew")
    second = await a_backup(cloud, demo, volume, incremental=True)
    assert bodies(bucket, second["id"]).keys() == {"-00001", "_sha256file", "_metadata"}
    write(cloud, volume, OBJECT + BLOCK, b"overwritten afterwards")
    rows = (await get_volume(demo, volume))["volume_image_metadata"]
    fresh = await restore(cloud, demo, second["id"])
    assert (fresh["status"], fresh["name"], fresh["volume_image_metadata"]) == ("available", "v", rows)
    assert read(cloud, fresh["id"], len(DISK)) == DISK
    assert read(cloud, fresh["id"], 20, OBJECT + BLOCK) == b"changed, and grewect"
    back = await restore(cloud, demo, full["id"], volume_id=volume)
    assert read(cloud, back["id"], 20, OBJECT + BLOCK) == b"in the second object"

    for backup in (second, full):
        (await demo.delete("volume", f"{BACKUPS}/{backup['id']}")).ok(202)
        await cloud.settle()
    assert bucket.is_empty


async def test_a_backup_is_restored_by_its_record_however_it_is_packed(a_cloud: ACloud, bucket: ABucket) -> None:
    """Also one that a Cinder packed with bz2; not one that is damaged, or packed in a way nobody knows."""
    cloud = await a_cloud(services=SERVICES, settings=in_s3(bucket))
    demo, admin = await cloud.http(), await cloud.http("admin")
    volume = await a_volume(cloud, demo)
    write(cloud, volume, 3 * BLOCK, b"to be found")
    backup = await a_backup(cloud, demo, volume)
    (key,) = [key for key in bucket.names() if key.endswith("_metadata")]
    first = key.replace("_metadata", "-00001")
    record = (await admin.get("volume", f"{BACKUPS}/{backup['id']}/export_record")).ok(200).json["backup-record"]
    assert record["backup_service"] == S3
    await cloud.rows("volume", "DELETE FROM backups WHERE id = $1 RETURNING id", backup["id"])
    (await admin.post("volume", f"{BACKUPS}/import_record", json={"backup-record": record})).ok(201)
    await cloud.settle()

    client = bucket.endpoint.client()
    metadata = json.loads(client.get_object(Bucket=bucket.name, Key=key)["Body"].read())
    plain = zlib.decompress(client.get_object(Bucket=bucket.name, Key=first)["Body"].read())
    for compression, body, status in (
        ("zlib", zlib.compress(plain), "available"),
        ("bz2", bz2.compress(plain), "available"),
        ("none", plain, "available"),
        ("zstd", plain, "error_restoring"),
        ("zlib", plain, "error_restoring"),
        ("bz2", bz2.compress(plain)[:-4], "error_restoring"),
        ("zlib", zlib.compress(plain + b"longer"), "error_restoring"),
    ):
        metadata["objects"][0][first]["compression"] = compression
        client.put_object(Bucket=bucket.name, Key=key, Body=json.dumps(metadata).encode())
        client.put_object(Bucket=bucket.name, Key=first, Body=body)
        restored = await restore(cloud, admin, backup["id"])
        assert (compression, restored["status"]) == (compression, status)
        if status == "available":
            assert read(cloud, restored["id"], 11, 3 * BLOCK) == b"to be found"


async def test_a_bucket_that_is_missing_is_made_where_it_may_be(a_cloud: ACloud, s3_endpoint: Endpoint) -> None:
    nowhere = ABucket(s3_endpoint, "not-yet-there")
    cloud = await a_cloud(services=SERVICES, settings=in_s3(nowhere))
    demo = await cloud.http()
    volume = await a_volume(cloud, demo)
    await a_backup(cloud, demo, volume)
    named = await a_backup(cloud, demo, volume, container="another-bucket")
    assert named["container"] == "another-bucket"
    refused = (await request_backup(demo, volume, container="no/bucket")).ok(202).json["backup"]["id"]
    await cloud.settle()
    assert await failure(demo, refused) == (
        "error", "A backup cannot be stored in the container no/bucket.", "VOLUME_VOLUME_BACKUP_013_020"
    )  # fmt: skip
    (await demo.delete("volume", f"{BACKUPS}/{refused}")).ok(202)

    strict = await a_cloud(
        services=SERVICES, settings=in_s3(ABucket(s3_endpoint, "never-there"), backup_create_containers=False)
    )
    client = await strict.http()
    failed = (await request_backup(client, await a_volume(strict, client))).ok(202).json["backup"]["id"]
    await strict.settle()
    assert (await failure(client, failed))[0] == "error"
    (await client.delete("volume", f"{BACKUPS}/{failed}")).ok(202)
    await strict.settle()
    assert (await client.get("volume", f"{BACKUPS}/{failed}")).status == 404


async def test_a_server_that_refuses_ends_in_an_error_that_says_so(
    a_cloud: ACloud, bucket: ABucket, gate: Gate
) -> None:
    """No key of the bucket is in what a user reads; nothing that was stored stays, and the volume is as before."""
    cloud = await a_cloud(services=SERVICES, settings=in_s3(bucket, gate.url))
    demo = await cloud.http()
    volume = await a_volume(cloud, demo)
    write(cloud, volume, 0, DISK)
    good = await a_backup(cloud, demo, volume)

    gate.refused = {"PutObject": (403, "AccessDenied")}
    denied = (await request_backup(demo, volume)).ok(202).json["backup"]["id"]
    await cloud.settle()
    assert await failure(demo, denied) == (
        "error", "S3 client error: the backup store answers AccessDenied.", "VOLUME_VOLUME_BACKUP_013_020"
    )  # fmt: skip
    gate.refused = {}
    gate.lost["PutObject"] = 1
    lost = (await request_backup(demo, volume)).ok(202).json["backup"]["id"]
    await cloud.settle()
    assert (await failure(demo, lost))[1] == "S3 connection failure: the backup store does not answer."
    assert bodies(bucket, lost) == {}
    assert (await get_volume(demo, volume))["status"] == "available"

    gate.refused = {"GetObject": (500, "InternalError")}
    broken = await restore(cloud, demo, good["id"])
    assert broken["status"] == "error_restoring"
    gate.refused = {"DeleteObject": (503, "SlowDown")}
    (await demo.delete("volume", f"{BACKUPS}/{good['id']}")).ok(202)
    await cloud.settle()
    found = await get_backup(demo, good["id"])
    assert (found["status"], found["fail_reason"]) == ("error", "S3 client error: the backup store answers SlowDown.")
    gate.refused = {}
    (await demo.delete("volume", f"{BACKUPS}/{good['id']}")).ok(202)
    await cloud.settle()
    assert bodies(bucket, good["id"]) == {}


async def test_an_object_that_breaks_off_is_read_on_and_one_that_is_gone_is_told(
    a_cloud: ACloud, bucket: ABucket, gate: Gate
) -> None:
    cloud = await a_cloud(services=SERVICES, settings=in_s3(bucket, gate.url))
    demo = await cloud.http()
    volume = await a_volume(cloud, demo)
    written = os.urandom(8 * BLOCK)  # packed it is as long
    write(cloud, volume, 5 * BLOCK, written)
    backup = await a_backup(cloud, demo, volume)
    gate.cut, gate.cut_at = 2, 4 * BLOCK
    whole = await restore(cloud, demo, backup["id"])
    assert (whole["status"], read(cloud, whole["id"], 8 * BLOCK, 5 * BLOCK)) == ("available", written)
    for name in ("-00001", "_sha256file", "_metadata"):
        (key,) = [key for key in bucket.names() if key.endswith(name)]
        body = bucket.endpoint.client().get_object(Bucket=bucket.name, Key=key)["Body"].read()
        bucket.endpoint.client().delete_object(Bucket=bucket.name, Key=key)
        damaged = await restore(cloud, demo, backup["id"])
        assert (name, damaged["status"]) == (name, "error_restoring")
        bucket.endpoint.client().put_object(Bucket=bucket.name, Key=key, Body=body)
    assert (await get_backup(demo, backup["id"]))["status"] == "available"


async def test_what_was_deleted_is_in_no_object_and_in_no_restored_volume(a_cloud: ACloud, bucket: ABucket) -> None:
    """Bytes behind a smaller backup, and bytes of a volume before its backup is restored over it."""
    cloud = await a_cloud(services=SERVICES, settings=in_s3(bucket))
    demo = await cloud.http()
    volume = await a_volume(cloud, demo)
    backup = await a_backup(cloud, demo, volume)
    write(cloud, volume, 9 * BLOCK, b"planted afterwards")
    same = await restore(cloud, demo, backup["id"], volume_id=volume)
    assert (same["status"], read(cloud, volume, 18, 9 * BLOCK)) == ("available", bytes(18))
    stored = [body for name, body in bodies(bucket, backup["id"]).items() if name.startswith("-")]
    assert {zlib.decompress(body) for body in stored} == {bytes(OBJECT)}


async def test_a_cloud_starts_and_answers_while_its_bucket_is_away(a_cloud: ACloud, bucket: ABucket) -> None:
    cloud = await a_cloud(services=SERVICES, settings=in_s3(bucket, AWAY, backup_s3_timeout=2))
    demo = await cloud.http()
    volume = await a_volume(cloud, demo)
    failed = (await request_backup(demo, volume)).ok(202).json["backup"]["id"]
    await cloud.settle()
    assert (await failure(demo, failed))[0] == "error"
    assert (await get_volume(demo, volume))["status"] == "available"
