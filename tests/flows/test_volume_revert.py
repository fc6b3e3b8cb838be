"""A volume goes back to its latest snapshot: its data, not its image metadata (as recorded in ``golden2``)."""

import hashlib
from pathlib import Path

import pytest

from stackwire.messaging.envelope import unwrap
from stackwire.messaging.transport import WireRecord
from support.builders.images import an_image
from support.builders.volumes import VOLUMES, a_volume, get_volume, volume_action
from support.cloud import ACloud, Answer, JsonClient, TestCloud

V = "/v3/{project_id}"


@pytest.fixture
async def cloud(a_cloud: ACloud) -> TestCloud:
    return await a_cloud(services=("identity", "image", "volume"), trace=True)


async def a_snapshot(cloud: TestCloud, client: JsonClient, volume: str) -> str:
    made = await client.post("volume", f"{V}/snapshots", json={"snapshot": {"volume_id": volume}})
    await cloud.settle()
    return str(made.ok(202).json["snapshot"]["id"])


async def revert(client: JsonClient, volume: str, snapshot: str | None) -> Answer:
    return await volume_action(client, volume, "revert", {"snapshot_id": snapshot})


def data_of(cloud: TestCloud, volume: str) -> Path:
    return next(cloud.cloud.options.data_dir.rglob(f"volume-{volume}"))


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()[: 64 * 1024]).hexdigest()


async def test_the_data_goes_back_and_the_image_metadata_stays(cloud: TestCloud, demo: JsonClient) -> None:
    heard: list[str] = []

    def hear(record: WireRecord) -> None:
        if record.kind == "publish" and record.routing_key == "notifications.info":
            message = unwrap(record.body, record.properties)
            heard.append(f"{message['event_type']} {message['payload'].get('status')}")

    image = await an_image(demo, team="storage")
    volume = await a_volume(cloud, demo, imageRef=image)
    snapshot = await a_snapshot(cloud, demo, volume)
    before = digest(data_of(cloud, volume))
    with data_of(cloud, volume).open("r+b") as file:
        file.write(b"written since")
    await volume_action(demo, volume, "os-set_image_metadata", {"metadata": {"team": "changed", "new": "row"}})
    assert cloud.cloud.broker is not None
    watch = cloud.cloud.broker.watch(hear)
    (await revert(demo, volume, snapshot)).ok(202)
    await cloud.settle()
    await watch.cancel()
    assert digest(data_of(cloud, volume)) == before
    found = await get_volume(demo, volume)
    rows = found["volume_image_metadata"]
    assert (found["status"], rows["team"], rows["new"]) == ("available", "changed", "row")
    shown = (await demo.get("volume", f"{V}/snapshots/{snapshot}")).ok(200).json["snapshot"]
    assert shown["status"] == "available"
    assert heard == [
        "volume.revert.start reverting", "snapshot.revert.start restoring",
        "volume.revert.end available", "snapshot.revert.end available",
    ]  # fmt: skip


async def test_only_the_latest_snapshot_of_an_available_volume_will_do(cloud: TestCloud, demo: JsonClient) -> None:
    volume = await a_volume(cloud, demo)
    assert (await revert(demo, volume, None)).status == 400
    first = await a_snapshot(cloud, demo, volume)
    latest = await a_snapshot(cloud, demo, volume)
    for wrong in (first, None, volume):
        assert (await revert(demo, volume, wrong)).status == 400, wrong
    older = {"OpenStack-API-Version": "volume 3.39"}
    body = {"revert": {"snapshot_id": latest}}
    assert (await demo.post("volume", f"{VOLUMES}/{volume}/action", json=body, headers=older)).status == 400
    alt = await cloud.http("alt")
    assert (await revert(alt, volume, latest)).status == 404
    admin = await cloud.http("admin")
    (await volume_action(admin, volume, "os-reset_status", {"status": "error"})).ok(202)
    assert (await revert(demo, volume, latest)).status == 409
    (await volume_action(admin, volume, "os-reset_status", {"status": "available"})).ok(202)
    (await volume_action(demo, volume, "os-extend", {"new_size": 2})).ok(202)
    await cloud.settle()
    assert (await revert(demo, volume, latest)).status == 400


async def test_a_revert_without_data_leaves_the_volume_as_it_was(cloud: TestCloud, demo: JsonClient) -> None:
    volume = await a_volume(cloud, demo)
    snapshot = await a_snapshot(cloud, demo, volume)
    next(cloud.cloud.options.data_dir.rglob(f"snapshot-{snapshot}")).unlink()
    (await revert(demo, volume, snapshot)).ok(202)
    await cloud.settle()
    assert (await get_volume(demo, volume))["status"] == "error"
    assert data_of(cloud, volume).stat().st_size == 1024**3


async def test_who_makes_a_snapshot_says_how_far_it_is(cloud: TestCloud, demo: JsonClient) -> None:
    snapshot = await a_snapshot(cloud, demo, await a_volume(cloud, demo))
    path, action = f"{V}/snapshots/{snapshot}", "os-update_snapshot_status"

    async def put(status: str, progress: str | None = None) -> int:
        body = {action: {"status": status, "progress": progress}}
        return (await demo.post("volume", f"{path}/action", json=body)).status

    assert await put("available") == 400
    await cloud.rows("volume", "UPDATE snapshots SET status = 'creating' WHERE id = $1 RETURNING id", snapshot)
    assert [await put("deleting"), await put("creating", "101%"), await put("creating", "half")] == [400, 400, 400]
    assert await put("creating", "50%") == 202
    shown = (await demo.get("volume", path)).ok(200).json["snapshot"]
    assert (shown["status"], shown["os-extended-snapshot-attributes:progress"]) == ("creating", "50%")
    assert await put("available", "100%") == 202
