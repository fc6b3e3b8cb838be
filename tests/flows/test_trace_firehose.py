"""RabbitMQ's firehose: switched on where that is possible, switched off again, and done without where it is not."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from stackwire.contracts.lineage import property_transfer
from stackwire.core.context import RequestContext
from stackwire.core.ids import new_id
from stackwire.messaging.connect import connect
from stackwire.messaging.envelope import wrap
from stackwire.messaging.notify import Notifier
from stackwire.messaging.transport import Address, Transport
from stackwire.trace.app import TraceService, build
from stackwire.trace.backends.bus_watch import BusWatch
from stackwire.trace.backends.firehose import FirehoseUnavailable, firehose
from stackwire.trace.domain.message_store import MessageStore
from stackwire.trace.settings import TraceSettings
from support.polling import until
from support.postgres import skip_or_fail
from support.rabbitmq import NoRabbit, start_broker

pytestmark = pytest.mark.rabbitmq


@pytest.fixture
async def bus(rabbitmq: Any) -> AsyncIterator[Transport]:
    """A place at a RabbitMQ whose firehose is off."""
    rabbitmq.tracing()
    rabbitmq.control("trace_off", "-p", rabbitmq.vhost)
    transport = await connect(rabbitmq.url, name="test")
    yield transport
    await transport.close()
    rabbitmq.control("trace_off", "-p", rabbitmq.vhost)


async def is_on(transport: Transport) -> bool:
    watch = BusWatch(transport, MessageStore())
    await watch.start()
    try:
        return await watch.is_receiving()
    finally:
        await watch.close()


async def transfer_seen(service: TraceService, volume: str) -> None:
    def found() -> bool:
        service.store.catch_up()
        return service.store.lineage.find(volume) is not None

    await until(found)


async def test_a_firehose_that_was_enabled_stays_enabled(bus: Transport, rabbitmq: Any) -> None:
    rabbitmq.tracing()
    async with firehose(bus, MessageStore(), rabbitmq.url) as how:
        assert how == "it was on already"
    assert await is_on(bus)


async def test_a_firehose_that_was_disabled_is_disabled_afterwards(bus: Transport, rabbitmq: Any) -> None:
    # Without a rabbitmqctl that belongs to this broker, and without its management API, it cannot be switched.
    with contextlib.suppress(FirehoseUnavailable):
        async with firehose(bus, MessageStore(), rabbitmq.url):
            assert await is_on(bus)
    assert not await is_on(bus)


async def test_lineage_is_found_with_the_firehose_or_without(bus: Transport, rabbitmq: Any) -> None:
    watching = await connect(rabbitmq.url, name="trace")
    service = await build(TraceSettings(port=0, amqp_url=rabbitmq.url), transport=watching)
    await service.start()
    try:
        assert service.store.problem is None or "firehose is off" in service.store.problem
        volume = new_id()
        event = property_transfer(
            "volume", "volume.capture", "image", new_id(), "volume", volume, {"a": "1"}, {"a": "1"}
        )
        ctx = RequestContext()
        await Notifier(bus).send(event, ctx.redacted(), new_id(), "2026-01-01 00:00:00.000000")
        await transfer_seen(service, volume)
    finally:
        await service.stop()
        await watching.close()


@pytest.mark.slow
async def test_a_restarted_broker_is_traced_again_and_the_outage_is_recorded() -> None:
    """Its firehose forgets that it was on."""
    try:
        broker, stop = await asyncio.to_thread(start_broker)
    except (NoRabbit, OSError) as error:
        skip_or_fail(f"no rabbitmq-server to start: {error}")
    try:
        assert broker.control is not None
        await asyncio.to_thread(broker.control, "trace_on")
        transport, store = await connect(broker.url, name="test"), MessageStore()
        switches = SwitchesOf(broker.control)
        async with firehose(transport, store, broker.url, switches=switches):
            await traced(transport, store, "before")
            await asyncio.to_thread(broker.control, "stop_app")
            await asyncio.to_thread(broker.control, "start_app")
            await until(lambda: bool(store.outages), 60)
            await traced(transport, store, "after")
            ((since, back),) = store.outages
            assert 0 < back - since < 60
        await transport.close()
    finally:
        await asyncio.to_thread(stop)


async def traced(transport: Transport, store: MessageStore, method: str) -> None:
    """A message is published, and the tracer receives it."""
    body = wrap({"method": method, "args": {}, "_unique_id": method})
    await transport.publish(Address("stackwire", "nobody", "topic"), body)
    await until(lambda: any(message.name == method for message in store.messages()), 20)


class SwitchesOf:
    """The command of a broker that is not the machine's own."""

    vhost = "/"

    def __init__(self, control: Any) -> None:
        self._control = control

    def all(self) -> list[Any]:
        return [self]

    how = "by its own command"

    async def set_enabled(self, on: bool) -> bool:
        await asyncio.to_thread(self._control, "trace_on" if on else "trace_off")
        return True
