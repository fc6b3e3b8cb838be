"""Volumes without images: made, shown, listed, grown, copied, deleted; through real HTTP and the bus."""

import pytest

from support.builders.volumes import create_volume, volume_action
from support.cloud import ACloud, JsonClient, TestCloud

V = "/v3/{project_id}"
NEW = {"OpenStack-API-Version": "volume 3.70"}


@pytest.fixture
async def cloud(a_cloud: ACloud) -> TestCloud:
    return await a_cloud(services=("identity", "volume"))


async def test_an_empty_volume_becomes_available_and_reads_as_zeroes(cloud: TestCloud, demo: JsonClient) -> None:
    volume = await create_volume(cloud, demo, name="blank")
    assert volume["bootable"] == "false"
    (file,) = cloud.cloud.options.data_dir.rglob(f"volume-{volume['id']}")
    assert file.stat().st_size == 1024**3
    assert file.stat().st_blocks == 0


async def test_a_snapshot_and_a_volume_of_it(cloud: TestCloud, demo: JsonClient) -> None:
    volume = await create_volume(cloud, demo)
    wish = {"snapshot": {"volume_id": volume["id"], "name": "s"}}
    snapshot = (await demo.post("volume", f"{V}/snapshots", json=wish)).ok(202).json["snapshot"]
    await cloud.settle()
    shown = (await demo.get("volume", f"{V}/snapshots/{snapshot['id']}")).ok().json["snapshot"]
    assert (shown["status"], shown["os-extended-snapshot-attributes:progress"]) == ("available", "100%")
    copy = await create_volume(cloud, demo, snapshot_id=snapshot["id"])
    assert copy["snapshot_id"] == snapshot["id"]
    assert (await demo.delete("volume", f"{V}/volumes/{volume['id']}")).status == 400
    (await demo.delete("volume", f"{V}/snapshots/{snapshot['id']}")).ok(202)
    await cloud.settle()
    (await demo.delete("volume", f"{V}/volumes/{volume['id']}")).ok(202)
    await cloud.settle()
    assert (await demo.get("volume", f"{V}/volumes/{volume['id']}")).status == 404


async def test_a_volume_grows(cloud: TestCloud, demo: JsonClient) -> None:
    volume = await create_volume(cloud, demo)
    (await volume_action(demo, volume["id"], "os-extend", {"new_size": 2})).ok(202)
    await cloud.settle()
    shown = (await demo.get("volume", f"{V}/volumes/{volume['id']}")).ok().json["volume"]
    assert (shown["status"], shown["size"]) == ("available", 2)


async def test_a_list_is_paged_by_marker_and_links(cloud: TestCloud, demo: JsonClient) -> None:
    made = [await create_volume(cloud, demo, name=f"v{n}") for n in range(3)]
    first = (await demo.get("volume", f"{V}/volumes/detail?limit=2")).ok().json
    assert [one["name"] for one in first["volumes"]] == ["v2", "v1"]
    url = first["volumes_links"][0]["href"].removeprefix(cloud.endpoint("volume"))
    second = (await demo.get("volume", url)).ok().json
    assert [one["id"] for one in second["volumes"]] == [made[0]["id"]]
    assert "volumes_links" not in second


async def test_an_attachment_goes_from_reserved_to_in_use_and_back(cloud: TestCloud, demo: JsonClient) -> None:
    volume = await create_volume(cloud, demo)
    server = "11111111-1111-4111-8111-111111111111"
    wish = {"attachment": {"volume_uuid": volume["id"], "instance_uuid": server}}
    made = (await demo.post("volume", f"{V}/attachments", json=wish, headers=NEW)).ok(200).json["attachment"]
    assert made["status"] == "reserved"
    connector = {"attachment": {"connector": {"host": "compute-1", "mountpoint": "/dev/sdb"}}}
    path = f"{V}/attachments/{made['id']}"
    updated = (await demo.put("volume", path, json=connector, headers=NEW)).ok(200).json["attachment"]
    assert updated["connection_info"]["driver_volume_type"] == "local"
    (await demo.post("volume", f"{path}/action", json={"os-complete": {}}, headers=NEW)).ok(204)
    shown = (await demo.get("volume", f"{V}/volumes/{volume['id']}")).json["volume"]
    assert (shown["status"], shown["attachments"][0]["device"]) == ("in-use", "/dev/sdb")
    refused = await demo.delete("volume", path, headers=NEW)
    assert refused.status == 409
    assert "conflictingRequest" in refused.json
