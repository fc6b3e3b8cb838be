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
from stackwire.messaging.memory import MemoryBroker, MemoryTransport
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


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8790", 200),
        ("localhost", 200),
        ("[::1]:8790", 200),
        ("trace:8790", 200),
        ("tracer.example.org", 200),
        ("rebound.example.com:8790", 400),
        ("127.0.0.1.example.com", 400),
    ],
)
async def test_a_page_that_leads_its_own_name_here_reads_nothing(host: str, status: int) -> None:
    transport = MemoryTransport(MemoryBroker())
    service = TraceService(TraceSettings(port=0, allowed_hosts="tracer.example.org"), transport)  # type: ignore[arg-type]  # text
    await service.start()
    async with aiohttp.ClientSession() as session:
        for path, expected in (("/messages", status), ("/healthcheck", 200)):
            async with session.get(f"{service.url}{path}", headers={"Host": host}) as answer:
                assert answer.status == expected, await answer.text()
    await service.stop()
    await transport.close()


@pytest.mark.parametrize("path", ["/tail", "/tail?changes=true"])
async def test_a_stream_that_nobody_reads_is_closed(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stackwire.trace.http.messages.UNREAD_SECONDS", 0.05)
    monkeypatch.setattr("stackwire.trace.http.messages.CHANGE_SECONDS", 0.0)
    monkeypatch.setattr("stackwire.trace.http.messages._event", lambda number, view: b"x" * 2**20)
    transport = MemoryTransport(MemoryBroker())
    service = TraceService(TraceSettings(port=0), transport)
    await service.start()
    port = int(service.url.rsplit(":", 1)[1])
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert await reader.readexactly(8) == b"HTTP/1.1"
    assert service._api is not None

    async def closed() -> bool:
        await captured(transport, RequestContext(), new_id(), new_id())
        return service._api is not None and service._api.connections == 0

    await until(closed, 20)
    writer.close()
    await service.stop()
    await transport.close()
