"""The bus inside one process: the same bytes and the same routing, queued, never delivered inline."""

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Coroutine, Sequence
from contextvars import Context
from dataclasses import dataclass
from typing import Any, Literal

from stackwire.messaging.errors import BusUnavailable, Undeliverable
from stackwire.messaging.transport import (
    STANDARD,
    Address,
    Binding,
    Consumer,
    Deliver,
    Properties,
    Seen,
    Tasks,
    Transport,
    WireRecord,
)

log = logging.getLogger(__name__)

UNREAD_LIMIT = 2_000
"""Messages a queue without consumers keeps; the oldest go first, and are counted."""
LIMIT = 100_000
"""Messages a queue with consumers keeps."""
DELIVERY_LIMIT = 20
"""Deliveries of one message before it is dead-lettered: RabbitMQ 4's default for quorum queues."""
PREFETCH = 64


@dataclass(slots=True)
class _Stored:
    body: bytes
    properties: Properties
    exchange: str
    routing_key: str
    deadline: float | None
    deliveries: int = 0


class _Queue:
    __slots__ = ("consumers", "kind", "name", "scheduled", "waiting")

    def __init__(self, name: str, kind: str) -> None:
        self.name = name
        self.kind = kind
        self.waiting: deque[_Stored] = deque()
        self.consumers: deque[_MemoryConsumer] = deque()
        self.scheduled = False

    def next_free(self) -> "_MemoryConsumer | None":
        """Round robin over those with room."""
        for _ in range(len(self.consumers)):
            consumer = self.consumers[0]
            self.consumers.rotate(-1)
            if len(consumer.unsettled) < consumer.prefetch:
                return consumer
        return None


class MemoryDelivery:
    __slots__ = (
        "_consumer", "_stored", "body", "exchange", "properties", "queue", "redelivered", "routing_key",
    )  # fmt: skip

    def __init__(self, consumer: "_MemoryConsumer", stored: _Stored) -> None:
        self._consumer = consumer
        self._stored = stored
        self.body = stored.body
        self.properties = stored.properties
        self.exchange = stored.exchange
        self.routing_key = stored.routing_key
        self.queue = consumer.queue
        self.redelivered = stored.deliveries > 1

    async def ack(self) -> None:
        self._consumer.settled(self)

    async def reject(self, *, requeue: bool = False) -> None:
        if self._consumer.settled(self):
            self._consumer.broker.rejected(self._consumer.source, self._stored, requeue)


class _MemoryConsumer:
    def __init__(self, broker: "MemoryBroker", tasks: Tasks, source: _Queue, deliver: Deliver, prefetch: int) -> None:
        self.broker = broker
        self.tasks = tasks
        self.source = source
        self.deliver = deliver
        self.prefetch = prefetch or LIMIT
        # A dict keeps the order, so that what goes back at a close goes back in it.
        self.unsettled: dict[int, MemoryDelivery] = {}

    @property
    def queue(self) -> str:
        return self.source.name

    def settled(self, delivery: MemoryDelivery) -> bool:
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


