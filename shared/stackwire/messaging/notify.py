"""Notifications in oslo.messaging's messagingv2 form: sent with an envelope, read with or without."""

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from stackwire.contracts.base import Event
from stackwire.core.metrics import DEAD_LETTERS
from stackwire.messaging.consumer_base import ConsumerBase
from stackwire.messaging.envelope import context_of, unwrap, wrap
from stackwire.messaging.errors import PoisonMessage
from stackwire.messaging.signatures import NO_SIGNATURES, Signatures
from stackwire.messaging.transport import (
    Binding,
    Delivery,
    Transport,
    notification_queue,
    properties_of,
    service_of,
    to_notification,
)

log = logging.getLogger(__name__)

REQUEST_HEADERS = ("request_id", "global_request_id")
_SECRETS = frozenset({"auth_token", "service_token", "service_catalog"})


class Notifier:
    """Publishes events. For a durable event its default queue is declared before the first publish."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def send(self, event: Event, context: Mapping[str, Any], message_id: str, timestamp: datetime | str) -> None:
        """Returns when the broker has confirmed it. ``context`` is in wire form; secrets in it are left out.

        The same ``message_id`` again is the same message to a listener. ``timestamp`` is when it happened, UTC.
        """
        if event.durable:
            await self._transport.declare(notification_queue(event.exchange, event.topic, event.priority))
        payload = {
            "message_id": message_id,
            "publisher_id": event.publisher_id,
            "event_type": event.event_type,
            "priority": event.priority.upper(),
            "payload": event.payload,
            "timestamp": timestamp if isinstance(timestamp, str) else _text(timestamp),
            "_unique_id": message_id.replace("-", ""),
        }
        if event.context:
            payload |= {f"_context_{key}": value for key, value in context.items() if key not in _SECRETS}
        # A payload without a context, as Glance's, belongs to a request too: receivers ignore headers, tracers do not.
        properties = properties_of(context) if event.context else properties_of(context, *REQUEST_HEADERS)
        address = to_notification(event.exchange, event.topic, event.priority)
        await self._transport.publish(address, wrap(payload, self._transport.signatures), properties)


def _text(moment: datetime) -> str:
    """A space, microseconds, no zone."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """An event as it was received. ``exchange`` is where it was published, ``context`` has no prefix."""

    exchange: str
    message_id: str
    publisher_id: str
    event_type: str
    priority: str
    payload: Any
    timestamp: str
    unique_id: str | None
    context: Mapping[str, Any]


Requeue = Literal["requeue"]
REQUEUE: Requeue = "requeue"
"""What a handler returns to have the message delivered again."""
Handler = Callable[[Notification], Awaitable[Requeue | None]]


def read_notification(delivery: Delivery, signatures: Signatures = NO_SIGNATURES, topic: str = "") -> Notification:
    """Raises PoisonMessage when it is not a notification."""
    payload = unwrap(delivery.body, delivery.properties, signatures, topic)
    text = {key: payload.get(key, "") for key in ("message_id", "publisher_id", "event_type", "priority", "timestamp")}
    if not all(isinstance(value, str) for value in text.values()) or not text["event_type"]:
        raise PoisonMessage("not a notification")
    unique_id = payload.get("_unique_id")
    return Notification(
        exchange=delivery.exchange,
        payload=payload.get("payload"),
        unique_id=unique_id if isinstance(unique_id, str) else None,
        context=context_of(payload),
        **text,
    )


class Listener:
    """Consumes the notifications of one exchange, or of several, on one topic.

    Without ``pool`` it takes messages from the default queue, which all listeners share; with one it has copies of its
    own, of ``max_length`` messages at most where that is given; ``also``: further bindings, of other topics. A message
    is acknowledged after the handler; one whose handler raised is delivered again after ``retry_after`` seconds, and
    rejected after ``attempts``.
    """

    def __init__(
        self,
        transport: Transport,
        exchange: str | Sequence[str],
        topic: str,
        priorities: Sequence[str],
        handler: Handler,
        pool: str | None = None,
        *,
        max_length: int = 0,
        also: Sequence[Binding] = (),
        prefetch: int | None = None,
        retry_after: float = 1.0,
        attempts: int = 5,
    ) -> None:
        self._transport = transport
        self._exchanges = (exchange,) if isinstance(exchange, str) else tuple(exchange)
        self._topic = topic
        self._priorities = tuple(dict.fromkeys(priority.lower() for priority in priorities))
        self._handler = handler
        self._pool = pool
        self._max_length = max_length
        self._also = tuple(also)
        self._prefetch = prefetch
        self._given_up = 0
        self._retry_after = retry_after
        self._attempts = attempts
        self._failures: OrderedDict[str, int] = OrderedDict()
        self._recent_ids: deque[str] = deque(maxlen=16)
        self._service = service_of(transport)
        self._consumers = ConsumerBase(self._service, [binding.queue for binding in self.bindings])

    @property
    def busy(self) -> int:
        """Notifications being handled."""
        return self._consumers.busy

    @property
    def rejected(self) -> int:
        """Notifications that were malformed, or whose handler raised at every attempt."""
        return self._consumers.poisonous + self._given_up

    @property
    def bindings(self) -> list[Binding]:
        """What is consumed: a queue for each priority, or the pool's."""
        return [
            notification_queue(exchange, self._topic, priority, self._pool, self._max_length)
            for priority in self._priorities
            for exchange in self._exchanges
        ] + list(self._also)

    async def start(self) -> None:
        """Begins to consume."""
        queues: dict[str, list[Binding]] = {}
        for binding in self.bindings:
            queues.setdefault(binding.queue, []).append(binding)
        for first, *others in queues.values():
            self._consumers.consumers.append(
                await self._transport.consume(first, self._on_delivery, also=others, prefetch=self._prefetch)
            )

    async def stop(self) -> None:
        """Cancels handlers; messages that were not handled are requeued."""
        await self._consumers.stop(0)

    def forget(self) -> None:
        """Which notifications were received: after a reset others may have the same ids."""
        self._recent_ids.clear()
        self._failures.clear()

    async def _on_delivery(self, delivery: Delivery) -> None:
        await self._consumers.handle(delivery, self._read, self._handled_or_back)

    def _read(self, delivery: Delivery) -> Notification:
        return read_notification(delivery, self._transport.signatures, self._topic)

    async def _handled_or_back(self, notification: Notification, delivery: Delivery) -> None:
        try:
            await self._handle(notification, delivery)
        except asyncio.CancelledError:
            await delivery.reject(requeue=True)
            raise

    async def _handle(self, notification: Notification, delivery: Delivery) -> None:
        if notification.unique_id is not None and notification.unique_id in self._recent_ids:
            await delivery.ack()
            return
        try:
            outcome = await self._handler(notification)
        except Exception:
            log.exception("the listener for %s failed on %s", self._topic, notification.event_type)
            await self._retry_later(notification.message_id, delivery)
            return
        if outcome == REQUEUE:
            await delivery.reject(requeue=True)
            return
        if notification.unique_id is not None:
            self._recent_ids.append(notification.unique_id)
        self._failures.pop(notification.message_id, None)
        await delivery.ack()

    async def _retry_later(self, message_id: str, delivery: Delivery) -> None:
        """Waits before the message is requeued: immediate redelivery would be a busy loop."""
        failed = self._failures.pop(message_id, 0) + 1
        if failed >= self._attempts:
            self._given_up += 1
            DEAD_LETTERS.labels(self._service, "failed").inc()
            await delivery.reject()
            return
        self._failures[message_id] = failed
        if len(self._failures) > 1_000:
            self._failures.popitem(last=False)
        await asyncio.sleep(self._retry_after)
        await delivery.reject(requeue=True)
