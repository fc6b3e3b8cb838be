"""What hosts do with servers: where they put them, what they define, and what is left when it goes wrong."""

import xml.etree.ElementTree as ET

import pytest

from stackwire.contracts import compute_workers as calls
from stackwire.core.context import RequestContext
from stackwire.messaging.connect import connect
from stackwire.messaging.rpc import RpcClient
from support.builders.images import an_image
from support.builders.servers import SERVER_VERSION, create_server, finish_action, from_volume, get_server
from support.builders.volumes import a_volume, get_volume
from support.cloud import TestCloud
from support.server_parts import host_services

TINY, SMALL = "m1.tiny", "m1.small"


async def flavor(client, name):
    listed = (await client.get("compute", "/v2.1/flavors")).ok(200).json["flavors"]
    return next(one["id"] for one in listed if one["name"] == name)


async def guest(cloud, server_id):
    (row,) = await cloud.rows("compute", f"SELECT guest_xml FROM instance_extra WHERE instance_uuid = '{server_id}'")
    return ET.fromstring(row["guest_xml"])


@pytest.fixture
async def cloud(a_cloud) -> TestCloud:
    return await a_cloud()


async def test_the_guest_is_made_of_flavor_and_image_properties(cloud):
    demo = await cloud.http("demo")
    image_id = await an_image(demo, hw_disk_bus="scsi", hw_scsi_model="virtio-scsi", hw_qemu_guest_agent="yes")
    server = await create_server(cloud, demo, imageRef=image_id, name='a <b> & "c"')
    domain = await guest(cloud, server["id"])
    assert server["status"] == "ACTIVE"
    assert domain.findtext("memory") == str(512 * 1024)
    assert domain.find("devices/disk/target").attrib == {"dev": "sda", "bus": "scsi"}
    assert domain.find("devices/controller[@type='scsi']").get("model") == "virtio-scsi"
    assert domain.find("devices/channel/target").get("name") == "org.qemu.guest_agent.0"


@pytest.mark.parametrize(
    "properties",
    [{"hw_disk_bus": "uml"}, {"hw_serial_port_count": "9"}, {"hw_video_model": "xen"}, {"hw_vif_model": "netfront"}],
)
async def test_what_the_hypervisor_cannot_do_leaves_a_server_in_error_with_a_fault(cloud, properties):
    demo = await cloud.http("demo")
    server = await create_server(cloud, demo, imageRef=await an_image(demo, **properties))
    assert server["status"] == "ERROR"
    assert server["fault"]["code"] == 400
    assert server["OS-EXT-STS:task_state"] is None
    (await demo.delete("compute", f"/v2.1/servers/{server['id']}")).ok(204)
    await cloud.settle()
    assert (await demo.get("compute", f"/v2.1/servers/{server['id']}")).status == 404


@pytest.mark.parametrize(
    "properties", [{"hw_architecture": "aarch64"}, {"img_hv_type": "vmware"}, {"trait:CUSTOM_GOLD": "required"}]
)
async def test_an_image_no_host_suits_finds_no_valid_host(cloud, properties):
    demo = await cloud.http("demo")
    server = await create_server(cloud, demo, imageRef=await an_image(demo, **properties))
    assert server["status"] == "ERROR"
    assert "No valid host" in server["fault"]["message"]
    assert await cloud.rows("compute", "SELECT * FROM allocations") == []


async def test_servers_spread_over_hosts_until_there_is_no_room(a_cloud):
    cloud = await a_cloud(settings={"compute": {"host_memory_mb": 512, "hosts": ("one", "two")}})
    demo = await cloud.http("demo")
    image_id = await an_image(demo)
    found = [await create_server(cloud, demo, imageRef=image_id) for _ in range(3)]
    rows = await cloud.rows("compute", "SELECT host FROM allocations ORDER BY host")
    assert [server["status"] for server in found] == ["ACTIVE", "ACTIVE", "ERROR"]
    assert [row["host"] for row in rows] == ["one", "two"]


