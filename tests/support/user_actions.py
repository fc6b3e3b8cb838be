"""What a user does with images, volumes and servers, one call a step: each returns when its work is done."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from support.cloud import Answer, JsonClient, TestCloud

DISK = b"disk" * 1024
OCTETS = {"Content-Type": "application/octet-stream"}
COMPUTE = {"OpenStack-API-Version": "compute 2.93"}
VOLUME = {"OpenStack-API-Version": "volume 3.70"}
PATIENCE = 60.0
UNDER_WAY = {"queued", "saving", "creating", "downloading", "deleting", "BUILD", "REBUILD"}
Shown = dict[str, Any]


class Steps:
    """One user's. ``ours`` of an image are its custom properties, by what the API shows beside its own attributes."""

    def __init__(self, cloud: TestCloud, client: JsonClient) -> None:
        self.cloud = cloud
        self.client = client

    @classmethod
    async def of(cls, cloud: TestCloud, user: str = "demo") -> "Steps":
        return cls(cloud, await cloud.http(user))

    async def done(self, show: Callable[[str], Awaitable[Shown]], ident: str) -> Shown:
        """The resource, when nothing is under way with it. What is under way on a RabbitMQ, only its state tells."""
        async with asyncio.timeout(PATIENCE):
            while True:
                await self.cloud.settle()
                shown = await show(ident)
                if shown["status"] not in UNDER_WAY and not shown.get("OS-EXT-STS:task_state"):
                    return shown

    # ---- images

    async def image(self, name: str = "disk", data: bytes = DISK, **fields: Any) -> str:
        """The id of a new active raw image with these properties."""
        wish = {"name": name, "disk_format": "raw", "container_format": "bare", **fields}
        made = (await self.client.post("image", "/v2/images", json=wish)).ok(201).json
        (await self.client.put("image", f"/v2/images/{made['id']}/file", data=data, headers=OCTETS)).ok(204)
        return str(made["id"])

    async def shown_image(self, image_id: str) -> Shown:
        shown: Shown = (await self.client.get("image", f"/v2/images/{image_id}")).ok(200).json
        return shown

    async def patch_image(self, image_id: str, **properties: str) -> None:
        kind = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
        patch = [{"op": "add", "path": f"/{key}", "value": value} for key, value in properties.items()]
        (await self.client.patch("image", f"/v2/images/{image_id}", json=patch, headers=kind)).ok(200)

    # ---- volumes

    async def volume(self, **wish: Any) -> str:
        path = "/v3/{project_id}/volumes"
        made = (await self.client.post("volume", path, json={"volume": {"size": 1, **wish}})).ok(202).json["volume"]
        assert (await self.done(self.shown_volume, made["id"]))["status"] == "available"
        return str(made["id"])

    async def shown_volume(self, volume_id: str) -> Shown:
        path = f"/v3/{{project_id}}/volumes/{volume_id}"
        shown: Shown = (await self.client.get("volume", path, headers=VOLUME)).ok(200).json["volume"]
        return shown

    async def on_volume(self, volume_id: str, **action: Any) -> Answer:
        path = f"/v3/{{project_id}}/volumes/{volume_id}/action"
        return await self.client.post("volume", path, json=action, headers=VOLUME)

    async def upload_volume(self, volume_id: str, **wish: Any) -> Shown:
        """The new image, as soon as it is promised: its properties are there, its bytes follow."""
        action = {"image_name": "of-volume", "disk_format": "raw", "container_format": "bare", **wish}
        told = (await self.on_volume(volume_id, **{"os-volume_upload_image": action})).ok(202).json
        return await self.shown_image(told["os-volume_upload_image"]["image_id"])

    async def give_up_upload(self, image_id: str) -> None:
        """A volume has whole gibibytes, which take seconds: whoever has seen the properties need not wait for them."""
        (await self.client.delete("image", f"/v2/images/{image_id}")).ok(204)
        await self.cloud.settle()

    # ---- servers

    async def server(self, **wish: Any) -> str:
        """The id of an active server."""
        told = (await self.ask_server(**wish)).ok(202).json["server"]
        shown = await self.done(self.shown_server, told["id"])
        assert shown["status"] == "ACTIVE", shown.get("fault")
        return str(told["id"])

    async def ask_server(self, **wish: Any) -> Answer:
        body = {
            "server": {
                "name": "server",
                "flavorRef": "6f2c1d9e-5b7a-4c3d-9e8f-1a2b3c4d5e01",
                "networks": "none",
                **wish,
            }
        }
        return await self.client.post("compute", "/v2.1/servers", json=body, headers=COMPUTE)

    async def server_on(self, volume_id: str, **wish: Any) -> str:
        device = {"boot_index": 0, "source_type": "volume", "destination_type": "volume", "uuid": volume_id}
        return await self.server(block_device_mapping_v2=[device], **wish)

    async def shown_server(self, server_id: str) -> Shown:
        path = f"/v2.1/servers/{server_id}"
        shown: Shown = (await self.client.get("compute", path, headers=COMPUTE)).ok(200).json["server"]
        return shown

    async def on_server(self, server_id: str, version: str = "2.93", **action: Any) -> Answer:
        headers = {"OpenStack-API-Version": f"compute {version}"}
        answer = await self.client.post("compute", f"/v2.1/servers/{server_id}/action", json=action, headers=headers)
        await self.done(self.shown_server, server_id)
        return answer

    async def snapshot(self, server_id: str, **wish: Any) -> Shown:
        """The image a server became."""
        told = (await self.on_server(server_id, createImage={"name": "snapshot", **wish})).ok(202).json
        return await self.done(self.shown_image, told["image_id"])

    async def rebuild(self, server_id: str, image_id: str) -> None:
        (await self.on_server(server_id, rebuild={"imageRef": image_id})).ok(202)
        shown = await self.shown_server(server_id)
        assert shown["status"] == "ACTIVE", shown.get("fault")

    async def delete_server(self, server_id: str) -> None:
        (await self.client.delete("compute", f"/v2.1/servers/{server_id}")).ok(204)
        async with asyncio.timeout(PATIENCE):
            while (await self.client.get("compute", f"/v2.1/servers/{server_id}")).status != 404:
                await self.cloud.settle()

    async def recorded(self, server_id: str) -> dict[str, str | None]:
        """The server's own record of its image: the rows of ``instance_system_metadata``."""
        sql = "SELECT key, value FROM instance_system_metadata WHERE instance_uuid = $1"
        return {row["key"]: row["value"] for row in await self.cloud.rows("compute", sql, server_id)}

    async def guest(self, server_id: str) -> str:
        """The guest's definition, which only administrators are shown."""
        admin = await self.cloud.http("admin")
        told = (await admin.get("compute", f"/v2.1/servers/{server_id}/os-stackwire-guest")).ok(200).json
        return str(told["guest"]["domain_xml"])
