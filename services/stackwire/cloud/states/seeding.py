"""Applies a seed through the APIs' own flows: what is there already, by its name, is left as it is."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp

from stackwire.cloud.client import Client, Refused, logged_in
from stackwire.cloud.cloud import Cloud, seed_password
from stackwire.cloud.datadir import PASSWORD
from stackwire.cloud.states.seed_clients import ADMIN, SeedClients
from stackwire.cloud.states.seed_document import (
    ImageEntry,
    SeedDocument,
    ServerEntry,
    SnapshotEntry,
    VolumeEntry,
    bytes_of,
)
from stackwire.core.errors import BadRequest, ServiceError

GENERATED_CHUNK_BYTES = 1024**2
AGENT = "stackwire-seed"
"""Its name in the tracer."""


class SeedRefused(BadRequest):
    """The seed cannot be applied: {reason}."""


async def apply_seed(cloud: Cloud, document: SeedDocument) -> dict[str, int]:
    """How much of each kind was created. Raises SeedRefused."""
    timeout = aiohttp.ClientTimeout(total=None, sock_read=300)
    try:
        async with aiohttp.ClientSession(timeout=timeout, headers={"User-Agent": AGENT}) as session:
            async with logged_in(cloud.urls, ADMIN, seed_password() or PASSWORD) as admin:
                seeder = _Seeder(cloud, session, admin)
                await seeder.apply(document)
                return dict(seeder.created)
    except (Refused, ServiceError, aiohttp.ClientError, OSError) as error:
        raise SeedRefused(reason=str(error)) from error


async def resources_of(cloud: Cloud, project: str) -> dict[str, str]:
    """The ids of the one image, volume and server of a project, and of the attachment. Raises Refused."""
    async with aiohttp.ClientSession(headers={"User-Agent": AGENT}) as session:
        async with logged_in(cloud.urls, ADMIN, seed_password() or PASSWORD) as admin:
            client = await SeedClients(cloud, session, admin).client(project, None)
        images = (await client.request("GET", "image", f"/v2/images?owner={client.project}"))["images"]
        volumes = (await client.request("GET", "volume", "/v3/{project}/volumes/detail"))["volumes"]
        servers = (await client.request("GET", "compute", "/v2.1/servers"))["servers"]
    return {
        "image": images[0]["id"],
        "volume": volumes[0]["id"],
        "attachment": volumes[0]["attachments"][0]["attachment_id"],
        "server": servers[0]["id"],
    }


class _Seeder(SeedClients):
    """Creates what is missing."""

    async def apply(self, document: SeedDocument) -> None:
        await self._people(document)
        for flavor in document.flavors:
            await self._flavor(flavor.model_dump())
        for volume_type in document.volume_types:
            await self._volume_type(volume_type.model_dump())
        for image in document.images:
            await self._image(image)
        for volume in (each for each in document.volumes if each.snapshot is None):
            await self._volume(volume)
        for snapshot in document.snapshots:
            await self._snapshot(snapshot)
        for volume in (each for each in document.volumes if each.snapshot is not None):
            await self._volume(volume)
        for server in document.servers:
            await self._server(server)

    # -- catalogue

    async def _flavor(self, entry: dict[str, Any]) -> None:
        if await self._flavor_id(entry["name"]) is not None:
            return
        specs, public = entry.pop("properties"), entry.pop("is_public")
        body = {**entry, "id": entry["id"] or "auto", "os-flavor-access:is_public": public}
        flavor = (await self._request("POST", "compute", "/v2.1/flavors", {"flavor": body}))["flavor"]
        self._remember(flavor["id"], "flavor", entry["name"])
        if specs:
            path = f"/v2.1/flavors/{flavor['id']}/os-extra_specs"
            await self._request("POST", "compute", path, {"extra_specs": specs})

    async def _flavor_id(self, name: str) -> str | None:
        if ("flavor", name) not in self.ids:
            for flavor in (await self._request("GET", "compute", "/v2.1/flavors/detail?is_public=none"))["flavors"]:
                self.ids["flavor", flavor["name"]] = flavor["id"]
        return self.ids.get(("flavor", name))

    async def _volume_type(self, entry: dict[str, Any]) -> None:
        listed = (await self._request("GET", "volume", "/v3/{project}/types?is_public=none"))["volume_types"]
        if entry["name"] in {each["name"] for each in listed}:
            return
        body = {"name": entry["name"], "description": entry["description"], "extra_specs": entry["properties"]}
        body["os-volume-type-access:is_public"] = entry["is_public"]
        found = (await self._request("POST", "volume", "/v3/{project}/types", {"volume_type": body}))["volume_type"]
        self._remember(found["id"], "volume_type", entry["name"])

    # -- resources

    async def _image(self, image: ImageEntry) -> None:
        client = await self.client(image.project, image.user)
        if await self._image_id(client, image.project, image.name) is not None:
            return
        fields = {"name", "disk_format", "container_format", "visibility", "min_disk", "min_ram", "protected", "tags"}
        body = {**image.properties, **image.model_dump(include=fields)}
        found = await client.request("POST", "image", "/v2/images", body)
        self._remember(found["id"], "image", image.project, image.name)
        path = f"/v2/images/{found['id']}/file"
        try:
            async with self._bytes_of(image) as chunks:
                if chunks is not None:
                    await client.send_stream(path, chunks)
        except BaseException:
            await client.try_request("DELETE", "image", f"/v2/images/{found['id']}")
            raise

    @asynccontextmanager
    async def _bytes_of(self, image: ImageEntry) -> AsyncIterator[AsyncIterator[bytes] | None]:
        if image.url is not None:
            async with self.session.get(image.url) as response:
                if response.status != 200:
                    raise Refused(f"{image.url}: {response.status}")
                yield response.content.iter_chunked(GENERATED_CHUNK_BYTES)
        elif image.file is not None:
            yield _read(Path(image.file))
        elif image.size is not None:
            yield _generated(bytes_of(image.size), (image.pattern or "\0").encode())
        else:
            yield None

    async def _image_id(self, client: Client, project: str, name: str) -> str | None:
        quoted = quote('"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"', safe="")
        path = f"/v2/images?name=in:{quoted}&owner={client.project}"
        return await self._found(("image", project, name), client, "image", path, "images")

    async def _volume(self, volume: VolumeEntry) -> None:
        client = await self.client(volume.project, volume.user)
        if await self._volume_id(client, volume.project, volume.name) is not None:
            return
        body: dict[str, Any] = {"name": volume.name, "size": volume.size, "metadata": volume.properties}
        if volume.type is not None:
            body["volume_type"] = volume.type
        if volume.image is not None:
            body["imageRef"] = await self._needed(self._any_image_id, client, volume.project, "image", volume.image)
        if volume.snapshot is not None:
            body["snapshot_id"] = await self._needed(
                self._snapshot_id, client, volume.project, "snapshot", volume.snapshot
            )
        if volume.volume is not None:
            body["source_volid"] = await self._needed(self._volume_id, client, volume.project, "volume", volume.volume)
        found = (await client.request("POST", "volume", "/v3/{project}/volumes", {"volume": body}))["volume"]
        self._remember(found["id"], "volume", volume.project, volume.name)
        await client.until("volume", f"/v3/{{project}}/volumes/{found['id']}", "volume", "available", "error")

    async def _volume_id(self, client: Client, project: str, name: str) -> str | None:
        path = f"/v3/{{project}}/volumes?name={quote(name, safe='')}"
        return await self._found(("volume", project, name), client, "volume", path, "volumes")

    async def _snapshot(self, snapshot: SnapshotEntry) -> None:
        client = await self.client(snapshot.project, snapshot.user)
        if await self._snapshot_id(client, snapshot.project, snapshot.name) is not None:
            return
        volume = await self._needed(self._volume_id, client, snapshot.project, "volume", snapshot.volume)
        body = {"name": snapshot.name, "volume_id": volume, "metadata": snapshot.properties}
        found = (await client.request("POST", "volume", "/v3/{project}/snapshots", {"snapshot": body}))["snapshot"]
        self._remember(found["id"], "snapshot", snapshot.project, snapshot.name)
        await client.until("volume", f"/v3/{{project}}/snapshots/{found['id']}", "snapshot", "available", "error")

    async def _snapshot_id(self, client: Client, project: str, name: str) -> str | None:
        path = f"/v3/{{project}}/snapshots?name={quote(name, safe='')}"
        return await self._found(("snapshot", project, name), client, "volume", path, "snapshots")

    async def _server(self, server: ServerEntry) -> None:
        client = await self.client(server.project, server.user)
        path = f"/v2.1/servers?name=%5E{quote(server.name, safe='')}%24"
        if await self._found(("server", server.project, server.name), client, "compute", path, "servers") is not None:
            return
        flavor = await self._flavor_id(server.flavor)
        if flavor is None:
            raise Refused(f"there is no flavor {server.flavor!r}")
        body: dict[str, Any] = {"name": server.name, "flavorRef": flavor, "metadata": server.properties}
        body |= client.no_network
        if server.image is not None:
            body["imageRef"] = await self._needed(self._any_image_id, client, server.project, "image", server.image)
        else:
            volume = await self._needed(self._volume_id, client, server.project, "volume", server.volume or "")
            device = {"boot_index": 0, "source_type": "volume", "destination_type": "volume", "uuid": volume}
            body["block_device_mapping_v2"] = [device]
        found = (await client.request("POST", "compute", "/v2.1/servers", {"server": body}))["server"]
        self._remember(found["id"], "server", server.project, server.name)
        await client.until("compute", f"/v2.1/servers/{found['id']}", "server", "ACTIVE", "ERROR")

    async def _any_image_id(self, client: Client, project: str, name: str) -> str | None:
        """The project's own, or one that it sees."""
        own = await self._image_id(client, project, name)
        quoted = quote('"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"', safe="")
        if own is None:
            found = (await client.request("GET", "image", f"/v2/images?name=in:{quoted}"))["images"]
            return str(found[0]["id"]) if found else None
        return own

    # -- parts

    async def _found(self, key: tuple[str, ...], client: Client, service: str, path: str, root: str) -> str | None:
        if key not in self.ids:
            for each in (await client.request("GET", service, path))[root]:
                if each["name"] == key[-1]:
                    self.ids[key] = each["id"]
        return self.ids.get(key)

    async def _needed(
        self,
        find: Callable[[Client, str, str], Awaitable[str | None]],
        client: Client,
        project: str,
        kind: str,
        name: str,
    ) -> str:
        found = await find(client, project, name)
        if found is None:
            raise Refused(f"the project {project!r} has no {kind} {name!r}")
        return found


async def _read(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := await asyncio.to_thread(file.read, GENERATED_CHUNK_BYTES):
            yield chunk


async def _generated(size: int, pattern: bytes) -> AsyncIterator[bytes]:
    block = pattern * max(1, GENERATED_CHUNK_BYTES // len(pattern))
    for at in range(0, size, len(block)):
        yield block[: size - at]
