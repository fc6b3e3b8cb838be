"""Services with a login each at the broker and a key to sign with, as the stacks of deploy have them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from stackwire.messaging.connect import connect
from stackwire.messaging.errors import BusUnavailable
from stackwire.messaging.transport import Delivery, to_topic, topic_queue
from stackwire.trace.app import build
from stackwire.trace.settings import TraceSettings
from support.builders.images import an_image
from support.cloud import JsonClient, log_in
from support.polling import until
from support.postgres import TestDatabase, skip_or_fail
from support.processes import Processes, own_logins, own_vhost
from support.rabbitmq import TestRabbit
from support.retrying_client import TINY_FLAVOR

pytestmark = [pytest.mark.rabbitmq, pytest.mark.timeout(240)]


@dataclass(frozen=True)
class Bus:
    """``logins``: a URL for each service; ``url``: that of who may everything."""

    url: str
    logins: dict[str, str]


@pytest.fixture(scope="module")
def bus(rabbitmq: TestRabbit) -> Iterator[Bus]:
    if rabbitmq.control is None:
        skip_or_fail("this broker cannot be administered")
    with own_vhost(rabbitmq) as url, own_logins(rabbitmq, url) as logins:
        rabbitmq.control("trace_on", "-p", url.rpartition("/")[2])
        yield Bus(url, logins)


async def has_status(client: JsonClient, service: str, path: str, noun: str, wanted: str) -> None:
    async def is_there() -> bool:
        found = (await client.get(service, path)).ok(200).json
        return str((found[noun] if noun else found)["status"]) == wanted

    await until(is_there, 60)


async def test_the_journey_of_an_image_with_a_login_for_each_service_and_signed_messages(
    bus: Bus, postgres: TestDatabase, tmp_path: Path
) -> None:
    settings = {"BUS_KEY": "0123456789abcdef" * 4, "FAULT_INJECTION": "true"}
    processes = Processes(postgres, "amqp://nobody@127.0.0.1:1/", tmp_path, settings, logins=bus.logins)
    transport = await connect(bus.logins["trace"], name="stackwire-trace")
    tracer = await build(TraceSettings(port=0, amqp_url=bus.logins["trace"]), transport=transport)
    try:
        await tracer.start()
        assert tracer.store.problem is None, "its login may watch a firehose that is on"
        await processes.start_all()
        async with aiohttp.ClientSession() as session:
            demo = await log_in(session, processes.urls)
            image = await an_image(demo)
            request = {"volume": {"size": 1, "imageRef": image}}
            volume = (await demo.post("volume", "/v3/{project_id}/volumes", json=request)).ok(202).json["volume"]["id"]
            await has_status(demo, "volume", f"/v3/{{project_id}}/volumes/{volume}", "volume", "available")
            body = {"server": {"name": "srv", "imageRef": image, "flavorRef": TINY_FLAVOR, "networks": "none"}}
            headers = {"OpenStack-API-Version": "compute 2.37"}
            answer = await demo.post("compute", "/v2.1/servers", json=body, headers=headers)
            server = f"/v2.1/servers/{answer.ok(202).json['server']['id']}"
            await has_status(demo, "compute", server, "server", "ACTIVE")
            await demo.post("compute", f"{server}/action", json={"createImage": {"name": "snapshot"}})
            (saved,) = (await demo.get("image", "/v2/images?name=snapshot")).ok(200).json["images"]
            await has_status(demo, "image", f"/v2/images/{saved['id']}", "", "active")
            ended = {"OpenStack-API-Version": "compute 2.37", "X-Subject-Token": demo.token}
            (await demo.delete("identity", "/v3/auth/tokens", headers=ended)).ok(204)
        names = {message.name for message in tracer.store.messages()}
        assert names >= {"build_and_run_instance", "volume.create.end", "image.activate", "volume.capture"}
        refused = [name for name in processes.running if "ACCESS_REFUSED" in processes.log(name)]
        assert refused == []
    finally:
        await processes.close()
        await tracer.stop()
        await transport.close()


@pytest.mark.parametrize(
    ("service", "exchange", "topic"),
    [
        ("image", "nova", "compute"), ("volume", "glance", "notifications.info"),
        ("compute", "cinder", "cinder-volume"), ("identity", "cinder", "cinder-volume"),
        ("index", "glance", "notifications.info"), ("trace", "nova", "conductor"),
    ],
)  # fmt: skip
async def test_a_service_publishes_to_no_exchange_of_another(bus: Bus, service: str, exchange: str, topic: str) -> None:
    transport = await connect(bus.logins[service], name="test")
    with pytest.raises(BusUnavailable, match="ACCESS"):
        await transport.publish(to_topic(exchange, topic), b"{}")
    await transport.close()


async def test_a_service_takes_nothing_of_anothers_queues(bus: Bus) -> None:
    transport = await connect(bus.logins["image"], name="test")

    async def take(delivery: Delivery) -> None:
        await delivery.ack()

    await transport.consume(topic_queue("stackwire", "image", "host"), take)
    await transport.publish(to_topic("stackwire", "image", "host"), b"{}", mandatory=True)
    assert await transport.problem() == ""
    with pytest.raises(BusUnavailable, match="ACCESS"):
        await transport.consume(topic_queue("cinder", "cinder-volume"), take)
    await transport.close()
