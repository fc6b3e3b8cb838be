"""A user whom it does not put off that a service is away, and what the stories of killed services begin with."""

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
PATIENCE = 60.0
TINY = "6f2c1d9e-5b7a-4c3d-9e8f-1a2b3c4d5e01"
PAUSE = 0.05
STORES = ("fast", "slow", "spare")
SEVERAL = {"ENABLED_BACKENDS": ",".join(f"{name}:file" for name in STORES), "DEFAULT_BACKEND": STORES[0]}
"""Settings of the image service."""


class Client:
    """One user who does not mind that a service is away for a moment."""

    def __init__(self, client: JsonClient) -> None:
        self._client = client

    async def once(self, method: str, service: str, path: str, **kwargs: Any) -> Answer | None:
        """None when the connection broke: what became of the wish is unknown."""
        try:
            return await self._client.request(method, service, path, **kwargs)
        except (aiohttp.ClientError, ConnectionError):
            return None

    async def get(self, service: str, path: str) -> Answer:
        """Asks until somebody answers."""
        async with asyncio.timeout(PATIENCE):
            while (answer := await self.once("GET", service, path)) is None or answer.status >= 500:
                await asyncio.sleep(PAUSE)
        return answer

    async def made(self, service: str, path: str, noun: str, wish: dict[str, Any], **kwargs: Any) -> str:
        """The id of what the wish made; where that is unknown it is looked for by its name, and wished for again."""
        name = (wish.get(noun) or wish)["name"]
        async with asyncio.timeout(PATIENCE):
            while True:
                answer = await self.once("POST", service, path, json=wish, **kwargs)
                if answer is not None and answer.status in (201, 202):
                    return str((answer.json.get(noun) or answer.json)["id"])
                assert answer is None or answer.status >= 500, answer.body
                found = (await self.get(service, f"{path}?name={name}")).json[f"{noun}s"]
                if found:
                    return str(found[0]["id"])
                await asyncio.sleep(PAUSE)

    async def settled(self, service: str, path: str, noun: str, ends: set[str]) -> dict[str, Any]:
        """The thing once its status is one of these and no task runs on it; {} once it is gone and that is an end."""
        last: Any = None
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    answer = await self.get(service, path)
                    if answer.status == 404 and "gone" in ends:
                        return {}
                    last = answer.json.get(noun) or answer.json
                    if last.get("status") in ends and last.get("OS-EXT-STS:task_state") is None:
                        return dict(last)
                    await asyncio.sleep(PAUSE)
        except TimeoutError:
            raise AssertionError(f"stuck: {last}") from None