async def test_a_failed_boot_gives_the_volume_back(cloud):
    demo = await cloud.http("demo")
    image_id = await an_image(demo, hw_video_model="xen")
    volume_id = await a_volume(cloud, demo, imageRef=image_id)
    server = await create_server(cloud, demo, block_device_mapping_v2=from_volume(volume_id))
    assert server["status"] == "ERROR"
    assert (await get_volume(demo, volume_id))["status"] == "available"


async def test_a_volume_backed_server_is_written_over_with_another_image(cloud):
    demo = await cloud.http("demo")
    first = await an_image(demo, os_distro="debian")
    second = await an_image(demo, b"y" * 5000, os_distro="ubuntu")
    volume_id = await a_volume(cloud, demo, imageRef=first)
    server = await create_server(cloud, demo, block_device_mapping_v2=from_volume(volume_id))
    (await finish_action(cloud, demo, server["id"], rebuild={"imageRef": second})).ok(202)
    now = await get_server(demo, server["id"])
    meta = (await get_volume(demo, volume_id))["volume_image_metadata"]
    assert (now["status"], now.get("fault"), now["image"]) == ("ACTIVE", None, "")
    assert (meta["image_id"], meta["os_distro"]) == (second, "ubuntu")
    assert (await get_volume(demo, volume_id))["status"] == "in-use"


async def test_a_snapshot_holds_the_bytes_of_the_disk(cloud):
    demo = await cloud.http("demo")
    image_id = await an_image(demo, b"z" * 123_456)
    server = await create_server(cloud, demo, imageRef=image_id)
    made = (await finish_action(cloud, demo, server["id"], createImage={"name": "snap"})).ok(202).json["image_id"]
    one, other = [(await demo.get("image", f"/v2/images/{i}")).json for i in (image_id, made)]
    assert other["status"] == "active"
    assert (other["checksum"], other["size"]) == (one["checksum"], 123_456)
    assert other["base_image_ref"] == image_id


async def test_a_stopped_server_is_stopped_after_its_rebuild(cloud):
    demo = await cloud.http("demo")
    image_id = await an_image(demo)
    server = await create_server(cloud, demo, imageRef=image_id)
    (await finish_action(cloud, demo, server["id"], **{"os-stop": None})).ok(202)
    (await finish_action(cloud, demo, server["id"], rebuild={"imageRef": await an_image(demo)})).ok(202)
    assert (await get_server(demo, server["id"]))["status"] == "SHUTOFF"


async def test_a_rebuild_no_host_suits_keeps_the_old_image_ref(cloud):
    demo = await cloud.http("demo")
    old = await an_image(demo)
    server = await create_server(cloud, demo, imageRef=old)
    (
        await finish_action(cloud, demo, server["id"], rebuild={"imageRef": await an_image(demo, img_hv_type="vmware")})
    ).ok(202)
    now = await get_server(demo, server["id"])
    assert now["status"] == "ERROR"
    assert now["image"]["id"] == old
    (await finish_action(cloud, demo, server["id"], rebuild={"imageRef": old})).ok(202)
    assert (await get_server(demo, server["id"]))["status"] == "ACTIVE"


@pytest.mark.parametrize(
    ("task_state", "vm_state", "status"),
    [
        ("image_uploading", "active", "ACTIVE"),
        ("powering-off", "active", "SHUTOFF"),
        ("rebuild_spawning", "active", "ERROR"),
        ("spawning", "building", "ERROR"),
        ("reboot_started", "active", "ACTIVE"),
    ],
)
async def test_what_a_dead_host_left_is_settled_when_it_comes_back(cloud, task_state, vm_state, status):
    demo = await cloud.http("demo")
    server = await create_server(cloud, demo, imageRef=await an_image(demo))
    await cloud.rows(
        "compute",
        f"UPDATE instances SET task_state = '{task_state}', vm_state = '{vm_state}'"
        f" WHERE uuid = '{server['id']}' RETURNING id",
    )
    await cloud.cloud.restart("compute")
    await cloud.settle()
    now = await get_server(demo, server["id"])
    assert (now["status"], now["OS-EXT-STS:task_state"]) == (status, None)


