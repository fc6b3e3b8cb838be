"""Any service may die as by kill -9 at any named moment; started again, every flow ends finished or cleanly failed.

The services are processes of their own on RabbitMQ and PostgreSQL. In each case one of them dies right before or after
a commit, or right after a publish, and is started again; then nothing is stuck, nothing is half captured, and the same
wish made again is fulfilled.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest

from stackwire.db.bootstrap import create_database, drop_database
from support import invariants
from support.cloud import log_in
from support.postgres import TestDatabase, TestServer
from support.processes import CRASHED, Processes, own_vhost
from support.rabbitmq import TestRabbit
from support.retrying_client import SEVERAL, STORES, Client, Stage, from_volume, server_path, unique, volume_path

pytestmark = [pytest.mark.rabbitmq, pytest.mark.slow, pytest.mark.timeout(180)]

NEVER = 20.0  # seconds without the moment
SETTLING = 15.0  # seconds after the end of a story
QUICK = {"SWEEP_SECONDS": "0.5", "LEASE_SECONDS": "2.0", "HEARTBEAT_SECONDS": "0.5", "SILENCE_SECONDS": "3"}
"""A dead process is taken for dead soon; how long that takes is no part of what is tried here."""


Finish = Callable[[], Awaitable[None]]
Story = Callable[[Stage], Awaitable[Finish]]
"""Prepares what must be there before the service dies; what it answers makes the wish and checks its end."""


async def an_upload(stage: Stage) -> Finish:
    async def finish() -> None:
        await stage.upload(await stage.image(unique("image")))

    return finish


async def an_import(stage: Stage) -> Finish:
    async def finish() -> None:
        await stage.import_(await stage.image(unique("image")))

    return finish


async def an_import_into_every_store(stage: Stage) -> Finish:
    return imported(stage, stores=STORES)


async def an_import_into_stores_that_may_fail(stage: Stage) -> Finish:
    return imported(stage, stores=STORES, all_stores_must_succeed=False)


def imported(stage: Stage, **wish: Any) -> Finish:
    """In the stores it says it is in and no other; and it can be copied into all of them."""

    async def finish() -> None:
        image = await stage.image(unique("image"))
        await stage.import_(image, **wish)
        found = (await stage.client.get("image", f"/v2/images/{image}")).json
        assert (found["os_glance_importing_to_stores"], found["os_glance_failed_import"]) == (
            "", ",".join(sorted({*STORES} - {*found["stores"].split(",")})),
        )  # fmt: skip
        await stage.check_bytes(image, found["stores"].split(","))
        await stage.copy(image)

    return finish


async def a_copy(stage: Stage) -> Finish:
    return await copied(stage, all_stores_must_succeed=True)


async def a_copy_that_may_fail(stage: Stage) -> Finish:
    return await copied(stage, all_stores_must_succeed=False)


async def copied(stage: Stage, **wish: Any) -> Finish:
    image = await stage.image(unique("image"))
    await stage.upload(image)

    async def finish() -> None:
        await stage.copy(image, **wish)

    return finish


async def a_volume_from_an_image(stage: Stage) -> Finish:
    image = await stage.full_image()

    async def finish() -> None:
        volume = await stage.volume(image)
        await stage.check_volume(volume)

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
    return rebuild_of(stage, await stage.full_server({"imageRef": await stage.full_image()}), await stage.full_image(1))


async def a_rebuild_of_a_volume_backed_server(stage: Stage) -> Finish:
    volume = await stage.full_volume()
    other = await stage.full_image(1)
    rebuild = rebuild_of(stage, await stage.full_server(from_volume(volume)), other)

    async def finish() -> None:
        await rebuild()
        found = await stage.client.settled("volume", volume_path(volume), "volume", {"in-use"})
        assert found["volume_image_metadata"]["image_id"] == other

    return finish


def rebuild_of(stage: Stage, server: str, image: str) -> Finish:
    async def finish() -> None:
        path, wish = f"{server_path(server)}/action", {"rebuild": {"imageRef": image}}
        version = {"OpenStack-API-Version": "compute 2.93"}
        await stage.client.once("POST", "compute", path, json=wish, headers=version)
        while True:
            await stage.client.settled("compute", server_path(server), "server", {"ACTIVE", "ERROR"})
            again = await stage.client.once("POST", "compute", path, json=wish, headers=version)
            found = await stage.client.settled("compute", server_path(server), "server", {"ACTIVE", "ERROR"})
            if again is not None and again.status == 202:
                break
        assert found["status"] == "ACTIVE", found

    return finish


async def an_attachment(stage: Stage) -> Finish:
    server, volume = await stage.full_server({"imageRef": await stage.full_image()}), await stage.full_volume()
    path = f"{server_path(server)}/os-volume_attachments"

    async def finish() -> None:
        found: dict[str, Any] = {}
        while found.get("status") != "in-use":
            await stage.client.once("POST", "compute", path, json={"volumeAttachment": {"volumeId": volume}})
            found = await stage.client.settled("volume", volume_path(volume), "volume", {"available", "in-use"})
        assert [one["server_id"] for one in found["attachments"]] == [server]
        listed = (await stage.client.get("compute", path)).json["volumeAttachments"]
        assert [one["volumeId"] for one in listed] == [volume]
        await stage.client.once("DELETE", "compute", f"{path}/{volume}")
        await stage.client.settled("volume", volume_path(volume), "volume", {"available"})

    return finish


CASES: list[tuple[Story, str, str]] = [
    (an_upload, "image", "before_commit:image.activate"),
    (an_upload, "image", "after_commit:image.prepare"),
    (an_upload, "image", "after_commit:image.activate"),
    (an_upload, "image", "after_publish:image.activate"),
    (an_import, "image", "before_commit:run_task"),
    (an_import, "image", "after_commit:run_task"),
    (an_import, "image", "after_publish:run_task"),
    (an_import, "image", "after_commit:task.processing"),
    (an_import, "image", "before_commit:task.success"),
    (an_import, "image", "after_commit:task.success"),
    (an_import_into_every_store, "image", "before_commit:image.upload"),
    (an_import_into_every_store, "image", "after_commit:image.upload"),
    (an_import_into_every_store, "image", "before_commit:image.activate"),
    (an_import_into_every_store, "image", "after_commit:image.activate"),
    (an_import_into_stores_that_may_fail, "image", "before_commit:image.activate"),
    (an_import_into_stores_that_may_fail, "image", "after_commit:image.activate"),
    (an_import_into_stores_that_may_fail, "image", "after_publish:image.activate"),
    (an_import_into_stores_that_may_fail, "image", "before_commit:task.success"),
    (a_copy, "image", "after_commit:task.processing"),
    (a_copy, "image", "before_commit:image.upload"),
    (a_copy, "image", "after_commit:image.upload"),
    (a_copy, "image", "before_commit:task.success"),
    (a_copy_that_may_fail, "image", "before_commit:image.upload"),
    (a_copy_that_may_fail, "image", "after_commit:image.upload"),
    (a_copy_that_may_fail, "image", "before_commit:task.success"),
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
    (an_attachment, "volume", "after_commit:volume.attach.start"),
    (an_attachment, "compute", "before_commit:attach_volume"),
    (an_attachment, "compute", "after_commit:attach_volume"),
    (an_attachment, "compute", "after_publish:attach_volume"),
    (an_attachment, "compute", "before_commit:instance.volume_attach.end"),
    (a_snapshot_of_an_image_backed_server, "compute", "after_commit:snapshot_instance"),
    (a_snapshot_of_an_image_backed_server, "compute", "after_commit:compute.instance.snapshot.start"),
    (a_snapshot_of_an_image_backed_server, "image", "after_commit:image.prepare"),
    (a_snapshot_of_a_volume_backed_server, "volume", "after_commit:create_snapshot"),
    (a_snapshot_of_a_volume_backed_server, "volume", "before_commit:snapshot.create.end"),
    (a_snapshot_of_a_volume_backed_server, "image", "before_commit:image.activate"),
    (a_rebuild, "compute", "after_commit:rebuild_instance"),
    (a_rebuild, "compute", "after_commit:compute.instance.rebuild.start"),
    (a_rebuild, "compute", "before_commit:compute.instance.rebuild.end"),
    (a_rebuild_of_a_volume_backed_server, "compute", "after_commit:compute.instance.rebuild.start"),
    (a_rebuild_of_a_volume_backed_server, "compute", "before_commit:compute.instance.rebuild.end"),
    (a_rebuild_of_a_volume_backed_server, "volume", "after_commit:reimage"),
    (a_rebuild_of_a_volume_backed_server, "volume", "before_commit:volume.attach.start"),
]


LAST_MOMENT = {story: moment for story, _, moment in CASES}


@pytest.fixture(scope="module")
async def processes_stage(
    postgres_server: TestServer,
    postgres_template: str,
    rabbitmq: TestRabbit,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Stage]:
    folder: Path = tmp_path_factory.mktemp("kill")
    database = TestDatabase(postgres_server, f"{postgres_template}_kill")
    await create_database(postgres_server.admin, database.name, template=postgres_template)
    eye = await asyncpg.connect(database.admin_url)
    with own_vhost(rabbitmq) as url:
        processes = Processes(database, url, folder, {**QUICK, **SEVERAL})
        try:
            await processes.start_all()
            async with aiohttp.ClientSession() as session:
                users = [Client(await log_in(session, processes.urls, name)) for name in ("demo", "admin")]
                yield Stage(processes, *users, eye)
        finally:
            await processes.close()
            await eye.close()
    await drop_database(postgres_server.admin, database.name)


@pytest.fixture
async def stage(processes_stage: Stage) -> AsyncIterator[Stage]:
    """Whatever the test left can be deleted, and is; before and after that, all that must hold does."""
    yield processes_stage
    await invariants.hold(processes_stage.eye, SETTLING)
    await processes_stage.tidy()
    await invariants.hold(processes_stage.eye, SETTLING)


@pytest.mark.parametrize(
    ("story", "service", "moment"), CASES, ids=[f"{story.__name__}-{moment}" for story, _, moment in CASES]
)
async def test_a_service_that_dies_leaves_nothing_half_done(
    stage: Stage, story: Story, service: str, moment: str
) -> None:
    finish = await story(stage)
    stage.processes.doom(service, moment)
    ending = asyncio.create_task(finish())
    try:
        async with asyncio.timeout(NEVER):
            died = await stage.processes.wait(service)
    except TimeoutError:
        pytest.fail(f"{moment} never came; {service} said {stage.processes.log(service)[-2000:]}")
    finally:
        stage.processes.doom(service, "")
        await stage.processes.kill(service)
        await stage.processes.start(service)
        await ending
    assert died == CRASHED
    if moment == LAST_MOMENT[story]:  # after every other moment the next one's story shows it
        finish_again = await story(stage)
        await finish_again()


@pytest.mark.parametrize("service", ["identity", "image", "volume", "compute"])
async def test_a_service_killed_at_any_other_time_goes_on(stage: Stage, service: str) -> None:
    finish = await a_server_from_a_volume(stage)
    ending = asyncio.create_task(finish())
    await stage.processes.kill(service)
    await stage.processes.start(service)
    await ending
