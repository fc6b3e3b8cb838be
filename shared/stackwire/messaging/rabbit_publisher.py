"""The connection that publishes: one channel with confirms, and one that declares, because a refusal closes it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager, suppress
from typing import Any

from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import ChannelPreconditionFailed, DeliveryError, PublishError
from aiormq.channel import Channel as Frames
from aiormq.exceptions import AMQPChannelError, ChannelAccessRefused, ChannelInvalidStateError

from stackwire.core.secrets import masked
from stackwire.messaging.errors import BusUnavailable, Undeliverable
from stackwire.messaging.options import RabbitOptions
from stackwire.messaging.rabbit_connection import Opener, is_disconnected, lost_if_cancelled
from stackwire.messaging.rabbit_queue import to_frame
from stackwire.messaging.rabbit_topology import Topology
from stackwire.messaging.transport import Address, Binding, Properties

PROBLEM_SECONDS = 2.0
REFUSED_PAUSE_SECONDS = 0.25
"""Before a message that the broker refused is sent again."""
Once = Callable[[Frames], Awaitable[None]]


class Publisher:
    """Publishes and declares. While it is ``down`` all calls wait for ``restore``, up to the option
    ``publish_timeout``.

    ``lost`` is called when its connection or channel is lost.
    """

    def __init__(self, opener: Opener, options: RabbitOptions, topology: Topology, lost: Callable[..., Any]) -> None:
        self.connection: AbstractConnection | None = None
        self._opener = opener
        self._timeout = options.publish_timeout
        self._topology = topology
        self._lost = lost
        self._publisher: Frames | None = None
        self._declarer: Frames | None = None
        self._declaring = asyncio.Lock()
        self._channels: dict[str, AbstractChannel] = {}
        self._declared: set[str | Binding] = set()
        self._attempts: dict[asyncio.Timeout, Frames] = {}
        self._up = asyncio.Event()
        self._closed = False

    # -- repair, by the transport

    @property
    def alive(self) -> bool:
        """Whether the publishing channel is open."""
        return self._publisher is not None and not self._publisher.is_closed

    def up(self) -> None:
        """Lets the waiting calls continue."""
        self._up.set()

    def down(self) -> None:
        """Nothing is published until the next ``restore`` or ``up``."""
        self._up.clear()

    async def restore(self) -> None:
        """Opens the connection and the publishing channel again, where they are lost."""
        if self.connection is None or is_disconnected(self.connection):
            self._declared.clear()
            self._channels.clear()
            self._publisher = self._declarer = None
            self.connection = await self._opener.connection("sending", self.connection)
        if not self.alive:
            channel, self._publisher = await self._opener.channel(self.connection, confirms=True)
            channel.close_callbacks.add(self._lost)
            self._channels["publishing"] = channel
        self._end_stale_attempts()
        self._up.set()

    def close(self) -> None:
        """Fails the calls that still wait."""
        self._closed = True
        self._publisher = None
        self._up.set()

    def unavailable(self, reason: str) -> BusUnavailable:
        """The error with the masked URL and reason."""
        return BusUnavailable(url=self._opener.masked_url, reason=masked(reason))

    # -- use

    async def ready(self) -> Frames:
        """The publishing channel, as soon as it is open."""
        while not self._up.is_set() or self._publisher is None:
            if self._closed:
                raise self.unavailable("closed")
            await self._up.wait()
        return self._publisher

    async def publish(self, address: Address, body: bytes, properties: Properties, *, mandatory: bool) -> None:
        """Publishes and waits for the confirm; retries while the connection is lost.

        Raises Undeliverable, BusUnavailable.
        """

        async def once(publisher: Frames) -> None:
            fanout = address.exchange_type == "fanout"  # its exchange is deleted with its last queue
            if address.exchange and (fanout or address.exchange not in self._declared):
                await self._declare_exchange(address.exchange, address.exchange_type)
            await publisher.basic_publish(
                body,
                exchange=address.exchange,
                routing_key=address.routing_key,
                properties=to_frame(properties, self._opener.name),
                mandatory=mandatory,
                wait=False,
            )

        try:
            await self._retry(once)
        except PublishError:
            raise Undeliverable(exchange=address.exchange, routing_key=address.routing_key) from None

    async def declare(self, binding: Binding) -> None:
        """Raises ChannelPreconditionFailed when it exists with other properties."""
        if binding in self._declared:
            return

        async def once(_: Frames) -> None:
            async with self._declaring_channel() as channel:
                await self._topology.queue(channel, (binding,))

        await self._retry(once)
        self._declared.add(binding)

    async def dead_letters(self, binding: Binding) -> int:
        """How many messages wait in the dead-letter queue of a bounded queue."""
        found = 0

        async def once(_: Frames) -> None:
            nonlocal found
            async with self._declaring_channel() as channel:
                found = await self._topology.dead_letters(channel, binding)

        await self._retry(once)
        return found

    async def problem(self) -> str:
        """Why nothing can be published now: a question on the same connection is not answered while an alarm of the
        broker blocks it."""
        if not self._up.is_set() or not self.alive:
            return "there is no connection"
        try:
            async with asyncio.timeout(PROBLEM_SECONDS), self._declaring_channel() as channel:
                await self._topology.probe(channel)
        except TimeoutError:
            return "it does not answer who publishes: an alarm (memory, disk) may block publishers"
        except Exception as error:
            return masked(str(error)) or type(error).__name__
        return ""

    async def depth(self, queue: str) -> int:
        """How many messages wait in the queue; 0 where there is none."""
        try:
            async with asyncio.timeout(PROBLEM_SECONDS), self._declaring_channel() as channel:
                return await self._topology.depth(channel, queue)
        except AMQPChannelError:
            return 0
        except Exception as error:
            raise self.unavailable(str(error)) from error

    async def purge(self, but: Collection[str]) -> None:
        """Drops what waits in the queues that were declared here, but for those of these names."""

        async def once(_: Frames) -> None:
            async with self._declaring_channel() as channel:
                for name in sorted({found.queue for found in self._declared if isinstance(found, Binding)} - {*but}):
                    await channel.queue_purge(name)

        await self._retry(once)

    async def _declare_exchange(self, name: str, kind: str) -> None:
        """One that exists with another durability is as good for sending: the originals try again that way, too."""
        with suppress(ChannelPreconditionFailed):
            async with self._declaring_channel() as channel:
                await self._topology.exchange(channel, name, kind)
        self._declared.add(name)

    @asynccontextmanager
    async def _declaring_channel(self) -> AsyncIterator[Frames]:
        """For one at a time. Who does not wait for an answer any more gives the channel up: the library begins to close
        it, and refuses whoever asks something there meanwhile."""
        async with self._declaring:
            if self._declarer is None or self._declarer.is_closed:
                assert self.connection is not None
                with lost_if_cancelled():
                    channel, self._declarer = await self._opener.channel(self.connection, confirms=False)
                self._channels["declaring"] = channel
            try:
                with lost_if_cancelled():
                    yield self._declarer
            except asyncio.CancelledError:
                self._declarer = None
                raise
            except ChannelInvalidStateError as error:
                self._declarer = None
                raise ConnectionError(str(error)) from None

    # -- retries

    async def _retry(self, once: Once) -> None:
        """Tries until it succeeds on a connection that stays, within the time a publish may take.

        A publish can wait for ever when its connection goes away at the wrong moment, so the repair ends the attempts
        that belong to an earlier channel.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timeout
        while loop.time() < deadline:
            try:
                async with asyncio.timeout_at(deadline) as attempt:
                    publisher = await self.ready()
                    self._attempts[attempt] = publisher
                    try:
                        if await self._attempt(once, publisher):
                            return
                    finally:
                        del self._attempts[attempt]
            except TimeoutError:
                continue
        raise self.unavailable("no confirm in time")

    async def _attempt(self, once: Once, publisher: Frames) -> bool:
        """False when it has to be tried again: the connection went away before the confirm, or an exchange did."""
        try:
            with lost_if_cancelled():
                await once(publisher)
            return True
        except (PublishError, ChannelPreconditionFailed):
            raise
        except DeliveryError:
            # Refused, as by a queue that has no leader yet after its node died: for as long as a publish may take.
            await asyncio.sleep(REFUSED_PAUSE_SECONDS)
            return False
        except AMQPChannelError as error:
            self._declared.clear()
            if isinstance(error, ChannelAccessRefused):
                self._lost()
                raise self.unavailable(str(error)) from None
        except TimeoutError:
            raise
        except ConnectionError:
            pass
        except Exception:
            if not publisher.is_closed and not is_disconnected(self.connection):
                raise
        self._lost()
        return False

    def _end_stale_attempts(self) -> None:
        now = asyncio.get_running_loop().time()
        for attempt, publisher in self._attempts.items():
            if publisher is not self._publisher and not attempt.expired():
                attempt.reschedule(now)
