"""Stock clients against the compute API: the openstack command and openstacksdk, as they come."""

import json

from support.builders.images import an_image
from support.builders.servers import a_server
from support.builders.volumes import a_volume
from support.cloud import TestCloud


async def test_the_openstack_command_lives_with_a_server(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    image_id = await an_image(demo, hw_disk_bus="scsi")

    async def run(*words: str):
        out = await cloud.openstack(*words, "-f", "json")
        await cloud.settle()
        return json.loads(out)

    made = await run("server", "create", "--image", image_id, "--flavor", "m1.tiny", "--nic", "none", "--wait", "web")
    assert made["status"] == "ACTIVE"
    assert made["name"] == "web"
    listed = await run("server", "list")
    assert [(each["Name"], each["Status"], each["Flavor"]) for each in listed] == [("web", "ACTIVE", "m1.tiny")]
    snapshot = await run("server", "image", "create", "--name", "snap", "web")
    assert snapshot["name"] == "snap"
    volume_id = await a_volume(cloud, demo)
    await cloud.openstack("server", "add", "volume", "web", volume_id)
    await cloud.settle()
    assert [each["Volume ID"] for each in await run("server", "volume", "list", "web")] == [volume_id]
    for words in (
        ("server", "stop", "web"), ("server", "start", "web"), ("server", "reboot", "web"),
        ("server", "set", "--property", "a=b", "--name", "web2", "web"),
        ("server", "remove", "volume", "web2", volume_id),
        ("server", "rebuild", "--image", image_id, "web2"), ("console", "log", "show", "web2"),
    ):  # fmt: skip
        await cloud.openstack(*words)
        await cloud.settle()
    shown = await run("server", "show", "web2")
    assert (shown["status"], shown["properties"]) == ("ACTIVE", {"a": "b"})
    assert await run("flavor", "list")
    assert await run("limits", "show", "--absolute")
    await cloud.openstack("server", "delete", "--wait", "web2")
    assert await run("server", "list") == []


async def test_the_sdk_lives_with_a_server(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    server_id = await a_server(cloud, demo, imageRef=await an_image(demo))

    def use(connection):
        server = connection.compute.get_server(server_id)
        image = connection.compute.create_server_image(server, "snap", wait=False)
        names = [each.name for each in connection.compute.servers()]
        return server.status, server.flavor.original_name, image.name, names

    assert await cloud.sdk(use) == ("ACTIVE", "m1.tiny", "snap", ["srv"])
    await cloud.settle()


async def test_the_sdk_makes_a_key_pair_and_a_flavor(cloud: TestCloud) -> None:
    def use(connection):
        pair = connection.compute.create_keypair(name="k")
        flavor = connection.compute.create_flavor(name="f", ram=64, vcpus=1, disk=0)
        connection.compute.create_flavor_extra_specs(flavor, {"hw:cpu_policy": "shared"})
        specs = connection.compute.get_flavor(flavor.id).extra_specs
        return bool(pair.private_key), specs, [each.name for each in connection.compute.keypairs()]

    assert await cloud.sdk(use, "admin") == (True, {"hw:cpu_policy": "shared"}, ["k"])
