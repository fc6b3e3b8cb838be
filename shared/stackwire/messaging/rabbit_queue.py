"""A consumer of one RabbitMQ queue, and its deliveries."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, Protocol
from uuid import uuid4

from aio_pika.abc import AbstractChannel, AbstractConnection
from aiormq import spec
from aiormq.abc import DeliveredMessage
from aiormq.channel import Channel as Frames

from stackwire.messaging.rabbit_connection import LOST, Opener, lost_if_cancelled
from stackwire.messaging.rabbit_topology import Topology
from stackwire.messaging.transport import Binding, Deliver, Delivery, Properties

SENT_AT = "stackwire_sent_at"
"""The header with a message's time, in milliseconds since the epoch: AMQP's own property has whole seconds."""
DRAIN = b'{"stackwire.drain": "'
"""How the message begins that is published behind those to be dropped."""


class Owner(Protocol):
    """What a consumer needs of its transport."""

    opener: Opener
    topology: Topology
    suspended: bool

    def spawn(self, work: Coroutine[Any, Any, None]) -> object: ...

    def lost(self, *_: object) -> None: ...

    def forget(self, consumer: "RabbitConsumer") -> None: ...


class RabbitDelivery:
    """See transport.Delivery."""

    __slots__ = (
        "_channel",
        "_owner",
        "_tag",
        "body",
        "exchange",
        "properties",
        "queue",
        "redelivered",
        "routing_key",
        "sent_at",
    )

    def __init__(self, message: DeliveredMessage, queue: str, settles: bool, owner: Owner) -> None:
        header = message.header.properties
        self._owner = owner
        self._channel = message.channel
        self._tag = message.delivery.delivery_tag if settles else None  # type: ignore[union-attr]  # set on every delivered message
        self.body = message.body
        self.properties = from_frame(header)
        sent_at = (header.headers or {}).get(SENT_AT)
        self.sent_at = sent_at / 1000 if isinstance(sent_at, int) else None
        self.exchange = message.exchange or ""
        self.routing_key = message.routing_key or ""
        self.queue = queue
        self.redelivered = bool(message.redelivered)

    async def ack(self) -> None:
        tag, self._tag = self._tag, None
        if tag is not None:
            with suppress(*LOST), lost_if_cancelled():  # the channel is lost: the broker delivers it again
                await self._channel.basic_ack(tag, wait=False)

    async def reject(self, *, requeue: bool = False) -> None:
        if self._owner.suspended:  # it is neither to be delivered again nor to be a dead letter
            await self.ack()
            return
        tag, self._tag = self._tag, None
        if tag is not None:
            with suppress(*LOST), lost_if_cancelled():
                await self._channel.basic_reject(tag, requeue=requeue, wait=False)


class RabbitConsumer:
    """One queue on one channel, so that a refused declare closes nothing else."""

    def __init__(self, transport: Owner, bindings: Sequence[Binding], deliver: Deliver, prefetch: int) -> None:
        self.bindings = bindings
        self._transport = transport
        self._deliver = deliver
        self._prefetch = prefetch
        self._channel: AbstractChannel | None = None
        self._frames: Frames | None = None
        self._tag: str | None = None
        # An observer's messages need no ack; a reply does, or one in flight would be lost with its connection.
        self._settles = bindings[0].kind != "watch"
        self._inline = bindings[0].kind in ("reply", "watch")
        self._drained: tuple[bytes, asyncio.Event] | None = None
        self.cancelled = False

    @property
    def queue(self) -> str:
        """The queue's name."""
        return self.bindings[0].queue

    @property
    def alive(self) -> bool:
        """Whether it consumes on an open channel."""
        return self._frames is not None and not self._frames.is_closed and self._tag is not None

    async def start(self, connection: AbstractConnection) -> None:
        """Declares the queue and consumes it, on a new channel."""
        await self._drop_channel()
        self._channel, frames = await self._transport.opener.channel(connection, confirms=False)
        await self._transport.topology.queue(frames, self.bindings)
        if self._prefetch and not self._inline:
            await frames.basic_qos(prefetch_count=self._prefetch)
        frames.on_consumer_cancel_callbacks.add(self._cancelled_by_broker)
        self._frames = frames
        answer = await frames.basic_consume(self.queue, self._on_message, no_ack=not self._settles)
        self._tag = answer.consumer_tag
        self._channel.close_callbacks.add(self._transport.lost)

    async def _on_message(self, message: DeliveredMessage) -> None:
        delivery = RabbitDelivery(message, self.queue, self._settles, self._transport)
        if self._transport.suspended:
            await delivery.ack()
            if self._drained is not None and (delivery.exchange, delivery.body) == ("", self._drained[0]):
                self._drained[1].set()
        elif not self._inline:
            # A task of our own: the library cancels its tasks when the connection drops, which must not affect a
            # handler.
            self._transport.spawn(self._guarded(delivery))
        else:
            await self._deliver(delivery)

    async def drain(self, publish: Callable[[bytes], Awaitable[None]]) -> None:
        """Returns when all that was published before, and delivered or not, has been dropped: a message behind it has
        arrived. ``publish``: into this queue."""
        body, arrived = DRAIN + uuid4().hex.encode() + b'"}', asyncio.Event()
        self._drained = body, arrived
        try:
            await publish(body)
            await arrived.wait()
        finally:
            self._drained = None

    async def _guarded(self, delivery: Delivery) -> None:
        try:
            await self._deliver(delivery)
        except BaseException:
            await delivery.reject()
            raise

    async def _cancelled_by_broker(self, _: object) -> None:
        self._tag = None
        self._transport.lost()

    async def cancel(self) -> None:
        """Stops deliveries for good: it is not restored."""
        self.cancelled = True
        tag, self._tag = self._tag, None
        if tag is not None and self._frames is not None and not self._frames.is_closed:
            with suppress(*LOST), lost_if_cancelled():
                await self._frames.basic_cancel(tag)

    async def close(self) -> None:
        """Cancels, and deletes a fanout queue."""
        await self.cancel()
        self._transport.forget(self)
        if self.bindings[0].kind == "fanout" and self._frames is not None and not self._frames.is_closed:
            with suppress(*LOST), lost_if_cancelled():
                await self._frames.queue_delete(self.queue)
        await self._drop_channel()

    async def _drop_channel(self) -> None:
        channel, self._channel, self._frames, self._tag = self._channel, None, None, None
        if channel is not None:
            channel.close_callbacks.discard(self._transport.lost)
            with suppress(*LOST), lost_if_cancelled():
                await channel.close()


def to_frame(properties: Properties, app_id: str) -> spec.Basic.Properties:
    """``app_id`` names the sender: receivers ignore it, the firehose has it."""
    return spec.Basic.Properties(
        content_type=properties.content_type,
        content_encoding=properties.content_encoding,
        headers={**properties.headers, SENT_AT: int(time.time() * 1000)},
        delivery_mode=properties.delivery_mode,
        priority=properties.priority,
        expiration=None if properties.expiration is None else str(properties.expiration),
        app_id=app_id,
    )


def from_frame(header: spec.Basic.Properties) -> Properties:
    """The properties of a received message."""
    expiration = header.expiration
    return Properties(
        content_type=header.content_type,
        content_encoding=header.content_encoding,
        headers={name: value for name, value in (header.headers or {}).items() if name != SENT_AT},
        delivery_mode=header.delivery_mode,
        priority=header.priority,
        expiration=int(expiration) if expiration and str(expiration).isdecimal() else None,
        user_id=header.user_id,
    )