class MemoryBroker:
    """What RabbitMQ does for a vhost: topic, fanout and default exchanges, queues that keep what nobody reads yet.

    ``dropped`` counts by queue what went over its bound, expired, or had no queue at all (key ``""``);
    ``dead`` holds the last 1,000 rejected messages.
    """

    def __init__(
        self, *, unread_limit: int = UNREAD_LIMIT, limit: int = LIMIT, delivery_limit: int = DELIVERY_LIMIT
    ) -> None:
        self.dropped: Counter[str] = Counter()
        self.dead: deque[WireRecord] = deque(maxlen=1_000)
        self._limits = (unread_limit, limit)
        self._delivery_limit = delivery_limit
        self._queues: dict[str, _Queue] = {}
        self._bindings: dict[str, dict[tuple[str, str], None]] = {}
        self._routes: dict[Address, tuple[_Queue, ...]] = {}
        self._watchers: list[Seen] = []
        self._changed = asyncio.Event()
        self._tasks: list[Tasks] = []

    # -- topology

    def declare(self, binding: Binding) -> _Queue:
        queue = self._queues.get(binding.queue)
        if queue is None:
            queue = self._queues[binding.queue] = _Queue(binding.queue, binding.kind)
            self._routes.clear()
        if binding.exchange:
            bound = self._bindings.setdefault(binding.exchange, {})
            key = "#" if binding.exchange_type == "fanout" else binding.routing_key
            if (key, binding.queue) not in bound:
                bound[key, binding.queue] = None
                self._routes.clear()
        return queue

    def delete(self, name: str) -> None:
        if self._queues.pop(name, None) is not None:
            for exchange, bound in self._bindings.items():
                self._bindings[exchange] = {pair: None for pair in bound if pair[1] != name}
            self._routes.clear()

    def depth(self, queue: str) -> int:
        """Messages waiting in a queue; 0 when there is no such queue."""
        return len(self._queues[queue].waiting) if queue in self._queues else 0

    def queues(self) -> dict[str, int]:
        return {name: len(queue.waiting) for name, queue in self._queues.items()}

    def _route(self, address: Address) -> tuple[_Queue, ...]:
        known = self._routes.get(address)
        if known is None:
            known = self._find(address)
            if len(self._routes) > 10_000:
                self._routes.clear()
            if known:
                self._routes[address] = known
        return known

    def _find(self, address: Address) -> tuple[_Queue, ...]:
        if not address.exchange:
            queue = self._queues.get(address.routing_key)
            return () if queue is None else (queue,)
        bound = self._bindings.get(address.exchange, {})
        names = dict.fromkeys(name for pattern, name in bound if topic_matches(pattern, address.routing_key))
        return tuple(self._queues[name] for name in names)

    # -- messages

    def publish(self, address: Address, body: bytes, properties: Properties, *, mandatory: bool) -> None:
        queues = self._route(address)
        if self._watchers:
            kind: Literal["publish", "return", "drop"] = "publish" if queues else "return" if mandatory else "drop"
            self._tell(kind, address.exchange, address.routing_key, tuple(q.name for q in queues), body, properties)
        if not queues:
            if mandatory:
                raise Undeliverable(exchange=address.exchange, routing_key=address.routing_key)
            self.dropped[""] += 1
            return
        expiration = properties.expiration
        deadline = None if expiration is None else time.monotonic() + expiration / 1000
        for queue in queues:
            queue.waiting.append(_Stored(body, properties, address.exchange, address.routing_key, deadline))
            self._bound(queue)
            self.schedule(queue)

    def _bound(self, queue: _Queue) -> None:
        limit = self._limits[1 if queue.consumers else 0]
        while len(queue.waiting) > limit:
            self._drop(queue, queue.waiting.popleft())

    def _drop(self, queue: _Queue, stored: _Stored) -> None:
        self.dropped[queue.name] += 1
        if self._watchers:
            self._tell("drop", stored.exchange, stored.routing_key, (queue.name,), stored.body, stored.properties)

    def schedule(self, queue: _Queue) -> None:
        if queue.waiting and queue.consumers and not queue.scheduled:
            queue.scheduled = True
            asyncio.get_running_loop().call_soon(self._pump, queue, context=Context())

    def _pump(self, queue: _Queue) -> None:
        queue.scheduled = False
        now = time.monotonic()
        while queue.waiting and (consumer := queue.next_free()) is not None:
            stored = queue.waiting.popleft()
            if stored.deadline is not None and stored.deadline < now:
                self._drop(queue, stored)
                continue
            stored.deliveries += 1
            delivery = MemoryDelivery(consumer, stored)
            consumer.unsettled[id(delivery)] = delivery
            if self._watchers:
                self._tell(
                    "deliver", stored.exchange, stored.routing_key, (queue.name,), stored.body, stored.properties,
                    delivery.redelivered,
                )  # fmt: skip
            consumer.tasks.spawn(_run(consumer.deliver, delivery))
        self._changed.set()

    def rejected(self, queue: _Queue, stored: _Stored, requeue: bool) -> None:
        if requeue and stored.deliveries < self._delivery_limit:
            queue.waiting.appendleft(stored)
            self.schedule(queue)
            return
        self.dead.append(
            WireRecord(
                "drop", stored.exchange, stored.routing_key, (queue.name,), stored.body, stored.properties, time.time()
            )
        )

    # -- watching and waiting

    def watch(self, seen: Seen) -> Consumer:
        self._watchers.append(seen)
        return _Watch(self._watchers, seen)

    def _tell(
        self,
        kind: Literal["publish", "deliver", "return", "drop"],
        exchange: str,
        routing_key: str,
        queues: tuple[str, ...],
        body: bytes,
        properties: Properties,
        redelivered: bool = False,
    ) -> None:
        record = WireRecord(kind, exchange, routing_key, queues, body, properties, time.time(), redelivered)
        for seen in tuple(self._watchers):
            try:
                seen(record)
            except Exception:
                log.exception("a watcher of the bus failed")

    def join(self) -> Tasks:
        """The tasks of one more participant; the bus is not idle while any of them runs."""
        self._tasks.append(Tasks(_failed, self._changed.set))
        return self._tasks[-1]

    def leave(self, tasks: Tasks) -> None:
        if tasks in self._tasks:
            self._tasks.remove(tasks)
        self._changed.set()

    @property
    def running(self) -> int:
        """Handlers and other tasks of all participants."""
        return sum(len(tasks) for tasks in self._tasks)

    @property
    def idle(self) -> bool:
        """No handler runs, and no queue that has consumers holds a message."""
        return not self.running and not any(queue.waiting and queue.consumers for queue in self._queues.values())

    async def settle(self, timeout: float = 30.0) -> None:
        """Returns when the bus is idle; TimeoutError, naming what is not, when it does not become so."""
        try:
            async with asyncio.timeout(timeout):
                while not self.idle:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            waiting = {name: depth for name, depth in self.queues().items() if depth}
            raise TimeoutError(f"the bus is not idle: {self.running} handlers, waiting {waiting}") from None


