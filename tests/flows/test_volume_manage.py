"""What lies on a back end becomes a volume or snapshot, and stays there when it is none any more.

Events, statuses and rows are those of ``golden2``: ``volume_manage_unmanage``.
"""

from pathlib import Path
from typing import Any

import pytest

from stackwire.messaging.envelope import unwrap
from stackwire.messaging.transport import WireRecord
from support.builders.images import an_image
from support.builders.volumes import VOLUME_VERSION, VOLUMES, a_volume, get_volume, volume_action
from support.cloud import ACloud, Answer, JsonClient, TestCloud

V = "/v3/{project_id}"
BACKEND = "stackwire@files"
HOST = f"{BACKEND}#files"


@pytest.fixture
async def cloud(a_cloud: ACloud) -> TestCloud:
    return await a_cloud(services=("identity", "image", "volume"))


@pytest.fixture
async def admin(cloud: TestCloud) -> JsonClient:
    return await cloud.http("admin")


@pytest.fixture
def folder(cloud: TestCloud) -> Path:
    return next(cloud.cloud.options.data_dir.rglob("volumes"))


async def manage(cloud: TestCloud, client: JsonClient, what: str = "volumes", **fields: Any) -> Answer:
    body = {what.removesuffix("s"): fields}
    answer = await client.post("volume", f"{V}/manageable_{what}", json=body, headers=VOLUME_VERSION)
    await cloud.settle()
    return answer


async def manageable(client: JsonClient, query: str, what: str = "volumes", path: str = "manageable_") -> Answer:
    return await client.get("volume", f"{V}/{path}{what}{query}", headers=VOLUME_VERSION)


async def names(client: JsonClient, query: str = "", what: str = "volumes") -> list[str]:
    found = (await manageable(client, f"?host={BACKEND}{query}", what)).ok(200).json[f"manageable-{what}"]
    return [entry["reference"]["source-name"] for entry in found if entry["safe_to_manage"]]


async def used(client: JsonClient) -> tuple[int, int, int]:
    limits = (await client.get("volume", f"{V}/limits")).ok(200).json["limits"]["absolute"]
    return limits["totalVolumesUsed"], limits["totalGigabytesUsed"], limits["totalSnapshotsUsed"]


async def test_a_file_becomes_a_volume_and_is_a_file_again(cloud: TestCloud, admin: JsonClient, folder: Path) -> None:
    heard: list[tuple[str, str, int]] = []

    def hear(record: WireRecord) -> None:
        if record.kind == "publish" and record.routing_key == "notifications.info":
            message = unwrap(record.body, record.properties)
            event = message["event_type"], message["publisher_id"], len(message["payload"].get("glance_metadata", ()))
            heard.append(event)

    (folder / "unmanaged-one").write_bytes(b"what is on it" + bytes(1024))
    assert cloud.cloud.broker is not None
    watch = cloud.cloud.broker.watch(hear)
    answer = await manage(
        cloud, admin, host=HOST, ref={"source-name": "unmanaged-one"}, name="m", bootable=True, metadata={"a": "b"}
    )
    accepted = answer.ok(202).json["volume"]
    assert (accepted["status"], accepted["size"], accepted["bootable"]) == ("creating", 0, "true")
    assert "volume_type_id" not in accepted
    volume = accepted["id"]
    found = await get_volume(admin, volume)
    assert (found["status"], found["size"], found["metadata"]) == ("available", 1, {"a": "b"})
    assert "volume_image_metadata" not in found
    assert (folder / f"volume-{volume}").read_bytes()[:13] == b"what is on it"
    assert not (folder / "unmanaged-one").exists()
    assert await used(admin) == (1, 1, 0)
    (await volume_action(admin, volume, "os-set_image_metadata", {"metadata": {"team": "managed"}})).ok(200)
    (await volume_action(admin, volume, "os-unmanage")).ok(202)
    await cloud.settle()
    await watch.cancel()
    assert heard == [
        ("volume.manage_existing.start", f"volume.{HOST}", 0), ("volume.manage_existing.end", f"volume.{HOST}", 0),
        ("volume.unmanage.start", "volume.stackwire@files", 1), ("volume.unmanage.end", "volume.stackwire@files", 0),
    ]  # fmt: skip
    assert (await admin.get("volume", f"{VOLUMES}/{volume}")).status == 404
    assert (await names(admin), await used(admin)) == ([f"volume-{volume}"], (0, 0, 0))
    again = await manage(cloud, admin, host=HOST, ref={"source-name": f"volume-{volume}"})
    assert (await get_volume(admin, again.ok(202).json["volume"]["id"]))["status"] == "available"


