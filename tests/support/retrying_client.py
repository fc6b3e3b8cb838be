"""A client that retries while a service is down, and the resources that the tests of killed services start from."""

import asyncio
import hashlib
import os
import uuid
from collections.abc import Sequence
from typing import Any

import aiohttp
import asyncpg

from support.cloud import Answer, JsonClient
from support.processes import Processes

DATA = os.urandom(1024) * 3000
PROPERTIES = {"hw_disk_bus": "scsi", "os_type": "linux", "project_colour": "grün"}
TIMEOUT_SECONDS = 60.0
TINY_FLAVOR = "6f2c1d9e-5b7a-4c3d-9e8f-1a2b3c4d5e01"
RETRY_INTERVAL_SECONDS = 0.05
DELETED = "deleted"
SNAPSHOTS = "/v3/{project_id}/snapshots"
STORES = ("fast", "slow", "spare")
SEVERAL_STORES = {"ENABLED_BACKENDS": ",".join(f"{name}:file" for name in STORES), "DEFAULT_BACKEND": STORES[0]}
"""Settings of the image service."""


class RetryingClient:
    """Requests of one user, repeated while a service does not answer."""

    def __init__(self, client: JsonClient) -> None:
        self._client = client

    async def try_once(self, method: str, service: str, path: str, **kwargs: Any) -> Answer | None:
        """None when the connection broke: whether the request took effect is unknown."""
        try:
            return await self._client.request(method, service, path, **kwargs)
        except (aiohttp.ClientError, ConnectionError):
            return None

    async def get(self, service: str, path: str, **kwargs: Any) -> Answer:
        """Repeats the request until the service answers without a server error."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while (answer := await self.try_once("GET", service, path, **kwargs)) is None or answer.status >= 500:
                await asyncio.sleep(RETRY_INTERVAL_SECONDS)
        return answer

    async def create(
        self, service: str, path: str, noun: str, body: dict[str, Any], *, listed_at: str | None = None, **kwargs: Any
    ) -> str:
        """The id of the created resource; after a broken connection it is looked up by name, else requested again.

        ``listed_at`` is where it is looked up, when that is not where it is created.
        """
        name = (body.get(noun) or body)["name"]
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while True:
                answer = await self.try_once("POST", service, path, json=body, **kwargs)
                if answer is not None and answer.status in (200, 201, 202):
                    return str((answer.json.get(noun) or answer.json)["id"])
                assert answer is None or answer.status >= 500, answer.body
                found = (await self.get(service, f"{listed_at or path}?name={name}")).json[f"{noun}s"]
                if found:
                    return str(found[0]["id"])
                await asyncio.sleep(RETRY_INTERVAL_SECONDS)

    async def wait_for_status(self, service: str, path: str, noun: str, ends: set[str]) -> dict[str, Any]:
        """The resource once its status is one of ``ends`` and no task runs on it; {} when it is ``DELETED``."""
        last: Any = None
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                while True:
                    answer = await self.get(service, path)
                    if answer.status == 404 and DELETED in ends:
                        return {}
                    last = answer.json.get(noun) or answer.json
                    if last.get("status") in ends and last.get("OS-EXT-STS:task_state") is None:
                        return dict(last)
                    await asyncio.sleep(RETRY_INTERVAL_SECONDS)
        except TimeoutError:
            raise AssertionError(f"stuck: {last}") from None


class ProcessCloud:
    """The services as processes, a user, an administrator, and a connection to every service's tables."""

    def __init__(
        self, processes: Processes, client: RetryingClient, admin: RetryingClient, tables: asyncpg.Connection
    ) -> None:
        self.processes = processes
        self.client = client
        self.admin = admin
        self.tables = tables
        self._images: dict[int, str] = {}

    async def image(self, name: str) -> str:
        body = {"name": name, "disk_format": "raw", "container_format": "bare", **PROPERTIES}
        return await self.client.create("image", "/v2/images", "image", body)

    async def active_image(self, which: int = 0) -> str:
        """The id of an active image, shared by all stories: they must not change it."""
        if which not in self._images:
            image = await self.image(unique("image"))
            await self.upload(image)
            self._images[which] = image
        return self._images[which]

    async def upload(self, image: str) -> None:
        """Uploads until the image is active with these bytes."""
        headers = {"Content-Type": "application/octet-stream"}
        while True:
            await self.client.try_once("PUT", "image", f"/v2/images/{image}/file", data=DATA, headers=headers)
            found = await self.client.wait_for_status("image", f"/v2/images/{image}", "image", {"queued", "active"})
            if found["status"] == "active":
                assert found["checksum"] == hashlib.md5(DATA).hexdigest()
                assert found["size"] == len(DATA)
                return

    async def import_staged(self, image: str, **more: Any) -> None:
        """Stages and imports until the image is active; ``more`` are further fields of the import request."""
        path, headers = f"/v2/images/{image}", {"Content-Type": "application/octet-stream"}
        while True:
            found = await self.client.wait_for_status("image", path, "image", {"queued", "uploading", "active"})
            if found["status"] == "active":
                assert found["checksum"] == hashlib.md5(DATA).hexdigest()
                if "os_glance_import_task" in found:  # still being copied into other stores
                    await asyncio.sleep(RETRY_INTERVAL_SECONDS)
                    continue
                return
            if found["status"] == "queued":
                await self.client.try_once("PUT", "image", f"{path}/stage", data=DATA, headers=headers)
            else:
                body = {"method": {"name": "glance-direct"}, **more}
                await self.client.try_once("POST", "image", f"{path}/import", json=body)
            await asyncio.sleep(RETRY_INTERVAL_SECONDS)

    async def copy_to_all_stores(self, image: str, **fields: Any) -> None:
        """Requests copies until every store has these bytes."""
        path = f"/v2/images/{image}"
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while True:
                found = (await self.client.get("image", path)).json
                assert found["status"] == "active", found
                if "os_glance_import_task" not in found:
                    if len(found["stores"].split(",")) == len(STORES):
                        break
                    body = {"method": {"name": "copy-image"}, "all_stores": True, **fields}
                    await self.admin.try_once("POST", "image", f"{path}/import", json=body)
                await asyncio.sleep(RETRY_INTERVAL_SECONDS)
        assert (found["os_glance_importing_to_stores"], found["os_glance_failed_import"]) == ("", "")
        await self.check_bytes(image, STORES)

    async def check_bytes(self, image: str, stores: Sequence[str]) -> None:
        """Waits until the bytes are in exactly these stores."""
        root = self.processes.data_dir("image")
        wanted = {(store, hashlib.md5(DATA).hexdigest()) for store in stores}
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while True:
                files = [path for path in root.rglob(f"{image}.*") if path.is_file()]
                held = {(path.relative_to(root).parts[1], hashlib.md5(path.read_bytes()).hexdigest()) for path in files}
                if held == wanted and len(files) == len(wanted):
                    return
                await asyncio.sleep(RETRY_INTERVAL_SECONDS)

    async def volume(self, image: str, **fields: Any) -> str:
        body = {"volume": {"name": unique("volume"), "size": 1, "imageRef": image, **fields}}
        return await self.client.create("volume", "/v3/{project_id}/volumes", "volume", body)

    async def available_volume(self) -> str:
        volume = await self.volume(await self.active_image())
        await self.client.wait_for_status("volume", volume_path(volume), "volume", {"available"})
        return volume

    async def backup(self, volume: str) -> dict[str, Any]:
        """A new backup of an available volume, when the work on it is finished."""
        body = {"backup": {"name": unique("backup"), "volume_id": volume}}
        backup = await self.client.create("volume", "/v3/{project_id}/backups", "backup", body)
        return await self.client.wait_for_status("volume", backup_path(backup), "backup", {"available", "error"})

    async def server(self, source: dict[str, Any]) -> str:
        body = {"server": {"name": unique("server"), "flavorRef": TINY_FLAVOR, "networks": "none", **source}}
        headers = {"OpenStack-API-Version": "compute 2.93"}
        return await self.client.create("compute", "/v2.1/servers", "server", body, headers=headers)

    async def active_server(self, source: dict[str, Any]) -> str:
        server = await self.server(source)
        await self.client.wait_for_status("compute", server_path(server), "server", {"ACTIVE"})
        return server

    async def check_volume(self, volume: str) -> None:
        """Available with every captured property, or in error with none of them."""
        found = await self.client.wait_for_status("volume", volume_path(volume), "volume", {"available", "error"})
        metadata = found.get("volume_image_metadata")
        if found["status"] == "error":
            assert not metadata
        else:
            assert metadata is not None
            assert PROPERTIES.items() <= metadata.items()
            assert metadata["size"] == str(len(DATA))

    async def delete_everything(self) -> None:
        """Deletes all servers, backups, snapshots and volumes, whatever their status."""
        for service, path, noun in (
            ("compute", "/v2.1/servers", "server"),
            ("volume", "/v3/{project_id}/backups", "backup"),
            ("volume", SNAPSHOTS, "snapshot"),
            ("volume", "/v3/{project_id}/volumes", "volume"),
        ):
            found = (await self.client.get(service, path)).json[f"{noun}s"]
            for resource in found:
                answer = await self.client.try_once("DELETE", service, f"{path}/{resource['id']}")
                assert answer is not None
                goes = answer.status == 400 and noun == "volume"  # with its server, which has been deleted
                assert goes or answer.status in (202, 204, 404), answer.body
            for resource in found:
                await self.client.wait_for_status(service, f"{path}/{resource['id']}", noun, {DELETED})

    async def delete_images(self) -> None:
        """All that the client sees, however many there are and whatever does not answer at first."""
        while images := (await self.client.get("image", "/v2/images?limit=1000")).json["images"]:
            for image in images:
                answer = await self.client.try_once("DELETE", "image", f"/v2/images/{image['id']}")
                assert answer is None or answer.status in (204, 404, 409, 503), answer.body

    async def has_active_image(self, name: str, **expected: Any) -> bool:
        """Whether there is one, when every image of that name is active with these fields, or deleted."""
        active = False
        for image in (await self.client.get("image", f"/v2/images?name={name}")).json["images"]:
            ends = {"active", DELETED}
            found = await self.client.wait_for_status("image", f"/v2/images/{image['id']}", "image", ends)
            assert not found or expected.items() <= found.items(), found
            active = active or bool(found)
        return active

    async def check_image(self, name: str) -> None:
        """Every image of that name is active, or deleted after a failure."""
        for image in (await self.client.get("image", f"/v2/images?name={name}")).json["images"]:
            ends = {"active", DELETED}
            await self.client.wait_for_status("image", f"/v2/images/{image['id']}", "image", ends)

    async def check_snapshots(self) -> None:
        """Every snapshot is made, failed or gone."""
        for snapshot in (await self.client.get("volume", SNAPSHOTS)).json["snapshots"]:
            path, ends = f"{SNAPSHOTS}/{snapshot['id']}", {"available", "error", DELETED}
            await self.client.wait_for_status("volume", path, "snapshot", ends)


def unique(noun: str) -> str:
    return f"{noun}-{uuid.uuid4().hex[:8]}"


def volume_path(volume: str) -> str:
    return f"/v3/{{project_id}}/volumes/{volume}"


def backup_path(backup: str) -> str:
    return f"/v3/{{project_id}}/backups/{backup}"


def server_path(server: str) -> str:
    return f"/v2.1/servers/{server}"


def from_volume(volume: str) -> dict[str, Any]:
    device = {"boot_index": 0, "source_type": "volume", "destination_type": "volume", "uuid": volume}
    return {"block_device_mapping_v2": [device]}
