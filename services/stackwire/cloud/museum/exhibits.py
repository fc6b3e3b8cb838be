"""The bug museum: what each old bug did to a property, as a few steps anybody may repeat.

An exhibit's steps end in an outcome, which is one thing with the bug and another without. Which releases had it stands
in the table of behaviours.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from stackwire.cloud.museum.visitor import Visitor, root
from stackwire.core.behaviours import BUGS, CURRENT, RELEASES, Behaviour

Steps = Callable[[Visitor], Awaitable[Any]]
LINK = "https://bugs.launchpad.net/bugs/{number}"


@dataclass(frozen=True, slots=True)
class Exhibit:
    """``asks``: what the outcome answers; ``then`` with the bug, ``now`` without. ``release``: whose cloud shows it."""

    bug: str
    asks: str
    steps: Steps
    then: Any
    now: Any
    release: str

    @property
    def behaviour(self) -> Behaviour:
        return BUGS[self.bug]

    @property
    def had_by(self) -> str:
        """The releases that had it, as people say it."""
        at = RELEASES.index(self.behaviour.since)
        return f"until {RELEASES[at - 1]}" if at else f"before {RELEASES[0]}"

    @property
    def link(self) -> str | None:
        """Of bugs that have a number; others are told of in documents only."""
        number = self.bug.removeprefix("lp-")
        return LINK.format(number=number) if number.isdigit() else None

    @property
    def story(self) -> str:
        """What is done, in words."""
        return " ".join((self.steps.__doc__ or "").split())


EXHIBITS: dict[str, Exhibit] = {}


def exhibit(bug: str, asks: str, *, then: Any, now: Any, release: str = CURRENT) -> Callable[[Steps], Steps]:
    """Puts steps into the museum."""

    def put(steps: Steps) -> Steps:
        EXHIBITS[bug] = Exhibit(bug, asks, steps, then, now, release)
        return steps

    return put


BASE_KEYS = {"image_image_name", "image_checksum", "image_size"}
LONG = "é" * 200  # 400 bytes


@exhibit("lp-1893618", "does a snapshot of a rebuilt server name its base image?", then=False, now=True)
async def base_image_after_a_rebuild(visitor: Visitor) -> bool:
    """A server is rebuilt to the image it has, then snapshotted."""
    image = await visitor.image()
    server = await visitor.server(imageRef=image)
    await visitor.rebuild(server, image)
    return bool((await visitor.snapshot(server)).get("base_image_ref") == image)


@exhibit("upload-without-inheritance", "which team does the uploaded image belong to?", then=None, now="storage")
async def property_of_an_uploaded_volume(visitor: Visitor) -> Any:
    """An image with a property becomes a volume, and the volume an image."""
    volume = await visitor.volume(imageRef=await visitor.image(team="storage"))
    return (await visitor.upload_volume(volume)).get("team")


@exhibit("lp-1945500", "what does the upload of the volume answer?", then=400, now=202)
async def a_name_glance_keeps_to_itself(visitor: Visitor) -> int:
    """A volume bears a property that only Glance may set; it is uploaded to an image."""
    volume = await visitor.volume()
    await visitor.on_volume(volume, **{"os-set_image_metadata": {"metadata": {"os_glance_stage_host": "x"}}})
    wish = {"image_name": "up", "disk_format": "raw", "container_format": "bare"}
    status, told = await visitor.on_volume(volume, **{"os-volume_upload_image": wish})
    if status == 202:
        await visitor.client.ask("DELETE", "image", f"/v2/images/{told['os-volume_upload_image']['image_id']}")
    await visitor.settle()
    return status


@exhibit("lp-1823445", "what does the uploaded image say of its signature?", then="False", now=None)
async def the_verdict_on_a_signature_of_other_bytes(visitor: Visitor) -> Any:
    """The verdict on an image's signature goes into its volume; the volume is uploaded to an image."""
    volume = await visitor.volume(imageRef=await visitor.image())
    return (await visitor.upload_volume(volume)).get("signature_verified")


@exhibit("bdm-lookup-properties-only", "is a server booted whose image wants more memory?", then=202, now=400)
async def a_volume_that_wants_more_memory_than_there_is(visitor: Visitor) -> int:
    """An image that wants much memory becomes a volume; a small server is to boot from it."""
    volume = await visitor.volume(imageRef=await visitor.image(min_ram=100_000))
    status, _ = await visitor.try_server(block_device_mapping_v2=[root(volume)])
    await visitor.settle()
    return status


@exhibit(
    "bdm-lookup-keeps-base-keys", "which of the image's own attributes does the server record as properties?",
    then=sorted(BASE_KEYS), now=[],
)  # fmt: skip
async def what_a_server_on_a_volume_records(visitor: Visitor) -> list[str]:
    """A server boots from a volume made of an image."""
    server = await visitor.server_on(await visitor.volume(imageRef=await visitor.image()))
    await visitor.settle()
    return sorted(BASE_KEYS & (await visitor.recorded("server", server)).keys())