async def test_what_cannot_be_managed_is_refused_or_in_error(
    cloud: TestCloud, demo: JsonClient, admin: JsonClient, folder: Path
) -> None:
    volume = await a_volume(cloud, demo)
    outside = folder.parent / "secret"
    outside.write_bytes(b"secret")
    for name in ("none", "../secret", "..", "", ".hidden", None, f"snapshot-{volume}"):
        made = (await manage(cloud, admin, host=HOST, ref={"source-name": name})).ok(202).json["volume"]["id"]
        assert (await get_volume(admin, made))["status"] == "error", name
        (await admin.delete("volume", f"{VOLUMES}/{made}")).ok(202)
    await cloud.settle()
    assert (await used(admin), outside.read_bytes()) == ((0, 0, 0), b"secret")
    ref = {"source-name": "none"}
    wrong: list[dict[str, Any]] = [
        {"host": "elsewhere@x#y", "ref": ref}, {"ref": ref}, {"host": HOST}, {"host": HOST, "ref": "none"},
        {"host": HOST, "ref": ref, "volume_type": "none"}, {"host": HOST, "ref": ref, "x": 1},
        {"host": HOST, "ref": {"source-name": f"volume-{volume}"}}, {"host": HOST, "cluster": "c", "ref": ref},
    ]  # fmt: skip
    for fields in wrong:
        assert (await manage(cloud, admin, **fields)).status == 400, fields
    assert (await manage(cloud, demo, host=HOST, ref=ref)).status == 403
    assert (await volume_action(demo, volume, "os-unmanage")).status == 403
    (await demo.post("volume", f"{V}/snapshots", json={"snapshot": {"volume_id": volume}})).ok(202)
    await cloud.settle()
    assert (await volume_action(admin, volume, "os-unmanage")).status == 400


async def test_a_link_to_elsewhere_is_no_volume(cloud: TestCloud, admin: JsonClient, folder: Path) -> None:
    outside = folder.parent / "secret"
    outside.write_bytes(b"secret")
    (folder / "link").symlink_to(outside)
    assert await names(admin) == []
    made = (await manage(cloud, admin, host=HOST, ref={"source-name": "link"})).ok(202).json["volume"]["id"]
    assert (await get_volume(admin, made))["status"] == "error"


async def test_a_snapshot_is_left_behind_and_taken_back(
    cloud: TestCloud, demo: JsonClient, admin: JsonClient, folder: Path
) -> None:
    volume = await a_volume(cloud, demo, imageRef=await an_image(demo, team="storage"))
    made = await demo.post("volume", f"{V}/snapshots", json={"snapshot": {"volume_id": volume}})
    snapshot = made.ok(202).json["snapshot"]["id"]
    await cloud.settle()
    path = f"{V}/snapshots/{snapshot}/action"
    assert (await demo.post("volume", path, json={"os-unmanage": None})).status == 403
    (await admin.post("volume", path, json={"os-unmanage": None})).ok(202)
    await cloud.settle()
    name = f"snapshot-{snapshot}"
    assert ((folder / name).exists(), await used(demo)) == (True, (1, 1, 0))
    assert await names(admin, what="snapshots") == [name]
    taken = await manage(cloud, admin, "snapshots", volume_id=volume, ref={"source-name": name}, name="back")
    ident = taken.ok(202).json["snapshot"]["id"]
    shown = (await admin.get("volume", f"{V}/snapshots/{ident}")).ok(200).json["snapshot"]
    assert (shown["status"], shown["size"], (folder / f"snapshot-{ident}").exists()) == ("available", 1, True)
    detail = (await manageable(admin, f"/detail?host={BACKEND}", "snapshots")).ok(200).json["manageable-snapshots"]
    assert detail == [
        {
            "reference": {"source-name": f"snapshot-{ident}"}, "size": 1, "safe_to_manage": False,
            "reason_not_safe": "already managed", "cinder_id": ident, "extra_info": None,
            "source_reference": {"source-name": f"volume-{volume}"},
        }
    ]  # fmt: skip
    bad = await manage(cloud, admin, "snapshots", volume_id=volume, ref={"source-name": "none"})
    failed = await admin.get("volume", f"{V}/snapshots/{bad.ok(202).json['snapshot']['id']}")
    assert failed.ok(200).json["snapshot"]["status"] == "error"
    assert (await manage(cloud, demo, "snapshots", volume_id=volume, ref={"source-name": "x"})).status == 403
    assert (await manage(cloud, admin, "snapshots", volume_id=volume, ref=None)).status == 400


async def test_what_is_manageable_is_listed_in_order_and_pages(
    admin: JsonClient, demo: JsonClient, folder: Path
) -> None:
    for name, size in (("a", 1), ("b", 3), ("c", 2)):
        with (folder / name).open("wb") as file:
            file.truncate(size * 1024**3)
    assert await names(admin) == ["c", "b", "a"]
    assert await names(admin, "&sort=size:asc") == ["a", "c", "b"]
    assert await names(admin, "&sort_key=reference&sort_dir=asc&limit=1&offset=1") == ["b"]
    assert await names(admin, '&sort=reference:asc&marker={"source-name":"a"}') == ["b", "c"]
    old = await admin.get("volume", f"{V}/os-volume-manage?host={BACKEND}")
    assert len(old.ok(200).json["manageable-volumes"]) == 3
    for query in ("", f"?host={BACKEND}&sort=name", f"?host={BACKEND}&sort=size:up", f"?host={BACKEND}&marker=x"):
        assert (await manageable(admin, query)).status == 400, query
    nowhere = await manageable(admin, "?host=x@y%23z")
    assert (nowhere.status, "cinder-volume could not be found on host x@y." in str(nowhere.json)) == (404, True)
    assert (await manageable(demo, f"?host={BACKEND}")).status == 403
    older = {"OpenStack-API-Version": "volume 3.7"}
    assert (await admin.get("volume", f"{V}/manageable_volumes?host={BACKEND}", headers=older)).status == 404