async def test_a_server_that_a_redelivered_message_holds_when_its_host_comes_back_is_settled_next_time(a_cloud):
    """The bus delivers again what a dead host did not settle, maybe before the host looks at its servers."""
    cloud = await a_cloud(settings={"compute": {"sweep_seconds": 3600}})
    demo = await cloud.http("admin")
    server = await create_server(cloud, demo, imageRef=await an_image(demo))
    stuck = "UPDATE instances SET task_state = 'image_pending_upload' WHERE uuid = $1 RETURNING uuid"
    await cloud.rows("compute", stuck, server["id"])
    hosts = [(service, host) for service in host_services(cloud) for host in service.hosts]
    service, host = next(each for each in hosts if each[1].name == server["OS-EXT-SRV-ATTR:host"])
    await service.register()
    async with host.exclusive(server["id"]):
        await service.run()
    assert (await get_server(demo, server["id"]))["OS-EXT-STS:task_state"] == "image_pending_upload"
    await service.run()
    assert (await get_server(demo, server["id"]))["OS-EXT-STS:task_state"] is None


async def test_a_server_deleted_while_it_is_built_leaves_nothing(cloud):
    demo = await cloud.http("demo")
    image_id = await an_image(demo, b"w" * 3_000_000)
    wish = {"name": "srv", "flavorRef": await flavor(demo, TINY), "networks": "none", "imageRef": image_id}
    for _ in range(4):
        made = (await demo.post("compute", "/v2.1/servers", json={"server": wish}, headers=SERVER_VERSION)).ok(202).json
        (await demo.delete("compute", f"/v2.1/servers/{made['server']['id']}")).ok(204)
    await cloud.settle()
    listed = (await demo.get("compute", "/v2.1/servers", headers=SERVER_VERSION)).ok(200).json
    disks = [p.name for p in (cloud.cloud.options.data_dir / "compute" / "hosts").glob("*/*") if p.name != "_base"]
    assert (listed["servers"], disks) == ([], [])


async def test_a_volume_made_for_a_server_that_cannot_boot_goes_with_the_failure(cloud):
    demo = await cloud.http("demo")
    image_id = await an_image(demo, hw_video_model="xen")
    device = {"uuid": image_id, "source_type": "image", "destination_type": "volume", "boot_index": 0}
    wish = [{**device, "volume_size": 1, "delete_on_termination": True}]
    server = await create_server(cloud, demo, block_device_mapping_v2=wish)
    volumes = (await demo.get("volume", "/v3/{project_id}/volumes")).ok(200).json["volumes"]
    assert (server["status"], volumes) == ("ERROR", [])


@pytest.mark.parametrize(
    "order",
    [
        lambda told: calls.BuildAndRunInstance(
            instance=told, image={}, request_spec={}, block_device_mapping={"objects": []}
        ),
        lambda told: calls.SnapshotInstance(instance=told, image_id="0" * 36),
        lambda told: calls.StopInstance(instance=told),
        lambda told: calls.RebootInstance(instance=told),
        lambda told: calls.RebuildInstanceOnHost(
            instance=told, orig_image_ref=None, image_ref=None, orig_sys_metadata={}
        ),
        lambda told: calls.DetachVolume(instance=told, volume_id="0" * 36),
    ],
    ids=["build", "snapshot", "stop", "reboot", "rebuild", "detach"],
)
async def test_a_redelivered_message_later_changes_nothing_and_emits_nothing(cloud, order):
    demo = await cloud.http("demo")
    server = await create_server(cloud, demo, imageRef=await an_image(demo))
    (row,) = await cloud.rows("compute", "SELECT host FROM instances")
    heard = []
    watch = cloud.cloud.broker.watch(heard.append)
    transport = await connect("memory", name="again", broker=cloud.cloud.broker)
    client = RpcClient(transport)
    told = {"nova_object.data": {"uuid": server["id"]}}
    await client.cast(RequestContext(user_id="u", project_id="p"), order(told), server=row["host"])
    await cloud.settle()
    await client.close()
    await transport.close()
    await watch.cancel()
    assert [r for r in heard if r.kind == "publish" and "notifications" in r.routing_key] == []
    assert await get_server(demo, server["id"]) == server
