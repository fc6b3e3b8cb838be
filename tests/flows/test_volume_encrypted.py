"""Volumes of encrypted types: what is told of them, and what their images and the volumes of those have.

The values are those of a recorded Cinder without a key manager; the data is as it came.
"""

from typing import Any

import pytest

from support.builders.images import an_image, get_image
from support.builders.volumes import create_volume, get_volume, volume_action
from support.cloud import ACloud, JsonClient, TestCloud

V = "/v3/{project_id}"
KEY = "00000000-0000-0000-0000-000000000000"
LUKS = {"provider": "luks", "cipher": "aes-xts-plain64", "key_size": 256, "control_location": "front-end"}
OF_THE_IMAGE = {"cinder_encryption_key_id": KEY, "cinder_encryption_key_deletion_policy": "on_image_deletion"}


@pytest.fixture
async def cloud(a_cloud: ACloud) -> TestCloud:
    return await a_cloud()


@pytest.fixture
async def demo(cloud: TestCloud) -> JsonClient:
    return await cloud.http()


@pytest.fixture
async def admin(cloud: TestCloud) -> JsonClient:
    """With a type ``secret``, whose volumes are encrypted."""
    admin = await cloud.http("admin")
    made = (await admin.post("volume", f"{V}/types", json={"volume_type": {"name": "secret"}})).ok(200)
    path = f"{V}/types/{made.json['volume_type']['id']}/encryption"
    (await admin.post("volume", path, json={"encryption": LUKS})).ok(200)
    return admin


async def uploaded(cloud: TestCloud, demo: JsonClient, volume: str, **more: Any) -> dict[str, Any]:
    """The image."""
    wish = {"image_name": "of-it", **more}
    answer = (await volume_action(demo, volume, "os-volume_upload_image", wish)).ok(202)
    await cloud.settle()
    return await get_image(demo, answer.json["os-volume_upload_image"]["image_id"])


async def test_a_key_goes_with_an_encrypted_volume_to_its_image_and_to_the_volumes_of_that(
    cloud: TestCloud, demo: JsonClient, admin: JsonClient
) -> None:
    volume = await create_volume(cloud, demo, imageRef=await an_image(demo, team="storage"), volume_type="secret")
    plain = await create_volume(cloud, demo)
    assert [one["encrypted"] for one in (volume, plain)] == [True, False]
    listed = (await demo.get("volume", f"{V}/volumes/detail")).ok(200).json["volumes"]
    assert {one["id"]: one["encrypted"] for one in listed} == {volume["id"]: True, plain["id"]: False}
    path = f"{V}/volumes/{volume['id']}/encryption"
    assert (await demo.get("volume", path)).ok(200).json == {"encryption_key_id": KEY, **LUKS}
    assert (await demo.get("volume", f"{path}/cipher")).ok(200).body == b"aes-xts-plain64"

    image = await uploaded(cloud, demo, volume["id"])
    assert {key: image.get(key) for key in (*OF_THE_IMAGE, "team")} == {**OF_THE_IMAGE, "team": "storage"}
    assert "cinder_encryption_key_id" not in await uploaded(cloud, demo, plain["id"])
    again = await create_volume(cloud, demo, imageRef=image["id"], volume_type="secret")
    assert again["volume_image_metadata"].items() >= {**OF_THE_IMAGE, "team": "storage"}.items()
    assert (await uploaded(cloud, demo, again["id"])).items() >= OF_THE_IMAGE.items()

    flavor = (await demo.get("compute", "/v2.1/flavors")).ok(200).json["flavors"][0]["id"]
    server = {"name": "x", "flavorRef": flavor, "imageRef": image["id"]}
    refused = await demo.post("compute", "/v2.1/servers", json={"server": server})
    assert (refused.status, b"encrypted volume is unsupported" in refused.body) == (400, True)


async def test_a_clone_and_a_snapshot_s_volume_are_encrypted_as_their_source_is(
    cloud: TestCloud, demo: JsonClient, admin: JsonClient
) -> None:
    volume = await create_volume(cloud, demo, volume_type="secret")
    assert (await create_volume(cloud, demo, source_volid=volume["id"]))["encrypted"] is True
    body = {"snapshot": {"volume_id": volume["id"]}}
    snapshot = (await demo.post("volume", f"{V}/snapshots", json=body)).ok(202).json["snapshot"]["id"]
    await cloud.settle()
    assert (await create_volume(cloud, demo, snapshot_id=snapshot))["encrypted"] is True


async def test_what_cannot_be_done_with_an_encrypted_volume_is_refused_and_changes_nothing(
    cloud: TestCloud, demo: JsonClient, admin: JsonClient
) -> None:
    volume = (await create_volume(cloud, demo, volume_type="secret"))["id"]
    plain = (await create_volume(cloud, demo))["id"]
    as_qcow2 = {"image_name": "x", "disk_format": "qcow2", "container_format": "bare"}
    refusals = [
        (await volume_action(demo, volume, "os-volume_upload_image", as_qcow2), 400),
        (await volume_action(admin, volume, "os-unmanage", {}), 400),
        (await volume_action(demo, plain, "os-retype", {"new_type": "secret"}), 501),
        (await volume_action(demo, volume, "os-retype", {"new_type": "__DEFAULT__"}), 501),
        (await demo.post("volume", f"{V}/backups", json={"backup": {"volume_id": volume}}), 501),
        (await demo.post("volume", f"{V}/os-volume-transfer", json={"transfer": {"volume_id": volume}}), 400),
    ]
    assert [answer.status for answer, _ in refusals] == [status for _, status in refusals]
    host = (await get_volume(admin, volume))["os-vol-host-attr:host"]
    managed = {"host": host, "ref": {"source-name": "x"}, "volume_type": "secret"}
    assert (await admin.post("volume", f"{V}/os-volume-manage", json={"volume": managed})).status == 400
    assert [(await get_volume(demo, one))["status"] for one in (volume, plain)] == ["available"] * 2

    newest = {"OpenStack-API-Version": "volume 3.70"}
    for alone, status in ((True, 400), (False, 202)):
        offer = {"transfer": {"volume_id": volume, "no_snapshots": alone}}
        answer = await demo.post("volume", f"{V}/volume-transfers", json=offer, headers=newest)
        assert answer.status == status, alone
