"""What scenarios do with images, volumes and servers: one call per step, which returns when its work is done."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from stackwire.cloud.client import Client, Refused

DISK = b"disk" * 1024
OCTETS = {"Content-Type": "application/octet-stream"}
BEFORE_REIMAGE = (2, 92)
WITH_IMAGE_PROPERTIES = (2, 98)
JsonObject = dict[str, Any]


class ScenarioClient:
    """The steps of one user.

    ``others``: the clients of other users in the same cloud. ``settle`` returns when the cloud has no work in progress.
    ``recorded``: the properties of a resource as the tracer knows them, for those no API has.
    ``created``: the resources the scenario created, in order, as ``kind:id``; their lineage is the result.
    """

    def __init__(
        self,
        api: Client,
        settle: Callable[[], Awaitable[None]],
        recorded: Callable[[str, str], Awaitable[dict[str, str | None]]],
        others: "Mapping[str, ScenarioClient] | None" = None,
    ) -> None:
        self.api = api
        self.settle = settle
        self.recorded = recorded
        self._flavor = ""
        self._others = others or {}
        self.created: list[str] = []

    @property
    def other(self) -> "ScenarioClient":
        """The client of a user of another project."""
        return self._others["alt"]

    @property
    def admin(self) -> "ScenarioClient":
        """An administrator's client."""
        return self._others["admin"]

    def _record_created(self, kind: str, ident: str) -> str:
        if (name := f"{kind}:{ident}") not in self.created:
            self.created.append(name)
        return ident

    # -- images

    async def image(self, **fields: Any) -> str:
        """The id of a new active raw image with these properties."""
        request = {"name": "disk", "disk_format": "raw", "container_format": "bare", **fields}
        created = await self.api.request("POST", "image", "/v2/images", request)
        status, _, raw = await self.api.try_request(
            "PUT", "image", f"/v2/images/{created['id']}/file", data=DISK, headers=OCTETS
        )
        if status != 204:
            raise Refused(f"the upload was refused: {status} {raw[:200]!r}")
        return self._record_created("image", str(created["id"]))

    async def imported_image(self) -> str:
        """The id of an image whose data were staged and imported."""
        request = {"name": "disk", "disk_format": "raw", "container_format": "bare"}
        created = await self.api.request("POST", "image", "/v2/images", request)
        path = f"/v2/images/{created['id']}"
        await self.api.try_request("PUT", "image", f"{path}/stage", data=DISK, headers=OCTETS)
        await self.api.request("POST", "image", f"{path}/import", {"method": {"name": "glance-direct"}})
        await self.api.until("image", path, None, "active", "killed")
        return self._record_created("image", str(created["id"]))

    async def get_image(self, image_id: str) -> JsonObject:
        """The image, as in the v2 API."""
        return dict(await self.api.request("GET", "image", f"/v2/images/{image_id}"))

    async def change_image(self, image_id: str, **values: str) -> None:
        """Sets each property, whether it exists or not."""
        patch = [{"op": "add", "path": f"/{key}", "value": value} for key, value in values.items()]
        status, answer = await self.try_change(image_id, *patch)
        if status != 200:
            raise Refused(f"the image could not be changed: {status} {answer}")

    async def try_change(self, image_id: str, *patch: Mapping[str, Any]) -> tuple[int, Any]:
        """The answer to a JSON patch."""
        kind = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
        path = f"/v2/images/{image_id}"
        status, answer, _ = await self.api.try_request("PATCH", "image", path, list(patch), headers=kind)
        return status, answer

    async def image_is_visible(self, image_id: str) -> bool:
        """Whether this user can see the image."""
        status, _, _ = await self.api.try_request("GET", "image", f"/v2/images/{image_id}")
        return status == 200

    # -- volumes

    async def volume(self, **fields: Any) -> str:
        """The id of an available volume."""
        body = {"volume": {"size": 1, **fields}}
        created = (await self.api.request("POST", "volume", "/v3/{project}/volumes", body))["volume"]
        await self.api.until("volume", f"/v3/{{project}}/volumes/{created['id']}", "volume", "available", "error")
        return self._record_created("volume", str(created["id"]))

    async def get_volume(self, volume_id: str) -> JsonObject:
        """The volume, as in the v3 API."""
        return dict((await self.api.request("GET", "volume", f"/v3/{{project}}/volumes/{volume_id}"))["volume"])

    async def image_metadata(self, volume_id: str) -> dict[str, str]:
        """The volume's ``volume_image_metadata``."""
        return dict((await self.get_volume(volume_id)).get("volume_image_metadata") or {})

    async def volume_action(self, volume_id: str, **action: Any) -> tuple[int, Any]:
        """The status and the body of an action."""
        path = f"/v3/{{project}}/volumes/{volume_id}/action"
        status, answer, _ = await self.api.try_request("POST", "volume", path, action)
        return status, answer

    async def upload_volume(self, volume_id: str) -> JsonObject:
        """The new image as soon as the upload is accepted: it has its properties, and its bytes take seconds."""
        request = {"image_name": "of-volume", "disk_format": "raw", "container_format": "bare"}
        status, answer = await self.volume_action(volume_id, **{"os-volume_upload_image": request})
        if status != 202:
            raise Refused(f"the volume could not be uploaded: {status} {answer}")
        image = await self.get_image(answer["os-volume_upload_image"]["image_id"])
        self._record_created("image", image["id"])
        await self.api.request("DELETE", "image", f"/v2/images/{image['id']}")
        await self.settle()
        return image

    async def volume_snapshot(self, volume_id: str) -> JsonObject:
        """A snapshot, available or in error."""
        body = {"snapshot": {"volume_id": volume_id, "name": "snapshot"}}
        created = (await self.api.request("POST", "volume", "/v3/{project}/snapshots", body))["snapshot"]
        self._record_created("snapshot", created["id"])
        await self.settle()
        return dict((await self.api.request("GET", "volume", f"/v3/{{project}}/snapshots/{created['id']}"))["snapshot"])

    async def volume_in_list(self, volume_id: str) -> JsonObject:
        """The volume, as in the detailed list."""
        listed = (await self.api.request("GET", "volume", "/v3/{project}/volumes/detail"))["volumes"]
        return next(entry for entry in listed if entry["id"] == volume_id)

    # -- servers

    async def try_server(self, **fields: Any) -> tuple[int, Any]:
        """Requests an m1.tiny server with these fields: the status and the body."""
        if not self._flavor:
            answer = await self.api.request("GET", "compute", "/v2.1/flavors")
            self._flavor = next(flavor["id"] for flavor in answer["flavors"] if flavor["name"] == "m1.tiny")
        body = {"server": {"name": "server", "flavorRef": self._flavor, **self.api.no_network, **fields}}
        status, answer, _ = await self.api.try_request("POST", "compute", "/v2.1/servers", body)
        return status, answer

    async def server(self, **fields: Any) -> str:
        """The id of an active server."""
        status, answer = await self.try_server(**fields)
        if status != 202:
            raise Refused(f"the server was refused: {status} {answer}")
        ident = str(answer["server"]["id"])
        await self.api.until("compute", f"/v2.1/servers/{ident}", "server", "ACTIVE", "ERROR")
        return self._record_created("server", ident)

    async def server_on(self, volume_id: str) -> str:
        """The id of an active server that booted from the volume."""
        return await self.server(block_device_mapping_v2=[root(volume_id)])

    async def get_server(self, server_id: str) -> JsonObject:
        """The server in microversion 2.98, with its image properties (or in the release's newest)."""
        headers = self.api.compute_headers(WITH_IMAGE_PROPERTIES)
        _, answer, _ = await self.api.try_request("GET", "compute", f"/v2.1/servers/{server_id}", headers=headers)
        return dict(answer["server"])

    async def snapshot(self, server_id: str) -> JsonObject:
        """The image a snapshot of the server created."""
        image_id = self._record_created("image", await self.api.create_image(server_id, "snapshot"))
        await self.api.until("image", f"/v2/images/{image_id}", None, "active", "killed")
        await self.api.until("compute", f"/v2.1/servers/{server_id}", "server", "ACTIVE", "ERROR")
        return await self.get_image(image_id)

    async def rebuild(self, server_id: str, image_id: str) -> None:
        """Rebuilds the server, until it is active or in error."""
        if (status := await self.try_rebuild(server_id, image_id)) != 202:
            raise Refused(f"the rebuild was refused: {status}")

    async def try_rebuild(self, server_id: str, image_id: str) -> int:
        """The status of the answer, before version 2.93; if it was accepted, when the server is active or in error."""
        body, path = {"rebuild": {"imageRef": image_id}}, f"/v2.1/servers/{server_id}/action"
        status, _, _ = await self.api.try_request(
            "POST", "compute", path, body, headers=self.api.compute_headers(BEFORE_REIMAGE)
        )
        await self.api.until("compute", f"/v2.1/servers/{server_id}", "server", "ACTIVE", "ERROR")
        await self.settle()
        return status

    async def rescue(self, server_id: str, image_id: str) -> int:
        """The status of the answer, in the newest version; when the server is rescued, or is not."""
        path, headers = f"/v2.1/servers/{server_id}/action", self.api.compute_headers(WITH_IMAGE_PROPERTIES)
        body = {"rescue": {"rescue_image_ref": image_id}}
        status, _, _ = await self.api.try_request("POST", "compute", path, body, headers=headers)
        await self.settle()
        return status


def root(volume_id: str) -> dict[str, Any]:
    """The block device of a server that boots from a volume."""
    return {"boot_index": 0, "source_type": "volume", "destination_type": "volume", "uuid": volume_id}
