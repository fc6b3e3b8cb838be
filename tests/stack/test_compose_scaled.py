"""Profile scaled: two APIs and three workers of each service, a hundred journeys at once, while workers and then the
broker are restarted. No request fails, no resource is in error, no notification is lost. `make test-compose` runs it.
"""

import asyncio
import os
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from stackwire.messaging.connect import connect
from stackwire.messaging.notify import Listener, Notification
from support.cloud import JsonClient, log_in
from support.compose import Stack
from support.polling import until

JOURNEYS = int(os.environ.get("JOURNEYS", "100"))
UNDER_WAY = {"queued", "saving", "creating", "downloading", "BUILD"}
pytestmark = [pytest.mark.compose, pytest.mark.slow, pytest.mark.timeout(1800, func_only=True)]

EXPECTED = {
    "image": {"image.create", "image.upload", "image.activate"},
    "volume": {"volume.create.start", "volume.create.end"},
    "server": {"compute.instance.create.start", "compute.instance.create.end"},
}
"""Of each resource of a journey, among others."""


class Consumer:
    """A consumer of notifications with a queue of its own, which is there before anything happens."""

    def __init__(self) -> None:
        self.heard: dict[str, set[str]] = defaultdict(set)

    async def take(self, event: Notification) -> None:
        payload = event.payload
        for key in ("id", "volume_id", "instance_id"):
            if isinstance(payload.get(key), str):
                self.heard[payload[key]].add(event.event_type)

    def lacks(self, made: list[dict[str, str]]) -> list[tuple[str, str, set[str]]]:
        return [
            (kind, ident, EXPECTED[kind] - self.heard[ident])
            for one in made
            for kind, ident in one.items()
            if not EXPECTED[kind] <= self.heard[ident]
        ]


@pytest.fixture
async def consumer(scaled: Stack) -> AsyncIterator[Consumer]:
    consumer = Consumer()
    transport = await connect(scaled.amqp.replace("rabbit://", "amqp://"), name="consumer", timeout_seconds=60)
    listener = Listener(
        transport, ("glance", "cinder", "nova"), "notifications", ("info",), consumer.take, pool="journeys"
    )
    await listener.start()
    yield consumer
    await listener.stop()
    await transport.close()


@pytest.fixture(scope="module")
def scaled(stack: Stack) -> Stack:
    stack.make("up", profiles="scaled")
    return stack


async def settled(client: JsonClient, service: str, path: str, noun: str | None = None) -> Any:
    """The resource when nothing is under way with it."""
    found: Any = None

    async def is_settled() -> bool:
        nonlocal found
        body = (await client.get(service, path)).ok(200).json
        found = body[noun] if noun else body
        return found["status"] not in UNDER_WAY

    await until(is_settled, timeout_seconds=600, interval=1.0)
    return found


async def journey(client: JsonClient, number: int) -> dict[str, str]:
    """A property travels from an image into a volume and a server. Returns the ids."""
    wish: dict[str, Any] = {
        "name": f"disk-{number}",
        "disk_format": "raw",
        "container_format": "bare",
        "journey": str(number),
    }
    image = (await client.post("image", "/v2/images", json=wish)).ok(201).json["id"]
    octets = {"Content-Type": "application/octet-stream"}
    (await client.put("image", f"/v2/images/{image}/file", data=os.urandom(4096), headers=octets)).ok(204)
    assert (await settled(client, "image", f"/v2/images/{image}"))["status"] == "active"

    wish = {"volume": {"size": 1, "name": f"volume-{number}", "imageRef": image}}
    volume = (await client.post("volume", "/v3/{project_id}/volumes", json=wish)).ok(202).json["volume"]["id"]
    found = await settled(client, "volume", f"/v3/{{project_id}}/volumes/{volume}", "volume")
    assert found["status"] == "available"
    assert found["volume_image_metadata"]["journey"] == str(number)

    flavors = (await client.get("compute", "/v2.1/flavors")).ok(200).json["flavors"]
    tiny = next(flavor["id"] for flavor in flavors if flavor["name"] == "m1.tiny")
    wish = {"server": {"name": f"server-{number}", "imageRef": image, "flavorRef": tiny, "networks": "none"}}
    newest = {"OpenStack-API-Version": "compute 2.90"}
    server = (await client.post("compute", "/v2.1/servers", json=wish, headers=newest)).ok(202).json["server"]["id"]
    assert (await settled(client, "compute", f"/v2.1/servers/{server}", "server"))["status"] == "ACTIVE"
    return {"image": image, "volume": volume, "server": server}


def test_there_are_two_apis_and_three_workers_of_each_service(scaled: Stack) -> None:
    states = scaled.inspect("{{.State.Health.Status}}")
    for service in ("image", "volume", "compute"):
        assert len([name for name in states if name.startswith(f"{service}-api")]) == 2
        assert len([name for name in states if name.startswith(f"{service}-worker")]) == 3
    assert len([name for name in states if name.startswith("identity")]) == 2


async def test_a_hundred_journeys_at_once_outlast_restarts_of_workers_and_broker(
    scaled: Stack, consumer: Consumer
) -> None:
    patient = aiohttp.ClientTimeout(total=300)
    async with aiohttp.ClientSession(timeout=patient, connector=aiohttp.TCPConnector(limit=50)) as session:
        admin = await log_in(session, scaled.urls, "admin")
        await widen(admin, (await log_in(session, scaled.urls)).project_id)
        clients = await asyncio.gather(*(log_in(session, scaled.urls) for _ in range(4)))
        under_way = [asyncio.create_task(journey(clients[number % len(clients)], number)) for number in range(JOURNEYS)]

        def share(part: float) -> Any:
            return lambda: sum(task.done() for task in under_way) >= JOURNEYS * part

        try:
            await until(share(0.1), timeout_seconds=900, interval=0.5)
            for worker in ("image-worker", "volume-worker", "compute-worker"):
                await asyncio.to_thread(scaled.run, "docker", "restart", *scaled.containers(worker))
            await until(share(0.4), timeout_seconds=900, interval=0.5)
            await asyncio.to_thread(scaled.run, "docker", "restart", *scaled.containers("rabbitmq"))
            made = await asyncio.gather(*under_way)
        finally:
            for task in under_way:
                task.cancel()
    assert len(made) == JOURNEYS
    await until(lambda: not consumer.lacks(made), timeout_seconds=120, interval=1.0)


async def widen(admin: JsonClient, project: str) -> None:
    """Quotas that a hundred journeys do not meet."""
    wish = {"quota_set": {"volumes": 1000, "gigabytes": 10_000}}
    (await admin.put("volume", f"/v3/{{project_id}}/os-quota-sets/{project}", json=wish)).ok(200)
    wish = {"quota_set": {"instances": 1000, "cores": 1000, "ram": 1_000_000}}
    (await admin.put("compute", f"/v2.1/os-quota-sets/{project}", json=wish)).ok(200)