@exhibit("lp-1425657", "how many bytes of a long value are left in a snapshot?", then=400, now=254)
async def a_long_value_in_a_snapshot(visitor: Visitor) -> int:
    """An image has a value of 200 characters that are 400 bytes; a server of it is snapshotted."""
    server = await visitor.server(imageRef=await visitor.image(note=LONG))
    return len((await visitor.snapshot(server))["note"].encode())


@exhibit("second-generation-identity", "who does the snapshot of a snapshot say its owner is?", then="demo", now="alt")
async def whose_snapshot_it_is(visitor: Visitor) -> Any:
    """Another user's server is rebuilt to our snapshot, and snapshotted."""
    plain = await visitor.image(visibility="community")
    ours = await visitor.snapshot(await visitor.server(imageRef=plain))
    await visitor.change_image(ours["id"], visibility="community")
    server = await visitor.other.server(imageRef=plain)
    await visitor.other.rebuild(server, ours["id"])
    return (await visitor.other.snapshot(server))["owner_user_name"]


@exhibit("lp-1852106", "which part of a signature does a snapshot have?", then="SHA-256", now=None)
async def part_of_a_signature_in_a_snapshot(visitor: Visitor) -> Any:
    """An image says how it was signed; a server of it is snapshotted, so that the bytes are others."""
    server = await visitor.server(imageRef=await visitor.image(img_signature_hash_method="SHA-256"))
    return (await visitor.snapshot(server)).get("img_signature_hash_method")


@exhibit("snapshot-merges-current-image", "which value does the snapshot have?", then="new", now="old")
async def a_property_changed_after_boot(visitor: Visitor) -> Any:
    """An image's property changes after a server was booted from it; the server is snapshotted."""
    image = await visitor.image(team="old")
    server = await visitor.server(imageRef=image)
    await visitor.change_image(image, team="new")
    return (await visitor.snapshot(server))["team"]


@exhibit("lp-1115634", "which team does the clone belong to?", then=None, now="storage")
async def a_clone_of_a_volume(visitor: Visitor) -> Any:
    """An image with a property becomes a volume, and the volume another volume."""
    volume = await visitor.volume(imageRef=await visitor.image(team="storage"))
    return (await visitor.image_metadata(await visitor.volume(source_volid=volume))).get("team")


@exhibit("lp-1413880", "what becomes of the snapshot?", then="error", now="available")
async def a_snapshot_of_a_volume_that_boots_but_has_no_image(visitor: Visitor) -> Any:
    """An empty volume is said to be bootable, and snapshotted."""
    volume = await visitor.volume()
    await visitor.on_volume(volume, **{"os-set_bootable": {"bootable": True}})
    return (await visitor.volume_snapshot(volume))["status"]


@exhibit("lp-1337526", "which team does the list of volumes show?", then=None, now="storage")
async def a_volume_in_a_list(visitor: Visitor) -> Any:
    """An image with a property becomes a volume; volumes are listed in detail."""
    volume = await visitor.volume(imageRef=await visitor.image(team="storage"))
    listed = (await visitor.client.ask("GET", "volume", "/v3/{project}/volumes/detail"))["volumes"]
    (found,) = (one for one in listed if one["id"] == volume)
    return (found.get("volume_image_metadata") or {}).get("team")


@exhibit("lp-1988942", "what does setting a long value answer?", then=400, now=200)
async def a_long_value_set_on_a_volume(visitor: Visitor) -> int:
    """An image may have a value of 300 characters; the same is set on a volume."""
    status, _ = await visitor.on_volume(
        await visitor.volume(), **{"os-set_image_metadata": {"metadata": {"note": "n" * 300}}}
    )
    return status


@exhibit(
    "lp-901534", "which team does the image belong to once its data are there?", then=None, now="storage",
    release="queens",
)  # fmt: skip
async def data_for_a_registered_image(visitor: Visitor) -> Any:
    """An image is registered with a property; its data follow through the v1 API, with headers of their own."""
    made = await visitor.client.ask(
        "POST", "image", "/v2/images",
        {"name": "disk", "disk_format": "raw", "container_format": "bare", "team": "storage"},
    )  # fmt: skip
    headers = {"Content-Type": "application/octet-stream", "x-image-meta-name": "disk"}
    await visitor.client.try_to("PUT", "image", f"/v1/images/{made['id']}", data=b"data", headers=headers)
    return (await visitor.shown_image(made["id"])).get("team")


@exhibit("lp-2098384", "which team does the server's view name?", then="storage", now=None)
async def what_a_server_shows_of_its_image(visitor: Visitor) -> Any:
    """A server of an image with a property of somebody's own is shown in version 2.98."""
    server = await visitor.server(imageRef=await visitor.image(team="storage", hw_disk_bus="scsi"))
    return (await visitor.shown_server(server))["image"]["properties"].get("team")
