"""A message that two processes of a service take at one moment is carried out once: every request of a journey, calls
too, is published a second time under another id, and RabbitMQ gives it to the other process.

In ``flows/test_second_deliveries.py`` one process takes both, and its locks in memory are on them.
"""

import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import aio_pika
import pytest
from aio_pika.abc import AbstractIncomingMessage

from flows.test_second_deliveries import live
from stackwire.messaging.envelope import unwrap, wrap
from stackwire.messaging.transport import Properties
from support.cloud import ACloud, TestCloud
from support.matrix.stack import EXCHANGES
from support.polling import until
from support.processes import own_vhost
from support.rabbitmq import TestRabbit
from support.second_deliveries import counted

pytestmark = [pytest.mark.rabbitmq, pytest.mark.timeout(600)]

QUIET = 20
"""Looks at both processes, one after the other, at which neither had anything to do: messages are under way between."""
AGAIN = "again"
HOSTS = ("compute-1", "compute-2")
"""A host has one process (``ComputeSettings.share``)."""


class TwoProcesses(TestCloud):
    """The first is asked, either may do it; both are in this loop, with leases and connections of their own."""

    __test__ = False

    def __init__(self, first: TestCloud, second: TestCloud) -> None:
        super().__init__(first.cloud, first.database)
        self._both = first.cloud, second.cloud
        self._quiet = 0

    async def settle(self, timeout: float = 60.0) -> None:
        self._quiet = 0
        await until(self._is_quiet, timeout)

    async def _is_quiet(self) -> bool:
        idle = [await cloud.is_idle() for cloud in self._both]
        self._quiet = self._quiet + 1 if all(idle) else 0
        return self._quiet >= QUIET

    async def close(self) -> None:
        """The processes are not its own."""
        await self._session.close()


@asynccontextmanager
async def doubled(url: str) -> AsyncIterator[Counter[str]]:
    """Each request on the bus is there twice. How often which method was."""
    methods: Counter[str] = Counter()
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        exchanges = {name: await channel.get_exchange(name) for name in EXCHANGES}
        for exchange in exchanges.values():
            await queue.bind(exchange, "#")

        async def see(message: AbstractIncomingMessage) -> None:
            properties = Properties(content_type=message.content_type, content_encoding=message.content_encoding)
            payload = unwrap(message.body, properties)
            if AGAIN in message.headers or "_unique_id" not in payload or "method" not in payload:
                return
            methods[payload["method"]] += 1
            again = wrap({**payload, "_unique_id": f"{random.getrandbits(128):032x}"})
            copy = aio_pika.Message(
                again,
                content_type=message.content_type,
                content_encoding=message.content_encoding,
                headers={AGAIN: True},
            )
            await exchanges[message.exchange or ""].publish(copy, message.routing_key or "", mandatory=False)

        await queue.consume(see, no_ack=True)
        yield methods


async def test_what_two_processes_take_at_one_moment_is_done_once(a_cloud: ACloud, rabbitmq: TestRabbit) -> None:
    with own_vhost(rabbitmq) as url:
        shares = [{"allow_resize_to_same_host": True, "hosts": (host,)} for host in HOSTS]
        clouds = [await a_cloud(amqp_url=url, settings={"compute": share}) for share in shares]
        both = TwoProcesses(*clouds)
        try:
            demo = await both.http()
            counts = [await counted(both)]
            await live(both, demo)
            counts.append(await counted(both))
            async with doubled(url) as methods:
                await live(both, demo)
                counts.append(await counted(both))
        finally:
            await both.close()
            for cloud in clouds:
                await cloud.close()
    assert {"create_attachment", "reserve_block_device_name", "attachment_update", "create_volume"} <= set(methods)
    once, twice = ({key: after[key] - before.get(key, 0) for key in after} for before, after in pairwise(counts))
    assert once.keys() <= twice.keys()
    assert not [f"{key}: {once.get(key)} -> {more}" for key, more in twice.items() if once.get(key) != more]
