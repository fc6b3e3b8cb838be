"""What RPC servers and notification listeners have in common: consumers, and a task for each message."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from stackwire.core.metrics import DEAD_LETTERS, MESSAGE_WAIT
from stackwire.messaging.errors import PoisonMessage
from stackwire.messaging.signatures import ForgedMessage
from stackwire.messaging.transport import Consumer, Delivery

log = logging.getLogger(__name__)

T = TypeVar("T")


class ConsumerBase:
    """The owner fills ``consumers``. A handler may call ``stop`` for its own server. ``poisonous``: malformed messages
    so far. ``queues``: those with names that stay, which metrics are about.
    """

    def __init__(self, service: str, queues: Sequence[str]) -> None:
        self.consumers: list[Consumer] = []
        self.queues = tuple(dict.fromkeys(queues))
        self._service = service
        self.poisonous = 0
        self._handling: set[asyncio.Task[Any]] = set()

    @property
    def busy(self) -> int:
        """Messages being handled."""
        return len(self._handling)

    async def stop(self, grace: float) -> None:
        """Stops consuming, lets handlers end within ``grace`` seconds, and requeues the rest."""
        for consumer in self.consumers:
            await consumer.cancel()
        handling = [task for task in self._handling if task is not asyncio.current_task()]
        if handling:
            _, late = await asyncio.wait(handling, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        for consumer in self.consumers:
            await consumer.close()
        self.consumers.clear()

    async def handle(
        self, delivery: Delivery, read: Callable[[Delivery], T], do: Callable[[T, Delivery], Awaitable[None]]
    ) -> None:
        """Parses a message and handles it; a malformed one is rejected."""
        if delivery.sent_at is not None:
            MESSAGE_WAIT.labels(self._service, delivery.queue if delivery.queue in self.queues else "other").observe(
                max(0.0, time.time() - delivery.sent_at)
            )
        try:
            message = read(delivery)
        except PoisonMessage as error:
            self.poisonous += 1
            reason = "forged" if isinstance(error, ForgedMessage) else "poison"
            DEAD_LETTERS.labels(self._service, reason).inc()
            log.warning("a message on %s cannot be read: %s", delivery.queue, error)
            await delivery.reject()
            return
        task = asyncio.current_task()
        assert task is not None
        self._handling.add(task)
        try:
            await do(message, delivery)
        finally:
            self._handling.discard(task)
