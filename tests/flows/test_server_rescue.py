"""A server booted from another image, with its own disk beside, and brought back."""

import xml.etree.ElementTree as ET
from typing import Any

import pytest

from support.builders.images import an_image
from support.builders.servers import SERVERS, a_server, finish_action, from_volume, get_server, server_action
from support.builders.volumes import a_volume
from support.cloud import JsonClient, TestCloud
from support.server_parts import action_events, crossings, guest_xml, system_metadata, told

STABLE = {"hw_rescue_device": "disk", "hw_rescue_bus": "virtio"}


@pytest.fixture
async def demo(cloud: TestCloud) -> JsonClient:
    return await cloud.http("demo")


async def disks(cloud: TestCloud, server_id: str) -> list[tuple[str, str, str, bool]]:
    """Target, bus, the end of the file's name, and whether the guest boots from it before all else."""
    found = ET.fromstring(await guest_xml(cloud, server_id)).findall("devices/disk")
    return [
        (
            disk.find("target").get("dev"),  # type: ignore[union-attr]  # every disk has one
            disk.find("target").get("bus"),  # type: ignore[union-attr]  # every disk has one
            disk.find("source").get("file").rpartition("/")[2],  # type: ignore[union-attr]  # every disk has one
            disk.find("boot") is not None,
        )
        for disk in found
    ]


async def rescued(cloud: TestCloud, client: JsonClient, server_id: str, **fields: Any) -> Any:
    """The server after its rescue."""
    (await finish_action(cloud, client, server_id, rescue=fields or None)).ok(200)
    return await get_server(client, server_id)


async def test_a_server_is_rescued_with_an_image_and_none_of_its_rows_change(
    cloud: TestCloud, demo: JsonClient
) -> None:
    own, other = await an_image(demo, hw_disk_bus="virtio"), await an_image(demo, b"r" * 512, hw_disk_bus="scsi")
    server_id = await a_server(cloud, demo, imageRef=own, config_drive=True)
    rows, xml = await system_metadata(cloud, server_id), await guest_xml(cloud, server_id)
    answer = await finish_action(cloud, demo, server_id, rescue={"rescue_image_ref": other, "adminPass": "given"})
    assert answer.ok(200).json == {"adminPass": "given"}
    server = await get_server(demo, server_id)
    assert (server["status"], server["OS-EXT-STS:vm_state"], server["image"]["id"]) == ("RESCUE", "rescued", own)
    assert await system_metadata(cloud, server_id) == rows
    transfers = [("compute.guest", "image", "guest"), ("compute.rescued", "server", "server")]
    assert (await crossings(cloud))[-2:] == transfers
    assert await disks(cloud, server_id) == [
        ("sda", "scsi", "disk.rescue", False), ("sdb", "scsi", "disk", False),
        ("hdz", "ide", "disk.config.rescue", False),
    ]  # fmt: skip
    (file,) = cloud.cloud.options.data_dir.rglob(f"hosts/*/{server_id}/disk.rescue")
    assert file.read_bytes() == b"r" * 512
    assert (await server_action(demo, server_id, createImage={"name": "snap"})).status == 409
    (await finish_action(cloud, demo, server_id, unrescue=None)).ok(202)
    assert (await get_server(demo, server_id))["status"] == "ACTIVE"
    assert (await guest_xml(cloud, server_id), file.exists()) == (xml, False)
    assert [action for action, *_ in await action_events(demo, server_id)] == ["unrescue", "rescue", "create"]
    assert await told(cloud, "rescue") == [
        f"{prefix}.{action}.{phase}"
        for action in ("rescue", "unrescue")
        for phase in ("start", "end")
        for prefix in ("compute.instance", "instance")
    ]


