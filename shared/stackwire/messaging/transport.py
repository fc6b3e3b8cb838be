"""The interface between encoding and transport: bytes in, bytes out.

Above it: RPC and notifications in oslo.messaging's encoding.  Below it: RabbitMQ, or queues in this process.
Exchange and queue names are oslo.messaging's (oslo_messaging/_drivers/amqpdriver.py, impl_rabbit.py).
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol
from uuid import uuid4

from stackwire.core.faults import Faults
from stackwire.core.timeline import CURRENT, Timeline
from stackwire.messaging.signatures import Signatures

ExchangeType = Literal["topic", "fanout", "direct"]
Kind = Literal["topic", "fanout", "reply", "notification", "watch"]

CONTENT_TYPE = "application/json"
CONTENT_ENCODING = "utf-8"
REPLY_EXPIRES_MS = 1_800_000
"""A reply or fanout queue without consumers is deleted after this time (rabbit_transient_queues_ttl)."""


class Address(NamedTuple):
    """Where a message is published to. The default exchange ``""`` routes by queue name."""

    exchange: str
    routing_key: str
    exchange_type: ExchangeType = "topic"


class Binding(NamedTuple):
    """A queue and what it receives. ``kind`` decides durability, expiry and what a clean close does.

    With a ``max_length`` the queue is one consumer's own, durable whatever the options are, and never longer than
    that: the oldest messages over it, and rejected ones, go to the queue ``dead_letters``, which is as long at most.
    """

    kind: Kind
    queue: str
    exchange: str
    routing_key: str
    exchange_type: ExchangeType = "topic"
    max_length: int = 0

    @property
    def dead_letters(self) -> str:
        """The queue of what a bounded queue could not keep and its consumer could not handle."""
        return f"{self.queue}.dead"


def to_topic(exchange: str, topic: str, server: str | None = None) -> Address:
    """One server of a topic, or the named ``server``."""
    return Address(exchange, f"{topic}.{server}" if server else topic)


def to_fanout(topic: str) -> Address:
    """Every server of a topic."""
    return Address(f"{topic}_fanout", "", "fanout")


def to_reply(queue: str) -> Address:
    """A caller's reply queue."""
    return Address("", queue, "direct")


def to_notification(exchange: str, topic: str, priority: str) -> Address:
    """The listeners of a topic at a priority."""
    return Address(exchange, f"{topic}.{priority.lower()}")


def topic_queue(exchange: str, topic: str, server: str | None = None) -> Binding:
    """The queue that the servers of a topic share, or that of one ``server``."""
    name = f"{topic}.{server}" if server else topic
    return Binding("topic", name, exchange, name)


def fanout_queue(topic: str) -> Binding:
    """A server's own queue for fanouts, with a random name."""
    return Binding("fanout", f"{topic}_fanout_{uuid4().hex}", f"{topic}_fanout", topic, "fanout")


def reply_queue() -> Binding:
    """A client's queue for replies, with a random name."""
    name = f"reply_{uuid4().hex}"
    return Binding("reply", name, "", name, "direct")


def notification_queue(
    exchange: str, topic: str, priority: str, pool: str | None = None, max_length: int = 0
) -> Binding:
    """The default queue is named for the routing key and shared by all listeners; a pool has a queue of its own."""
    key = f"{topic}.{priority.lower()}"
    return Binding("notification", pool or key, exchange, key, max_length=max_length if pool else 0)


@dataclass(frozen=True, slots=True)
class Properties:
    """What oslo.messaging sets on every message. ``expiration`` is in milliseconds; RabbitMQ
    checks ``user_id`` against the login.

    ``handled`` is no part of the message: a bus that ends with this process calls it when its consumer has settled
    the message for good.
    """

    content_type: str | None = CONTENT_TYPE
    content_encoding: str | None = CONTENT_ENCODING
    headers: Mapping[str, Any] = field(default_factory=dict)
    delivery_mode: int | None = 2
    priority: int | None = 0
    expiration: int | None = None
    user_id: str | None = None
    handled: Callable[[], None] | None = field(default=None, repr=False, compare=False)


STANDARD = Properties()


def properties_of(context: Mapping[str, Any], *names: str) -> Properties:
    """The standard properties, with headers of these names where the context has them, and W3C's ``traceparent``."""
    found = {name: context[name] for name in ("traceparent", *names) if isinstance(context.get(name), str)}
    headers = {name: value for name, value in found.items() if value}
    return Properties(headers=headers) if headers else STANDARD


class Delivery(Protocol):
    """One message at a consumer. Settled once; settling again, or after its connection is lost, does nothing.

    ``sent_at``: seconds since the epoch; None where the sender did not say.
    """

    body: bytes
    properties: Properties
    exchange: str
    routing_key: str
    queue: str
    redelivered: bool
    sent_at: float | None

    async def ack(self) -> None: ...

    async def reject(self, *, requeue: bool = False) -> None:
        """Without ``requeue`` the message is dead-lettered where the queue has a dead-letter exchange, else dropped."""


