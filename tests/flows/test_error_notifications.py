"""Events that other stories seldom come to: that they are told; what they say, the contracts hold them to anyway."""

import pytest

from stackwire.contracts.compute_workers import AttachVolumeOnHost, DetachVolume
from stackwire.core.context import RequestContext
from stackwire.messaging.connect import connect
from stackwire.messaging.rpc import RpcClient
from support.builders.images import an_image
from support.builders.servers import SERVER_VERSION, a_server
from support.builders.volumes import a_volume
from support.cloud import ACloud, TestCloud
from support.ear import Ear

V = "/v3/{project_id}"


@pytest.mark.parametrize("noun", ["volume", "snapshot"])
async def test_a_new_name_is_reported_before_and_after(a_cloud: ACloud, noun: str) -> None:
    cloud = await a_cloud(services=("identity", "volume"))
    demo = await cloud.http("demo")
    thing = volume_id = await a_volume(cloud, demo)
    if noun == "snapshot":
        wish = {"snapshot": {"volume_id": volume_id}}
        thing = (await demo.post("volume", f"{V}/snapshots", json=wish)).ok(202).json["snapshot"]["id"]
        await cloud.settle()
    ear = Ear(cloud, "update")
    (await demo.put("volume", f"{V}/{noun}s/{thing}", json={noun: {"name": "new"}})).ok(200)
    await cloud.settle()
    await ear.watch.cancel()
    assert ear.heard == [(f"{noun}.update.{phase}", "INFO") for phase in ("start", "end")]


async def test_a_rebuild_that_is_to_keep_ephemeral_disks_ends_in_error(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    server_id, image_id = await a_server(cloud, demo, imageRef=await an_image(demo)), await an_image(demo)
    path, wish = f"/v2.1/servers/{server_id}", {"rebuild": {"imageRef": image_id, "preserve_ephemeral": True}}
    (await demo.post("compute", f"{path}/action", json=wish, headers=SERVER_VERSION)).ok(202)
    await cloud.settle()
    server = (await demo.get("compute", path, headers=SERVER_VERSION)).ok(200).json["server"]
    assert server["status"] == "ERROR"
    assert "does not support preserving ephemeral partitions" in server["fault"]["message"]


async def test_a_rebuild_that_fails_is_reported_as_an_error_in_both_formats(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    server_id, unfit = (
        await a_server(cloud, demo, imageRef=await an_image(demo)),
        await an_image(demo, hw_serial_port_count="9"),
    )
    path, wish = f"/v2.1/servers/{server_id}/action", {"rebuild": {"imageRef": unfit}}
    ear = Ear(cloud, ".error")
    (await demo.post("compute", path, json=wish, headers=SERVER_VERSION)).ok(202)
    await cloud.settle()
    await ear.watch.cancel()
    assert sorted(ear.heard) == [("compute.instance.rebuild.error", "ERROR"), ("instance.rebuild.error", "ERROR")]


async def test_a_volume_that_will_neither_go_nor_come_is_reported_as_an_error(cloud: TestCloud) -> None:
    """The orders come with a reader's rights: the volume service refuses what the host asks of it."""
    demo = await cloud.http("demo")
    server_id, volume_id = await a_server(cloud, demo, imageRef=await an_image(demo)), await a_volume(cloud, demo)
    path, wish = f"/v2.1/servers/{server_id}/os-volume_attachments", {"volumeAttachment": {"volumeId": volume_id}}
    (await demo.post("compute", path, json=wish, headers=SERVER_VERSION)).ok(200)
    await cloud.settle()
    sql = "UPDATE block_device_mapping SET connection_info = NULL WHERE volume_id = $1 RETURNING uuid"
    (device,) = await cloud.rows("compute", sql, volume_id)
    (host,) = await cloud.rows("compute", "SELECT host FROM instances WHERE uuid = $1", server_id)
    ear = Ear(cloud, ".error")
    transport = await connect("memory", name="reader", broker=cloud.cloud.broker)
    client, reader = RpcClient(transport), RequestContext(user_id="u", project_id=demo.project_id, roles=("reader",))
    server = {"nova_object.data": {"uuid": server_id}}
    bdm = {"nova_object.data": {"uuid": device["uuid"]}}
    for order in (DetachVolume(instance=server, volume_id=volume_id), AttachVolumeOnHost(instance=server, bdm=bdm)):
        await client.cast(reader, order, server=host["host"])
        await cloud.settle()
    await client.close()
    await transport.close()
    await ear.watch.cancel()
    assert ear.heard == [("instance.volume_detach.error", "ERROR"), ("instance.volume_attach.error", "ERROR")]
