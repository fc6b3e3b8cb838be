"""Old bugs of servers, their snapshots, rebuilds and rescues."""

from typing import Any

from stackwire.cloud.bugs.scenario import scenario
from stackwire.cloud.bugs.scenario_client import ScenarioClient, root

BASE_KEYS = {"image_image_name", "image_checksum", "image_size"}
LONG = "é" * 200  # 400 bytes


@scenario("lp-1893618", "does a snapshot of a rebuilt server name its base image?", with_bug=False, without_bug=True)
async def base_image_after_a_rebuild(client: ScenarioClient) -> bool:
    """A server is rebuilt to the image it has, then snapshotted."""
    image = await client.image()
    server = await client.server(imageRef=image)
    await client.rebuild(server, image)
    return bool((await client.snapshot(server)).get("base_image_ref") == image)


@scenario(
    "bdm-lookup-properties-only", "is a server booted whose image needs more memory?", with_bug=202, without_bug=400
)
async def volume_that_needs_more_memory(client: ScenarioClient) -> int:
    """An image with a large min_ram becomes a volume; a small server boots from it."""
    volume = await client.volume(imageRef=await client.image(min_ram=100_000))
    status, _ = await client.try_server(block_device_mapping_v2=[root(volume)])
    await client.settle()
    return status


@scenario(
    "bdm-lookup-keeps-base-keys",
    "which base attributes of the image does the server record as properties?",
    with_bug=sorted(BASE_KEYS),
    without_bug=[],
)
async def properties_recorded_by_a_server_on_a_volume(client: ScenarioClient) -> list[str]:
    """A server boots from a volume created of an image."""
    server = await client.server_on(await client.volume(imageRef=await client.image()))
    await client.settle()
    return sorted(BASE_KEYS & (await client.recorded("server", server)).keys())


@scenario("lp-1425657", "how many bytes of a long value does a snapshot have?", with_bug=400, without_bug=254)
async def a_long_value_in_a_snapshot(client: ScenarioClient) -> int:
    """An image has a value of 200 characters that are 400 bytes; a server of it is snapshotted."""
    server = await client.server(imageRef=await client.image(note=LONG))
    return len((await client.snapshot(server))["note"].encode())


@scenario(
    "second-generation-identity",
    "which owner does the snapshot of a snapshot have?",
    with_bug="demo",
    without_bug="alt",
)
async def whose_snapshot_it_is(client: ScenarioClient) -> Any:
    """Another user's server is rebuilt to a snapshot of the first user, and snapshotted."""
    plain = await client.image(visibility="community")
    snapshot = await client.snapshot(await client.server(imageRef=plain))
    await client.change_image(snapshot["id"], visibility="community")
    server = await client.other.server(imageRef=plain)
    await client.other.rebuild(server, snapshot["id"])
    return (await client.other.snapshot(server))["owner_user_name"]


@scenario("lp-1852106", "which part of a signature does a snapshot have?", with_bug="SHA-256", without_bug=None)
async def part_of_a_signature_in_a_snapshot(client: ScenarioClient) -> Any:
    """An image has signature properties; a server of it is snapshotted, which has other bytes."""
    server = await client.server(imageRef=await client.image(img_signature_hash_method="SHA-256"))
    return (await client.snapshot(server)).get("img_signature_hash_method")


@scenario("lp-1460079", "which value does the snapshot have?", with_bug="new", without_bug="old")
async def a_property_changed_after_boot(client: ScenarioClient) -> Any:
    """An image's property changes after a server was booted from it; the server is snapshotted."""
    image = await client.image(team="old")
    server = await client.server(imageRef=image)
    await client.change_image(image, team="new")
    return (await client.snapshot(server))["team"]


@scenario(
    "lp-1482040",
    "which image do the server on a volume and its volume have after the rebuild?",
    with_bug=["new", "old"],
    without_bug=["old", "old"],
)
async def another_image_for_a_server_on_a_volume(client: ScenarioClient) -> list[Any]:
    """A server on a volume is rebuilt to another image: its disk stays, whatever the answer is."""
    volume = await client.volume(imageRef=await client.image(team="old"))
    server = await client.server_on(volume)
    await client.try_rebuild(server, await client.image(team="new"))
    return [(await client.recorded("server", server))["image_team"], (await client.image_metadata(volume))["team"]]


