"""What a broker has confirmed outlives it: durable queues, their bindings, and the bounds of unread ones."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from contract.transports.test_rpc import CTX, GetBox, Served, at
from stackwire.contracts.base import Event
from stackwire.messaging.connect import connect
from stackwire.messaging.errors import BusUnavailable, CallTimeout
from stackwire.messaging.notify import Listener, Notification, Notifier
from stackwire.messaging.rpc import RpcClient
from stackwire.messaging.transport import notification_queue
from support.compose import broker_definitions
from support.polling import until
from support.postgres import skip_or_fail
from support.rabbitmq import TestRabbit, start_broker

pytestmark = [pytest.mark.rabbitmq, pytest.mark.slow]
SENT = 400
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def broker() -> Iterator[TestRabbit]:
    try:
        broker, stop = start_broker()
    except Exception as error:
        skip_or_fail(f"no rabbitmq-server to start: {error}")
    yield broker
    stop()


def happened(exchange: str, number: int) -> Event:
    return Event(exchange=exchange, event_type=f"volume.{number}", publisher_id="volume.here", payload={"n": number})


class Heard:
    """A consumer: the default queue, or one of its own."""

    def __init__(self) -> None:
        self.numbers: list[int] = []

    async def take(self, event: Notification) -> None:
        self.numbers.append(event.payload["n"])

    async def listen(self, url: str, exchange: str, pool: str | None) -> Any:
        transport = await connect(url, name="consumer", timeout_seconds=30)
        await Listener(transport, exchange, "notifications", ("info",), self.take, pool).start()
        return transport


async def test_no_confirmed_notification_is_lost_when_the_broker_is_killed(broker: TestRabbit) -> None:
    """Killed in the middle of it; a consumer that was away finds its queue bound as before, and everything in it."""
    assert broker.crash is not None
    url = f"{broker.url}?amqp_durable_queues=true&publish_timeout=90"
    away = await connect(url, name="away", timeout_seconds=30)
    await away.declare(notification_queue("cinder", "notifications", "info", pool="away"))
    await away.close()
    sender = await connect(url, name="sender", timeout_seconds=30)
    notifier, confirmed = Notifier(sender), set[int]()

    async def send(number: int) -> None:
        await notifier.send(happened("cinder", number), {}, f"message-{number}", NOW)
        confirmed.add(number)

    async def send_all() -> None:
        for first in range(0, SENT, 8):
            await asyncio.gather(*(send(number) for number in range(first, first + 8)))

    sending = asyncio.create_task(send_all())
    await until(lambda: len(confirmed) >= SENT / 4, 60)
    await asyncio.to_thread(broker.crash)
    await sending
    assert confirmed == set(range(SENT))
    for pool in ("away", None):
        heard = Heard()
        transport = await heard.listen(url, "cinder", pool)
        await until(lambda heard=heard: confirmed <= set(heard.numbers), 60)  # type: ignore[misc]  # a bound default
        await transport.close()
    await sender.close()


class AskBox(GetBox, repeatable=True):
    """As GetBox, by one who may ask twice."""


async def test_a_call_that_can_be_repeated_outlasts_an_outage_that_is_longer_than_its_time(broker: TestRabbit) -> None:
    assert broker.control is not None
    url = f"{broker.url}?amqp_durable_queues=true"
    served = Served(await connect(url, name="server", timeout_seconds=30), "boxes")
    await served.server.start()
    rpc = RpcClient(await connect(url, name="client", timeout_seconds=30))
    assert (await rpc.call(CTX, at(AskBox(id="before"), "boxes"))).id == "before"
    await asyncio.to_thread(broker.control, "stop_app")
    patient = asyncio.create_task(rpc.call(CTX, at(AskBox(id="during"), "boxes"), timeout=1))
    with pytest.raises((CallTimeout, BusUnavailable)):
        await rpc.call(CTX, at(GetBox(id="once"), "boxes"), timeout=1)
    await asyncio.to_thread(broker.control, "start_app")
    assert (await patient).id == "during"
    await served.server.stop()
    await rpc.close()
    for transport in (served.server._transport, rpc._transport):
        await transport.close()


async def test_a_queue_that_nobody_reads_keeps_the_newest_of_its_bound(broker: TestRabbit) -> None:
    """The policy of the stacks, with a smaller number: other programs declare these queues too, without arguments."""
    assert broker.control is not None
    (policy,) = [one for one in broker_definitions()["policies"] if one["name"] == "notifications"]
    definition = json.dumps({**policy["definition"], "max-length": 5})
    await asyncio.to_thread(
        broker.control, "set_policy", "notifications", policy["pattern"], definition, "--apply-to", policy["apply-to"]
    )
    url = f"{broker.url}?amqp_durable_queues=true"
    sender = await connect(url, name="sender", timeout_seconds=30)
    for number in range(20):
        await Notifier(sender).send(happened("nova", number), {}, f"message-{number}", NOW)
    heard = Heard()
    transport = await heard.listen(url, "nova", None)
    await until(lambda: len(heard.numbers) == 5)
    assert sorted(heard.numbers) == [15, 16, 17, 18, 19]
    await transport.close()
    await sender.close()
