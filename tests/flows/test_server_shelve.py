"""A server put aside: shelved, off its host, and back, with what its properties and its images become meanwhile."""

from collections.abc import Mapping
from typing import Any

import pytest

from support.builders.images import an_image
from support.builders.servers import (
    SERVERS,
    a_server,
    finish_action,
    from_volume,
    get_server,
    request_server,
    server_action,
)
from support.builders.volumes import a_volume, get_volume
from support.cloud import JsonClient, TestCloud
from support.server_parts import action_events, change_image, crossings, guest_xml, system_metadata, told

SHELVED = ("shelved_at", "shelved_image_id", "shelved_host")


@pytest.fixture
async def demo(cloud: TestCloud) -> JsonClient:
    return await cloud.http("demo")


async def images_named(client: JsonClient, name: str) -> list[Mapping[str, Any]]:
    return (await client.get("image", f"/v2/images?name={name}")).ok().json["images"]


async def shelved(cloud: TestCloud, client: JsonClient, **fields: Any) -> str:
    """The id of a server that was shelved."""
    server_id = await a_server(cloud, client, **fields)
    (await finish_action(cloud, client, server_id, shelve=None)).ok(202)
    return server_id


async def test_a_shelved_server_is_an_image_and_off_its_host(cloud: TestCloud, demo: JsonClient) -> None:
    image_id = await an_image(
        demo, b"z" * 4096, base_image_ref="the-uploaders", team="a", img_signature_hash_method="SHA-256"
    )
    server_id = await a_server(cloud, demo, imageRef=image_id, networks="auto")
    before = await get_server(demo, server_id)
    (await finish_action(cloud, demo, server_id, shelve=None)).ok(202)
    server, rows = await get_server(demo, server_id), await system_metadata(cloud, server_id)
    (image,) = await images_named(demo, "srv-shelved")
    assert (server["status"], server["OS-EXT-STS:task_state"], server["hostId"]) == ("SHELVED_OFFLOADED", None, "")
    assert (server["OS-EXT-STS:power_state"], server["addresses"]) == (4, before["addresses"])
    assert rows["image_base_image_ref"] == image_id, "what the uploader said of it is lost (lp-1893618)"
    assert (rows["shelved_image_id"], rows["shelved_host"]) == (image["id"], "compute-1")
    assert (image["status"], image["size"], image["base_image_ref"], image["team"]) == ("active", 4096, image_id, "a")
    assert (image["image_type"], image["instance_uuid"]) == ("snapshot", server_id)
    assert "img_signature_hash_method" not in image
    assert await cloud.rows("compute", "SELECT * FROM allocations") == []
    assert await action_events(demo, server_id) == [
        ("shelve", None, ["compute_shelve_instance"]),
        ("create", None, ["compute__do_build_and_run_instance"]),
    ]


async def test_an_unshelved_server_runs_again_and_its_image_is_gone(cloud: TestCloud, demo: JsonClient) -> None:
    image_id = await an_image(demo, b"z" * 4096, hw_disk_bus="virtio")
    server_id = await shelved(cloud, demo, imageRef=image_id)
    rows = await system_metadata(cloud, server_id)
    await change_image(demo, rows["shelved_image_id"], hw_disk_bus="scsi")
    (await finish_action(cloud, demo, server_id, unshelve=None)).ok(202)
    server = await get_server(demo, server_id)
    assert (server["status"], server["image"]["id"]) == ("ACTIVE", image_id)
    assert await images_named(demo, "srv-shelved") == []
    after = await system_metadata(cloud, server_id)
    assert after == {key: value for key, value in rows.items() if key not in SHELVED}
    assert 'bus="scsi"' in await guest_xml(cloud, server_id), "the guest is made of the shelved image as it is now"
    assert (await action_events(demo, server_id))[0] == (
        "unshelve", None, ["compute_unshelve_instance", "schedule_instances", "get_image_info"],
    )  # fmt: skip


async def test_a_server_on_a_volume_goes_off_its_host_at_once(cloud: TestCloud, demo: JsonClient) -> None:
    volume_id = await a_volume(cloud, demo, imageRef=await an_image(demo, base_image_ref="the-uploaders"))
    server_id = await shelved(cloud, demo, block_device_mapping_v2=from_volume(volume_id))
    rows = await system_metadata(cloud, server_id)
    assert (await get_server(demo, server_id))["status"] == "SHELVED_OFFLOADED"
    assert (rows["image_base_image_ref"], [key for key in SHELVED if key in rows]) == ("", [])
    assert (await get_volume(demo, volume_id))["status"] == "reserved"
    assert await images_named(demo, "srv-shelved") == []
    (await finish_action(cloud, demo, server_id, unshelve=None)).ok(202)
    assert (await get_server(demo, server_id))["status"] == "ACTIVE"
    assert (await get_volume(demo, volume_id))["status"] == "in-use"


