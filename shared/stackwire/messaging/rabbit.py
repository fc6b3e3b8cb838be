"""The bus on RabbitMQ: a connection that consumes and one that publishes with confirms, repaired with the same names.

aio-pika opens connections and channels; publishing, consuming and settling go to the channel below it, which costs
less.  Repairs are ours: what consumes is restored before anything is sent, because a request published before its
queue is back would be lost.
"""

import asyncio
import logging
import os
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, cast
from uuid import uuid4

from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import ChannelPreconditionFailed, DeliveryError, PublishError
from aiormq.channel import Channel as Frames
from aiormq.exceptions import AMQPChannelError

from stackwire.core.secrets import masked
from stackwire.messaging.errors import BusUnavailable, Undeliverable
from stackwire.messaging.firehose import FIREHOSE, traced
from stackwire.messaging.options import RabbitOptions, parse
from stackwire.messaging.rabbit_connection import ATTEMPT, REFUSED, connect, end, gone, why
from stackwire.messaging.rabbit_queue import LOST, RabbitConsumer, to_frame
from stackwire.messaging.transport import (
    STANDARD,
    Address,
    Binding,
    Consumer,
    Deliver,
    Delivery,
    Properties,
    Seen,
    Tasks,
    Transport,
)

log = logging.getLogger(__name__)

OUTAGES = 100  # remembered: from when to when
_WATCHED = 10_000  # records the broker keeps for a watcher that is slow
_PAUSES = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0)