class Stage:
    """The processes, a user, an administrator, an eye on all their tables, and what the stories need to begin with."""

    def __init__(self, processes: Processes, client: Client, admin: Client, eye: asyncpg.Connection) -> None:
        self.processes = processes
        self.client = client
        self.admin = admin
        self.eye = eye
        self._images: dict[int, str] = {}

    async def image(self, name: str) -> str:
        wish = {"name": name, "disk_format": "raw", "container_format": "bare", **PROPERTIES}
        return await self.client.made("image", "/v2/images", "image", wish)

    async def full_image(self, which: int = 0) -> str:
        """The same for all stories: nothing they do may change it."""
        if which not in self._images:
            image = await self.image(unique("image"))
            await self.upload(image)
            self._images[which] = image
        return self._images[which]

    async def upload(self, image: str) -> None:
        """Until the image is active with these bytes."""
        headers = {"Content-Type": "application/octet-stream"}
        while True:
            await self.client.once("PUT", "image", f"/v2/images/{image}/file", data=DATA, headers=headers)
            found = await self.client.settled("image", f"/v2/images/{image}", "image", {"queued", "active"})
            if found["status"] == "active":
                assert found["checksum"] == hashlib.md5(DATA).hexdigest()
                assert found["size"] == len(DATA)
                return

    async def import_(self, image: str, **more: Any) -> None:
        """Staged and imported (``more``: into which stores), as often as it takes, until the image has these bytes."""
        path, headers = f"/v2/images/{image}", {"Content-Type": "application/octet-stream"}
        while True:
            found = await self.client.settled("image", path, "image", {"queued", "uploading", "active"})
            if found["status"] == "active":
                assert found["checksum"] == hashlib.md5(DATA).hexdigest()
                if "os_glance_import_task" in found:  # still on its way into other stores
                    await asyncio.sleep(PAUSE)
                    continue
                return
            if found["status"] == "queued":
                await self.client.once("PUT", "image", f"{path}/stage", data=DATA, headers=headers)
            else:
                wish = {"method": {"name": "glance-direct"}, **more}
                await self.client.once("POST", "image", f"{path}/import", json=wish)
            await asyncio.sleep(PAUSE)

    async def copy(self, image: str, **wish: Any) -> None:
        """Copied into all stores, as often as it takes; then each has these bytes."""
        path = f"/v2/images/{image}"
        async with asyncio.timeout(PATIENCE):
            while True:
                found = (await self.client.get("image", path)).json
                assert found["status"] == "active", found
                if "os_glance_import_task" not in found:
                    if len(found["stores"].split(",")) == len(STORES):
                        break
                    order = {"method": {"name": "copy-image"}, "all_stores": True, **wish}
                    await self.admin.once("POST", "image", f"{path}/import", json=order)
                await asyncio.sleep(PAUSE)
        assert (found["os_glance_importing_to_stores"], found["os_glance_failed_import"]) == ("", "")
        await self.check_bytes(image, STORES)

    async def check_bytes(self, image: str, stores: Sequence[str]) -> None:
        """Sooner or later they are in these stores, and nothing of them is anywhere else."""
        root = self.processes.data_dir("image")
        wanted = {(store, hashlib.md5(DATA).hexdigest()) for store in stores}
        async with asyncio.timeout(PATIENCE):
            while True:
                files = [path for path in root.rglob(f"{image}.*") if path.is_file()]
                held = {(path.relative_to(root).parts[1], hashlib.md5(path.read_bytes()).hexdigest()) for path in files}
                if held == wanted and len(files) == len(wanted):
                    return
                await asyncio.sleep(PAUSE)

    async def volume(self, image: str) -> str:
        wish = {"volume": {"name": unique("volume"), "size": 1, "imageRef": image}}
        return await self.client.made("volume", "/v3/{project_id}/volumes", "volume", wish)

    async def full_volume(self) -> str:
        volume = await self.volume(await self.full_image())
        await self.client.settled("volume", volume_path(volume), "volume", {"available"})
        return volume

    async def server(self, source: dict[str, Any]) -> str:
        wish = {"server": {"name": unique("server"), "flavorRef": TINY, "networks": "none", **source}}
        headers = {"OpenStack-API-Version": "compute 2.93"}
        return await self.client.made("compute", "/v2.1/servers", "server", wish, headers=headers)

    async def full_server(self, source: dict[str, Any]) -> str:
        server = await self.server(source)
        await self.client.settled("compute", server_path(server), "server", {"ACTIVE"})
        return server

    async def check_volume(self, volume: str) -> None:
        """Available with every captured property, or in error with none of them."""
        found = await self.client.settled("volume", volume_path(volume), "volume", {"available", "error"})
        metadata = found.get("volume_image_metadata")
        if found["status"] == "error":
            assert not metadata
        else:
            assert metadata is not None
            assert PROPERTIES.items() <= metadata.items()
            assert metadata["size"] == str(len(DATA))

    async def tidy(self) -> None:
        """No servers, snapshots and volumes any more: whatever became of them, they can be deleted."""
        for service, path, noun in (
            ("compute", "/v2.1/servers", "server"),
            ("volume", "/v3/{project_id}/snapshots", "snapshot"),
            ("volume", "/v3/{project_id}/volumes", "volume"),
        ):
            found = (await self.client.get(service, path)).json[f"{noun}s"]
            for one in found:
                answer = await self.client.once("DELETE", service, f"{path}/{one['id']}")
                assert answer is not None
                assert answer.status in (202, 204, 404), answer.body
            for one in found:
                await self.client.settled(service, f"{path}/{one['id']}", noun, {"gone"})

    async def check_image(self, name: str) -> None:
        """There is no image of that name, or each is active, or what is left of a failure holds no bytes."""
        for image in (await self.client.get("image", f"/v2/images?name={name}")).json["images"]:
            ends = {"active", "gone"}
            await self.client.settled("image", f"/v2/images/{image['id']}", "image", ends)


def unique(noun: str) -> str:
    return f"{noun}-{uuid.uuid4().hex[:8]}"


def volume_path(volume: str) -> str:
    return f"/v3/{{project_id}}/volumes/{volume}"


def server_path(server: str) -> str:
    return f"/v2.1/servers/{server}"


def from_volume(volume: str) -> dict[str, Any]:
    device = {"boot_index": 0, "source_type": "volume", "destination_type": "volume", "uuid": volume}
    return {"block_device_mapping_v2": [device]}
