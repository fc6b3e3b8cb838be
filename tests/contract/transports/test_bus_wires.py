"""RabbitMQ by a wire that is slow, is cut, or is dead and does not say so: what was asked for is done."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import NamedTuple
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from stackwire.messaging.connect import connect
from stackwire.messaging.transport import Delivery, Transport, to_topic, topic_queue
from support.polling import until
from support.rabbitmq import TestRabbit
from support.wires import Wire, a_wire, by_wire

pytestmark = [pytest.mark.rabbitmq, pytest.mark.timeout(120)]
HEARTBEAT_SECONDS = 1


class Peers(NamedTuple):
    """A consumer with a connection of its own, and a sender by the wire."""

    wire: Wire
    sender: Transport
    topic: str
    heard: list[int]

    async def send(self, number: int) -> None:
        await self.sender.publish(to_topic("stackwire", self.topic), json.dumps(number).encode())


@pytest.fixture
async def peers(rabbitmq: TestRabbit) -> AsyncIterator[Peers]:
    topic, heard = f"wire-{uuid4().hex[:8]}", list[int]()

    async def take(delivery: Delivery) -> None:
        heard.append(json.loads(delivery.body))
        await delivery.ack()

    async with a_wire(urlsplit(rabbitmq.url).port or 5672) as wire:
        listener = await connect(rabbitmq.url, name="listener", timeout_seconds=30)
        await listener.consume(topic_queue("stackwire", topic), take)
        url = f"{by_wire(rabbitmq.url, wire)}?heartbeat={HEARTBEAT_SECONDS}"
        sender = await connect(url, name="sender", timeout_seconds=30)
        yield Peers(wire, sender, topic, heard)
        wire.heal()
        await sender.close()
        await listener.close()


async def test_a_slow_wire_is_only_slow(peers: Peers) -> None:
    peers.wire.delay = 0.05
    await asyncio.gather(*(peers.send(number) for number in range(20)))
    await until(lambda: len(peers.heard) >= 20)
    assert sorted(peers.heard) == list(range(20))


async def test_what_is_sent_while_the_wire_is_cut_again_and_again_arrives(peers: Peers) -> None:
    async def cut() -> None:
        for heard in (5, 20, 40):
            await until(lambda heard=heard: len(set(peers.heard)) >= heard, 60)  # type: ignore[misc]  # mypy infers no lambda with a default
            assert peers.wire.cut() >= 1

    async def send_all() -> None:
        for number in range(60):
            await peers.send(number)

    await asyncio.gather(cut(), send_all())
    await until(lambda: set(peers.heard) == set(range(60)), 30)


async def test_a_wire_that_is_dead_and_does_not_say_so_is_noticed_and_left(peers: Peers) -> None:
    await peers.send(1)
    peers.wire.die()
    sending = asyncio.create_task(peers.send(2))
    await until(lambda: bool(peers.wire.accepted > 2), 30)  # both connections were given up, and are tried again
    assert not sending.done()
    peers.wire.heal()
    await sending
    await until(lambda: set(peers.heard) == {1, 2}, 30)
