"""The nine flows of the fault matrix: what exists before, the one request, and every way in which it may have ended.

A flow is judged when the fault is over. ``finished``: the promise was kept. Otherwise nothing of it is left, or what
is left says that it failed; never something in between.
"""

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

from support.builders.servers import TINY_FLAVOR
from support.retrying_client import (
    DATA,
    DELETED,
    PROPERTIES,
    ProcessCloud,
    from_volume,
    server_path,
    unique,
    volume_path,
)

COMPUTE = {"OpenStack-API-Version": "compute 2.93"}
OCTETS = {"Content-Type": "application/octet-stream"}
Request = tuple[str, str, str, dict[str, Any]]
"""Method, service, path, and what the client takes: ``json`` or ``data`` and ``headers``."""


@dataclass
class Flow(ABC):
    """``killed``: K1 to K4, each with the failpoints at which one of the processes dies, as ``service failpoint``."""

    cloud: ProcessCloud
    name: str = field(default_factory=lambda: unique("matrix"))
    accepted: ClassVar[int] = 202
    peer: ClassVar[str]
    """The service that the flow waits for."""
    calls: ClassVar[bool] = True
    """Whether it waits by RPC."""
    action: ClassVar[str] = ""
    """Of a server, by its name in ``instance_actions``, where a host that dies amid it leaves it undone."""
    killed: ClassVar[dict[str, tuple[str, ...]]]

    @abstractmethod
    async def prepare(self) -> None:
        """What must exist before the request."""

    @abstractmethod
    def request(self) -> Request: ...

    def rival(self) -> Request:
        """A request that cannot succeed together with the first; by default the same again."""
        return self.request()

    @abstractmethod
    async def finished(self) -> bool:
        """Waits until it is at rest, and says whether the promise was kept. Fails for anything in between."""


class Upload(Flow):
    """F1. An image's bytes."""

    accepted = 204
    peer = "image"
    calls = False
    killed: ClassVar = {
        "K1": ("image before_commit:image.activate", "image before_commit:image.upload"),
        "K2": ("image after_commit:image.activate",),
        "K3": ("image after_publish:image.activate", "image after_publish:image.upload"),
        "K4": ("image after_commit:image.prepare",),
    }

    async def prepare(self) -> None:
        self.image = await self.cloud.image(self.name)

    def request(self) -> Request:
        return "PUT", "image", f"/v2/images/{self.image}/file", {"data": DATA, "headers": OCTETS}

    async def finished(self) -> bool:
        path = f"/v2/images/{self.image}"
        found = await self.cloud.client.wait_for_status("image", path, "image", {"queued", "active"})
        checksum = hashlib.md5(DATA).hexdigest()
        expected = (len(DATA), checksum) if found["status"] == "active" else (None, None)
        assert (found["size"], found["checksum"]) == expected
        return bool(found["status"] == "active")


class VolumeFromImage(Flow):
    """F2."""

    peer = "image"
    killed: ClassVar = {
        "K1": ("volume before_commit:create_volume",),
        "K2": ("volume after_commit:create_volume",),
        "K3": ("volume after_publish:create_volume",),
        "K4": ("volume after_commit:volume.create.start", "volume after_commit:volume.create.end"),
    }

    async def prepare(self) -> None:
        self.image = await self.cloud.active_image()

    def request(self) -> Request:
        body = {"volume": {"name": self.name, "size": 1, "imageRef": self.image}}
        return "POST", "volume", "/v3/{project_id}/volumes", {"json": body}

    async def finished(self) -> bool:
        found = (await self.cloud.client.get("volume", f"/v3/{{project_id}}/volumes?name={self.name}")).json["volumes"]
        done = False
        for each in found:
            await self.cloud.check_volume(each["id"])
            shown = (await self.cloud.client.get("volume", volume_path(each["id"]))).json["volume"]
            done = done or shown["status"] == "available"
        return done