async def test_each_step_and_each_transfer_of_properties_is_told(cloud: TestCloud, demo: JsonClient) -> None:
    server_id = await shelved(cloud, demo, imageRef=await an_image(demo))
    (await finish_action(cloud, demo, server_id, unshelve=None)).ok(202)
    steps = [f"{action}.{phase}" for action in ("shelve", "shelve_offload", "unshelve") for phase in ("start", "end")]
    assert (await crossings(cloud))[-4:] == [
        ("compute.moved", "server", "server"),
        ("compute.snapshot_image", "server", "image"),
        ("compute.uploaded_snapshot", "server", "image"),
        ("compute.guest", "server", "guest"),
    ]
    names = await told(cloud, "shelve")
    assert [name for name in names if name.startswith("compute.")] == [f"compute.instance.{step}" for step in steps]
    assert [name for name in names if name.startswith("instance.")] == [f"instance.{step}" for step in steps]


# ---- on its host


async def test_a_server_may_stay_on_its_host_and_be_started_there(a_cloud: Any) -> None:
    cloud = await a_cloud(settings={"compute": {"shelved_offload_time": -1}})
    demo, admin = await cloud.http("demo"), await cloud.http("admin")
    server_id = await shelved(cloud, demo, imageRef=await an_image(demo))
    server = await get_server(demo, server_id)
    assert (server["status"], server["hostId"] != "", len(await images_named(demo, "srv-shelved"))) == (
        "SHELVED", True, 1,
    )  # fmt: skip
    assert (await server_action(demo, server_id, unshelve={"availability_zone": "nova"})).status == 409
    (await finish_action(cloud, demo, server_id, unshelve=None)).ok(202)
    rows = await system_metadata(cloud, server_id)
    assert (await get_server(demo, server_id))["status"] == "ACTIVE"
    assert ([key for key in SHELVED if key in rows], await images_named(demo, "srv-shelved")) == ([], [])
    (await finish_action(cloud, demo, server_id, shelve=None)).ok(202)
    assert (await server_action(demo, server_id, shelveOffload=None)).status == 403
    (await finish_action(cloud, admin, server_id, shelveOffload=None)).ok(202)
    assert (await get_server(demo, server_id))["status"] == "SHELVED_OFFLOADED"


# ---- where to


async def test_an_offloaded_server_goes_to_the_zone_and_the_host_that_are_asked_for(
    cloud: TestCloud, demo: JsonClient
) -> None:
    admin = await cloud.http("admin")
    server_id = await shelved(cloud, demo, imageRef=await an_image(demo))
    refused = {
        ("2.77", "demo", 400): [{}, {"availability_zone": "mars"}, {"availability_zone": None}, {"host": "compute-2"}],
        ("2.91", "demo", 400): [{"availability_zone": "mars"}, {"host": None}, {"other": 1}],
        ("2.91", "demo", 403): [{"host": "compute-2"}],
        ("2.91", "admin", 400): [{"host": "nowhere"}],
    }
    for (version, user, status), bodies in refused.items():
        for body in bodies:
            client = admin if user == "admin" else demo
            answer = await server_action(client, server_id, version, unshelve=body)
            assert answer.status == status, (version, user, body, answer.json)
    (await finish_action(cloud, admin, server_id, unshelve={"host": "compute-2", "availability_zone": "nova"})).ok(202)
    assert (await get_server(admin, server_id))["OS-EXT-SRV-ATTR:host"] == "compute-2"
    assert (await get_server(demo, server_id, "2.96"))["pinned_availability_zone"] == "nova"