class RabbitTransport:
    """Made by ``open``. Publishing while the broker is away waits for it, up to the option ``publish_timeout``."""

    def __init__(self, url: str, options: RabbitOptions, name: str) -> None:
        self.name = name
        self.options = options
        self._url = url
        self._consuming: AbstractConnection | None = None
        self._sending: AbstractConnection | None = None
        self._publisher: Frames | None = None
        self._declarer: Frames | None = None
        self._declaring = asyncio.Lock()
        self._channels: list[AbstractChannel] = []
        self._consumers: list[RabbitConsumer] = []
        self._declared: set[str | Binding] = set()
        self._attempts: dict[asyncio.Timeout, Frames] = {}
        self._up = asyncio.Event()
        self.outages: deque[tuple[float, float]] = deque(maxlen=OUTAGES)
        self._repairing: asyncio.Task[None] | None = None
        self._closing = False
        self._tasks = Tasks(lambda error: log.error("a task of the bus failed", exc_info=error))

    @classmethod
    async def open(cls, url: str, *, name: str, patience: float = 10.0) -> "RabbitTransport":
        """BusUnavailable, the URL masked, when the broker does not answer within ``patience`` seconds or says no."""
        address, options = parse(url)
        transport = cls(address, options, name)
        until = time.monotonic() + patience
        for pause in (*_PAUSES, *[_PAUSES[-1]] * 1_000):
            try:
                async with asyncio.timeout(max(1.0, min(ATTEMPT, until - time.monotonic()))):
                    await transport._restore()
                return transport
            except LOST as error:
                if isinstance(error, REFUSED) or time.monotonic() + pause > until:
                    await transport.close()
                    raise transport._unavailable(why(error)) from None
            await asyncio.sleep(pause)
        raise AssertionError("unreachable")

    def _unavailable(self, reason: str) -> BusUnavailable:
        return BusUnavailable(url=masked(self._url), reason=masked(reason))

    def _refused(self, binding: Binding, error: Exception) -> BusUnavailable:
        return self._unavailable(f"{binding.queue} or its exchange exists with other properties: {error}")

    # -- keeping the connections

    async def _connect(self, role: str, old: AbstractConnection | None) -> AbstractConnection:
        await end(old)
        connection = await connect(self._url, f"{self.name}:{os.getpid()}:{role}")
        connection.close_callbacks.add(self.lost)
        return connection

    async def open_channel(self, connection: AbstractConnection, *, confirms: bool) -> tuple[AbstractChannel, Frames]:
        """aio-pika's channel, and the frames below it."""
        channel = connection.channel(publisher_confirms=confirms, on_return_raises=confirms)
        await channel.initialize()
        return channel, cast(Frames, await channel.get_underlay_channel())

    async def _restore(self) -> None:
        """Whatever is missing, in the order that loses nothing: consumers first, then senders."""
        consuming, sending = self._consuming, self._sending
        if consuming is None or gone(consuming):
            consuming = self._consuming = await self._connect("consuming", consuming)
        for consumer in list(self._consumers):
            if not consumer.alive and not consumer.cancelled:
                await self._restart(consumer, consuming)
        if sending is None or gone(sending):
            self._declared.clear()
            self._channels.clear()
            self._publisher = self._declarer = None
            sending = self._sending = await self._connect("sending", sending)
        if self._publisher is None or self._publisher.is_closed:
            channel, self._publisher = await self.open_channel(sending, confirms=True)
            channel.close_callbacks.add(self.lost)
            self._channels.append(channel)
        self._end_stale_attempts()
        self._up.set()

    async def _restart(self, consumer: RabbitConsumer, connection: AbstractConnection) -> None:
        try:
            await consumer.start(connection)
        except AMQPChannelError as error:
            # Redeclaring is refused (a peer made the queue otherwise meanwhile): the others must not wait for it.
            if gone(connection):
                raise
            consumer.cancelled = True
            log.error("the queue %s cannot be consumed any more: %s", consumer.queue, error)

    def lost(self, *_: object) -> None:
        """A connection, channel or consumer went away: nothing is published until all is as it was."""
        self._up.clear()
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
                    await self._restore()
            except LOST as error:
                log.warning("the bus at %s is away: %s", masked(self._url), masked(str(error)))
            if self._healthy():
                self._up.set()
                self.outages.append((since, time.time()))
                log.info("the bus at %s is back", masked(self._url))
                return
            self._up.clear()
            pause = next(pauses, _PAUSES[-1])

    def _healthy(self) -> bool:
        return (
            self._publisher is not None
            and not self._publisher.is_closed
            and all(consumer.alive or consumer.cancelled for consumer in self._consumers)
        )

    # -- sending

    async def publish(
        self, address: Address, body: bytes, properties: Properties = STANDARD, *, mandatory: bool = False
    ) -> None:
        async def once(publisher: Frames) -> None:
            fanout = address.exchange_type == "fanout"  # its exchange goes away with its last queue
            if address.exchange and (fanout or address.exchange not in self._declared):
                await self._declare_exchange(address.exchange, address.exchange_type)
            await publisher.basic_publish(
                body,
                exchange=address.exchange,
                routing_key=address.routing_key,
                properties=to_frame(properties, self.name),
                mandatory=mandatory,
                wait=False,
            )

        try:
            await self._insist(once)
        except PublishError:
            raise Undeliverable(exchange=address.exchange, routing_key=address.routing_key) from None
        except DeliveryError as error:
            raise self._unavailable("the broker refused a message") from error

    async def _insist(self, once: Callable[[Frames], Awaitable[None]]) -> None:
        """Tries until it succeeds on a connection that stays, within the time a publish may take.

        A publish can wait for ever when its connection goes away at the wrong moment, so the repair ends the attempts
        that belong to an earlier channel.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.options.publish_timeout
        while loop.time() < deadline:
            try:
                async with asyncio.timeout_at(deadline) as attempt:
                    publisher = await self._sender()
                    self._attempts[attempt] = publisher
                    try:
                        if await self._tried(once, publisher):
                            return
                    finally:
                        del self._attempts[attempt]
            except TimeoutError:
                continue
        raise self._unavailable("no confirm in time")

    async def _tried(self, once: Callable[[Frames], Awaitable[None]], publisher: Frames) -> bool:
        """False when it has to be tried again: the connection went away before the confirm, or an exchange did."""
        try:
            await once(publisher)
            return True
        except DeliveryError:
            raise
        except ChannelPreconditionFailed:
            raise
        except AMQPChannelError as error:
            self._declared.clear()
            if "ACCESSREFUSED" in str(error):
                self.lost()
                raise self._unavailable(str(error)) from None
        except TimeoutError:
            raise
        except Exception:
            if not publisher.is_closed and not gone(self._sending):
                raise
        self.lost()
        return False

    def _end_stale_attempts(self) -> None:
        now = asyncio.get_running_loop().time()
        for attempt, publisher in self._attempts.items():
            if publisher is not self._publisher and not attempt.expired():
                attempt.reschedule(now)

    async def _sender(self) -> Frames:
        while not self._up.is_set() or self._publisher is None:
            if self._closing:
                raise self._unavailable("closed")
            await self._up.wait()
        return self._publisher

    async def declare(self, binding: Binding) -> None:
        if binding in self._declared:
            return

        async def once(_: Frames) -> None:
            async with self._declaring:
                await self.declare_queue(await self._declaring_channel(), (binding,))

        try:
            await self._insist(once)
        except ChannelPreconditionFailed as error:
            raise self._refused(binding, error) from None
        self._declared.add(binding)

    async def _declare_exchange(self, name: str, kind: str) -> None:
        """One that exists with another durability is as good for sending: the originals try again that way, too."""
        async with self._declaring:
            with suppress(ChannelPreconditionFailed):
                await self._exchange(await self._declaring_channel(), name, kind)
        self._declared.add(name)

    async def _declaring_channel(self) -> Frames:
        """Not the one that publishes: a refused declare closes its channel."""
        if self._declarer is None or self._declarer.is_closed:
            assert self._sending is not None
            channel, self._declarer = await self.open_channel(self._sending, confirms=False)
            self._channels.append(channel)
        return self._declarer

    async def _exchange(self, frames: Frames, name: str, kind: str) -> None:
        if not name or name.startswith("amq."):
            return
        await frames.exchange_declare(
            name, exchange_type=kind, durable=self.options.exchange_is_durable(kind), auto_delete=kind == "fanout"
        )

    async def declare_queue(self, frames: Frames, bindings: Sequence[Binding]) -> None:
        """Exchange, queue and bindings, with the options' durability and type."""
        first = bindings[0]
        watch = first.kind == "watch"
        arguments: dict[str, Any] = {"x-max-length": _WATCHED} if watch else self.options.queue_arguments(first)
        if self.options.dead_letters(first):
            await self._dead_letter_queue(frames)
        for binding in bindings:
            await self._exchange(frames, binding.exchange, binding.exchange_type)
        await frames.queue_declare(
            first.queue,
            durable=not watch and self.options.queue_is_durable(first),
            exclusive=watch,
            auto_delete=watch,
            arguments=arguments,
        )
        for binding in bindings:
            if binding.exchange:
                await frames.queue_bind(binding.queue, binding.exchange, binding.routing_key)

    async def _dead_letter_queue(self, frames: Frames) -> None:
        name = self.options.dead_letter
        await frames.exchange_declare(name, exchange_type="fanout", durable=True)
        await frames.queue_declare(name, durable=True, arguments={"x-queue-type": "quorum"})
        await frames.queue_bind(name, name, "")

    # -- receiving

    async def consume(
        self, binding: Binding, deliver: Deliver, *, also: Sequence[Binding] = (), prefetch: int | None = None
    ) -> Consumer:
        bound = self.options.rabbit_qos_prefetch_count if prefetch is None else prefetch
        consumer = RabbitConsumer(self, (binding, *also), deliver, bound)
        await self._sender()
        assert self._consuming is not None
        try:
            await consumer.start(self._consuming)
        except ChannelPreconditionFailed as error:
            raise self._refused(binding, error) from None
        except LOST as error:
            if not gone(self._consuming):
                raise self._unavailable(str(error)) from None
            # Lost while starting: the repair starts it with the rest.
        self._consumers.append(consumer)
        if not consumer.alive:
            self.lost()
        return consumer

    async def watch(self, seen: Seen) -> Consumer:
        """RabbitMQ's firehose: tracing must be on for the vhost (``rabbitmqctl trace_on -p VHOST``)."""

        async def deliver(delivery: Delivery) -> None:
            seen(traced(delivery))

        name = f"watch_{uuid4().hex}"
        publishes = Binding("watch", name, FIREHOSE, "publish.#")
        deliveries = Binding("watch", name, FIREHOSE, "deliver.#")
        return await self.consume(publishes, deliver, also=(deliveries,))

    def forget(self, consumer: RabbitConsumer) -> None:
        if consumer in self._consumers:
            self._consumers.remove(consumer)

    # -- the rest

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self._tasks.spawn(work)

    async def close(self) -> None:
        """Fanout queues are deleted, unsettled deliveries go back; the reply queue expires by itself."""
        self._closing = True
        if self._repairing is not None:
            self._repairing.cancel()
        for consumer in list(self._consumers):
            await consumer.close()
        await self._tasks.cancel()
        self._up.set()  # whoever still waits to publish learns that it is closed
        self._publisher = None
        for connection in (self._sending, self._consuming):
            await end(connection)


_: type[Transport] = RabbitTransport
