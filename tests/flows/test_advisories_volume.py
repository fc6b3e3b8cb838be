"""Old holes of the volume service's originals that must not be here. ``support/advisories.py`` has the whole table."""

from collections.abc import Iterator
from typing import Any

import pytest

from stackwire.core.secrets import is_secret
from support.bad_input import UNKNOWN, refused
from support.builders.images import an_image
from support.builders.servers import SERVER_VERSION, a_server, from_volume
from support.builders.volumes import a_volume, get_volume
from support.cloud import ASharedCloud, JsonClient, TestCloud


@pytest.fixture
async def cloud(a_shared_cloud: ASharedCloud) -> TestCloud:
    return await a_shared_cloud()


async def test_cve_2023_2088_a_user_does_not_detach_behind_the_servers_back(cloud: TestCloud, demo: JsonClient) -> None:
    volume_id = await a_volume(cloud, demo, imageRef=await an_image(demo))
    server_id = await a_server(cloud, demo, block_device_mapping_v2=from_volume(volume_id))
    (row,) = await cloud.rows("volume", "SELECT id FROM volume_attachment WHERE volume_id = $1", volume_id)
    newest = {"OpenStack-API-Version": "volume 3.70"}
    path = f"/v3/{{project_id}}/attachments/{row['id']}"
    assert (await demo.delete("volume", path, headers=newest)).status == 409
    for action in ("os-detach", "os-terminate_connection"):
        arguments = {"connector": {}} if action == "os-terminate_connection" else {"attachment_id": row["id"]}
        answer = await demo.post("volume", f"/v3/{{project_id}}/volumes/{volume_id}/action", json={action: arguments})
        refused("volume", answer, 409)
    force, admin = {"os-force_detach": {"attachment_id": row["id"]}}, await cloud.http("admin")
    for client, status in ((demo, 403), (admin, 409)):
        answer = await client.post("volume", f"/v3/{{project_id}}/volumes/{volume_id}/action", json=force)
        refused("volume", answer, status)
    shown = await get_volume(demo, volume_id)
    assert (shown["status"], len(shown["attachments"])) == ("in-use", 1)
    (await demo.delete("compute", f"/v2.1/servers/{server_id}", headers=SERVER_VERSION)).ok(204)
    await cloud.settle()
    assert (await get_volume(demo, volume_id))["status"] == "available"


PLANTED = (b"QFI\xfb" + bytes([0, 0, 0, 3]) + (0x200).to_bytes(8, "big")).ljust(0x200, b"\0") + b"/etc/passwd"
"""What a guest may write at the beginning of its disk: it says that the rest is in a file of the host."""


async def a_planted_volume(cloud: TestCloud, client: JsonClient) -> str:
    volume_id = await a_volume(cloud, client)
    (disk,) = cloud.cloud.options.data_dir.rglob(f"volume-{volume_id}")
    with disk.open("r+b") as file:
        file.write(PLANTED)
    return str(volume_id)


async def test_cve_2014_3641_what_a_guest_wrote_is_no_format_to_a_clone(cloud: TestCloud, demo: JsonClient) -> None:
    """Nor to a snapshot and a volume of it: bytes are copied, and nobody asks what they look like."""
    source = await a_planted_volume(cloud, demo)
    clone = await a_volume(cloud, demo, source_volid=source)
    wish = {"snapshot": {"volume_id": source, "name": "s"}}
    snapshot = (await demo.post("volume", "/v3/{project_id}/snapshots", json=wish)).ok(202).json["snapshot"]["id"]
    await cloud.settle()
    of_snapshot = await a_volume(cloud, demo, snapshot_id=snapshot)
    for copy in (clone, of_snapshot):
        assert (await get_volume(demo, copy))["status"] == "available"
        (copied,) = cloud.cloud.options.data_dir.rglob(f"volume-{copy}")
        with copied.open("rb") as file:
            assert file.read(len(PLANTED) + 4) == PLANTED + bytes(4)