async def test_without_room_an_offloaded_server_stays_where_it_is(a_cloud: Any) -> None:
    cloud = await a_cloud(settings={"compute": {"host_memory_mb": 512, "hosts": ("one",)}})
    demo = await cloud.http("demo")
    image_id = await an_image(demo)
    server_id = await shelved(cloud, demo, imageRef=image_id)
    other = await a_server(cloud, demo, imageRef=image_id)
    (await finish_action(cloud, demo, server_id, unshelve=None)).ok(202)
    server = await get_server(demo, server_id)
    assert (server["status"], server["OS-EXT-STS:task_state"]) == ("SHELVED_OFFLOADED", None)
    assert (await action_events(demo, server_id))[0][:2] == ("unshelve", "Error")
    (await demo.delete("compute", f"{SERVERS}/{other}")).ok(204)
    await cloud.settle()
    (await finish_action(cloud, demo, server_id, unshelve=None)).ok(202)
    assert (await get_server(demo, server_id))["status"] == "ACTIVE"


async def test_a_server_whose_image_is_deleted_cannot_come_back(cloud: TestCloud, demo: JsonClient) -> None:
    server_id = await shelved(cloud, demo, imageRef=await an_image(demo))
    (image,) = await images_named(demo, "srv-shelved")
    (await demo.delete("image", f"/v2/images/{image['id']}")).ok(204)
    (await finish_action(cloud, demo, server_id, unshelve=None)).ok(202)
    server = await get_server(demo, server_id)
    assert (server["status"], server["fault"]["message"]) == (
        "ERROR", f"Unshelve attempted but the image {image['id']} cannot be found.",
    )  # fmt: skip


async def test_a_guest_that_cannot_be_made_leaves_the_server_offloaded(cloud: TestCloud, demo: JsonClient) -> None:
    volume_id = await a_volume(cloud, demo)
    server_id = await a_server(cloud, demo, imageRef=await an_image(demo))
    attach = {"volumeAttachment": {"volumeId": volume_id}}
    (await demo.post("compute", f"{SERVERS}/{server_id}/os-volume_attachments", json=attach)).ok(200)
    await cloud.settle()
    (await finish_action(cloud, demo, server_id, shelve=None)).ok(202)
    (image,) = await images_named(demo, "srv-shelved")
    await change_image(demo, image["id"], hw_video_model="xen")
    (await finish_action(cloud, demo, server_id, unshelve=None)).ok(202)
    server = await get_server(demo, server_id)
    assert (server["status"], server["hostId"]) == ("SHELVED_OFFLOADED", "")
    assert (await get_volume(demo, volume_id))["status"] == "reserved"
    assert await cloud.rows("compute", "SELECT * FROM allocations") == []


# ---- what else is done with an offloaded server


async def test_volumes_are_put_on_an_offloaded_server_and_taken_off(cloud: TestCloud, demo: JsonClient) -> None:
    server_id = await shelved(cloud, demo, imageRef=await an_image(demo))
    kept, taken = [await a_volume(cloud, demo) for _ in range(2)]
    address = f"{SERVERS}/{server_id}/os-volume_attachments"
    for volume_id in (kept, taken):
        (await demo.post("compute", address, json={"volumeAttachment": {"volumeId": volume_id}})).ok(200)
    assert (await get_volume(demo, kept))["status"] == "in-use"
    (await demo.delete("compute", f"{address}/{taken}")).ok(202)
    await cloud.settle()
    assert (await get_volume(demo, taken))["status"] == "available"
    (await finish_action(cloud, demo, server_id, unshelve=None)).ok(202)
    attached = (await demo.get("compute", address)).ok(200).json["volumeAttachments"]
    assert [(each["volumeId"], each["device"]) for each in attached] == [(kept, "/dev/vdb")]


async def test_a_deleted_server_takes_its_shelved_image_with_it(cloud: TestCloud, demo: JsonClient) -> None:
    server_id = await shelved(cloud, demo, imageRef=await an_image(demo))
    (await demo.delete("compute", f"{SERVERS}/{server_id}")).ok(204)
    await cloud.settle()
    assert await images_named(demo, "srv-shelved") == []
    assert (await demo.get("compute", f"{SERVERS}/{server_id}")).status == 404


async def test_quotas_count_a_server_that_is_off_its_host(cloud: TestCloud, demo: JsonClient) -> None:
    """As Nova does unless it counts from placement."""
    admin, image_id = await cloud.http("admin"), await an_image(demo)
    quota = {"quota_set": {"instances": 1}}
    (await admin.put("compute", f"/v2.1/os-quota-sets/{demo.project_id}", json=quota)).ok(200)
    await shelved(cloud, demo, imageRef=image_id)
    assert (await request_server(demo, imageRef=image_id)).status == 403
