"""The notifications that a cloud's flows emit, heard at its broker: event types, and the keys of their payloads."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aio_pika
from aio_pika.abc import AbstractIncomingMessage
from aio_pika.exceptions import AMQPError

from stackwire.compare.session import Unusable
from stackwire.messaging.envelope import unwrap
from stackwire.messaging.errors import PoisonMessage
from stackwire.messaging.transport import Properties

EXCHANGES = ("glance", "cinder", "nova")
TOPICS = ("notifications.#", "versioned_notifications.#")
QUIET_SECONDS = 1.5
LONGEST_SECONDS = 30.0
DATA = "nova_object.data"
Events = dict[str, set[str]]
"""``exchange event_type`` to the paths of the payload's keys."""


class Listener:
    """What one broker publishes, of one project."""

    def __init__(self, project_id: str) -> None:
        self._project_id = project_id
        self._events: Events = {}
        self._last = time.monotonic()

    async def take(self) -> Events:
        """What has come until nothing more came for a while."""
        self._last = time.monotonic()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_SECONDS):
                await self._quiet()
        taken, self._events = self._events, {}
        return taken

    async def _quiet(self) -> None:
        while True:
            wait = self._last + QUIET_SECONDS - time.monotonic()
            if wait <= 0:
                return
            await asyncio.sleep(wait)

    async def on_message(self, message: AbstractIncomingMessage) -> None:
        """One notification."""
        sent = Properties(message.content_type, message.content_encoding, message.headers)
        with contextlib.suppress(PoisonMessage):
            event = unwrap(message.body, sent)
            if event.get("_context_project_id") in (None, self._project_id) and "event_type" in event:
                self._last = time.monotonic()
                key = f"{message.exchange} {event['event_type']}"
                self._events.setdefault(key, set()).update(_paths(event.get("payload")))


@asynccontextmanager
async def listening(url: str, project_id: str) -> AsyncIterator[Listener]:
    """Raises Unusable when the broker cannot be reached, or has none of the exchanges."""
    listener = Listener(project_id)
    try:
        connection = await aio_pika.connect(url, timeout=10)
    except (AMQPError, OSError, TimeoutError, ValueError) as error:
        raise Unusable(f"no broker answers at {_without_password(url)}: {error or type(error).__name__}") from None
    async with connection:
        found = [name for name in EXCHANGES if await _exists(connection, name)]
        if not found:
            raise Unusable(f"{_without_password(url)} has no exchange of {', '.join(EXCHANGES)}")
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True, auto_delete=True)
        for name in found:
            for topic in TOPICS:
                await queue.bind(name, topic)
        await queue.consume(listener.on_message, no_ack=True)
        yield listener


async def _exists(connection: Any, exchange: str) -> bool:
    channel = await connection.channel()  # a refusal closes it
    try:
        await channel.get_exchange(exchange, ensure=True)
    except AMQPError:
        return False
    await channel.close()
    return True


def _paths(payload: Any, above: str = "") -> Iterator[str]:
    """``image.properties.team``; what a list holds is under the list's own path."""
    if isinstance(payload, dict):
        for key, value in payload.get(DATA, payload).items():
            yield f"{above}{key}"
            yield from _paths(value, f"{above}{key}.")
    elif isinstance(payload, list):
        for each in payload:
            yield from _paths(each, above)


def _without_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
