"""The same on RabbitMQ: what waits in its queues, or is on its way, is dropped with the rest."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from stackwire.cloud.states.states import States
from support.builders.images import an_image
from support.builders.servers import a_server, request_server
from support.builders.volumes import VOLUMES
from support.cloud import ACloud, TestCloud
from support.polling import turns_of_the_loop
from support.processes import own_vhost
from support.rabbitmq import TestRabbit

pytestmark = [pytest.mark.rabbitmq, pytest.mark.timeout(180)]


@pytest.fixture
async def cloud(a_cloud: ACloud, rabbitmq: TestRabbit) -> AsyncIterator[TestCloud]:
    with own_vhost(rabbitmq) as url:
        if rabbitmq.control is not None:
            rabbitmq.control("trace_on", "-p", url.rpartition("/")[2])
        cloud = await a_cloud(amqp_url=url, trace=True)
        yield cloud
        await cloud.close()


async def test_nothing_of_before_happens_after_a_reset(cloud: TestCloud, tmp_path: Path) -> None:
    demo = await cloud.http("demo")
    states = States(cloud.cloud, tmp_path / "states")
    await states.begin()
    for moment in (0, 100, 300, 900):
        image = await an_image(demo)
        for _ in range(3):
            (await request_server(demo, imageRef=image)).ok(202)
            (await demo.post("volume", VOLUMES, json={"volume": {"size": 1, "imageRef": image}})).ok(202)
        await turns_of_the_loop(moment)

        await states.reset()

        await cloud.settle()
        assert (await demo.get("image", "/v2/images")).json["images"] == []
        assert (await demo.get("volume", VOLUMES)).json["volumes"] == []
        assert (await demo.get("compute", "/v2.1/servers")).json["servers"] == []
    tracer: Any = cloud.cloud.services["trace"]
    assert {message.name for message in tracer.store.messages() if message.kind != "http"} == set()
    await a_server(cloud, demo, imageRef=await an_image(demo))
    await states.close()
