"""Old bugs of volumes and their image metadata."""

from typing import Any

from stackwire.cloud.bugs.scenario import scenario
from stackwire.cloud.bugs.scenario_client import ScenarioClient


@scenario(
    "upload-without-inheritance", "which team does the uploaded image belong to?", with_bug=None, without_bug="storage"
)
async def property_of_an_uploaded_volume(client: ScenarioClient) -> Any:
    """An image with a property becomes a volume, and the volume an image."""
    volume = await client.volume(imageRef=await client.image(team="storage"))
    return (await client.upload_volume(volume)).get("team")


@scenario("lp-1945500", "what does the upload of the volume answer?", with_bug=400, without_bug=202)
async def property_reserved_by_glance(client: ScenarioClient) -> int:
    """A volume has a property that only Glance may set; it is uploaded to an image."""
    volume = await client.volume()
    await client.volume_action(volume, **{"os-set_image_metadata": {"metadata": {"os_glance_stage_host": "x"}}})
    request = {"image_name": "up", "disk_format": "raw", "container_format": "bare"}
    status, answer = await client.volume_action(volume, **{"os-volume_upload_image": request})
    if status == 202:
        await client.api.request("DELETE", "image", f"/v2/images/{answer['os-volume_upload_image']['image_id']}")
    await client.settle()
    return status


@scenario("lp-1823445", "which signature check does the uploaded image have?", with_bug="False", without_bug=None)
async def signature_check_of_other_bytes(client: ScenarioClient) -> Any:
    """A volume records the result of its image's signature check; the volume is uploaded to an image."""
    volume = await client.volume(imageRef=await client.image())
    return (await client.upload_volume(volume)).get("signature_verified")


@scenario("lp-1115634", "which team does the clone belong to?", with_bug=None, without_bug="storage")
async def a_clone_of_a_volume(client: ScenarioClient) -> Any:
    """An image with a property becomes a volume, and the volume another volume."""
    volume = await client.volume(imageRef=await client.image(team="storage"))
    return (await client.image_metadata(await client.volume(source_volid=volume))).get("team")


@scenario("lp-1413880", "which status does the snapshot get?", with_bug="error", without_bug="available")
async def a_snapshot_of_a_volume_that_boots_but_has_no_image(client: ScenarioClient) -> Any:
    """An empty volume is set bootable, and snapshotted."""
    volume = await client.volume()
    await client.volume_action(volume, **{"os-set_bootable": {"bootable": True}})
    return (await client.volume_snapshot(volume))["status"]


@scenario("lp-1337526", "which team does the list of volumes show?", with_bug=None, without_bug="storage")
async def a_volume_in_a_list(client: ScenarioClient) -> Any:
    """An image with a property becomes a volume; volumes are listed in detail."""
    volume = await client.volume(imageRef=await client.image(team="storage"))
    return ((await client.volume_in_list(volume)).get("volume_image_metadata") or {}).get("team")


@scenario("lp-1988942", "what does setting a long value answer?", with_bug=400, without_bug=200)
async def a_long_value_set_on_a_volume(client: ScenarioClient) -> int:
    """An image may have a value of 300 characters; the same is set on a volume."""
    status, _ = await client.volume_action(
        await client.volume(), **{"os-set_image_metadata": {"metadata": {"note": "n" * 300}}}
    )
    return status


@scenario("lp-1302621", "what does a volume of an image without data answer?", with_bug=202, without_bug=400)
async def a_volume_of_an_image_without_data(client: ScenarioClient) -> int:
    """An image is registered, and a volume is made of it before its data are there."""
    request = {"name": "disk", "disk_format": "raw", "container_format": "bare"}
    image = await client.api.request("POST", "image", "/v2/images", request)
    body = {"volume": {"size": 1, "imageRef": image["id"]}}
    status, _, _ = await client.api.try_request("POST", "volume", "/v3/{project}/volumes", body)
    await client.settle()
    return status


@scenario("lp-1680122", "does an empty volume have image metadata in a list?", with_bug=True, without_bug=False)
async def an_empty_volume_in_a_list(client: ScenarioClient) -> bool:
    """A volume that is of no image is listed in detail."""
    return "volume_image_metadata" in await client.volume_in_list(await client.volume())


@scenario(
    "lp-2036994",
    "which status does a volume have after an image that is too large for it?",
    with_bug="downloading",
    without_bug="available",
)
async def an_image_too_large_for_the_volume(client: ScenarioClient) -> Any:
    """A volume of 1 GiB is to take an image that needs 2 GiB."""
    volume = await client.volume()
    image = await client.image(min_disk=2)
    headers = {"OpenStack-API-Version": "volume 3.68"}
    path, body = f"/v3/{{project}}/volumes/{volume}/action", {"os-reimage": {"image_id": image}}
    await client.api.try_request("POST", "volume", path, body, headers=headers)
    return (await client.get_volume(volume))["status"]