@scenario("lp-2098384", "which team does the server's view show?", with_bug="storage", without_bug=None)
async def image_properties_in_a_server_view(client: ScenarioClient) -> Any:
    """A server of an image with a custom property is read in version 2.98."""
    server = await client.server(imageRef=await client.image(team="storage", hw_disk_bus="scsi"))
    return (await client.get_server(server))["image"]["properties"].get("team")


@scenario(
    "lp-1664931",
    "what becomes of a rebuild to an image that the server's host cannot run?",
    with_bug="ACTIVE",
    without_bug="ERROR",
)
async def a_rebuild_to_an_image_for_other_hosts(client: ScenarioClient) -> Any:
    """A server is rebuilt to an image that says it is for another hypervisor."""
    server = await client.server(imageRef=await client.image())
    body = {"rebuild": {"imageRef": await client.image(img_hv_type="vmware")}}
    await client.api.try_request("POST", "compute", f"/v2.1/servers/{server}/action", body)
    await client.settle()
    return (await client.get_server(server))["status"]


@scenario("lp-1763766", "what does a rebuild that changes the NUMA topology answer?", with_bug=202, without_bug=400)
async def a_rebuild_that_changes_the_numa_topology(client: ScenarioClient) -> int:
    """A server without a NUMA topology is rebuilt to an image that asks for one."""
    server = await client.server(imageRef=await client.image())
    body = {"rebuild": {"imageRef": await client.image(hw_numa_nodes="1")}}
    status, _, _ = await client.api.try_request("POST", "compute", f"/v2.1/servers/{server}/action", body)
    await client.settle()
    return status


@scenario("lp-1879500", "what does a rescue with a volume snapshot answer?", with_bug=200, without_bug=400)
async def a_rescue_with_a_volume_snapshot(client: ScenarioClient) -> int:
    """A server on a volume is snapshotted; the image, which has no bytes, is to rescue another server."""
    of_volume = await client.server_on(await client.volume(imageRef=await client.image()))
    snapshot = await client.snapshot(of_volume)
    return await client.rescue(await client.server(imageRef=await client.image()), snapshot["id"])


@scenario("lp-1926601", "what does a rescue that cannot be answer a server on a volume?", with_bug=200, without_bug=400)
async def a_rescue_of_a_server_on_a_volume(client: ScenarioClient) -> int:
    """A server on a volume is rescued with an image that names neither a rescue device nor a bus."""
    server = await client.server_on(await client.volume(imageRef=await client.image()))
    return await client.rescue(server, await client.image())


@scenario(
    "lp-2002606",
    "which status does a server get whose image is deleted when it is rescued?",
    with_bug="ERROR",
    without_bug="RESCUE",
)
async def a_rescue_after_the_image_is_deleted(client: ScenarioClient) -> Any:
    """A server's image is deleted; the server is rescued with an image that asks for a stable device."""
    image = await client.image()
    server = await client.server(imageRef=image)
    await client.api.request("DELETE", "image", f"/v2/images/{image}")
    await client.rescue(server, await client.image(hw_rescue_device="disk", hw_rescue_bus="virtio"))
    return (await client.get_server(server))["status"]


@scenario(
    "lp-1675791", "can the owner see the image an administrator made of the server?", with_bug=False, without_bug=True
)
async def a_snapshot_by_an_administrator(client: ScenarioClient) -> bool:
    """An administrator snapshots a server of another project."""
    server = await client.server(imageRef=await client.image())
    snapshot = await client.admin.snapshot(server)
    return await client.image_is_visible(snapshot["id"])


@scenario("lp-1369854", "how much memory does the snapshot say it needs?", with_bug=0, without_bug=64)
async def a_snapshot_of_a_volume_that_needs_memory(client: ScenarioClient) -> int:
    """An image with a min_ram becomes a volume; a server on it is snapshotted."""
    server = await client.server_on(await client.volume(imageRef=await client.image(min_ram=64)))
    return int((await client.snapshot(server))["min_ram"])


@scenario(
    "lp-1375478",
    "which team does a server booted from a volume's snapshot record?",
    with_bug=None,
    without_bug="storage",
)
async def a_server_of_a_volumes_snapshot(client: ScenarioClient) -> Any:
    """An image with a property becomes a volume, and a snapshot of that the disk of a server."""
    snapshot = await client.volume_snapshot(await client.volume(imageRef=await client.image(team="storage")))
    device = {"boot_index": 0, "source_type": "snapshot", "destination_type": "volume", "uuid": snapshot["id"]}
    server = await client.server(block_device_mapping_v2=[device])
    await client.settle()
    return (await client.recorded("server", server)).get("image_team")
