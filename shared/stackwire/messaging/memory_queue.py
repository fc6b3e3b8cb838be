"""Queues of the in-process bus: waiting messages, their consumers, and how topics match."""

import time
from collections import deque
from dataclasses import dataclass
from typing import Literal, Protocol

from stackwire.messaging.transport import Deliver, Properties, Tasks, WireRecord

UNBOUNDED = 1_000_000


class Broker(Protocol):
    """What a consumer needs of its broker."""

    def schedule(self, queue: "Queue") -> None: ...

    def rejected(self, queue: "Queue", stored: "Stored", requeue: bool) -> None: ...

    def delete(self, name: str) -> None: ...


@dataclass(slots=True)
class Stored:
    """One message in a queue. ``deadline`` is in monotonic seconds, None for one that does not expire."""

    body: bytes
    properties: Properties
    exchange: str
    routing_key: str
    deadline: float | None
    deliveries: int = 0
    sent_at: float = 0.0

    def handled(self) -> None:
        """It is not delivered again."""
        if self.properties.handled is not None:
            self.properties.handled()

    def record(self, kind: Literal["deliver", "drop"], queue: "Queue", redelivered: bool = False) -> WireRecord:
        """What an observer gets of it."""
        route = (self.exchange, self.routing_key, (queue.name,))
        return WireRecord(kind, *route, self.body, self.properties, time.time(), redelivered)


class Queue:
    """Waiting messages and their consumers. ``scheduled``: a delivery round is due.

    ``dead_letters``: where a bounded queue's messages go that it cannot keep; None for the other queues.
    """

    __slots__ = ("consumers", "dead_letters", "kind", "max_length", "name", "scheduled", "waiting")

    def __init__(self, name: str, kind: str, max_length: int = 0, dead_letters: "Queue | None" = None) -> None:
        self.name = name
        self.kind = kind
        self.max_length = max_length
        self.dead_letters = dead_letters
        self.waiting: deque[Stored] = deque()
        self.consumers: deque[MemoryConsumer] = deque()
        self.scheduled = False

    def next_free(self) -> "MemoryConsumer | None":
        """The next consumer, round robin, with fewer unsettled deliveries than its prefetch."""
        for _ in range(len(self.consumers)):
            consumer = self.consumers[0]
            self.consumers.rotate(-1)
            if len(consumer.unsettled) < consumer.prefetch:
                return consumer
        return None


class MemoryDelivery:
    """See transport.Delivery."""

    __slots__ = (
        "_consumer",
        "_stored",
        "body",
        "exchange",
        "properties",
        "queue",
        "redelivered",
        "routing_key",
        "sent_at",
    )

    def __init__(self, consumer: "MemoryConsumer", stored: Stored) -> None:
        self._consumer = consumer
        self._stored = stored
        self.body = stored.body
        self.properties = stored.properties
        self.sent_at: float | None = stored.sent_at
        self.exchange = stored.exchange
        self.routing_key = stored.routing_key
        self.queue = consumer.queue
        self.redelivered = stored.deliveries > 1

    async def ack(self) -> None:
        if self._consumer.settled(self):
            self._stored.handled()

    async def reject(self, *, requeue: bool = False) -> None:
        if self._consumer.settled(self):
            self._consumer.broker.rejected(self._consumer.source, self._stored, requeue)


class MemoryConsumer:
    """See transport.Consumer."""

    def __init__(self, broker: Broker, tasks: Tasks, source: Queue, deliver: Deliver, prefetch: int) -> None:
        self.broker = broker
        self.tasks = tasks
        self.source = source
        self.deliver = deliver
        self.prefetch = prefetch or UNBOUNDED
        # A dict keeps the order in which unsettled deliveries are requeued at a close.
        self.unsettled: dict[int, MemoryDelivery] = {}

    @property
    def queue(self) -> str:
        """The queue's name."""
        return self.source.name

    def settled(self, delivery: MemoryDelivery) -> bool:
        """True for the first time a delivery is settled."""
        if self.unsettled.pop(id(delivery), None) is None:
            return False
        self.broker.schedule(self.source)
        return True

    async def cancel(self) -> None:
        if self in self.source.consumers:
            self.source.consumers.remove(self)

    async def close(self) -> None:
        await self.cancel()
        for delivery in reversed(list(self.unsettled.values())):
            await delivery.reject(requeue=True)
        if self.source.kind in ("fanout", "reply") and not self.source.consumers:
            self.broker.delete(self.source.name)


async def run(deliver: Deliver, delivery: MemoryDelivery) -> None:
    """Delivers; a delivery whose handler raised is rejected."""
    try:
        await deliver(delivery)
    except BaseException:
        await delivery.reject()
        raise


def topic_matches(pattern: str, key: str) -> bool:
    """AMQP's topic rule: ``*`` stands for one word, ``#`` for any number of them."""
    if pattern in ("#", key):
        return True
    if "*" not in pattern and "#" not in pattern:
        return False
    return _matches(pattern.split("."), key.split("."))


def _matches(pattern: list[str], words: list[str]) -> bool:
    if not pattern:
        return not words
    if pattern[0] == "#":
        return any(_matches(pattern[1:], words[skipped:]) for skipped in range(len(words) + 1))
    return bool(words) and pattern[0] in ("*", words[0]) and _matches(pattern[1:], words[1:])