async def test_cve_2015_1851_what_a_guest_wrote_is_the_images_content_and_no_format(
    cloud: TestCloud, demo: JsonClient
) -> None:
    """An upload to an image sends the bytes as they are; the image service, which looks into them, takes none of it."""
    source = await a_planted_volume(cloud, demo)
    wish = {"os-volume_upload_image": {"image_name": "stolen", "disk_format": "raw", "container_format": "bare"}}
    answer = (await demo.post("volume", f"/v3/{{project_id}}/volumes/{source}/action", json=wish)).ok(202)
    image_id = answer.json["os-volume_upload_image"]["image_id"]
    await cloud.settle()
    assert (await get_volume(demo, source))["status"] == "available"
    refused("image", await demo.get("image", f"/v2/images/{image_id}"), 404)
    secret = b"root:x:0:0"
    for path in cloud.cloud.options.data_dir.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                assert secret not in file.read(1 << 20), path
    # a header that asks for nothing of the host's is content like any other
    (disk,) = cloud.cloud.options.data_dir.rglob(f"volume-{source}")
    harmless = PLANTED[:8] + bytes(8) + PLANTED[16:]
    with disk.open("r+b") as file:
        file.write(harmless)
    answer = (await demo.post("volume", f"/v3/{{project_id}}/volumes/{source}/action", json=wish)).ok(202)
    image_id = answer.json["os-volume_upload_image"]["image_id"]
    await cloud.settle()
    shown = (await demo.get("image", f"/v2/images/{image_id}")).ok(200).json
    assert (shown["status"], shown["disk_format"], shown["size"]) == ("active", "raw", 1 << 30)
    first = {"Range": f"bytes=0-{len(harmless) - 1}"}
    assert (await demo.get("image", f"/v2/images/{image_id}/file", headers=first)).ok(206).body == harmless
    (await demo.delete("image", f"/v2/images/{image_id}")).ok(204)


async def test_cve_2020_10755_an_attachment_reveals_no_login(cloud: TestCloud, demo: JsonClient) -> None:
    """How a volume is reached is told without a secret in it, and what a host says of itself is told to nobody."""
    alt, admin = await cloud.http("alt"), await cloud.http("admin")
    volume_id = await a_volume(cloud, demo)
    newest = {"OpenStack-API-Version": "volume 3.70"}
    connector = {"host": "h", "initiator": "iqn.x", "auth_username": "joe", "auth_password": "canary-5Rt"}
    wish = {"attachment": {"volume_uuid": volume_id, "connector": connector, "instance_uuid": UNKNOWN}}
    path = "/v3/{project_id}/attachments"
    made = (await demo.post("volume", path, json=wish, headers=newest)).ok(200)
    one = f"{path}/{made.json['attachment']['id']}"
    shown = [made, *[await client.get("volume", one, headers=newest) for client in (demo, admin)]]
    shown += [await demo.get("volume", f"{path}/detail", headers=newest)]
    for answer in shown:
        assert b"canary-5Rt" not in answer.ok(200).body
        assert b"auth_" not in answer.body
        assert str(cloud.cloud.options.data_dir).encode() not in answer.body
        assert [name for name in names(answer.json) if is_secret(name)] in (
            ["connection_info"],
            ["connection_info"] * 2,
        )
    refused("volume", await alt.get("volume", one, headers=newest), 404)
    old = {"os-initialize_connection": {"connector": connector}}
    answer = await demo.post("volume", f"/v3/{{project_id}}/volumes/{volume_id}/action", json=old, headers=newest)
    assert b"canary-5Rt" not in answer.body


def names(value: Any) -> Iterator[str]:
    """Every key of a body, however deep."""
    if isinstance(value, dict):
        yield from value
        for each in value.values():
            yield from names(each)
    elif isinstance(value, list):
        for each in value:
            yield from names(each)
