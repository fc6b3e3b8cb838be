"""The tracer at work on both buses: messages are received and kept on any bus."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from stackwire.contracts.lineage import property_transfer
from stackwire.core.context import RequestContext
from stackwire.core.ids import new_id
from stackwire.messaging.connect import connect
from stackwire.messaging.memory import MemoryBroker
from stackwire.messaging.notify import Notifier
from stackwire.messaging.transport import Transport
from stackwire.trace.app import TraceService, build
from stackwire.trace.settings import TraceSettings
from support.polling import until

Tell = Callable[[str], Awaitable[None]]


@pytest.fixture(params=["memory", pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)])
async def at_a_bus(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Transport, TraceService]]:
    """A place at a bus, and a tracer that watches it."""
    url, broker = "memory", MemoryBroker()
    if request.param == "rabbitmq":
        rabbit = request.getfixturevalue("rabbitmq")
        rabbit.tracing()
        url = rabbit.url
    transport = await connect(url, name="test", broker=broker)
    watching = await connect(url, name="trace", broker=broker)
    service = await build(TraceSettings(port=0, amqp_url=url), transport=watching)
    await service.start()
    yield transport, service
    await service.stop()
    await watching.close()
    await transport.close()


@asynccontextmanager
async def http(service: TraceService) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(service.url) as session:
        yield session


async def captured(transport: Transport, ctx: RequestContext, image: str, volume: str) -> None:
    event = property_transfer(
        "volume", "volume.capture", "image", image, "volume", volume, {"hw_disk_bus": "scsi", "gone": "x"},
        {"hw_disk_bus": "scsi"}, source="cinder/volume/volume_utils.py: get_volume_image_metadata",
    )  # fmt: skip
    await Notifier(transport).send(event, ctx.redacted(), new_id(), "2026-01-01 00:00:00.000000")


async def answer(session: aiohttp.ClientSession, path: str) -> Any:
    """The answer once there is one: a broker tells the tracer in its own time."""

    async def found() -> Any:
        async with session.get(path) as response:
            assert response.status in (200, 404), await response.text()
            return await response.json() if response.status == 200 else None

    return await until(found)


async def test_the_lineage_of_a_transfer_is_found_on_either_bus(at_a_bus: tuple[Transport, TraceService]) -> None:
    transport, service = at_a_bus
    image, volume, ctx = new_id(), new_id(), RequestContext()
    async with http(service) as session:
        await captured(transport, ctx, image, volume)
        document = await answer(session, f"/lineage/{volume}")
    (found,) = document["properties"]
    assert (found["key"], found["value"]) == ("hw_disk_bus", "scsi")
    assert [(step["verdict"], step["rule"]) for step in found["past"]] == [("carried", "volume.capture")]
    assert found["past"][0]["request_id"] == ctx.request_id


async def test_a_story_is_found_by_its_request_and_by_its_resource(at_a_bus: tuple[Transport, TraceService]) -> None:
    transport, service = at_a_bus
    image, volume, ctx = new_id(), new_id(), RequestContext()
    async with http(service) as session:
        await captured(transport, ctx, image, volume)
        for wanted in (ctx.request_id, volume):
            document = await answer(session, f"/stories/{wanted}")
            assert [arrow["kind"] for arrow in document["stories"][0]["arrows"]] == ["crossing"]


async def test_a_listener_receives_messages_as_they_pass(at_a_bus: tuple[Transport, TraceService]) -> None:
    transport, service = at_a_bus
    volume = new_id()
    async with http(service) as session, session.get("/tail", params={"resource": volume}) as tail:
        await tail.content.readuntil(b"\n\n")
        await captured(transport, RequestContext(), new_id(), new_id())
        await captured(transport, RequestContext(), new_id(), volume)
        async with asyncio.timeout(10):
            while not (line := await tail.content.readline()).startswith(b"data: "):
                pass
    assert json.loads(line[6:])["resources"][0] == {"kind": "volume", "id": volume, "name": None}


async def test_an_unknown_story_and_an_unknown_resource_are_404(at_a_bus: tuple[Transport, TraceService]) -> None:
    _, service = at_a_bus
    async with http(service) as session:
        for path in ("/stories/req-none", "/lineage/none"):
            async with session.get(path) as response:
                assert response.status == 404
                assert "none" in (await response.json())["error"]["message"]


@pytest.mark.parametrize("query", ["limit=x", "after=-1", "limit=1e3", "after=" + "9" * 30])
async def test_a_malformed_query_is_400(at_a_bus: tuple[Transport, TraceService], query: str) -> None:
    _, service = at_a_bus
    async with http(service) as session, session.get(f"/messages?{query}") as response:
        assert response.status == 400


async def test_the_tracer_describes_its_bounds_and_is_ready(at_a_bus: tuple[Transport, TraceService]) -> None:
    _, service = at_a_bus
    async with http(service) as session:
        async with session.get("/") as response:
            bounds = (await response.json())["bounds"]
        async with session.get("/healthcheck") as response:
            assert response.status == 200
    assert bounds["messages_limit"] == 20_000
    assert bounds["problem"] is None