async def _run(deliver: Deliver, delivery: MemoryDelivery) -> None:
    try:
        await deliver(delivery)
    except BaseException:
        await delivery.reject()
        raise


def _failed(error: BaseException) -> None:
    log.error("a task of the bus failed", exc_info=error)


class _Watch:
    queue = "(everything)"

    def __init__(self, watchers: list[Seen], seen: Seen) -> None:
        self._watchers = watchers
        self._seen = seen

    async def cancel(self) -> None:
        if self._seen in self._watchers:
            self._watchers.remove(self._seen)

    close = cancel


class MemoryTransport:
    """One service's place at a MemoryBroker."""

    def __init__(self, broker: MemoryBroker, name: str = "memory") -> None:
        self.broker = broker
        self.name = name
        self._consumers: list[Consumer] = []
        self._open = True
        self._tasks = broker.join()

    async def publish(
        self, address: Address, body: bytes, properties: Properties = STANDARD, *, mandatory: bool = False
    ) -> None:
        self._check_open()
        self.broker.publish(address, body, properties, mandatory=mandatory)

    async def declare(self, binding: Binding) -> None:
        self._check_open()
        self.broker.declare(binding)

    async def consume(
        self, binding: Binding, deliver: Deliver, *, also: Sequence[Binding] = (), prefetch: int | None = None
    ) -> Consumer:
        self._check_open()
        queue = self.broker.declare(binding)
        for other in also:
            self.broker.declare(other)
        unbounded = binding.kind == "reply"
        consumer = _MemoryConsumer(
            self.broker, self._tasks, queue, deliver, LIMIT if unbounded else PREFETCH if prefetch is None else prefetch
        )
        queue.consumers.append(consumer)
        self._consumers.append(consumer)
        self.broker.schedule(queue)
        return consumer

    async def watch(self, seen: Seen) -> Consumer:
        watch = self.broker.watch(seen)
        self._consumers.append(watch)
        return watch

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self._tasks.spawn(work)

    async def settle(self, timeout: float = 30.0) -> None:
        await self.broker.settle(timeout)

    async def close(self) -> None:
        self._open = False
        for consumer in self._consumers:
            await consumer.close()
        self._consumers.clear()
        await self._tasks.cancel()
        self.broker.leave(self._tasks)

    def _check_open(self) -> None:
        if not self._open:
            raise BusUnavailable(url="memory", reason="closed")


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


_: type[Transport] = MemoryTransport
