"""Lineage outlives the tracer, up to a bound, and is known again by id and by name."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from stackwire.contracts.base import Event
from stackwire.contracts.lineage import property_transfer
from stackwire.core.context import RequestContext
from stackwire.core.ids import new_id
from stackwire.messaging.connect import connect
from stackwire.messaging.memory import MemoryBroker
from stackwire.messaging.notify import Notifier
from stackwire.trace.app import TraceService, build
from stackwire.trace.flows import queries
from stackwire.trace.settings import TraceSettings
from support.postgres import TestDatabase


class Bus:
    """One broker; tracers come and go."""

    def __init__(self, url: str) -> None:
        self._broker = MemoryBroker()
        self._url = url
        self._stack = AsyncExitStack()

    async def tracer(self, **settings: int) -> TraceService:
        transport = await connect("memory", name="trace", broker=self._broker)
        service = await build(TraceSettings(port=0, database_url=self._url, **settings), transport=transport)
        await service.start()
        self._stack.push_async_callback(service.stop)
        return service

    async def send(self, event: Event) -> None:
        transport = await connect("memory", name="test", broker=self._broker)
        await Notifier(transport).send(event, RequestContext().redacted(), new_id(), "2026-01-01 00:00:00.000000")

    async def captured(self, image: str, volume: str, value: str = "scsi") -> None:
        bus = {"hw_disk_bus": value}
        await self.send(property_transfer("volume", "volume.capture", "image", image, "volume", volume, bus, bus))

    async def close(self) -> None:
        await self._stack.aclose()


@pytest.fixture
async def bus(postgres: TestDatabase) -> AsyncIterator[Bus]:
    created = Bus(postgres.url("trace"))
    yield created
    await created.close()


def lineage(tracer: TraceService, wanted: str) -> Any:
    return queries.lineage(tracer.store, wanted)


async def test_a_new_tracer_restores_the_lineage_of_an_earlier_one(bus: Bus) -> None:
    image, volume = new_id(), new_id()
    first = await bus.tracer()
    named = {"volume_id": volume, "display_name": "vol"}
    await bus.send(Event(exchange="cinder", event_type="volume.create.end", publisher_id="volume.h", payload=named))
    await bus.captured(image, volume)
    before = lineage(first, volume)
    await first.stop()
    second = await bus.tracer()
    assert lineage(second, volume) == before
    assert lineage(second, "vol") == before
    server = new_id()
    await bus.send(
        property_transfer(
            "compute", "compute.at_create", "volume", volume, "server", server, {"hw_disk_bus": "scsi"},
            {"image_hw_disk_bus": "scsi"}, prefix="image_",
        )
    )  # fmt: skip
    (found,) = lineage(second, server)["properties"]
    assert [step["from"]["kind"] for step in found["past"]] == ["image", "volume"], "both lives make one way"


async def test_a_new_tracer_finds_what_is_left_of_an_earlier_story(bus: Bus) -> None:
    image, volume = new_id(), new_id()
    first = await bus.tracer()
    await bus.captured(image, volume)
    before = queries.story(first.store, volume)["stories"]
    await first.stop()
    second = await bus.tracer()
    after = queries.story(second.store, volume)["stories"]
    assert [arrow["name"] for arrow in after[0]["arrows"]] == [arrow["name"] for arrow in before[0]["arrows"]]
    assert queries.message(second.store, after[0]["arrows"][0]["number"])["name"] == "volume.capture"
    await bus.captured(new_id(), new_id())
    assert [message.number for message in second.store.messages()] == [1]


async def test_no_more_is_saved_than_the_bound(bus: Bus) -> None:
    tracer = await bus.tracer()
    volumes = [new_id() for _ in range(12)]
    for volume in volumes:
        await bus.captured(new_id(), volume)
    await tracer.stop()
    known = (await bus.tracer(keep_transfers=5)).store.lineage
    assert len(known) == 5
    assert known.find(volumes[-1]) is not None
    assert known.find(volumes[0]) is None


async def test_new_lineage_is_written_once(bus: Bus) -> None:
    for number in range(3):
        tracer = await bus.tracer()
        assert len(tracer.store.lineage) == number
        await bus.captured(new_id(), new_id(), value=str(number))
        await tracer.stop()
    assert len((await bus.tracer()).store.lineage) == 3


async def test_a_deleted_resource_is_deleted_for_the_next_tracer(bus: Bus) -> None:
    image, volume = new_id(), new_id()
    first = await bus.tracer()
    await bus.captured(image, volume)
    ended = {"volume_id": volume}
    await bus.send(Event(exchange="cinder", event_type="volume.delete.end", publisher_id="volume.h", payload=ended))
    assert lineage(first, volume)["gone"]
    await first.stop()
    second = await bus.tracer()
    assert lineage(second, volume)["gone"]
    assert [place["resource"]["id"] for place in queries.where(second.store, "hw_disk_bus")["places"]] == [image]