async def test_without_an_image_a_server_is_rescued_with_what_its_image_says_it_is_based_on(
    cloud: TestCloud, demo: JsonClient
) -> None:
    """A server whose image names one that there is not stays active; after a shelve its own image serves."""
    good = await a_server(cloud, demo, imageRef=await an_image(demo))
    assert (await rescued(cloud, demo, good))["status"] == "RESCUE"
    bad = await a_server(cloud, demo, imageRef=await an_image(demo, base_image_ref="given-by-the-uploader"))
    server = await rescued(cloud, demo, bad)
    assert (server["status"], server["OS-EXT-STS:task_state"], "fault" in server) == ("ACTIVE", None, False)
    assert (await action_events(demo, bad))[0] == ("rescue", "Error", ["compute_rescue_instance"])
    (fault,) = await cloud.rows("compute", "SELECT code, message FROM instance_faults")
    assert fault == {"code": 404, "message": "Image given-by-the-uploader could not be found."}
    assert await told(cloud, "rescue_instance", "compute.exception") == ["rescue_instance", "compute.exception"]
    for action in ("shelve", "unshelve"):
        (await finish_action(cloud, demo, bad, **{action: None})).ok(202)
    assert (await rescued(cloud, demo, bad))["status"] == "RESCUE"


async def test_a_stable_rescue_leaves_every_device_and_boots_from_the_last(cloud: TestCloud, demo: JsonClient) -> None:
    server_id = await a_server(cloud, demo, imageRef=await an_image(demo, hw_disk_bus="scsi"))
    attach = {"volumeAttachment": {"volumeId": await a_volume(cloud, demo)}}
    (await demo.post("compute", f"{SERVERS}/{server_id}/os-volume_attachments", json=attach)).ok(200)
    await cloud.settle()
    before = await disks(cloud, server_id)
    image_id = await an_image(demo, hw_rescue_device="cdrom", hw_disk_bus="ide")
    await rescued(cloud, demo, server_id, rescue_image_ref=image_id)
    assert await disks(cloud, server_id) == [*before, ("hdc", "ide", "disk.rescue", True)]
    assert "<boot dev=" not in await guest_xml(cloud, server_id)


async def test_a_server_on_a_volume_needs_a_stable_device_and_the_version_for_it(
    cloud: TestCloud, demo: JsonClient
) -> None:
    volume_id = await a_volume(cloud, demo, imageRef=await an_image(demo))
    server_id = await a_server(cloud, demo, block_device_mapping_v2=from_volume(volume_id))
    plain, half = await an_image(demo), await an_image(demo, hw_rescue_bus="virtio")
    stable = await an_image(demo, **STABLE)
    for version, image_id in (("2.86", stable), ("2.87", None), ("2.87", plain), ("2.87", half)):
        wish = {} if image_id is None else {"rescue_image_ref": image_id}
        answer = await server_action(demo, server_id, version, rescue=wish)
        assert (answer.status, "volume-backed" in answer.json["badRequest"]["message"]) == (400, True)
    assert (await rescued(cloud, demo, server_id, rescue_image_ref=stable))["status"] == "RESCUE"
    assert (await disks(cloud, server_id))[-1] == ("vdb", "virtio", "disk.rescue", True)
    (await finish_action(cloud, demo, server_id, unrescue=None)).ok(202)
    assert (await get_server(demo, server_id))["status"] == "ACTIVE"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"rescue_image_ref": "no-id"}, 400),
        ({"rescue_image_ref": "11111111-1111-4111-8111-111111111111"}, 400),
        ({"adminPass": 5}, 400),
        ({"adminPass": None}, 400),
        ({"other": "x"}, 400),
        ("text", 400),
    ],
)
async def test_what_is_no_rescue_changes_nothing(cloud: TestCloud, demo: JsonClient, body: Any, status: int) -> None:
    server_id = await a_server(cloud, demo, imageRef=await an_image(demo))
    assert (await server_action(demo, server_id, rescue=body)).status == status
    assert (await server_action(demo, server_id, unrescue=None)).status == 409
    assert (await get_server(demo, server_id))["status"] == "ACTIVE"


async def test_a_guest_that_cannot_be_made_leaves_the_server_in_error(cloud: TestCloud, demo: JsonClient) -> None:
    server_id = await a_server(cloud, demo, imageRef=await an_image(demo))
    server = await rescued(cloud, demo, server_id, rescue_image_ref=await an_image(demo, hw_video_model="xen"))
    assert (server["status"], server["fault"]["message"][:40]) == ("ERROR", f"Instance {server_id}"[:40])
    assert (await rescued(cloud, demo, server_id))["status"] == "RESCUE", "and is rescued from there"
