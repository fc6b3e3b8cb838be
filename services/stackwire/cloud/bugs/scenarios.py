"""Old bugs of property travel as scenarios: a few steps whose outcome differs with and without the bug.

The affected releases are in the table of behaviours (core/behaviours.py).
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from stackwire.cloud.bugs.scenario_client import ScenarioClient, root
from stackwire.core.behaviours import BUGS, CURRENT, RELEASES, Behaviour

Steps = Callable[[ScenarioClient], Awaitable[Any]]
LINK = "https://bugs.launchpad.net/bugs/{number}"


@dataclass(frozen=True, slots=True)
class Scenario:
    """``question``: what the outcome answers; ``with_bug`` and ``without_bug``: the expected outcomes.

    ``release``: the release of both clouds; ``settings``: theirs, by service.
    """

    bug: str
    question: str
    steps: Steps
    with_bug: Any
    without_bug: Any
    release: str
    settings: Mapping[str, Mapping[str, Any]] | None = None

    @property
    def behaviour(self) -> Behaviour:
        """The behaviour that the bug takes out."""
        return BUGS[self.bug]

    @property
    def affected_releases(self) -> str:
        """The releases that had it, as a text."""
        at = RELEASES.index(self.behaviour.since)
        return f"until {RELEASES[at - 1]}" if at else f"before {RELEASES[0]}"

    @property
    def link(self) -> str | None:
        """The bug's page at Launchpad; None without a number."""
        number = self.bug.removeprefix("lp-")
        return LINK.format(number=number) if number.isdigit() else None

    @property
    def story(self) -> str:
        """The steps as a text."""
        return " ".join((self.steps.__doc__ or "").split())


SCENARIOS: dict[str, Scenario] = {}


def scenario(
    bug: str,
    question: str,
    *,
    with_bug: Any,
    without_bug: Any,
    release: str = CURRENT,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
) -> Callable[[Steps], Steps]:
    """Registers the decorated steps as the scenario of a bug."""

    def register(steps: Steps) -> Steps:
        SCENARIOS[bug] = Scenario(bug, question, steps, with_bug, without_bug, release, settings)
        return steps

    return register


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


@scenario("snapshot-merges-current-image", "which value does the snapshot have?", with_bug="new", without_bug="old")
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
    listed = (await client.api.request("GET", "volume", "/v3/{project}/volumes/detail"))["volumes"]
    (found,) = (entry for entry in listed if entry["id"] == volume)
    return (found.get("volume_image_metadata") or {}).get("team")


@scenario("lp-1988942", "what does setting a long value answer?", with_bug=400, without_bug=200)
async def a_long_value_set_on_a_volume(client: ScenarioClient) -> int:
    """An image may have a value of 300 characters; the same is set on a volume."""
    status, _ = await client.volume_action(
        await client.volume(), **{"os-set_image_metadata": {"metadata": {"note": "n" * 300}}}
    )
    return status


@scenario(
    "lp-901534",
    "which team does the image belong to once it has its data?",
    with_bug=None,
    without_bug="storage",
    release="queens",
)
async def data_for_a_registered_image(client: ScenarioClient) -> Any:
    """An image is registered with a property; its data follow through the v1 API, with headers of their own."""
    created = await client.api.request(
        "POST",
        "image",
        "/v2/images",
        {"name": "disk", "disk_format": "raw", "container_format": "bare", "team": "storage"},
    )
    headers = {"Content-Type": "application/octet-stream", "x-image-meta-name": "disk"}
    await client.api.try_request("PUT", "image", f"/v1/images/{created['id']}", data=b"data", headers=headers)
    return (await client.get_image(created["id"])).get("team")


@scenario("lp-2098384", "which team does the server's view show?", with_bug="storage", without_bug=None)
async def image_properties_in_a_server_view(client: ScenarioClient) -> Any:
    """A server of an image with a custom property is read in version 2.98."""
    server = await client.server(imageRef=await client.image(team="storage", hw_disk_bus="scsi"))
    return (await client.get_server(server))["image"]["properties"].get("team")


@scenario(
    "lp-1525915",
    "what is the status of an image whose locations were taken away?",
    with_bug="queued",
    without_bug="active",
    settings={"image": {"show_multiple_locations": True}},
)
async def an_image_without_locations(client: ScenarioClient) -> Any:
    """An active image's locations are replaced by none, where clients may change them."""
    image = await client.image()
    await client.try_change(image, {"op": "replace", "path": "/locations", "value": []})
    return (await client.get_image(image))["status"]
