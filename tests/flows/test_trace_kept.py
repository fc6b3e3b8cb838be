"""Lineage and stories outlive the tracer, up to a bound, and are known again by id and by name."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import pytest

from stackwire.contracts.base import Event
from stackwire.contracts.lineage import property_transfer
from stackwire.contracts.volume import DeleteVolume
from stackwire.core.context import RequestContext, system_context
from stackwire.core.ids import new_id
from stackwire.messaging.connect import connect
from stackwire.messaging.memory import MemoryBroker
from stackwire.messaging.notify import Notifier
from stackwire.messaging.rpc import RpcClient
from stackwire.runtime.kept import Restored
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

    async def send(self, event: Event, context: RequestContext | None = None) -> None:
        transport = await connect("memory", name="test", broker=self._broker)
        context = context or RequestContext()
        await Notifier(transport).send(event, context.redacted(), new_id(), "2026-01-01 00:00:00.000000")

    async def order(self, volume: str, context: RequestContext) -> None:
        transport = await connect("memory", name="test", broker=self._broker)
        order = DeleteVolume(volume_id=volume)
        await RpcClient(transport).send(context.to_wire(), order.target, order.method, order.to_args())

    async def captured(
        self, image: str, volume: str, value: str = "scsi", context: RequestContext | None = None
    ) -> None:
        bus = {"hw_disk_bus": value}
        event = property_transfer("volume", "volume.capture", "image", image, "volume", volume, bus, bus)
        await self.send(event, context)

    async def close(self) -> None:
        await self._stack.aclose()


@pytest.fixture
async def bus(postgres: TestDatabase) -> AsyncIterator[Bus]:
    created = Bus(postgres.url("trace"))
    yield created
    await created.close()


async def saved(postgres: TestDatabase) -> list[bytes]:
    """Bodies of messages in the database."""
    return [row["body"] for row in await postgres.rows("trace", "SELECT body FROM trace.messages ORDER BY number")]


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


async def test_a_story_is_the_same_for_the_next_tracer(bus: Bus) -> None:
    """With what no lineage consists of, and under the same numbers, which go on."""
    image, volume, context = new_id(), new_id(), system_context("nova")
    first = await bus.tracer()
    await bus.order(volume, context)
    await bus.captured(image, volume, context=context)
    before = queries.story(first.store, context.request_id)["stories"]
    assert [arrow["name"] for arrow in before[0]["arrows"]] == ["delete_volume", "volume.capture"]
    await first.stop()
    second = await bus.tracer()
    assert queries.story(second.store, context.request_id)["stories"] == before
    await bus.captured(new_id(), new_id())
    numbers = [message.number for message in second.store.messages()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert queries.message(second.store, before[0]["arrows"][0]["number"])["name"] == "delete_volume"
    assert len(second.store.lineage) == 2, "what is saved in both places counts once"


async def test_no_secret_is_saved(bus: Bus, postgres: TestDatabase) -> None:
    tracer = await bus.tracer()
    secret = {"volume_id": new_id(), "adminPass": "planted"}
    await bus.send(Event(exchange="cinder", event_type="volume.x.end", publisher_id="volume.h", payload=secret))
    await tracer.stop()
    (body,) = await saved(postgres)
    assert b"volume.x.end" in body
    assert b"planted" not in body
    (message,) = (await bus.tracer()).store.messages()
    assert message.payload["payload"]["volume_id"] == secret["volume_id"]


async def test_no_more_messages_are_saved_than_the_bounds(bus: Bus, postgres: TestDatabase) -> None:
    tracer = await bus.tracer()
    for _ in range(12):
        await bus.captured(new_id(), new_id())
    await tracer.stop()
    assert len(await saved(postgres)) == 12
    (await bus.tracer(save_messages=5)).store.catch_up()
    assert len(await saved(postgres)) == 5
    await bus.tracer(keep_bytes=2500)
    assert 0 < sum(map(len, await saved(postgres))) <= 2500


async def test_no_story_is_saved_where_none_is_wanted(bus: Bus, postgres: TestDatabase) -> None:
    tracer = await bus.tracer(save_messages=0)
    await bus.captured(new_id(), new_id())
    await tracer.stop()
    assert await saved(postgres) == []
    assert len((await bus.tracer()).store.lineage) == 1


async def test_a_reset_forgets_stories_for_the_next_tracer_too(bus: Bus, postgres: TestDatabase) -> None:
    tracer = await bus.tracer()
    await bus.captured(new_id(), new_id())
    await tracer.kept.flush()
    assert len(await saved(postgres)) == 1
    await tracer.suspend()
    await tracer.kept.restored(Restored(at=datetime.now(UTC), tokens_ended=False))
    await tracer.resume()
    assert await saved(postgres) == []


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
