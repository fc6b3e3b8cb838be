"""The bus on RabbitMQ: a connection that consumes and one that publishes with confirms, repaired with the same names.

aio-pika opens connections and channels; publishing, consuming and settling use the aiormq channel below it, which costs
less.  After a lost connection consumers are restored before anything is published, because a request published before
its queue exists again would be lost.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Coroutine, Sequence
from typing import Any
from uuid import uuid4

from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import ChannelPreconditionFailed
from aiormq.exceptions import AMQPChannelError

from stackwire.core.faults import NO_FAULTS
from stackwire.core.secrets import masked
from stackwire.core.timeline import Timeline
from stackwire.messaging.errors import BusUnavailable
from stackwire.messaging.firehose import FIREHOSE, read_record
from stackwire.messaging.options import RabbitOptions, parse
from stackwire.messaging.rabbit_connection import (
    ATTEMPT,
    LOST,
    REFUSED,
    Opener,
    end,
    error_text,
    is_disconnected,
    lost_if_cancelled,
)
from stackwire.messaging.rabbit_publisher import Publisher
from stackwire.messaging.rabbit_queue import DRAIN, RabbitConsumer
from stackwire.messaging.rabbit_topology import Topology
from stackwire.messaging.signatures import NO_SIGNATURES
from stackwire.messaging.transport import (
    STANDARD,
    Address,
    Binding,
    Consumer,
    Deliver,
    Delivery,
    Properties,
    Tasks,
    Transport,
    WireObserver,
)

log = logging.getLogger(__name__)

OUTAGES_KEPT = 100
DRAIN_TIMEOUT_SECONDS = 5.0
_PAUSES = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0)


class RabbitTransport:
    """See transport.Transport; created by ``open``.

    Publishing while the broker is unavailable waits for it, up to the option ``publish_timeout``.
    """

    def __init__(self, url: str, options: RabbitOptions, name: str) -> None:
        self.name = name
        self.outlives_process = True
        self.faults = NO_FAULTS
        self.signatures = NO_SIGNATURES
        self.options = options
        self.opener = Opener(url, name, self.lost)
        self.topology = Topology(options)
        self.outages: deque[tuple[float, float]] = deque(maxlen=OUTAGES_KEPT)
        self._publisher = Publisher(self.opener, options, self.topology, self.lost)
        self._consuming: AbstractConnection | None = None
        self._consumers: list[RabbitConsumer] = []
        self._repairing: asyncio.Task[None] | None = None
        self._closing = False
        self.suspended = False
        self._tasks = Tasks(lambda error: log.error("a task of the bus failed", exc_info=error))

    @classmethod
    async def open(cls, url: str, *, name: str, timeout_seconds: float = 10.0) -> "RabbitTransport":
        """BusUnavailable, the URL masked, when the broker does not answer in ``timeout_seconds`` or refuses."""
        address, options = parse(url)
        transport = cls(address, options, name)
        until = time.monotonic() + timeout_seconds
        for pause in (*_PAUSES, *[_PAUSES[-1]] * 1_000):
            try:
                async with asyncio.timeout(max(1.0, min(ATTEMPT, until - time.monotonic()))):
                    with lost_if_cancelled():
                        await transport._restore()
                return transport
            except LOST as error:
                if isinstance(error, REFUSED) or time.monotonic() + pause > until:
                    await transport.close()
                    raise transport._publisher.unavailable(error_text(error)) from None
            await asyncio.sleep(pause)
        raise AssertionError("unreachable")

    def _refused(self, binding: Binding, error: Exception) -> BusUnavailable:
        return self._publisher.unavailable(f"{binding.queue} or its exchange exists with other properties: {error}")

    # -- keeping the connections

    async def _restore(self) -> None:
        """Opens whatever is missing: consumers first, then the publisher, so that no message is lost."""
        consuming = self._consuming
        if consuming is None or is_disconnected(consuming):
            consuming = self._consuming = await self.opener.connection("consuming", consuming)
        for consumer in list(self._consumers):
            if not consumer.alive and not consumer.cancelled:
                await self._restart(consumer, consuming)
        await self._publisher.restore()

    async def _restart(self, consumer: RabbitConsumer, connection: AbstractConnection) -> None:
        try:
            await consumer.start(connection)
        except AMQPChannelError as error:
            # The queue exists with other properties now: the other consumers must not wait for it.
            if is_disconnected(connection):
                raise
            consumer.cancelled = True
            log.error("the queue %s cannot be consumed any more: %s", consumer.queue, error)

    def lost(self, *_: object) -> None:
        """A connection, channel or consumer is lost: nothing is published until all are restored."""
        self._publisher.down()
        if not self._closing and (self._repairing is None or self._repairing.done()):
            self._repairing = self._tasks.spawn(self._repair())

    async def _repair(self) -> None:
        since = time.time()
        pauses = iter(_PAUSES)
        pause = 0.0
        while not self._closing:
            await asyncio.sleep(pause)
            try:
                async with asyncio.timeout(ATTEMPT):
                    with lost_if_cancelled():
                        await self._restore()
            except LOST as error:
                log.warning("the bus at %s is unavailable: %s", self.opener.masked_url, masked(str(error)))
            if self._healthy():
                self._publisher.up()
                self.outages.append((since, time.time()))
                log.info("the bus at %s is back", self.opener.masked_url)
                return
            self._publisher.down()
            pause = next(pauses, _PAUSES[-1])

    def _healthy(self) -> bool:
        consuming = all(consumer.alive or consumer.cancelled for consumer in self._consumers)
        return self._publisher.alive and consuming and not is_disconnected(self._consuming)

    # -- sending

    async def publish(
        self, address: Address, body: bytes, properties: Properties = STANDARD, *, mandatory: bool = False
    ) -> None:
        await self._publisher.publish(address, body, properties, mandatory=mandatory)

    async def declare(self, binding: Binding) -> None:
        try:
            await self._publisher.declare(binding)
        except ChannelPreconditionFailed as error:
            raise self._refused(binding, error) from None

    async def dead_letters(self, binding: Binding) -> int:
        return await self._publisher.dead_letters(binding)

    async def problem(self) -> str:
        if not self._healthy():
            return "there is no connection"
        return await self._publisher.problem()

    async def depth(self, queue: str) -> int:
        return await self._publisher.depth(queue)

    # -- receiving

    async def consume(
        self, binding: Binding, deliver: Deliver, *, also: Sequence[Binding] = (), prefetch: int | None = None
    ) -> Consumer:
        bound = self.options.rabbit_qos_prefetch_count if prefetch is None else prefetch
        consumer = RabbitConsumer(self, (binding, *also), deliver, bound)
        await self._publisher.ready()
        assert self._consuming is not None
        try:
            with lost_if_cancelled():
                await consumer.start(self._consuming)
        except ChannelPreconditionFailed as error:
            raise self._refused(binding, error) from None
        except LOST as error:
            if not is_disconnected(self._consuming):
                raise self._publisher.unavailable(str(error)) from None
            # Lost while starting: the repair starts it with the rest.
        self._consumers.append(consumer)
        if not consumer.alive:
            self.lost()
        return consumer

    async def watch(self, observer: WireObserver) -> Consumer:
        """RabbitMQ's firehose: tracing must be on for the vhost (``rabbitmqctl trace_on -p VHOST``)."""

        async def deliver(delivery: Delivery) -> None:
            if not delivery.body.startswith(DRAIN):
                observer(read_record(delivery))

        name = f"watch_{uuid4().hex}"
        publishes = Binding("watch", name, FIREHOSE, "publish.#")
        deliveries = Binding("watch", name, FIREHOSE, "deliver.#")
        return await self.consume(publishes, deliver, also=(deliveries,))

    def forget(self, consumer: RabbitConsumer) -> None:
        """Removes a closed consumer from those that are restored."""
        if consumer in self._consumers:
            self._consumers.remove(consumer)

    # -- the rest

    @property
    def timeline(self) -> Timeline:
        return self._tasks.timeline

    async def suspend(self) -> None:
        self.suspended = True
        await self._tasks.end_timeline(keep=self._repairing)

    async def drain(self) -> None:
        async def one(consumer: RabbitConsumer) -> None:
            address = Address("", consumer.queue, "direct")
            try:
                async with asyncio.timeout(DRAIN_TIMEOUT_SECONDS):
                    await consumer.drain(lambda body: self.publish(address, body))
            except TimeoutError:  # another process consumes the queue, too
                log.warning("what waits in the queue %s may be handled after the reset", consumer.queue)

        await self._publisher.purge([consumer.queue for consumer in self._consumers])
        await asyncio.gather(*(one(consumer) for consumer in self._consumers if consumer.alive))

    async def resume(self) -> None:
        self.suspended = False

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self._tasks.spawn(work)

    async def close(self) -> None:
        """Deletes fanout queues and requeues unsettled deliveries; the reply queue expires by itself."""
        self._closing = True
        if self._repairing is not None:
            self._repairing.cancel()
        for consumer in list(self._consumers):
            await consumer.close()
        await self._tasks.cancel()
        self._publisher.close()
        for connection in (self._publisher.connection, self._consuming):
            await end(connection)


_: type[Transport] = RabbitTransport
