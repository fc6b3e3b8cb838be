"""The journey of one disk image's properties: into volumes and servers, through a rebuild, back into images."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from stackwire.cloud.client import Client, Progress, Refused
from stackwire.cloud.cloud import Cloud
from stackwire.core.behaviours import behaviours_of
from stackwire.trace.domain.message_store import MessageStore
from stackwire.trace.domain.resources import Resource
from stackwire.volume.domain.travel import for_image

GIBIBYTE = 1024**3
PROPERTIES = {
    "architecture": "x86_64",
    "hw_disk_bus": "scsi",
    "hw_scsi_model": "virtio-scsi",
    "hw_vif_model": "virtio",
    "hw_qemu_guest_agent": "yes",
    "os_distro": "debian",
    "long_note": "who keeps this image, and why: " * 10,
    "unicode_note": "Größe – 存储 – ⛁ café",
    "long_unicode_note": "磁盘映像的属性" * 15,
    "team": "storage",
}
OTHER_PROPERTIES = {"architecture": "x86_64", "hw_disk_bus": "virtio", "os_distro": "ubuntu", "team": "platform"}
SET_ON_VOLUME = {"team": "set on the volume"}
MIN_RAM = 64
UPLOAD_ENDS = "the upload of the volume ends"
TRANSFER_POLLS = 200
"""How often the lineage is polled, every 10 ms, for the transfer of a step."""
_NOT_PROPERTIES = frozenset(
    {
        "id", "name", "status", "visibility", "protected", "os_hidden", "owner", "checksum", "os_hash_algo",
        "os_hash_value", "size", "virtual_size", "created_at", "updated_at", "tags", "file", "self", "schema", "stores",
        "locations", "direct_url",
    }
)  # fmt: skip


class Stage(Protocol):
    """The display: gets each step, and the bytes of long transfers."""

    def step(self, number: int, title: str) -> None: ...

    def bar(self, title: str, total: int) -> AbstractContextManager[Progress]: ...

    def done(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Stop:
    """A resource at one point of the journey, with its properties; ``transfer_count``: the transfers until then."""

    label: str
    resource: Resource
    properties: dict[str, str | None]
    transfer_count: int = 0


@dataclass(slots=True)
class Record:
    """The result: resources and steps, and the sha512 of the image as uploaded and as downloaded."""

    stops: list[Stop] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)
    uploaded_sha512: str = ""
    saved_sha512: str = ""

    def labels(self) -> dict[str, str]:
        """Each resource id with its first label."""
        found: dict[str, str] = {}
        for stop in self.stops:
            found.setdefault(stop.resource.id, stop.label)
        return found


class Journey:
    """The steps of the demonstration, run once; the server is rebuilt to the other image."""

    def __init__(self, client: Client, cloud: Cloud, store: MessageStore, stage: Stage) -> None:
        self._client = client
        self._cloud = cloud
        self._store = store
        self._stage = stage
        self.record = Record()

    async def run(self, disk: Path, disk_format: str, other: Path, *, whole: bool = True) -> Record:
        """Returns the record. Raises Refused when a service refuses a request.

        A volume has whole gibibytes, and so has the image it is uploaded to: the upload runs beside the other steps.
        Without ``whole`` it is left out, and its properties are computed by the travel rule alone.
        """
        size = max(1, math.ceil(disk.stat().st_size / GIBIBYTE))
        flavor = await self._flavor(size)
        async with self._step("upload a disk image with its properties"):
            image = await self._upload(disk, disk_format, "demo-disk", PROPERTIES)
            self.record.uploaded_sha512 = self._uploaded_sha512
        await self._stop("image", Resource("image", image))
        volume = await self._with_volume(image, size)
        uploaded = ""
        if whole:
            async with self._step("begin to upload the volume to a new image"):
                uploaded = await self._begin_upload(volume)
        await self._with_server(image, flavor, other)
        await self._finish_volume(volume, uploaded, flavor)
        async with self._step("save the image and compare checksums"):
            with self._stage.bar("saving", disk.stat().st_size) as progress:
                self.record.saved_sha512 = await self._client.download(f"/v2/images/{image}/file", progress)
        await self._cloud.settle()
        return self.record

    async def _with_volume(self, image: str, size: int) -> str:
        """Create a volume of ``size`` GiB from the image, and set an image property on it; returns its id."""
        async with self._step("create a volume from the image"):
            volume = await self._volume(image, size)
        await self._stop("volume", Resource("volume", volume))

        async with self._step("set an image property on the volume"):
            await self._act("volume", f"/volumes/{volume}", "os-set_image_metadata", {"metadata": SET_ON_VOLUME})
        await self._stop("volume, property set", Resource("volume", volume))
        return volume

    async def _finish_volume(self, volume: str, uploaded: str, flavor: str) -> None:
        """Wait for the upload of the volume (``uploaded``: its image), and boot a server from the volume."""
        if uploaded:
            async with self._step(UPLOAD_ENDS):
                await self._end_upload(volume, uploaded)
            await self._stop("image of the volume", Resource("image", uploaded))
        else:
            self._compute_upload()

        async with self._step("boot a server from the volume"):
            block = {"boot_index": 0, "uuid": volume, "source_type": "volume", "destination_type": "volume"}
            from_volume = await self._server("demo-from-volume", flavor, {"block_device_mapping_v2": [block]})
        await self._stop("server from volume", Resource("server", from_volume))

    async def _with_server(self, image: str, flavor: str, other: Path) -> None:
        """Boot, snapshot, rebuild, snapshot again."""
        async with self._step("boot a server from the image"):
            server = await self._server("demo-from-image", flavor, {"imageRef": image})
        await self._stop("server from image", Resource("server", server))
        await self._stop("its guest XML", Resource("guest", server))

        async with self._step("take a snapshot of the server"):
            snapshot = await self._snapshot(server, "demo-snapshot")
        await self._stop("snapshot", Resource("image", snapshot))

        async with self._step("rebuild the server to another image"):
            second = await self._upload(other, "raw", "demo-other-disk", OTHER_PROPERTIES)
            await self._act("compute", f"/servers/{server}", "rebuild", {"imageRef": second})
            await self._client.until("compute", f"/v2.1/servers/{server}", "server", "ACTIVE", "ERROR")
        await self._stop("other image", Resource("image", second))
        await self._stop("rebuilt server", Resource("server", server))
        await self._stop("its new guest XML", Resource("guest", server))

        async with self._step("take a second snapshot"):
            last = await self._snapshot(server, "demo-second-snapshot")
        await self._stop("second snapshot", Resource("image", last))

    # -- steps

    _uploaded_sha512 = ""
    _transfers_before = 0

    async def _upload(self, disk: Path, disk_format: str, name: str, properties: Mapping[str, str]) -> str:
        request = {
            "name": name,
            "disk_format": disk_format,
            "container_format": "bare",
            "min_ram": MIN_RAM,
            **properties,
        }
        image = str((await self._client.request("POST", "image", "/v2/images", request))["id"])
        with self._stage.bar("uploading", disk.stat().st_size) as progress:
            self._uploaded_sha512 = await self._client.upload(f"/v2/images/{image}/file", disk, progress)
        await self._client.until("image", f"/v2/images/{image}", None, "active", "killed")
        return image

    async def _volume(self, image: str, size: int) -> str:
        request = {"volume": {"name": "demo-volume", "size": size, "imageRef": image}}
        volume = str((await self._client.request("POST", "volume", "/v3/{project}/volumes", request))["volume"]["id"])
        await self._until_volume(volume)
        return volume

    async def _until_volume(self, volume: str) -> None:
        await self._client.until("volume", f"/v3/{{project}}/volumes/{volume}", "volume", "available", "error")

    async def _begin_upload(self, volume: str) -> str:
        request = {"image_name": "demo-of-volume", "disk_format": "raw", "container_format": "bare"}
        answer = await self._act("volume", f"/volumes/{volume}", "os-volume_upload_image", request)
        return str(answer["os-volume_upload_image"]["image_id"])

    async def _end_upload(self, volume: str, image: str) -> None:
        await self._client.until("image", f"/v2/images/{image}", None, "active", "killed")
        await self._until_volume(volume)

    def _compute_upload(self) -> None:
        """The properties of an uploaded volume, by the volume service's own travel rule."""
        (stop,) = (found for found in self.record.stops if found.label == "volume, property set")
        rows = {key: value for key, value in stop.properties.items() if value is not None}
        requested = {"disk_format": "raw", "container_format": "bare", "min_disk": "0", "min_ram": "0"}
        inherited = for_image(rows, {}, behaviours_of(self._cloud.options.release))
        self.record.stops.append(Stop("image of the volume", Resource("image", "computed"), {**inherited, **requested}))

    async def _flavor(self, size: int) -> str:
        """The smallest flavor with a disk of ``size`` GiB. Raises Refused when there is none."""
        answer = await self._client.request("GET", "compute", "/v2.1/flavors/detail")
        fitting = sorted(
            (flavor for flavor in answer["flavors"] if flavor["disk"] >= size and flavor["ram"] >= MIN_RAM),
            key=lambda flavor: (flavor["disk"], flavor["ram"]),
        )
        if not fitting:
            raise Refused(f"no flavor of the demonstration has a disk of {size} GiB for this image")
        return str(fitting[0]["id"])

    async def _server(self, name: str, flavor: str, more: Mapping[str, Any]) -> str:
        request = {"server": {"name": name, "flavorRef": flavor, **self._client.no_network, **more}}
        server = str((await self._client.request("POST", "compute", "/v2.1/servers", request))["server"]["id"])
        await self._client.until("compute", f"/v2.1/servers/{server}", "server", "ACTIVE", "ERROR")
        return server

    async def _snapshot(self, server: str, name: str) -> str:
        image = await self._client.create_image(server, name)
        await self._client.until("image", f"/v2/images/{image}", None, "active", "killed")
        await self._client.until("compute", f"/v2.1/servers/{server}", "server", "ACTIVE", "ERROR")
        return image

    async def _act(self, service: str, path: str, action: str, body: Mapping[str, Any]) -> Any:
        root = "/v2.1" if service == "compute" else "/v3/{project}"
        return await self._client.request("POST", service, f"{root}{path}/action", {action: body})

    # -- recording

    @asynccontextmanager
    async def _step(self, title: str) -> AsyncIterator[None]:
        began = time.monotonic()
        self._transfers_before = self._store.lineage.count
        self._stage.step(len(self.record.steps) + 1, title)
        yield
        self._store.catch_up()
        seconds = time.monotonic() - began
        self.record.steps.append({"title": title, "seconds": round(seconds, 3)})
        self._stage.done(seconds)

    async def _stop(self, label: str, resource: Resource) -> None:
        """Records a resource: images and volumes have their properties in the API, servers and guests in the lineage
        only."""
        read: Callable[[Resource], Awaitable[dict[str, str | None]]] = {
            "image": self._of_image,
            "volume": self._of_volume,
        }.get(resource.kind, self._of_lineage)
        await self._wait_for_transfer(resource)
        self.record.stops.append(Stop(label, resource, await read(resource), self._store.lineage.count))

    async def _wait_for_transfer(self, resource: Resource) -> None:
        """Waits for the transfer to the resource: the event is emitted after the transaction that changed the row."""
        since = 0 if resource.kind == "image" else self._transfers_before
        for _ in range(TRANSFER_POLLS):
            self._store.catch_up()
            lineage = self._store.lineage
            if lineage.has_transfer(resource, after=since) and not lineage.unexplained(resource):
                break
            await asyncio.sleep(0.01)

    async def _of_image(self, resource: Resource) -> dict[str, str | None]:
        answer = await self._client.request("GET", "image", f"/v2/images/{resource.id}")
        return {
            key: None if value is None else str(value) for key, value in answer.items() if key not in _NOT_PROPERTIES
        }

    async def _of_volume(self, resource: Resource) -> dict[str, str | None]:
        answer = await self._client.request("GET", "volume", f"/v3/{{project}}/volumes/{resource.id}")
        return dict(answer["volume"].get("volume_image_metadata") or {})

    async def _of_lineage(self, resource: Resource) -> dict[str, str | None]:
        return self._store.lineage.now(resource)
