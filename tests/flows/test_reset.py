"""A cloud goes back to its beginning: nothing from before is left, and nothing from before happens any more."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from stackwire.cloud.states import copying
from stackwire.cloud.states.states import NoBeginning, States
from support import invariants
from support.builders.images import IMAGE_BYTES, a_queued_image, an_image, upload_image
from support.builders.servers import a_server, from_volume, request_server
from support.builders.volumes import VOLUMES, a_volume
from support.cloud import ACloud, JsonClient, TestCloud, log_in
from support.polling import turns_of_the_loop, until
from support.states import contents

pytestmark = pytest.mark.one_process  # as the admin port has it


@pytest.fixture
async def cloud(a_cloud: ACloud) -> TestCloud:
    return await a_cloud(trace=True)


def files(cloud: TestCloud) -> dict[str, list[str]]:
    return {
        str(path): sorted(str(file.relative_to(folder)) for file in folder.rglob("*"))
        for folder, path in copying.folders(cloud.cloud)
    }


async def a_busy_day(cloud: TestCloud, client: JsonClient) -> None:
    """One of everything, finished."""
    image = await an_image(client, hw_disk_bus="scsi")
    volume = await a_volume(cloud, client, imageRef=image)
    await a_server(cloud, client, block_device_mapping_v2=from_volume(volume))
    await a_server(cloud, client, imageRef=image)
    other = await a_volume(cloud, client)
    body = {"snapshot": {"volume_id": other, "name": "s"}}
    (await client.post("volume", "/v3/{project_id}/snapshots", json=body)).ok(202)
    keypair = {"keypair": {"name": "key"}}
    (await client.post("compute", "/v2.1/os-keypairs", json=keypair)).ok()
    await cloud.settle()


async def test_what_a_day_left_is_as_if_it_had_not_been(cloud: TestCloud, states: States) -> None:
    demo, admin = await cloud.http("demo"), await cloud.http("admin")
    rows, disk = await contents(cloud), files(cloud)

    await a_busy_day(cloud, demo)
    flavor = {"flavor": {"name": "odd", "ram": 64, "vcpus": 1, "disk": 0}}
    (await admin.post("compute", "/v2.1/flavors", json=flavor)).ok(200)
    (await admin.post("volume", "/v3/{project_id}/types", json={"volume_type": {"name": "gold"}})).ok(200)
    (await admin.delete("image", "/v2/metadefs/namespaces/OS::Compute::Watchdog")).ok(403)
    assert await contents(cloud) != rows

    await states.reset()

    await cloud.settle()
    assert await contents(cloud) == rows
    assert files(cloud) == disk
    tracer: Any = cloud.cloud.services["trace"]
    assert [message.name for message in tracer.store.messages()] == []
    assert tracer.store.lineage.resources() == []


async def test_a_day_is_the_same_after_a_reset(cloud: TestCloud, states: States) -> None:
    demo = await cloud.http("demo")
    for _ in range(2):
        await states.reset()
        await a_busy_day(cloud, demo)
        usage = (await demo.get("volume", "/v3/{project_id}/limits")).json["limits"]["absolute"]
        assert (usage["totalVolumesUsed"], usage["totalSnapshotsUsed"]) == (2, 1)
        await invariants.hold_in(cloud.database.admin_url, 5.0)


async def test_work_that_is_under_way_ends_without_a_trace(cloud: TestCloud, states: States) -> None:
    """Each reset is some turns of the loop later than the one before, so that it interrupts the flows elsewhere."""
    demo = await cloud.http("demo")
    rows, disk = await contents(cloud), files(cloud)
    for moment in range(0, 600, 60):
        image = await an_image(demo)
        (await request_server(demo, imageRef=image)).ok(202)
        (await demo.post("volume", VOLUMES, json={"volume": {"size": 1, "imageRef": image}})).ok(202)
        late = asyncio.create_task(request_server(demo, imageRef=image))
        await turns_of_the_loop(moment)

        await states.reset()

        assert (await late).status in (202, 400, 503)
        await states.reset()  # the request may have been let in after the first
        await cloud.settle()
        assert await contents(cloud) == rows, moment
        assert files(cloud) == disk


async def test_an_upload_that_is_cut_off_is_answered_and_its_image_is_no_more(cloud: TestCloud, states: States) -> None:
    demo = await cloud.http("demo")
    image = await a_queued_image(demo)
    sending, going_on = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield IMAGE_BYTES
        sending.set()
        await going_on.wait()
        yield IMAGE_BYTES

    upload = asyncio.create_task(upload_image(demo, image, slow()))
    await sending.wait()
    await until(lambda: cloud_is_saving(demo, image))

    await states.reset()

    going_on.set()
    assert (await upload).status == 503
    await cloud.settle()
    assert (await demo.get("image", "/v2/images")).json["images"] == []
    assert (await upload_image(demo, await a_queued_image(demo), IMAGE_BYTES)).status == 204


async def cloud_is_saving(client: JsonClient, image: str) -> bool:
    return bool((await client.get("image", f"/v2/images/{image}")).json["status"] == "saving")


async def test_a_message_that_waits_is_dropped_and_one_that_comes_later_is_handled(
    cloud: TestCloud, states: States
) -> None:
    broker = cloud.cloud.broker
    assert broker is not None
    demo = await cloud.http("demo")
    await a_volume(cloud, demo)
    assert broker.depth("notifications.info") > 0

    await states.reset()

    assert set(broker.queues().values()) == {0}
    await a_volume(cloud, demo)


async def test_tokens_are_valid_until_users_projects_or_roles_have_changed(cloud: TestCloud, states: States) -> None:
    demo, admin = await cloud.http("demo"), await cloud.http("admin")
    await states.reset()
    assert (await demo.get("image", "/v2/images")).status == 200

    (await admin.post("identity", "/v3/projects", json={"project": {"name": "extra"}})).ok(201)
    await states.reset()

    for service, path in (("image", "/v2/images"), ("volume", VOLUMES), ("compute", "/v2.1/servers")):
        assert (await demo.get(service, path)).status == 401
    assert (await demo.get("identity", "/v3/projects")).status == 401
    async with aiohttp.ClientSession() as session:
        again = await log_in(session, cloud.urls)
        await states.reset()
        assert (await again.get("image", "/v2/images")).status == 200
        assert (await demo.get("image", "/v2/images")).status == 401


async def test_a_cloud_that_was_in_use_before_has_no_beginning(a_cloud: ACloud, tmp_path: Path) -> None:
    first = await a_cloud()
    await an_image(await first.http("demo"))
    late = States(first.cloud, tmp_path / "states")
    await late.begin()
    with pytest.raises(NoBeginning):
        await late.reset()


async def test_a_cloud_that_starts_again_keeps_its_beginning(a_cloud: ACloud, tmp_path: Path) -> None:
    cloud = await a_cloud()
    await States(cloud.cloud, tmp_path / "states").begin()
    await an_image(await cloud.http("demo"))
    later = States(cloud.cloud, tmp_path / "states")
    await later.begin()

    await later.reset()

    assert (await (await cloud.http("demo")).get("image", "/v2/images")).json["images"] == []
    await later.close()