Deliver = Callable[[Delivery], Awaitable[None]]


class Consumer(Protocol):
    """A queue being consumed."""

    @property
    def queue(self) -> str: ...

    async def cancel(self) -> None:
        """No further deliveries; unsettled ones can still be settled."""

    async def close(self) -> None:
        """Unsettled deliveries go back to the queue; a fanout queue is deleted."""


def service_of(transport: "Transport") -> str:
    """The service whose transport it is, for metrics."""
    return transport.name.removeprefix("stackwire-")


class WireRecord(NamedTuple):
    """What an observer of the bus gets. ``queues``: where a publish was routed to, or the queue of a delivery.

    ``deliver`` bodies are the published ones; ``return`` is a mandatory message that no queue takes, ``drop`` any
    other. ``time`` is seconds since the epoch. ``sender`` is the name of the transport that published, where that is
    known.
    """

    kind: Literal["publish", "deliver", "return", "drop"]
    exchange: str
    routing_key: str
    queues: tuple[str, ...]
    body: bytes
    properties: Properties
    time: float
    redelivered: bool = False
    sender: str = ""


WireObserver = Callable[[WireRecord], None]


class Transport(Protocol):
    """One process's connection to the bus. ``faults``: those that are to be injected into the service that uses it.
    ``signatures``: how its messages are signed, and which are believed. ``outlives_process``: whether what was
    published is delivered after this process has ended."""

    name: str
    faults: Faults
    signatures: Signatures
    outlives_process: bool

    @property
    def timeline(self) -> Timeline:
        """What is handled and spawned here belongs to it."""
        ...

    @property
    def outages(self) -> Sequence[tuple[float, float]]:
        """When the bus was unavailable: (from, until) in seconds since the epoch, the latest last; old ones are
        dropped."""
        ...

    async def publish(
        self, address: Address, body: bytes, properties: Properties = STANDARD, *, mandatory: bool = False
    ) -> None:
        """Returns when the broker has the message. Declares the exchange before the first publish to it.

        Errors: Undeliverable when ``mandatory`` and no queue takes it; BusUnavailable.
        """

    async def declare(self, binding: Binding) -> None:
        """Declares and binds the queue without consuming it; cached, so that a second call costs nothing."""

    async def dead_letters(self, binding: Binding) -> int:
        """How many messages wait in the dead-letter queue of a bounded queue, which is declared with it."""

    async def consume(
        self, binding: Binding, deliver: Deliver, *, also: Sequence[Binding] = (), prefetch: int | None = None
    ) -> Consumer:
        """Each delivery runs in a task and a context of its own. ``also``: further bindings of the same queue.

        ``prefetch`` bounds the unsettled deliveries of this consumer; None is the transport's own bound.
        """

    async def watch(self, observer: WireObserver) -> Consumer:
        """Calls ``observer`` with every message published and delivered on the whole bus."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """A background task that belongs to the transport: counted as activity, cancelled at close."""

    async def problem(self) -> str:
        """Why nothing can be published or received at this moment; empty while everything can."""

    async def depth(self, queue: str) -> int:
        """How many messages wait in a queue; 0 where there is none of this name."""

    async def suspend(self) -> None:
        """Ends the timeline: what is being handled is cancelled, and nothing is delivered until ``resume``."""

    async def drain(self) -> None:
        """While suspended: drops what waits in the queues that are consumed or declared here. Raises BusUnavailable."""

    async def resume(self) -> None:
        """Delivers again."""

    async def close(self) -> None: ...


class Tasks:
    """Background tasks with a strong reference, a clean context, and a log line when one fails."""

    def __init__(self, failed: Callable[[BaseException], None], ended: Callable[[], None] = lambda: None) -> None:
        self.timeline = Timeline()
        self._running: set[asyncio.Task[None]] = set()
        self._failed = failed
        self._ended = ended

    def __len__(self) -> int:
        return len(self._running)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Starts a task in a fresh context."""
        # A fresh context: a handler must not inherit the publisher's open unit of work or request context.
        context = Context()
        context.run(CURRENT.set, self.timeline)
        task = asyncio.get_running_loop().create_task(work, context=context)
        self._running.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(error)
        self._ended()

    async def end_timeline(self, keep: asyncio.Task[None] | None = None) -> None:
        """Cancels all tasks but ``keep``; what is spawned from now on belongs to the next timeline."""
        self.timeline.ended = True
        self.timeline = Timeline()
        await asyncio.sleep(0)  # a task that never began could not settle its delivery
        await self.cancel(keep)

    async def cancel(self, keep: asyncio.Task[None] | None = None) -> None:
        """Cancels all tasks but the calling one and ``keep``, and waits for them."""
        tasks = [task for task in self._running if task not in (asyncio.current_task(), keep)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
