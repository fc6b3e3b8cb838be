"""Any service may die as by kill -9 at any named moment; started again, every flow ends finished or cleanly failed.

The services are processes of their own on RabbitMQ and PostgreSQL. In each case one of them dies right before or after
a commit, or right after a publish, and is started again; then nothing is stuck, nothing is half captured, and the same
wish made again is fulfilled.
"""

import asyncio
import hashlib
import os
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from stackwire.db.bootstrap import create_database, drop_database
from support.cloud import Answer, JsonClient, log_in
from support.postgres import TestDatabase, TestServer
from support.processes import CRASHED, Processes, own_vhost
from support.rabbitmq import TestRabbit

pytestmark = [pytest.mark.rabbitmq, pytest.mark.slow, pytest.mark.timeout(240)]

DATA = os.urandom(1024) * 3000
PROPERTIES = {"hw_disk_bus": "scsi", "os_type": "linux", "project_colour": "grün"}
PATIENCE = 90.0


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
                await asyncio.sleep(0.1)
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
                await asyncio.sleep(0.1)

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
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"stuck: {last}") from None


class Stage:
    """The processes, a user, and what the stories need to begin with."""

    def __init__(self, processes: Processes, client: Client) -> None:
        self.processes = processes
        self.client = client

    async def image(self, name: str) -> str:
        wish = {"name": name, "disk_format": "raw", "container_format": "bare", **PROPERTIES}
        return await self.client.made("image", "/v2/images", "image", wish)

    async def full_image(self) -> str:
        image = await self.image(unique("image"))
        await self.upload(image)
        return image

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

    async def volume(self, image: str) -> str:
        wish = {"volume": {"name": unique("volume"), "size": 1, "imageRef": image}}
        return await self.client.made("volume", "/v3/{project_id}/volumes", "volume", wish)

    async def full_volume(self) -> str:
        volume = await self.volume(await self.full_image())
        await self.client.settled("volume", volume_path(volume), "volume", {"available"})
        return volume

    async def server(self, source: dict[str, Any]) -> str:
        wish = {"server": {"name": unique("server"), "flavorRef": "6f2c1d9e-5b7a-4c3d-9e8f-1a2b3c4d5e01", "networks": "none", **source}}
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


Finish = Callable[[], Awaitable[None]]
Story = Callable[[Stage], Awaitable[Finish]]
"""Prepares what must be there before the service dies; what it answers makes the wish and checks its end."""


async def an_upload(stage: Stage) -> Finish:
    async def finish() -> None:
        await stage.upload(await stage.image(unique("image")))

    return finish


async def a_volume_from_an_image(stage: Stage) -> Finish:
    image = await stage.full_image()

    async def finish() -> None:
        volume = await stage.volume(image)
        await stage.check_volume(volume)
        await stage.client.once("DELETE", "volume", volume_path(volume))
        await stage.client.settled("volume", volume_path(volume), "volume", {"gone"})

    return finish


async def an_upload_to_image(stage: Stage) -> Finish:
    volume = await stage.full_volume()

    async def finish() -> None:
        name = unique("image")
        wish = {"os-volume_upload_image": {"image_name": name, "disk_format": "raw", "container_format": "bare"}}
        await stage.client.once("POST", "volume", f"{volume_path(volume)}/action", json=wish)
        await stage.client.settled("volume", volume_path(volume), "volume", {"available"})
        await stage.check_volume(volume)
        await stage.check_image(name)

    return finish


async def a_server_from_an_image(stage: Stage) -> Finish:
    image = await stage.full_image()

    async def finish() -> None:
        server = await stage.server({"imageRef": image})
        await stage.client.settled("compute", server_path(server), "server", {"ACTIVE", "ERROR"})
        await stage.client.once("DELETE", "compute", server_path(server))
        await stage.client.settled("compute", server_path(server), "server", {"gone"})

    return finish


async def a_server_from_a_volume(stage: Stage) -> Finish:
    volume = await stage.full_volume()

    async def finish() -> None:
        server = await stage.server(from_volume(volume))
        await stage.client.settled("compute", server_path(server), "server", {"ACTIVE", "ERROR"})
        await stage.client.once("DELETE", "compute", server_path(server))
        await stage.client.settled("compute", server_path(server), "server", {"gone"})
        found = await stage.client.settled("volume", volume_path(volume), "volume", {"available"})
        assert found["attachments"] == []
        await stage.check_volume(volume)

    return finish


async def a_snapshot_of_an_image_backed_server(stage: Stage) -> Finish:
    server = await stage.full_server({"imageRef": await stage.full_image()})
    return snapshot_of(stage, server)


async def a_snapshot_of_a_volume_backed_server(stage: Stage) -> Finish:
    server = await stage.full_server(from_volume(await stage.full_volume()))
    return snapshot_of(stage, server)


def snapshot_of(stage: Stage, server: str) -> Finish:
    async def finish() -> None:
        name = unique("snapshot")
        await stage.client.once(
            "POST", "compute", f"{server_path(server)}/action", json={"createImage": {"name": name}}
        )
        await stage.client.settled("compute", server_path(server), "server", {"ACTIVE"})
        await stage.check_image(name)

    return finish