class UploadToImage(Flow):
    """F3. A volume's bytes as a new image."""

    peer = "image"
    killed: ClassVar = {
        "K1": ("volume before_commit:copy_volume_to_image",),
        "K2": ("volume after_commit:copy_volume_to_image",),
        "K3": ("volume after_publish:copy_volume_to_image",),
        "K4": ("image before_commit:image.activate", "image after_commit:image.activate"),
    }

    async def prepare(self) -> None:
        self.volume = await self.cloud.available_volume()

    def request(self) -> Request:
        body = {"os-volume_upload_image": {"image_name": self.name, "disk_format": "raw", "container_format": "bare"}}
        return "POST", "volume", f"{volume_path(self.volume)}/action", {"json": body}

    async def finished(self) -> bool:
        await self.cloud.client.wait_for_status("volume", volume_path(self.volume), "volume", {"available"})
        await self.cloud.check_volume(self.volume)
        return await self.cloud.has_active_image(self.name, size=1024**3)


class BootFromImage(Flow):
    """F4."""

    peer = "image"
    action = "create"
    killed: ClassVar = {
        "K1": ("compute before_commit:schedule_and_build_instances",),
        "K2": ("compute after_commit:schedule_and_build_instances", "compute after_commit:build_and_run_instance"),
        "K3": ("compute after_publish:schedule_and_build_instances", "compute after_publish:build_and_run_instance"),
        "K4": (
            "compute after_commit:compute.instance.create.start",
            "compute after_commit:compute.instance.create.end",
        ),
    }

    async def prepare(self) -> None:
        self.source: dict[str, Any] = {"imageRef": await self.cloud.active_image()}

    def request(self) -> Request:
        body = {"server": {"name": self.name, "flavorRef": TINY_FLAVOR, "networks": "none", **self.source}}
        return "POST", "compute", "/v2.1/servers", {"json": body, "headers": COMPUTE}

    async def finished(self) -> bool:
        found = (await self.cloud.client.get("compute", f"/v2.1/servers?name={self.name}")).json["servers"]
        statuses = set()
        for each in found:
            path = server_path(each["id"])
            shown = await self.cloud.client.wait_for_status("compute", path, "server", {"ACTIVE", "ERROR"})
            statuses.add(shown["status"])
        return "ACTIVE" in statuses


class BootFromVolume(BootFromImage):
    """F5. However it ends, the volume is the server's or free."""

    peer = "volume"
    killed: ClassVar = {
        **BootFromImage.killed,
        "K4": ("compute after_commit:compute.instance.create.end", "volume after_commit:volume.attach.end"),
    }

    async def prepare(self) -> None:
        self.volume = await self.cloud.available_volume()
        self.source = from_volume(self.volume)

    async def finished(self) -> bool:
        active = await super().finished()
        statuses = {"in-use"} if active else {"available", "in-use"}  # of a server in error it stays until its end
        await self.cloud.client.wait_for_status("volume", volume_path(self.volume), "volume", statuses)
        return active


class Snapshot(Flow):
    """F6. Of a server on its host's disk."""

    peer = "image"
    action = "createImage"
    killed: ClassVar = {
        "K1": ("compute before_commit:snapshot_instance",),
        "K2": ("compute after_commit:snapshot_instance",),
        "K3": ("compute after_publish:snapshot_instance",),
        "K4": (
            "compute after_commit:compute.instance.snapshot.start",
            "compute after_commit:compute.instance.snapshot.end",
        ),
    }

    async def prepare(self) -> None:
        self.server = await self.cloud.active_server({"imageRef": await self.cloud.active_image()})

    def request(self) -> Request:
        body = {"createImage": {"name": self.name}}
        return "POST", "compute", f"{server_path(self.server)}/action", {"json": body, "headers": COMPUTE}

    async def finished(self) -> bool:
        await self.cloud.client.wait_for_status("compute", server_path(self.server), "server", {"ACTIVE"})
        return await self.cloud.has_active_image(self.name, instance_uuid=self.server)


