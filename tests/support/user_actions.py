"""What a user does with images, volumes and servers: each method returns when the work it started is finished."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from support.cloud import Answer, JsonClient, TestCloud

DISK = b"disk" * 1024
OCTETS = {"Content-Type": "application/octet-stream"}
NEWEST = (2, 93)
VOLUME = {"OpenStack-API-Version": "volume 3.70"}
IDLE_TIMEOUT_SECONDS = 60.0
TRANSIENT_STATUSES = {"queued", "saving", "creating", "downloading", "deleting", "BUILD", "REBUILD"}
Resource = dict[str, Any]


class UserActions:
    """The actions of one user of one cloud."""

    def __init__(self, cloud: TestCloud, client: JsonClient) -> None:
        self.cloud = cloud
        self.client = client
        self._newest: tuple[int, int] | None = None

    async def compute_version(self, wanted: tuple[int, int] = NEWEST) -> tuple[int, int]:
        """The wanted microversion, or the newest of the cloud's release."""
        if self._newest is None:
            versions = (await self.client.get("compute", "/")).ok(200).json["versions"]
            major, minor = next(each["version"] for each in versions if each["version"]).split(".")
            self._newest = int(major), int(minor)
        return min(wanted, self._newest)

    async def _headers(self, wanted: tuple[int, int] = NEWEST) -> dict[str, str]:
        major, minor = await self.compute_version(wanted)
        return {"OpenStack-API-Version": f"compute {major}.{minor}"}

    @classmethod
    async def of(cls, cloud: TestCloud, user: str = "demo") -> "UserActions":
        return cls(cloud, await cloud.http(user))

    async def wait_until_idle(self, get: Callable[[str], Awaitable[Resource]], resource_id: str) -> Resource:
        """The resource once its status is not transient: on RabbitMQ only the status shows that work is done."""
        async with asyncio.timeout(IDLE_TIMEOUT_SECONDS):
            while True:
                await self.cloud.settle()
                resource = await get(resource_id)
                if resource["status"] not in TRANSIENT_STATUSES and not resource.get("OS-EXT-STS:task_state"):
                    return resource

    # ---- images

    async def image(self, name: str = "disk", data: bytes = DISK, **fields: Any) -> str:
        """The id of a new active raw image with these properties."""
        body = {"name": name, "disk_format": "raw", "container_format": "bare", **fields}
        created = (await self.client.post("image", "/v2/images", json=body)).ok(201).json
        (await self.client.put("image", f"/v2/images/{created['id']}/file", data=data, headers=OCTETS)).ok(204)
        return str(created["id"])

    async def get_image(self, image_id: str) -> Resource:
        image: Resource = (await self.client.get("image", f"/v2/images/{image_id}")).ok(200).json
        return image

    async def patch_image(self, image_id: str, **properties: str) -> None:
        headers = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
        patch = [{"op": "add", "path": f"/{key}", "value": value} for key, value in properties.items()]
        (await self.client.patch("image", f"/v2/images/{image_id}", json=patch, headers=headers)).ok(200)

    # ---- volumes

    async def volume(self, **fields: Any) -> str:
        path = "/v3/{project_id}/volumes"
        created = (
            (await self.client.post("volume", path, json={"volume": {"size": 1, **fields}})).ok(202).json["volume"]
        )
        assert (await self.wait_until_idle(self.get_volume, created["id"]))["status"] == "available"
        return str(created["id"])

    async def get_volume(self, volume_id: str) -> Resource:
        path = f"/v3/{{project_id}}/volumes/{volume_id}"
        volume: Resource = (await self.client.get("volume", path, headers=VOLUME)).ok(200).json["volume"]
        return volume

    async def volume_action(self, volume_id: str, **action: Any) -> Answer:
        path = f"/v3/{{project_id}}/volumes/{volume_id}/action"
        return await self.client.post("volume", path, json=action, headers=VOLUME)

    async def upload_volume(self, volume_id: str, **fields: Any) -> Resource:
        """The new image as soon as the upload is accepted: it has its properties, its bytes follow."""
        action = {"image_name": "of-volume", "disk_format": "raw", "container_format": "bare", **fields}
        answer = (await self.volume_action(volume_id, **{"os-volume_upload_image": action})).ok(202).json
        return await self.get_image(answer["os-volume_upload_image"]["image_id"])

    async def abort_upload(self, image_id: str) -> None:
        """Deletes the image: a volume's whole gibibytes take seconds, and a test of properties does not need them."""
        (await self.client.delete("image", f"/v2/images/{image_id}")).ok(204)
        await self.cloud.settle()

    # ---- servers

    async def server(self, **fields: Any) -> str:
        """The id of an active server."""
        accepted = (await self.request_server(**fields)).ok(202).json["server"]
        server = await self.wait_until_idle(self.get_server, accepted["id"])
        assert server["status"] == "ACTIVE", server.get("fault")
        return str(server["id"])

    async def request_server(self, **fields: Any) -> Answer:
        body = {
            "server": {
                "name": "server",
                "flavorRef": "6f2c1d9e-5b7a-4c3d-9e8f-1a2b3c4d5e01",
                **({"networks": "none"} if await self.compute_version() >= (2, 37) else {}),
                **fields,
            }
        }
        return await self.client.post("compute", "/v2.1/servers", json=body, headers=await self._headers())

    async def server_from_volume(self, volume_id: str, **fields: Any) -> str:
        device = {"boot_index": 0, "source_type": "volume", "destination_type": "volume", "uuid": volume_id}
        return await self.server(block_device_mapping_v2=[device], **fields)

    async def get_server(self, server_id: str) -> Resource:
        path = f"/v2.1/servers/{server_id}"
        server: Resource = (
            (await self.client.get("compute", path, headers=await self._headers())).ok(200).json["server"]
        )
        return server

    async def server_action(self, server_id: str, version: str = "2.93", **action: Any) -> Answer:
        major, minor = version.split(".")
        headers = await self._headers((int(major), int(minor)))
        answer = await self.client.post("compute", f"/v2.1/servers/{server_id}/action", json=action, headers=headers)
        await self.wait_until_idle(self.get_server, server_id)
        return answer

    async def snapshot(self, server_id: str, **fields: Any) -> Resource:
        """A new active image of the server."""
        answer = (await self.server_action(server_id, createImage={"name": "snapshot", **fields})).ok(202)
        image_id = answer.json["image_id"] if answer.json else answer.headers["Location"].rpartition("/")[2]
        return await self.wait_until_idle(self.get_image, image_id)

    async def rebuild(self, server_id: str, image_id: str) -> None:
        (await self.server_action(server_id, rebuild={"imageRef": image_id})).ok(202)
        server = await self.get_server(server_id)
        assert server["status"] == "ACTIVE", server.get("fault")

    async def delete_server(self, server_id: str) -> None:
        (await self.client.delete("compute", f"/v2.1/servers/{server_id}")).ok(204)
        async with asyncio.timeout(IDLE_TIMEOUT_SECONDS):
            while (await self.client.get("compute", f"/v2.1/servers/{server_id}")).status != 404:
                await self.cloud.settle()

    async def system_metadata(self, server_id: str) -> dict[str, str | None]:
        """The rows of ``instance_system_metadata``: what the server keeps of its image."""
        sql = "SELECT key, value FROM instance_system_metadata WHERE instance_uuid = $1"
        return {row["key"]: row["value"] for row in await self.cloud.rows("compute", sql, server_id)}

    async def guest(self, server_id: str) -> str:
        """The guest's domain XML, which only an administrator may read."""
        admin = await self.cloud.http("admin")
        answer = (await admin.get("compute", f"/v2.1/servers/{server_id}/os-stackwire-guest")).ok(200).json
        return str(answer["guest"]["domain_xml"])