async def a_rebuild(stage: Stage) -> Finish:
    server = await stage.full_server({"imageRef": await stage.full_image()})
    other = await stage.full_image()

    async def finish() -> None:
        wish = {"rebuild": {"imageRef": other}}
        await stage.client.once("POST", "compute", f"{server_path(server)}/action", json=wish)
        await stage.client.settled("compute", server_path(server), "server", {"ACTIVE", "ERROR"})
        while True:
            again = await stage.client.once("POST", "compute", f"{server_path(server)}/action", json=wish)
            found = await stage.client.settled("compute", server_path(server), "server", {"ACTIVE", "ERROR"})
            if again is not None and again.status == 202:
                break
        assert (found["status"], found["image"]["id"]) == ("ACTIVE", other)

    return finish


CASES: list[tuple[Story, str, str]] = [
    (an_upload, "image", "before_commit:image.activate"),
    (an_upload, "image", "after_commit:image.prepare"),
    (an_upload, "image", "after_commit:image.activate"),
    (an_upload, "image", "after_publish:image.activate"),
    (a_volume_from_an_image, "volume", "before_commit:create_volume"),
    (a_volume_from_an_image, "volume", "after_commit:create_volume"),
    (a_volume_from_an_image, "volume", "after_publish:create_volume"),
    (a_volume_from_an_image, "volume", "after_commit:volume.create.start"),
    (a_volume_from_an_image, "volume", "before_commit:volume.create.end"),
    (a_volume_from_an_image, "volume", "after_commit:volume.create.end"),
    (a_volume_from_an_image, "image", "after_publish:image.send"),
    (an_upload_to_image, "volume", "after_commit:copy_volume_to_image"),
    (an_upload_to_image, "volume", "after_publish:copy_volume_to_image"),
    (an_upload_to_image, "image", "before_commit:image.activate"),
    (a_server_from_an_image, "compute", "after_commit:schedule_and_build_instances"),
    (a_server_from_an_image, "compute", "after_commit:build_and_run_instance"),
    (a_server_from_an_image, "compute", "after_publish:build_and_run_instance"),
    (a_server_from_an_image, "compute", "after_commit:compute.instance.create.start"),
    (a_server_from_an_image, "compute", "before_commit:compute.instance.create.end"),
    (a_server_from_an_image, "compute", "after_commit:compute.instance.create.end"),
    (a_server_from_a_volume, "compute", "after_commit:compute.instance.create.start"),
    (a_server_from_a_volume, "volume", "after_commit:volume.attach.end"),
    (a_snapshot_of_an_image_backed_server, "compute", "after_commit:snapshot_instance"),
    (a_snapshot_of_an_image_backed_server, "compute", "after_commit:compute.instance.snapshot.start"),
    (a_snapshot_of_an_image_backed_server, "image", "after_commit:image.prepare"),
    (a_snapshot_of_a_volume_backed_server, "volume", "after_commit:create_snapshot"),
    (a_snapshot_of_a_volume_backed_server, "volume", "before_commit:snapshot.create.end"),
    (a_rebuild, "compute", "after_commit:rebuild_instance"),
    (a_rebuild, "compute", "after_commit:compute.instance.rebuild.start"),
    (a_rebuild, "compute", "before_commit:compute.instance.rebuild.end"),
]


@pytest.fixture(scope="module")
async def stage(
    postgres_server: TestServer,
    postgres_template: str,
    rabbitmq: TestRabbit,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Stage]:
    folder: Path = tmp_path_factory.mktemp("kill")
    database = TestDatabase(postgres_server, f"{postgres_template}_kill")
    await create_database(postgres_server.admin, database.name, template=postgres_template)
    with own_vhost(rabbitmq) as url:
        processes = Processes(database, url, folder)
        try:
            await processes.start_all()
            async with aiohttp.ClientSession() as session:
                yield Stage(processes, Client(await log_in(session, processes.urls)))
        finally:
            await processes.close()
    await drop_database(postgres_server.admin, database.name)


@pytest.mark.parametrize(
    ("story", "service", "moment"), CASES, ids=[f"{story.__name__}-{moment}" for story, _, moment in CASES]
)
async def test_a_service_that_dies_leaves_nothing_half_done(
    stage: Stage, story: Story, service: str, moment: str
) -> None:
    finish = await story(stage)
    await stage.processes.kill(service)
    await stage.processes.start(service, crash_at=moment)
    ending = asyncio.create_task(finish())
    dying = asyncio.create_task(stage.processes.wait(service))
    try:
        await asyncio.wait((ending, dying), timeout=30, return_when=asyncio.FIRST_COMPLETED)
        died = dying.result() if dying.done() else None
    finally:
        await stage.processes.kill(service)
        await stage.processes.start(service)
    await ending
    assert died == CRASHED, f"{moment} never came; {service} said {stage.processes.log(service)[-2000:]}"
    finish_again = await story(stage)
    await finish_again()


@pytest.mark.parametrize("service", ["identity", "image", "volume", "compute"])
async def test_a_service_killed_at_any_other_time_goes_on(stage: Stage, service: str) -> None:
    finish = await a_server_from_a_volume(stage)
    ending = asyncio.create_task(finish())
    await stage.processes.kill(service)
    await stage.processes.start(service)
    await ending
