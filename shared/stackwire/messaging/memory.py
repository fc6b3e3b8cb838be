"""The bus inside one process: the same bytes and the same routing, queued, never delivered inline."""

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Coroutine, Sequence
from contextvars import Context
from typing import Any, Literal

from stackwire.messaging.errors import BusUnavailable, Undeliverable
from stackwire.messaging.memory_queue import (
    UNBOUNDED,
    MemoryConsumer,
    MemoryDelivery,
    Queue,
    Stored,
    run,
    topic_matches,
)
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
        self._queues: dict[str, Queue] = {}
        self._bindings: dict[str, dict[tuple[str, str], None]] = {}
        self._routes: dict[Address, tuple[Queue, ...]] = {}
        self._watchers: list[Seen] = []
        self._changed = asyncio.Event()
        self._tasks: list[Tasks] = []

    # -- topology

    def declare(self, binding: Binding) -> Queue:
        queue = self._queues.get(binding.queue)
        if queue is None:
            queue = self._queues[binding.queue] = Queue(binding.queue, binding.kind)
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

    def _route(self, address: Address) -> tuple[Queue, ...]:
        known = self._routes.get(address)
        if known is None:
            known = self._find(address)
            if len(self._routes) > 10_000:
                self._routes.clear()
            if known:
                self._routes[address] = known
        return known

    def _find(self, address: Address) -> tuple[Queue, ...]:
        if not address.exchange:
            queue = self._queues.get(address.routing_key)
            return () if queue is None else (queue,)
        bound = self._bindings.get(address.exchange, {})
        names = dict.fromkeys(name for pattern, name in bound if topic_matches(pattern, address.routing_key))
        return tuple(self._queues[name] for name in names)

    # -- messages

    def publish(
        self, address: Address, body: bytes, properties: Properties, *, mandatory: bool, sender: str = ""
    ) -> None:
        queues = self._route(address)
        if self._watchers:
            kind: Literal["publish", "return", "drop"] = "publish" if queues else "return" if mandatory else "drop"
            names = tuple(queue.name for queue in queues)
            self._tell(kind, address.exchange, address.routing_key, names, body, properties, sender=sender)
        if not queues:
            if mandatory:
                raise Undeliverable(exchange=address.exchange, routing_key=address.routing_key)
            self.dropped[""] += 1
            return
        expiration = properties.expiration
        deadline = None if expiration is None else time.monotonic() + expiration / 1000
        for queue in queues:
            queue.waiting.append(Stored(body, properties, address.exchange, address.routing_key, deadline))
            self._bound(queue)
            self.schedule(queue)

    def _bound(self, queue: Queue) -> None:
        limit = self._limits[1 if queue.consumers else 0]
        while len(queue.waiting) > limit:
            self._drop(queue, queue.waiting.popleft())

    def _drop(self, queue: Queue, stored: Stored) -> None:
        self.dropped[queue.name] += 1
        if self._watchers:
            self._tell("drop", stored.exchange, stored.routing_key, (queue.name,), stored.body, stored.properties)

    def schedule(self, queue: Queue) -> None:
        if queue.waiting and queue.consumers and not queue.scheduled:
            queue.scheduled = True
            asyncio.get_running_loop().call_soon(self._pump, queue, context=Context())

    def _pump(self, queue: Queue) -> None:
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
            consumer.tasks.spawn(run(consumer.deliver, delivery))
        self._changed.set()

    def rejected(self, queue: Queue, stored: Stored, requeue: bool) -> None:
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
        sender: str = "",
    ) -> None:
        record = WireRecord(kind, exchange, routing_key, queues, body, properties, time.time(), redelivered, sender)
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

    @property
    def outages(self) -> Sequence[tuple[float, float]]:
        """It is never away."""
        return ()

    async def publish(
        self, address: Address, body: bytes, properties: Properties = STANDARD, *, mandatory: bool = False
    ) -> None:
        self._check_open()
        self.broker.publish(address, body, properties, mandatory=mandatory, sender=self.name)

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
        consumer = MemoryConsumer(
            self.broker,
            self._tasks,
            queue,
            deliver,
            UNBOUNDED if unbounded else PREFETCH if prefetch is None else prefetch,
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


_: type[Transport] = MemoryTransport