class SnapshotOfVolumes(Snapshot):
    """F7. Of a server on a volume: the image names snapshots."""

    peer = "volume"
    action = ""
    killed: ClassVar = {
        "K1": ("volume before_commit:create_snapshot", "image before_commit:image.activate"),
        "K2": ("volume after_commit:create_snapshot",),
        "K3": ("volume after_publish:create_snapshot",),
        "K4": ("volume after_commit:snapshot.create.end",),
    }

    async def prepare(self) -> None:
        self.server = await self.cloud.active_server(from_volume(await self.cloud.available_volume()))

    async def finished(self) -> bool:
        await self.cloud.client.wait_for_status("compute", server_path(self.server), "server", {"ACTIVE"})
        found = await self.cloud.has_active_image(self.name, size=0)
        await self.cloud.check_snapshots()  # which the image names before their hosts have made them
        return found


class Rebuild(Flow):
    """F8. The server has what the new image says, or what the old one said."""

    peer = "image"
    action = "rebuild"
    killed: ClassVar = {
        "K1": ("compute before_commit:rebuild_instance",),
        "K2": ("compute after_commit:rebuild_instance",),
        "K3": ("compute after_publish:rebuild_instance",),
        "K4": (
            "compute after_commit:compute.instance.rebuild.start",
            "compute after_commit:compute.instance.rebuild.end",
        ),
    }

    async def prepare(self) -> None:
        self.old, self.new = await self.cloud.active_image(), await self.cloud.active_image(1)
        self.server = await self.cloud.active_server({"imageRef": self.old})

    def request(self) -> Request:
        body = {"rebuild": {"imageRef": self.new}}
        return "POST", "compute", f"{server_path(self.server)}/action", {"json": body, "headers": COMPUTE}

    async def finished(self) -> bool:
        path = server_path(self.server)
        found = await self.cloud.client.wait_for_status("compute", path, "server", {"ACTIVE", "ERROR"})
        kept = await self.cloud.tables.fetch(
            "SELECT key, value FROM compute.instance_system_metadata WHERE instance_uuid = $1", self.server
        )
        metadata = {row["key"]: row["value"] for row in kept}
        assert metadata["image_base_image_ref"] == found["image"]["id"]
        assert {f"image_{key}": value for key, value in PROPERTIES.items()}.items() <= metadata.items()
        return bool(found["status"] == "ACTIVE" and found["image"]["id"] == self.new)


class Delete(Flow):
    """F9. A server on a volume that goes with it."""

    accepted = 204
    peer = "volume"
    killed: ClassVar = {
        "K1": ("compute before_commit:terminate_instance",),
        "K2": ("compute after_commit:terminate_instance", "volume after_commit:delete_volume"),
        "K3": ("compute after_publish:terminate_instance", "volume after_publish:delete_volume"),
        "K4": ("compute after_commit:compute.instance.delete.start", "volume after_commit:volume.delete.end"),
    }

    async def prepare(self) -> None:
        self.volume = await self.cloud.available_volume()
        source = from_volume(self.volume)
        source["block_device_mapping_v2"][0]["delete_on_termination"] = True
        self.server = await self.cloud.active_server(source)

    def request(self) -> Request:
        return "DELETE", "compute", server_path(self.server), {"headers": COMPUTE}

    async def finished(self) -> bool:
        ends = {"ACTIVE", DELETED}
        found = await self.cloud.client.wait_for_status("compute", server_path(self.server), "server", ends)
        statuses = {"in-use"} if found else {DELETED}
        await self.cloud.client.wait_for_status("volume", volume_path(self.volume), "volume", statuses)
        return not found


FLOWS: dict[str, type[Flow]] = {
    "F1": Upload,
    "F2": VolumeFromImage,
    "F3": UploadToImage,
    "F4": BootFromImage,
    "F5": BootFromVolume,
    "F6": Snapshot,
    "F7": SnapshotOfVolumes,
    "F8": Rebuild,
    "F9": Delete,
}
