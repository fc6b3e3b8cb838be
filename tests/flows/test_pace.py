"""Work that is held back until it is told to go on, work that takes its time, and answers in place of a service."""

from datetime import timedelta

from stackwire.core.clock import Clock
from stackwire.messaging.stand_ins import StandIn
from support.builders.images import an_image
from support.builders.servers import get_server, request_server
from support.builders.volumes import get_volume, request_volume
from support.cloud import ACloud, TestCloud
from support.polling import until


async def held(cloud: TestCloud, method: str) -> None:
    """Until a worker waits with it."""
    await until(lambda: method in [work.method for work in cloud.cloud.pace.held])


async def test_a_volume_is_creating_until_its_worker_is_told(cloud: TestCloud) -> None:
    client = await cloud.http()
    cloud.cloud.pace.set("held")
    first, second = [(await request_volume(client)).ok(202).json["volume"]["id"] for _ in range(2)]
    await until(lambda: len(cloud.cloud.pace.held) == 2)
    assert (await get_volume(client, first))["status"] == "creating"
    assert cloud.cloud.pace.release(about=second) == 1
    await until(lambda: _is(cloud, second, "available"))
    assert (await get_volume(client, first))["status"] == "creating"
    cloud.cloud.pace.set("instant")
    await cloud.settle()
    assert (await get_volume(client, first))["status"] == "available"


async def test_a_server_is_built_as_slowly_as_a_real_one_by_the_clouds_clock(a_cloud: ACloud) -> None:
    clock = Clock()
    cloud = await a_cloud(clock=clock)
    client = await cloud.http()
    image = await an_image(client)
    cloud.cloud.pace.set("realistic", {"build_and_run_instance": 300.0})
    server = (await request_server(client, imageRef=image)).ok(202).json["server"]["id"]
    await held(cloud, "build_and_run_instance")
    assert (await get_server(client, server))["status"] == "BUILD"
    await clock.advance(timedelta(seconds=301))
    await cloud.settle()
    assert (await get_server(client, server))["status"] == "ACTIVE"


async def test_another_answers_in_place_of_the_scheduler(cloud: TestCloud) -> None:
    client = await cloud.http()
    image = await an_image(client)
    stand_in = StandIn(
        "select_destinations", error="nobody is at home", error_class="nova.exception.NoValidHost", count=1
    )
    cloud.cloud.stand_ins.add(stand_in)
    server = (await request_server(client, imageRef=image)).ok(202).json["server"]["id"]
    await cloud.settle()
    shown = await get_server(client, server)
    assert (shown["status"], "nobody is at home" in shown["fault"]["message"]) == ("ERROR", True)
    assert len(stand_in.calls) == 1
    again = (await request_server(client, imageRef=image)).ok(202).json["server"]["id"]
    await cloud.settle()
    assert (await get_server(client, again))["status"] == "ACTIVE"


async def test_a_cast_that_another_takes_never_arrives(cloud: TestCloud) -> None:
    client = await cloud.http()
    stand_in = cloud.cloud.stand_ins.add(StandIn("create_volume", topic="cinder-volume"))
    volume = (await request_volume(client)).ok(202).json["volume"]["id"]
    await cloud.settle()
    assert (await get_volume(client, volume))["status"] == "creating"
    assert [call["volume"]["versioned_object.data"]["id"] for call in stand_in.calls] == [volume]
    cloud.cloud.stand_ins.remove(stand_in.id)
    assert cloud.cloud.stand_ins.all == []


async def _is(cloud: TestCloud, volume: str, status: str) -> bool:
    return (await get_volume(await cloud.http(), volume))["status"] == status
