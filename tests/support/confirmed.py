"""Senders that remember what was confirmed to them, while the broker and the database die under them.

Two ways lead to the queue ``audit``: a notification that is published, and one that is committed with a change and sent
by the relay. What was confirmed, or committed, has to arrive; more may.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import aio_pika
from aiormq.exceptions import AMQPError

from stackwire.contracts.base import Event
from stackwire.core.context import system_context
from stackwire.core.errors import ServiceError
from stackwire.core.ids import new_id
from stackwire.db.pool import Database
from stackwire.messaging.connect import connect
from stackwire.messaging.envelope import unwrap
from stackwire.messaging.notify import Notifier
from stackwire.messaging.transport import Properties, notification_queue
from stackwire.runtime.relay import Relay
from stackwire.runtime.sender import BusSender
from support.polling import pass_time
from support.postgres import migrations_of
from support.rabbitmq import Control, keep_queues

EXCHANGE = "cinder"
DURABLE = "?amqp_durable_queues=true&rabbit_quorum_queue=true&publish_timeout=120"
IN_FLIGHT = 8
SCHEMA = "trace"
"""Any service's: the outbox is the same in all."""
WENT_WRONG = (ServiceError, OSError, AMQPError)
WRITTEN = "SELECT payload->>'key' FROM outbox WHERE kind = 'notify'"


def event(key: str) -> Event:
    return Event(exchange=EXCHANGE, event_type="volume.create.end", publisher_id="volume.here", payload={"key": key})


class Senders:
    """``confirmed``: by the broker; ``committed``: by PostgreSQL."""

    def __init__(self, notifier: Notifier, database: Database) -> None:
        self._notifier = notifier
        self._database = database
        self.confirmed: set[str] = set()
        self.committed: set[str] = set()
        self.failed = 0

    async def publish(self, count: int) -> None:
        """Until so many are confirmed."""
        await self._as_many(count, self.confirmed, self._publish)

    async def commit(self, count: int) -> None:
        """Until so many are committed."""
        await self._as_many(count, self.committed, self._commit)

    async def _publish(self, key: str) -> None:
        await self._notifier.send(event(key), {}, key, datetime.now(UTC))

    async def _commit(self, key: str) -> None:
        async with self._database.work(system_context(SCHEMA)) as uow:
            uow.notify(event(key))

    async def _as_many(self, count: int, done: set[str], one: Callable[[str], Awaitable[None]]) -> None:
        async def some() -> None:
            while len(done) < count:
                key = new_id()
                try:
                    await one(key)
                except WENT_WRONG:
                    self.failed += 1
                    await pass_time(0.1)
                else:
                    done.add(key)

        await asyncio.gather(*(some() for _ in range(IN_FLIGHT)))

    async def written(self) -> set[str]:
        """The keys of the changes that the database still has."""
        return {row["?column?"] for row in await self._database.rows(WRITTEN)}

    async def idle(self) -> bool:
        """Whether the relay has sent everything."""
        try:
            return await self._database.unsent() == 0
        except WENT_WRONG:
            return False


@asynccontextmanager
async def senders(amqp_url: str, database_url: str) -> AsyncIterator[Senders]:
    """They, and a relay, until the block ends."""
    database = await Database.open(database_url, schema=SCHEMA, migrations=migrations_of(SCHEMA))
    transport = await connect(amqp_url + DURABLE, name="senders", timeout_seconds=60)
    relay = Relay(database, BusSender(transport))
    await relay.start()
    try:
        yield Senders(Notifier(transport), database)
    finally:
        await relay.stop()
        await transport.close()
        await database.close()


class Audit:
    """A durable queue of the broker that takes every notification; ``url`` may lead to another node each time."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def declare(self, *nodes: Control) -> None:
        """It, and the queue that takes notifications. They outlive ``nodes`` that are killed at any moment from now."""
        await self._declare_audit()
        transport = await connect(self._url + DURABLE, name="declarer", timeout_seconds=60)
        await transport.declare(notification_queue(EXCHANGE, "notifications", "info"))
        await transport.close()
        for control in nodes:
            await asyncio.to_thread(keep_queues, control)

    async def _declare_audit(self) -> None:
        async with await aio_pika.connect(self._url) as connection:
            channel = await connection.channel()
            queue = await channel.declare_queue("audit", durable=True, arguments={"x-queue-type": "quorum"})
            await queue.bind(await channel.declare_exchange(EXCHANGE, "topic", durable=True), "#")

    async def keys(self) -> set[str]:
        """Of what has arrived since the last time."""
        found: set[str] = set()
        async with await aio_pika.connect(self._url) as connection:
            channel = await connection.channel()
            queue = await channel.declare_queue("audit", passive=True)
            while (message := await queue.get(no_ack=True, fail=False)) is not None:
                properties = Properties(content_type=message.content_type, content_encoding=message.content_encoding)
                payload: Any = unwrap(message.body, properties)["payload"]
                found.add(payload["key"])
        return found
