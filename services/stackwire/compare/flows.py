"""The flows of the journey: an image's properties into volumes and servers, through a rebuild, back into images."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from stackwire.compare.journey import Journey

SIZE = 1024 * 1024
PATCH = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
OCTETS = {"Content-Type": "application/octet-stream"}
PROPERTIES = {
    "architecture": "x86_64",
    "hw_disk_bus": "scsi",
    "hw_scsi_model": "virtio-scsi",
    "os_distro": "debian",
    "long_note": "who keeps this image, and why: " * 10,
    "unicode_note": "Größe – 存储 – ⛁ café",
    "img_signature_note": "a",
    "team": "storage",
}


async def _image(at: Journey, name: str = "image", **more: str) -> None:
    core = {"name": name, "disk_format": "raw", "container_format": "bare", "min_ram": 0}
    image = await at.make(name, "image", "/v2/images", {**core, **PROPERTIES, **more})
    data = name.encode().ljust(SIZE, b"\0")
    await at.send("PUT", "image", f"/v2/images/{image}/file", data=data, headers=OCTETS)
    await at.rest("image", f"/v2/images/{image}")


async def _image_update(at: Journey) -> None:
    image = f"/v2/images/{at.ids['image']}"
    patch = [{"op": "add", "path": "/added", "value": "a"}, {"op": "remove", "path": "/os_distro"}]
    await at.send("PATCH", "image", image, patch, headers=PATCH)
    await at.send("PUT", "image", f"{image}/tags/a")
    await at.send("GET", "image", f"{image}/file")
    await at.send("GET", "image", image)


async def _volume(at: Journey, name: str, **source: str) -> None:
    volume = await at.make(name, "volume", "/volumes", {"volume": {"name": name, "size": 1, **source}}, "volume")
    await at.rest("volume", f"/volumes/{volume}", "volume")


async def _volume_from_image(at: Journey) -> None:
    await _volume(at, "volume", imageRef=at.ids["image"])
    volume = f"/volumes/{at.ids['volume']}"
    change = {"os-set_image_metadata": {"metadata": {"team": "set on the volume"}}}
    await at.send("POST", "volume", f"{volume}/action", change)
    await at.send("GET", "volume", volume)


async def _volume_snapshot(at: Journey) -> None:
    body = {"snapshot": {"volume_id": at.ids["volume"], "name": "snapshot"}}
    snapshot = await at.make("snapshot", "volume", "/snapshots", body, "snapshot")
    await at.rest("volume", f"/snapshots/{snapshot}", "snapshot")
    await _volume(at, "volume-from-snapshot", snapshot_id=snapshot)


async def _volume_upload(at: Journey) -> None:
    volume = f"/volumes/{at.ids['volume']}"
    upload = {"image_name": "uploaded", "disk_format": "raw", "container_format": "bare"}
    answer = await at.request("POST", "volume", f"{volume}/action", {"os-volume_upload_image": upload})
    if answer.status == 202:
        at.adopt("uploaded", "image", "/v2/images", answer.json["os-volume_upload_image"]["image_id"])
    at.keep("POST", f"{volume}/action", answer)
    await at.rest("image", f"/v2/images/{at.ids['uploaded']}")
    await at.rest("volume", volume, "volume")


async def _server(at: Journey, name: str, **source: Any) -> None:
    networks = {"networks": "none"} if at.knows("compute", (2, 37)) else {}
    body = {"name": name, "flavorRef": at.ids["flavor"], **networks, **source}
    server = await at.make(name, "compute", "/servers", {"server": body}, "server")
    await at.rest("compute", f"/servers/{server}", "server")


async def _server_from_image(at: Journey) -> None:
    await _server(at, "server", imageRef=at.ids["image"], metadata={"a": "b"})


async def _server_from_volume(at: Journey) -> None:
    device = {"boot_index": 0, "uuid": at.ids["volume"], "source_type": "volume", "destination_type": "volume"}
    await _server(at, "server-from-volume", block_device_mapping_v2=[device])
    await at.rest("volume", f"/volumes/{at.ids['volume']}", "volume")


async def _snapshot(at: Journey, name: str, server: str) -> None:
    path = f"/servers/{at.ids[server]}/action"
    answer = await at.request("POST", "compute", path, {"createImage": {"name": name, "metadata": {"added": "by it"}}})
    if answer.status == 202:
        image = (answer.json or {}).get("image_id") or answer.headers["Location"].rsplit("/", 1)[-1]
        at.adopt(name, "image", "/v2/images", image)
    at.keep("POST", path, answer)
    await at.rest("image", f"/v2/images/{at.ids[name]}")
    await at.rest("compute", f"/servers/{at.ids[server]}", "server")


async def _snapshot_of_volumes(at: Journey) -> None:
    """The image names a snapshot in the volume service, which outlives it."""
    await _snapshot(at, "snapshot-of-volumes", "server-from-volume")
    image = (await at.request("GET", "image", f"/v2/images/{at.ids['snapshot-of-volumes']}")).json
    devices = json.loads(image["block_device_mapping"])
    at.adopt("snapshot-of-root", "volume", "/snapshots", devices[0]["snapshot_id"])
    await at.rest("volume", f"/snapshots/{at.ids['snapshot-of-root']}", "snapshot")


async def _rebuild(at: Journey) -> None:
    await _image(at, "other", team="platform", os_distro="ubuntu")
    server = f"/servers/{at.ids['server']}"
    await at.send("POST", "compute", f"{server}/action", {"rebuild": {"imageRef": at.ids["other"], "name": "rebuilt"}})
    await at.rest("compute", server, "server")
    await _snapshot(at, "snapshot-after-rebuild", "server")


async def _delete(at: Journey) -> None:
    for name, service, plural in (
        ("server", "compute", "servers"),
        ("server-from-volume", "compute", "servers"),
        ("volume-from-snapshot", "volume", "volumes"),
        ("snapshot", "volume", "snapshots"),
        ("snapshot-of-root", "volume", "snapshots"),
        ("volume", "volume", "volumes"),
        ("other", "image", "v2/images"),
        ("image", "image", "v2/images"),
    ):
        if name in at.ids:
            await at.delete(service, f"/{plural}/{at.ids[name]}")


Flow = Callable[[Journey], Awaitable[None]]
FLOWS: Mapping[str, Flow] = {
    "image": _image,
    "image-update": _image_update,
    "volume-from-image": _volume_from_image,
    "volume-snapshot": _volume_snapshot,
    "volume-upload": _volume_upload,
    "server-from-image": _server_from_image,
    "server-snapshot": lambda at: _snapshot(at, "server-snapshot", "server"),
    "server-rebuild": _rebuild,
    "server-from-volume": _server_from_volume,
    "server-from-volume-snapshot": _snapshot_of_volumes,
    "delete": _delete,
}
"""In order: each stands on what those before it have made."""
