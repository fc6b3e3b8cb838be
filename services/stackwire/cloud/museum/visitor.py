"""What a scenario does with images, volumes and servers, one call a step; each returns when its work is done."""

from collections.abc import Awaitable, Callable
from typing import Any

from stackwire.cloud.client import Client, Refused

DISK = b"disk" * 1024
OCTETS = {"Content-Type": "application/octet-stream"}
NEWEST = {"OpenStack-API-Version": "compute 2.98"}
Shown = dict[str, Any]


class Visitor:
    """One user's. ``other`` is another user's visitor in the same cloud; ``settle`` waits until nothing is under way;
    ``recorded`` tells what properties the tracer has seen a resource to have, for those no API shows.

    ``seen`` are the resources the scenario made, the latest last: their lineage is what the museum shows.
    """

    def __init__(
        self,
        client: Client,
        settle: Callable[[], Awaitable[None]],
        recorded: Callable[[str, str], Awaitable[dict[str, str | None]]],
        other: "Visitor | None" = None,
    ) -> None:
        self.client = client
        self.settle = settle
        self.recorded = recorded
        self._flavor = ""
        self._other = other
        self.seen: list[str] = []

    @property
    def other(self) -> "Visitor":
        if self._other is None:
            raise RuntimeError("this visitor came alone")
        return self._other

    def _saw(self, kind: str, ident: str) -> str:
        if (name := f"{kind}:{ident}") not in self.seen:
            self.seen.append(name)
        return ident

    # -- images

    async def image(self, **fields: Any) -> str:
        """The id of a new active raw image with these properties."""
        wish = {"name": "disk", "disk_format": "raw", "container_format": "bare", **fields}
        made = await self.client.ask("POST", "image", "/v2/images", wish)
        status, _, raw = await self.client.try_to(
            "PUT", "image", f"/v2/images/{made['id']}/file", data=DISK, headers=OCTETS
        )
        if status != 204:
            raise Refused(f"the upload was refused: {status} {raw[:200]!r}")
        return self._saw("image", str(made["id"]))

    async def shown_image(self, image_id: str) -> Shown:
        return dict(await self.client.ask("GET", "image", f"/v2/images/{image_id}"))

    async def change_image(self, image_id: str, **values: str) -> None:
        """Each value set, whether it was there or not."""
        patch = [{"op": "add", "path": f"/{key}", "value": value} for key, value in values.items()]
        kind = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
        status, told, _ = await self.client.try_to("PATCH", "image", f"/v2/images/{image_id}", patch, headers=kind)
        if status != 200:
            raise Refused(f"the image could not be changed: {status} {told}")

    # -- volumes

    async def volume(self, **wish: Any) -> str:
        """The id of an available volume."""
        body = {"volume": {"size": 1, **wish}}
        made = (await self.client.ask("POST", "volume", "/v3/{project}/volumes", body))["volume"]
        await self.client.until("volume", f"/v3/{{project}}/volumes/{made['id']}", "volume", "available", "error")
        return self._saw("volume", str(made["id"]))

    async def shown_volume(self, volume_id: str) -> Shown:
        return dict((await self.client.ask("GET", "volume", f"/v3/{{project}}/volumes/{volume_id}"))["volume"])

    async def image_metadata(self, volume_id: str) -> dict[str, str]:
        return dict((await self.shown_volume(volume_id)).get("volume_image_metadata") or {})

    async def on_volume(self, volume_id: str, **action: Any) -> tuple[int, Any]:
        """The status and the answer of an action."""
        path = f"/v3/{{project}}/volumes/{volume_id}/action"
        status, told, _ = await self.client.try_to("POST", "volume", path, action)
        return status, told

    async def upload_volume(self, volume_id: str) -> Shown:
        """The new image as soon as it is promised: its properties are there, and its bytes, which take seconds, are
        not waited for."""
        wish = {"image_name": "of-volume", "disk_format": "raw", "container_format": "bare"}
        status, told = await self.on_volume(volume_id, **{"os-volume_upload_image": wish})
        if status != 202:
            raise Refused(f"the volume could not be uploaded: {status} {told}")
        image = await self.shown_image(told["os-volume_upload_image"]["image_id"])
        self._saw("image", image["id"])
        await self.client.ask("DELETE", "image", f"/v2/images/{image['id']}")
        await self.settle()
        return image

    async def volume_snapshot(self, volume_id: str) -> Shown:
        """A snapshot, available or in error."""
        body = {"snapshot": {"volume_id": volume_id, "name": "snapshot"}}
        made = (await self.client.ask("POST", "volume", "/v3/{project}/snapshots", body))["snapshot"]
        self._saw("snapshot", made["id"])
        await self.settle()
        return dict((await self.client.ask("GET", "volume", f"/v3/{{project}}/snapshots/{made['id']}"))["snapshot"])

    # -- servers

    async def try_server(self, **wish: Any) -> tuple[int, Any]:
        if not self._flavor:
            told = await self.client.ask("GET", "compute", "/v2.1/flavors")
            self._flavor = next(one["id"] for one in told["flavors"] if one["name"] == "m1.tiny")
        body = {"server": {"name": "server", "flavorRef": self._flavor, "networks": "none", **wish}}
        status, told, _ = await self.client.try_to("POST", "compute", "/v2.1/servers", body)
        return status, told

    async def server(self, **wish: Any) -> str:
        """The id of an active server."""
        status, told = await self.try_server(**wish)
        if status != 202:
            raise Refused(f"the server was refused: {status} {told}")
        ident = str(told["server"]["id"])
        await self.client.until("compute", f"/v2.1/servers/{ident}", "server", "ACTIVE", "ERROR")
        return self._saw("server", ident)

    async def server_on(self, volume_id: str) -> str:
        return await self.server(block_device_mapping_v2=[root(volume_id)])

    async def shown_server(self, server_id: str) -> Shown:
        """In the newest version, which shows image properties."""
        _, told, _ = await self.client.try_to("GET", "compute", f"/v2.1/servers/{server_id}", headers=NEWEST)
        return dict(told["server"])

    async def snapshot(self, server_id: str) -> Shown:
        """The image a server became."""
        path = f"/v2.1/servers/{server_id}/action"
        told = await self.client.ask("POST", "compute", path, {"createImage": {"name": "snapshot"}})
        self._saw("image", told["image_id"])
        await self.client.until("image", f"/v2/images/{told['image_id']}", None, "active", "killed")
        await self.client.until("compute", f"/v2.1/servers/{server_id}", "server", "ACTIVE", "ERROR")
        return await self.shown_image(told["image_id"])

    async def rebuild(self, server_id: str, image_id: str) -> None:
        await self.client.ask(
            "POST", "compute", f"/v2.1/servers/{server_id}/action", {"rebuild": {"imageRef": image_id}}
        )
        await self.client.until("compute", f"/v2.1/servers/{server_id}", "server", "ACTIVE", "ERROR")


def root(volume_id: str) -> dict[str, Any]:
    """The block device of a server that boots from a volume."""
    return {"boot_index": 0, "source_type": "volume", "destination_type": "volume", "uuid": volume_id}
