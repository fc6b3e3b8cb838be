"""A consumer of other services' notifications inside the house: a queue of its own, and what it missed made good.

The queue is durable and bounded, on the in-process bus as on RabbitMQ; what it cannot keep and what cannot be handled
is a dead letter, and counted. A notification says that something has changed, it is not the change: handlers ask or
compare, so that one that comes twice, late or not at all does no harm. After an outage of the bus, during which
notifications may have been lost, ``missed`` is called.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stackwire.core.errors import Unavailable
from stackwire.messaging.notify import Listener, Notification
from stackwire.messaging.transport import Binding, Transport

log = logging.getLogger(__name__)

TOPIC = "notifications"
"""oslo.messaging's default topic."""
MAX_LENGTH = 10_000
"""Notifications that wait for a consumer that is away; the oldest beyond are dead letters."""
EventHandler = Callable[[Notification], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class ListenerStatus:
    """``rejected``: by this process since its start; ``dead_letters``: that wait in the queue of these."""

    handled: int
    rejected: int
    dead_letters: int


class NotificationListener:
    """``queue``: its name; ``handlers``: by event type, or by the beginning of one up to and with a dot. ``also``: what
    else the queue is bound to, beside the notifications of ``exchanges``.

    ``missed``: called soon after the start, when the bus is back after an outage, and after a notification that could
    not be handled. It must be safe to run at any time.
    """

    def __init__(
        self,
        transport: Transport,
        queue: str,
        exchanges: Sequence[str],
        handlers: Mapping[str, EventHandler],
        missed: Callable[[], Awaitable[None]],
        *,
        priorities: Sequence[str] = ("info",),
        max_length: int = MAX_LENGTH,
        also: Sequence[Binding] = (),
        prefetch: int | None = None,
        retry_after: float = 1.0,
        attempts: int = 5,
    ) -> None:
        self.queue = queue
        self.handled = 0
        self._transport = transport
        self._handlers = handlers
        self._missed = missed
        self._caught_up: tuple[float, float] | None = None
        self._is_behind = True
        self._is_ready = False
        self._listener = Listener(
            transport,
            exchanges,
            TOPIC,
            priorities,
            self._handle,
            pool=queue,
            max_length=max_length,
            also=also,
            prefetch=prefetch,
            retry_after=retry_after,
            attempts=attempts,
        )

    @property
    def busy(self) -> int:
        """Notifications being handled."""
        return self._listener.busy

    @property
    def rejected(self) -> int:
        """Notifications that this process has made dead letters."""
        return self._listener.rejected

    async def start(self) -> None:
        """Begins to consume."""
        await self._listener.start()

    @property
    def queues(self) -> Sequence[str]:
        """Its own."""
        return (self.queue,)

    async def stop(self, grace: float = 0.0) -> None:
        """What was not handled is there for the next process."""
        await self._listener.stop()

    def forget(self) -> None:
        """Which notifications were received, after a reset."""
        self._listener.forget()

    async def catch_up(self) -> None:
        """Calls ``missed`` where something may have been missed since the last call; for a sweep.

        It is tried again when it raises Unavailable. Not in a sweep's first round: what it asks may start after us.
        """
        if not self._is_ready:
            self._is_ready = True
            return
        latest = self._transport.outages[-1] if self._transport.outages else None
        if latest != self._caught_up:
            self._caught_up, self._is_behind = latest, True
        if self._is_behind:
            try:
                await self._missed()
            except Unavailable as error:
                log.warning("what %s missed is made good later: %s", self.queue, error)
            else:
                self._is_behind = False

    async def status(self) -> ListenerStatus:
        """What has become of the notifications. BusUnavailable."""
        waiting = await self._transport.dead_letters(self._listener.bindings[0])
        return ListenerStatus(handled=self.handled, rejected=self.rejected, dead_letters=waiting)

    async def _handle(self, notification: Notification) -> Any:
        handler = self._handler(notification.event_type)
        if handler is None:
            return
        try:
            await handler(notification)
        except Exception:
            self._is_behind = True
            raise
        self.handled += 1

    def _handler(self, event_type: str) -> EventHandler | None:
        found = self._handlers.get(event_type)
        at = 0
        while found is None and (at := event_type.find(".", at) + 1):
            found = self._handlers.get(event_type[:at])
        return found
