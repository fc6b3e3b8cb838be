"""The broker of the in-process bus: routing, queues with bounds, and observers of every message."""

import asyncio
import logging
import time
from collections import Counter, deque
from contextvars import Context
from typing import Literal

from stackwire.core.fitted import fitted
from stackwire.messaging.errors import Undeliverable
from stackwire.messaging.memory_queue import MemoryDelivery, Queue, Stored, run, topic_matches
from stackwire.messaging.transport import Address, Binding, Consumer, Properties, Tasks, WireObserver, WireRecord

log = logging.getLogger(__name__)

UNREAD_LIMIT = 1_000
"""Messages a queue without consumers keeps, unless they are requests; the oldest are dropped first, and counted."""
QUEUE_LIMIT = 100_000
"""Messages a queue keeps that has consumers, or that a service will consume when it is back."""
DELIVERY_LIMIT = 20
"""Deliveries of one message before it is dead-lettered: RabbitMQ 4's default for quorum queues."""


class MemoryBroker:
    """What RabbitMQ does for a vhost: topic, fanout and default exchanges, queues that keep unread messages.

    ``dropped`` counts by queue the messages over its limit, the expired, and those without a queue (key ``""``);
    ``dead`` holds the last 1,000 rejected messages.
    """

    def __init__(
        self, *, unread_limit: int = UNREAD_LIMIT, limit: int = QUEUE_LIMIT, delivery_limit: int = DELIVERY_LIMIT
    ) -> None:
        self.dropped: Counter[str] = Counter()
        self.dead: deque[WireRecord] = deque(maxlen=1_000)
        self._limits = (unread_limit, limit)
        self._delivery_limit = delivery_limit
        self._queues: dict[str, Queue] = {}
        self._bindings: dict[str, dict[tuple[str, str], None]] = {}
        self._routes: dict[Address, tuple[Queue, ...]] = {}
        self._observers: list[WireObserver] = []
        self._changed = asyncio.Event()
        self._tasks: list[Tasks] = []
        self._suspended: set[object] = set()

    # -- topology

    def declare(self, binding: Binding) -> Queue:
        """The queue, created and bound if it was not."""
        queue = self._queues.get(binding.queue)
        if queue is None:
            queue = self._queues[binding.queue] = self._new_queue(binding)
            self._routes.clear()
        if binding.exchange:
            bound = self._bindings.setdefault(binding.exchange, {})
            key = "#" if binding.exchange_type == "fanout" else binding.routing_key
            if (key, binding.queue) not in bound:
                bound[key, binding.queue] = None
                self._routes.clear()
        return queue

    def _new_queue(self, binding: Binding) -> Queue:
        if not binding.max_length:
            return Queue(binding.queue, binding.kind)
        dead = self._queues.setdefault(
            binding.dead_letters, Queue(binding.dead_letters, binding.kind, binding.max_length)
        )
        return Queue(binding.queue, binding.kind, binding.max_length, dead)

    def delete(self, name: str) -> None:
        """Removes a queue with its bindings; unknown names are ignored."""
        if self._queues.pop(name, None) is not None:
            for exchange, bound in self._bindings.items():
                self._bindings[exchange] = {pair: None for pair in bound if pair[1] != name}
            self._routes.clear()

    def depth(self, queue: str) -> int:
        """Messages waiting in a queue; 0 when there is no such queue."""
        return len(self._queues[queue].waiting) if queue in self._queues else 0

    def queues(self) -> dict[str, int]:
        """Messages waiting, by queue."""
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
        """Queues the message wherever it is routed. Raises Undeliverable when ``mandatory`` and no queue takes it."""
        queues, body = self._route(address), fitted(body)
        if self._observers:
            kind: Literal["publish", "return", "drop"] = "publish" if queues else "return" if mandatory else "drop"
            names = tuple(queue.name for queue in queues)
            route = (address.exchange, address.routing_key, names)
            self._notify_observers(WireRecord(kind, *route, body, properties, time.time(), sender=sender))
        if not queues:
            if mandatory:
                raise Undeliverable(exchange=address.exchange, routing_key=address.routing_key)
            self.dropped[""] += 1
            return
        expiration = properties.expiration
        deadline = None if expiration is None else time.monotonic() + expiration / 1000
        now = time.time()
        for queue in queues:
            queue.waiting.append(Stored(body, properties, address.exchange, address.routing_key, deadline, sent_at=now))
            self._enforce_limit(queue)
            self.schedule(queue)

    def _enforce_limit(self, queue: Queue) -> None:
        limit = queue.max_length or self._limits[1 if queue.consumers or queue.kind == "topic" else 0]
        while len(queue.waiting) > limit:
            stored = queue.waiting.popleft()
            if queue.dead_letters is None:
                self._drop(queue, stored)
            else:
                self._bury(queue.dead_letters, stored)

    def _bury(self, dead_letters: Queue, stored: Stored) -> None:
        dead_letters.waiting.append(stored)
        self._enforce_limit(dead_letters)

    def _drop(self, queue: Queue, stored: Stored) -> None:
        self.dropped[queue.name] += 1
        if self._observers:
            self._notify_observers(stored.record("drop", queue))

    def schedule(self, queue: Queue) -> None:
        """Delivers what waits in the queue at the next turn of the event loop."""
        if queue.waiting and queue.consumers and not queue.scheduled:
            queue.scheduled = True
            asyncio.get_running_loop().call_soon(self._pump, queue, context=Context())

    def _pump(self, queue: Queue) -> None:
        queue.scheduled = False
        if self._suspended:
            return
        now = time.monotonic()
        while queue.waiting and (consumer := queue.next_free()) is not None:
            stored = queue.waiting.popleft()
            if stored.deadline is not None and stored.deadline < now:
                self._drop(queue, stored)
                continue
            stored.deliveries += 1
            delivery = MemoryDelivery(consumer, stored)
            consumer.unsettled[id(delivery)] = delivery
            if self._observers:
                self._notify_observers(stored.record("deliver", queue, delivery.redelivered))
            consumer.tasks.spawn(run(consumer.deliver, delivery))
        self._changed.set()

    def rejected(self, queue: Queue, stored: Stored, requeue: bool) -> None:
        """Puts a rejected message back in front, or dead-letters it."""
        if requeue and stored.deliveries < self._delivery_limit:
            queue.waiting.appendleft(stored)
            self.schedule(queue)
            return
        stored.handled()
        self.dead.append(stored.record("drop", queue))
        if queue.dead_letters is not None:
            self._bury(queue.dead_letters, stored)

    # -- reset

    def suspend(self, transport: object) -> None:
        """Nothing is delivered to anybody until every transport that has suspended the bus resumes it."""
        self._suspended.add(transport)

    def drain(self) -> None:
        """Drops every message that waits, and what is known of dropped ones."""
        for queue in self._queues.values():
            queue.waiting.clear()
        self.dead.clear()
        self.dropped.clear()

    def resume(self, transport: object) -> None:
        """Undoes ``suspend`` of this transport."""
        self._suspended.discard(transport)
        if not self._suspended:
            for queue in self._queues.values():
                self.schedule(queue)

    # -- observing and waiting

    def watch(self, observer: WireObserver) -> Consumer:
        """Calls ``observer`` with every message published and delivered, until the result is closed."""
        self._observers.append(observer)
        return _Watch(self._observers, observer)

    def _notify_observers(self, record: WireRecord) -> None:
        for observer in tuple(self._observers):
            try:
                observer(record)
            except Exception:
                log.exception("an observer of the bus failed")

    def join(self) -> Tasks:
        """A task group for one more transport; the bus is not idle while any of its tasks runs."""
        self._tasks.append(Tasks(_failed, self._changed.set))
        return self._tasks[-1]

    def leave(self, tasks: Tasks) -> None:
        """Forgets the tasks of a transport that is closed."""
        if tasks in self._tasks:
            self._tasks.remove(tasks)
        self._changed.set()

    @property
    def running(self) -> int:
        """Handlers and other tasks of all transports."""
        return sum(len(tasks) for tasks in self._tasks)

    @property
    def idle(self) -> bool:
        """No handler runs, and no queue that has consumers holds a message."""
        return self.idle_but(0)

    def idle_but(self, held: int) -> bool:
        """The same, with so many handlers that are held back."""
        return self.running <= held and not any(queue.waiting and queue.consumers for queue in self._queues.values())

    async def settle(self, timeout: float = 30.0) -> None:
        """Returns when the bus is idle. Raises TimeoutError, naming the queues that still hold messages."""
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

    def __init__(self, observers: list[WireObserver], observer: WireObserver) -> None:
        self._observers = observers
        self._observer = observer

    async def cancel(self) -> None:
        if self._observer in self._observers:
            self._observers.remove(self._observer)

    close = cancel
