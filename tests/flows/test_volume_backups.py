"""Backups: what they hold and give back, what is refused, who sees them, and what another cloud can do with them."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

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
    volume_action,
)
from support.cloud import ACloud, Answer, JsonClient, TestCloud

V = "/v3/{project_id}"
BLOCK = 32 * 1024
DISK = b"boot sector".ljust(512, b"\0") + bytes(3 * BLOCK) + b"the end".ljust(512, b"\0")
NOBODY = "00000000-0000-4000-8000-000000000000"
SUMMARY = {"id", "name", "links"}


@pytest.fixture
async def cloud(a_cloud: ACloud) -> TestCloud:
    return await a_cloud(services=("identity", "image", "volume"))


def disk_of(cloud: TestCloud, volume: str) -> Path:
    (file,) = cloud.cloud.options.data_dir.rglob(f"volume-{volume}")
    return file


def write(cloud: TestCloud, volume: str, at: int, data: bytes) -> None:
    """As a server would, that has the volume attached."""
    with disk_of(cloud, volume).open("r+b") as handle:
        handle.seek(at)
        handle.write(data)


def read(cloud: TestCloud, volume: str, length: int = len(DISK), at: int = 0) -> bytes:
    with disk_of(cloud, volume).open("rb") as handle:
        handle.seek(at)
        return handle.read(length)


def stored(cloud: TestCloud, backup: Mapping[str, Any]) -> dict[str, Path]:
    """The objects of a backup by the last part of their name."""
    folder = cloud.cloud.options.data_dir / "volume" / "backups" / backup["container"]
    return {path.name.removeprefix(path.name.partition(backup["id"])[0]): path for path in folder.glob("*")}


async def refused(answering: Any, status: int, *words: str) -> None:
    answer: Answer = await answering
    assert answer.status == status, answer.json
    assert all(word in str(answer.json) for word in words), answer.json


async def action(client: JsonClient, backup: str, name: str, value: Any = None) -> Answer:
    return await client.post("volume", f"{BACKUPS}/{backup}/action", json={name: value}, headers=VOLUME_VERSION)


async def usage(client: JsonClient) -> tuple[int, int]:
    limits = (await client.get("volume", f"{V}/limits")).ok().json["limits"]["absolute"]
    return limits["totalBackupsUsed"], limits["totalBackupGigabytesUsed"]


async def test_a_backup_gives_back_bytes_names_and_image_metadata(cloud: TestCloud, demo: JsonClient) -> None:
    image = await an_image(demo, DISK, team="storage", img_signature_note="kept")
    volume = await create_volume(cloud, demo, imageRef=image, name="v", metadata={"purpose": "test"})
    (await volume_action(demo, volume["id"], "os-set_image_metadata", {"metadata": {"team": "changed"}})).ok(200)
    accepted = await request_backup(demo, volume["id"], name=" b ", description="full", metadata={"kept": "with it"})
    assert accepted.ok(202).json["backup"].keys() == SUMMARY
    await cloud.settle()
    backup = await get_backup(demo, accepted.json["backup"]["id"])
    told = {
        "status": "available", "size": 1, "object_count": 1, "availability_zone": "nova", "name": "b",
        "description": "full", "fail_reason": None, "volume_id": volume["id"], "is_incremental": False,
        "has_dependent_backups": False, "snapshot_id": None, "metadata": {"kept": "with it"},
        "container": "/".join((backup["id"][:2], backup["id"][2:4], backup["id"])),
        "data_timestamp": backup["created_at"],
    }  # fmt: skip
    assert {name: backup[name] for name in told} == told
    assert backup.keys() == {*told, *SUMMARY, "created_at", "updated_at"}
    assert (await get_volume(demo, volume["id"]))["status"] == "available"
    assert await usage(demo) == (1, 1)

    rows = (await get_volume(demo, volume["id"]))["volume_image_metadata"]
    changes = {"metadata": {"team": "again", "later": "yes"}}
    (await volume_action(demo, volume["id"], "os-set_image_metadata", changes)).ok(200)
    write(cloud, volume["id"], 0, b"overwritten")
    fresh = await restore(cloud, demo, backup["id"], name="fresh")
    assert (fresh["status"], fresh["bootable"], fresh["name"]) == ("available", "true", "fresh")
    assert fresh["metadata"] == {"purpose": "test", "src_backup_id": backup["id"]}
    assert fresh["volume_image_metadata"] == rows
    unnamed = await restore(cloud, demo, backup["id"])
    assert (unnamed["name"], unnamed["description"]) == ("v", None)
    same = await restore(cloud, demo, backup["id"], volume_id=volume["id"])
    assert (same["id"], same["metadata"], same["volume_image_metadata"]) == (volume["id"], {"purpose": "test"}, rows)
    assert {read(cloud, each["id"]) for each in (fresh, unnamed, same)} == {DISK}


async def test_an_incremental_backup_holds_what_has_changed_and_its_parent_stays(
    cloud: TestCloud, demo: JsonClient
) -> None:
    volume = await a_volume(cloud, demo)
    await refused(request_backup(demo, volume, incremental=True), 400, "No backups available")
    write(cloud, volume, 0, b"one" * BLOCK)
    full = await a_backup(cloud, demo, volume)
    write(cloud, volume, BLOCK, bytes(BLOCK))
    write(cloud, volume, 10 * BLOCK, b"two")
    second = await a_backup(cloud, demo, volume, incremental=True)
    write(cloud, volume, 0, b"three")
    third = await a_backup(cloud, demo, volume, incremental=True)
    unchanged = await a_backup(cloud, demo, volume, incremental=True)
    assert [each["object_count"] for each in (full, second, third, unchanged)] == [1, 2, 1, 0]
    assert [each["is_incremental"] for each in (full, second)] == [False, True]
    changed = {path.stat().st_size for name, path in stored(cloud, second).items() if "-0000" in name[36:]}
    assert changed == {BLOCK}
    assert sum(path.stat().st_blocks for path in stored(cloud, full).values()) * 512 < 8 * 1024**2

    now = read(cloud, volume, 11 * BLOCK)
    assert read(cloud, (await restore(cloud, demo, unchanged["id"]))["id"], 11 * BLOCK) == now
    write(cloud, volume, 5 * BLOCK, b"to be gone")
    back = await restore(cloud, demo, full["id"], volume_id=volume)
    assert read(cloud, back["id"], 11 * BLOCK) == (b"one" * BLOCK).ljust(11 * BLOCK, b"\0")

    assert (await get_backup(demo, full["id"]))["has_dependent_backups"]
    await refused(demo.delete("volume", f"{BACKUPS}/{full['id']}"), 400, "Incremental backups exist")
    admin = await cloud.http("admin")
    await refused(action(admin, full["id"], "os-force_delete"), 400, "Incremental backups exist")
    for backup in (unchanged, third, second, full):
        (await demo.delete("volume", f"{BACKUPS}/{backup['id']}")).ok(202)
        await cloud.settle()
        assert (await demo.get("volume", f"{BACKUPS}/{backup['id']}")).status == 404
    assert await usage(demo) == (0, 0)
    assert list((cloud.cloud.options.data_dir / "volume" / "backups").rglob("*_*")) == []
    (await volume_action(demo, volume, "os-extend", {"new_size": 2})).ok(202)
    await cloud.settle()


async def test_a_volume_that_grew_needs_a_full_backup_and_keeps_its_end(cloud: TestCloud, demo: JsonClient) -> None:
    volume = await a_volume(cloud, demo)
    small = await a_backup(cloud, demo, volume)
    (await volume_action(demo, volume, "os-extend", {"new_size": 2})).ok(202)
    await cloud.settle()
    write(cloud, volume, 1024**3, b"behind the end")
    failed = (await request_backup(demo, volume, incremental=True)).ok(202).json["backup"]["id"]
    await cloud.settle()
    shown = await get_backup(demo, failed)
    assert (shown["status"], shown["fail_reason"]) == (
        "error", "Invalid backup: Volume size increased since the last backup. Do a full backup.",
    )  # fmt: skip
    (message,) = (await demo.get("volume", f"{V}/messages", headers=VOLUME_VERSION)).ok().json["messages"]
    assert (message["resource_type"], message["resource_uuid"], message["event_id"]) == (
        "VOLUME_BACKUP", failed, "VOLUME_VOLUME_BACKUP_013_020",
    )  # fmt: skip
    back = await restore(cloud, demo, small["id"], volume_id=volume)
    assert (back["status"], back["size"], read(cloud, volume, 14, 1024**3)) == ("available", 2, b"behind the end")
    large = await a_backup(cloud, demo, volume)
    assert (large["size"], large["object_count"]) == (2, 2)
    tight = await a_volume(cloud, demo)
    body = {"restore": {"volume_id": tight}}
    await refused(demo.post("volume", f"{BACKUPS}/{large['id']}/restore", json=body), 400, "too small to restore")
    (await demo.delete("volume", f"{BACKUPS}/{failed}")).ok(202)
    await cloud.settle()
    assert await usage(demo) == (2, 3)


async def test_a_volume_in_use_and_a_snapshot_are_backed_up_as_they_are(cloud: TestCloud, demo: JsonClient) -> None:
    volume = await a_volume(cloud, demo)
    write(cloud, volume, 0, b"at the snapshot")
    taken = await demo.post("volume", f"{V}/snapshots", json={"snapshot": {"volume_id": volume}})
    snapshot = taken.ok(202).json["snapshot"]
    await cloud.settle()
    write(cloud, volume, 0, b"in use by a server")
    wish = {"attachment": {"volume_uuid": volume, "instance_uuid": NOBODY, "connector": {"host": "h"}}}
    (await demo.post("volume", f"{V}/attachments", json=wish, headers=VOLUME_VERSION)).ok(200)
    await cloud.settle()
    attached = (await demo.get("volume", f"{V}/attachments", headers=VOLUME_VERSION)).ok().json["attachments"][0]["id"]
    path = f"{V}/attachments/{attached}/action"
    (await demo.post("volume", path, json={"os-complete": {}}, headers=VOLUME_VERSION)).ok(204)

    await refused(request_backup(demo, volume), 400, "must use the force flag")
    other = await a_volume(cloud, demo)
    await refused(request_backup(demo, other, snapshot_id=snapshot["id"]), 400, "does not match")
    used = await a_backup(cloud, demo, volume, force=True)
    assert (await get_volume(demo, volume))["status"] == "in-use"
    of_snapshot = await a_backup(cloud, demo, volume, snapshot_id=snapshot["id"])
    assert of_snapshot["snapshot_id"] == snapshot["id"]
    assert of_snapshot["data_timestamp"] == snapshot["created_at"]
    shown = (await demo.get("volume", f"{V}/snapshots/{snapshot['id']}")).ok().json["snapshot"]
    assert shown["status"] == "available"
    old, new = [await restore(cloud, demo, backup["id"]) for backup in (of_snapshot, used)]
    assert read(cloud, old["id"], 15) == b"at the snapshot"
    assert read(cloud, new["id"], 18) == b"in use by a server"
    await refused(
        demo.post("volume", f"{BACKUPS}/{used['id']}/restore", json={"restore": {"volume_id": volume}}),
        400, "must be available",
    )  # fmt: skip
    assert list(cloud.cloud.options.data_dir.rglob("backup-*")) == []


async def test_a_volume_can_be_created_from_a_backup_and_outlives_neither(cloud: TestCloud, demo: JsonClient) -> None:
    image = await an_image(demo, DISK, team="storage")
    volume = await create_volume(cloud, demo, imageRef=image, name="v", metadata={"purpose": "test"})
    backup = await a_backup(cloud, demo, volume["id"])
    (await demo.delete("volume", f"{V}/volumes/{volume['id']}")).ok(202)
    await cloud.settle()
    made = await create_volume(cloud, demo, size=2, backup_id=backup["id"])
    assert (made["status"], made["size"], made["bootable"], made["name"]) == ("available", 2, "true", "v")
    assert made["volume_image_metadata"] == volume["volume_image_metadata"]
    assert made["metadata"] == {"purpose": "test", "src_backup_id": backup["id"]}
    assert read(cloud, made["id"]) == DISK
    assert (await get_backup(demo, backup["id"]))["status"] == "available"
    for wish, status in (
        ({"backup_id": NOBODY}, 404),
        ({"backup_id": backup["id"], "imageRef": image}, 400),
        ({"backup_id": "odd"}, 400),
    ):
        body = {"volume": {"size": 1, **wish}}
        await refused(demo.post("volume", f"{V}/volumes", json=body, headers=VOLUME_VERSION), status)
    admin = await cloud.http("admin")
    (await action(admin, backup["id"], "os-reset_status", {"status": "error"})).ok(202)
    await cloud.settle()
    body = {"volume": {"backup_id": backup["id"]}}
    await refused(demo.post("volume", f"{V}/volumes", json=body, headers=VOLUME_VERSION), 400, "Originating backup")


async def test_a_damaged_backup_is_noticed_and_its_volume_says_so(cloud: TestCloud, demo: JsonClient) -> None:
    volume = await a_volume(cloud, demo)
    write(cloud, volume, 0, b"precious")
    backup = await a_backup(cloud, demo, volume)
    with stored(cloud, backup)[f"{backup['id']}-00001"].open("r+b") as handle:
        handle.write(b"!")
    assert (await restore(cloud, demo, backup["id"], volume_id=volume))["status"] == "error_restoring"
    assert read(cloud, volume, 8) == b"precious"
    (message,) = (await demo.get("volume", f"{V}/messages", headers=VOLUME_VERSION)).ok().json["messages"]
    assert message["event_id"] == "VOLUME_VOLUME_BACKUP_015_026"
    assert (await get_backup(demo, backup["id"]))["status"] == "available"
    (await demo.delete("volume", f"{V}/volumes/{volume}")).ok(202)


async def test_exactly_as_many_backups_as_the_quota_allows_win_a_race(cloud: TestCloud, demo: JsonClient) -> None:
    admin = await cloud.http("admin")
    volumes = [await a_volume(cloud, demo) for _ in range(6)]
    for limits, won in (({"backups": 3}, 3), ({"backups": 10, "backup_gigabytes": 4}, 1)):
        path = f"{V}/os-quota-sets/{demo.project_id}"
        (await admin.put("volume", path, json={"quota_set": limits})).ok(200)
        answers = await asyncio.gather(*(request_backup(demo, volume) for volume in volumes))
        assert sorted(answer.status for answer in answers) == [202] * won + [413] * (6 - won)
        await cloud.settle()
    assert await usage(demo) == (4, 4)
    await refused(request_backup(demo, volumes[0]), 413, "Requested 1G, quota is 4G and 4G has been consumed")


async def test_backups_are_listed_by_filters_in_order_and_page_by_page(cloud: TestCloud, demo: JsonClient) -> None:
    first, second = await a_volume(cloud, demo), await a_volume(cloud, demo)
    made = [(await a_backup(cloud, demo, volume, name=name))["id"] for volume, name in ((first, "b"), (second, "a"))]

    async def ids(query: str, version: str = "3.70", client: JsonClient = demo) -> list[str]:
        headers = {"OpenStack-API-Version": f"volume {version}"}
        answer = await client.get("volume", f"{BACKUPS}?{query}", headers=headers)
        return [backup["id"] for backup in answer.ok().json["backups"]]

    assert await ids("") == made[::-1]
    assert await ids("sort=name:desc") == await ids("sort_key=created_at&sort_dir=asc") == made
    assert await ids(f"volume_id={first}") == await ids("name=b") == made[:1]
    assert await ids("status=error") == await ids("nonsense=1", client=await cloud.http("admin")) == []
    assert await ids("limit=1") == await ids("sort=display_name&limit=1&offset=1") == made[1:]
    assert await ids(f"limit=1&marker={made[1]}") == made[:1]
    page = (await demo.get("volume", f"{BACKUPS}/detail?limit=1&with_count=true", headers=VOLUME_VERSION)).ok().json
    assert (page["count"], page["backups_links"][0]["rel"]) == (2, "next")
    for query, version in (("sort_key=name", "3.36"), ("nonsense=1", "3.70"), ("sort=odd", "3.70")):
        headers = {"OpenStack-API-Version": f"volume {version}"}
        await refused(demo.get("volume", f"{BACKUPS}?{query}", headers=headers), 400)
    alt, admin = await cloud.http("alt"), await cloud.http("admin")
    assert await ids("", client=alt) == await ids("", client=admin) == []
    assert await ids("all_tenants=1", client=admin) == made[::-1]
    assert await ids("all_tenants=0", client=admin) == []
    theirs = await a_volume(cloud, alt)
    for method, path, body in (
        ("GET", f"/{made[0]}", None),
        ("GET", f"/{made[0]}/export_record", None),
        ("PUT", f"/{made[0]}", {"backup": {"name": "mine"}}),
        ("POST", f"/{made[0]}/restore", {"restore": {"volume_id": theirs}}),
        ("POST", f"/{made[0]}/action", {"os-force_delete": None}),
        ("POST", "", {"backup": {"volume_id": first}}),
        ("DELETE", f"/{made[0]}", None),
    ):
        await refused(alt.request(method, "volume", f"{BACKUPS}{path}", json=body, headers=VOLUME_VERSION), 404)
    mine = (await a_backup(cloud, alt, theirs))["id"]
    body = {"restore": {"volume_id": first}}
    await refused(alt.post("volume", f"{BACKUPS}/{mine}/restore", json=body), 404, "Volume")
    await refused(admin.get("volume", f"{BACKUPS}?all_tenants=odd"), 400)
    for version, shown in (("3.17", set()), ("3.18", {"os-backup-project-attr:project_id"}), ("3.56", {"user_id"})):
        headers = {"OpenStack-API-Version": f"volume {version}"}
        assert shown <= (await admin.get("volume", f"{BACKUPS}/{made[0]}", headers=headers)).ok().json["backup"].keys()
    assert "user_id" not in await get_backup(demo, made[0])


async def test_what_may_be_changed_of_a_backup_and_by_whom(cloud: TestCloud, demo: JsonClient) -> None:
    backup = (await a_backup(cloud, demo, await a_volume(cloud, demo), name="old"))["id"]
    admin, path = await cloud.http("admin"), f"{BACKUPS}/{backup}"
    body = {"backup": {"name": "new", "metadata": {"k": "v"}}}
    assert (await demo.put("volume", path, json=body, headers=VOLUME_VERSION)).ok(200).json["backup"].keys() == SUMMARY
    shown = await get_backup(demo, backup)
    assert (shown["name"], shown["metadata"], shown["description"]) == ("new", {"k": "v"}, None)
    for version, given, status in (
        ("3.8", {"name": "x"}, 404),
        ("3.42", {"metadata": {}}, 400),
        ("3.43", {"metadata": None}, 400),
        ("3.70", {"status": "error"}, 400),
        ("3.70", {"description": "a\nb"}, 400),
    ):
        headers = {"OpenStack-API-Version": f"volume {version}"}
        await refused(demo.put("volume", path, json={"backup": given}, headers=headers), status)
    await refused(action(demo, backup, "os-reset_status", {"status": "error"}), 403)
    await refused(action(admin, backup, "os-reset_status", {"status": "deleting"}), 400)
    (await action(admin, backup, "os-reset_status", {"status": "Error"})).ok(202)
    await cloud.settle()
    assert (await get_backup(demo, backup))["status"] == "error"
    await refused(demo.post("volume", f"{path}/restore", json={"restore": {}}), 400, "must be available")
    await refused(action(demo, backup, "os-force_delete"), 403)
    await cloud.rows("volume", "UPDATE backups SET status = 'restoring' WHERE id = $1 RETURNING id", backup)
    await refused(demo.delete("volume", path), 400, "must be available or error")
    (await action(admin, backup, "os-force_delete")).ok(202)
    await cloud.settle()
    await refused(demo.get("volume", path), 404)


async def test_an_exported_record_brings_a_lost_backup_back(cloud: TestCloud, demo: JsonClient) -> None:
    admin = await cloud.http("admin")
    image = await an_image(demo, DISK, team="storage")
    volume = await create_volume(cloud, demo, imageRef=image, name="v")
    backup = await a_backup(cloud, demo, volume["id"], name="precious", metadata={"k": "v"})
    await refused(demo.get("volume", f"{BACKUPS}/{backup['id']}/export_record"), 403)
    exported = await admin.get("volume", f"{BACKUPS}/{backup['id']}/export_record")
    record = exported.ok(200).json["backup-record"]
    assert record["backup_service"] == "cinder.backup.drivers.posix.PosixBackupDriver"

    async def bring_in(**changes: Any) -> Answer:
        body = {"backup-record": {**record, **changes}}
        return await admin.post("volume", f"{BACKUPS}/import_record", json=body, headers=VOLUME_VERSION)

    await refused(bring_in(), 400, "already exists")
    await refused(bring_in(backup_url="e30="), 400, "missing an id")
    await refused(bring_in(backup_url="x"), 400)
    await cloud.rows("volume", "DELETE FROM backups WHERE id = $1 RETURNING id", backup["id"])
    (await bring_in(backup_service="cinder.backup.drivers.ceph.CephBackupDriver")).ok(201)
    await cloud.settle()
    assert (await get_backup(admin, backup["id"]))["status"] == "error"
    await cloud.rows("volume", "UPDATE backups SET deleted = true WHERE id = $1 RETURNING id", backup["id"])
    assert (await bring_in()).ok(201).json["backup"].keys() == SUMMARY
    await cloud.settle()
    found = await get_backup(admin, backup["id"])
    same = ("status", "name", "metadata", "volume_id", "size", "container", "object_count", "data_timestamp")
    assert {name: found[name] for name in same} == {name: backup[name] for name in same} | {
        "data_timestamp": backup["data_timestamp"].partition(".")[0] + ".000000"
    }
    back = await restore(cloud, admin, backup["id"])
    assert back["volume_image_metadata"] == volume["volume_image_metadata"]
    assert read(cloud, back["id"]) == DISK


async def test_a_container_may_be_named_but_never_leads_out_of_the_store(cloud: TestCloud, demo: JsonClient) -> None:
    volume = await a_volume(cloud, demo)
    kept = await a_backup(cloud, demo, volume, container="mine")
    assert (kept["container"], len(stored(cloud, kept))) == ("mine", 3)
    for container in ("../outside", "/tmp", "\u00e9" * 200, "mine/\0"):
        answer = await request_backup(demo, volume, container=container)
        if answer.status == 400:
            continue
        await cloud.settle()
        made = await get_backup(demo, answer.ok(202).json["backup"]["id"])
        assert made["status"] == "error", container
        assert (await get_volume(demo, volume))["status"] == "available"
        (await demo.delete("volume", f"{BACKUPS}/{made['id']}")).ok(202)
        await cloud.settle()
        await refused(demo.get("volume", f"{BACKUPS}/{made['id']}"), 404)
    assert len(stored(cloud, kept)) == 3


async def test_without_a_backup_service_there_are_no_backups(cloud: TestCloud, demo: JsonClient) -> None:
    volume = await a_volume(cloud, demo)
    backup = (await request_backup(demo, volume, availability_zone="elsewhere")).ok(202).json["backup"]["id"]
    await cloud.settle()
    shown = await get_backup(demo, backup)
    assert (shown["status"], shown["fail_reason"]) == ("error", "Service not found for creating backup.")
    assert (await get_volume(demo, volume))["status"] == "available"
    kept = (await a_backup(cloud, demo, volume))["id"]
    admin = await cloud.http("admin")
    services = (await admin.get("volume", f"{V}/os-services?binary=cinder-backup")).ok().json["services"]
    assert [(service["host"], service["status"]) for service in services] == [("stackwire", "enabled")]
    body = {"binary": "cinder-backup", "host": "stackwire"}
    (await admin.put("volume", f"{V}/os-services/disable", json=body)).ok(200)
    await refused(demo.delete("volume", f"{BACKUPS}/{kept}"), 404, "Service cinder-backup could not be found")
    backup = (await request_backup(demo, volume)).ok(202).json["backup"]["id"]
    await cloud.settle()
    assert (await get_backup(demo, backup))["status"] == "error"
