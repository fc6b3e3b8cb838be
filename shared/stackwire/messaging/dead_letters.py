"""The queue of dead letters on RabbitMQ, for an operator: what is in it, and back to where it came from.

A message is looked at by taking it out and putting it back at the end: one that is returned to a quorum queue again and
again is dropped by the broker in the end.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from aio_pika.exceptions import AMQPError, ChannelNotFoundEntity, PublishError

from stackwire.core.secrets import masked
from stackwire.messaging.envelope import unwrap
from stackwire.messaging.errors import BusUnavailable, PoisonMessage
from stackwire.messaging.options import parse
from stackwire.messaging.transport import Properties

CONNECT_SECONDS = 10.0
OF_DEATH = ("x-death", "x-first-death-", "x-last-death-", "x-delivery-count")


class NoSuchQueue(Exception):
    """The broker has no queue of this name."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """``queue``: that it came from, empty where the broker did not note it. ``name``: a method or an event type, empty
    for what cannot be read. ``reason``: the broker's: rejected, delivery_limit, maxlen or expired."""

    id: str
    queue: str
    name: str
    reason: str
    died_at: datetime | None
    request_id: str
    project_id: str
    size: int


class DeadLetters:
    """One queue of them. ``resend`` and ``every`` look at as many as there are when they begin."""

    def __init__(self, channel: AbstractChannel, queue: str) -> None:
        self._channel = channel
        self._queue = queue

    async def every(self) -> list[DeadLetter]:
        """The longest dead first."""
        found: list[DeadLetter] = []
        async for message, letter in self._taken():
            await self._put(message, self._queue)
            found.append(letter)
        return found

    async def resend(self, chosen: Callable[[DeadLetter], bool]) -> tuple[list[DeadLetter], list[DeadLetter]]:
        """Those that went back to their queues, and those that could not: nobody has that queue any more."""
        sent: list[DeadLetter] = []
        refused: list[DeadLetter] = []
        async for message, letter in self._taken():
            if not chosen(letter):
                await self._put(message, self._queue)
            elif letter.queue and await self._return(message, letter.queue):
                sent.append(letter)
            else:
                await self._put(message, self._queue)
                refused.append(letter)
        return sent, refused

    async def _taken(self) -> AsyncIterator[tuple[AbstractIncomingMessage, DeadLetter]]:
        """Each is acknowledged once the caller has put it somewhere."""
        try:
            queue = await self._channel.declare_queue(self._queue, passive=True)
        except ChannelNotFoundEntity:
            raise NoSuchQueue(self._queue) from None
        for _ in range(queue.declaration_result.message_count or 0):
            message = await queue.get(fail=False)
            if message is None:
                return
            yield message, _read(message)
            await message.ack()

    async def _return(self, message: AbstractIncomingMessage, queue: str) -> bool:
        headers = {name: value for name, value in message.headers.items() if not name.startswith(OF_DEATH)}
        try:
            await self._put(message, queue, headers)
        except PublishError:
            return False
        return True

    async def _put(
        self, message: AbstractIncomingMessage, queue: str, headers: Mapping[str, Any] | None = None
    ) -> None:
        copy = aio_pika.Message(
            message.body,
            headers=dict(message.headers if headers is None else headers),
            content_type=message.content_type,
            content_encoding=message.content_encoding,
            delivery_mode=message.delivery_mode,
            priority=message.priority,
            app_id=message.app_id,
        )
        await self._channel.default_exchange.publish(copy, queue, mandatory=True)


@asynccontextmanager
async def dead_letters(url: str, queue: str = "") -> AsyncIterator[DeadLetters]:
    """Those of the broker at ``url``: in ``queue``, or what its option ``dead_letter`` names. BusUnavailable."""
    address, options = parse(url)
    try:
        connection = await aio_pika.connect(address, timeout=CONNECT_SECONDS)
    except (AMQPError, OSError, TimeoutError) as error:
        raise BusUnavailable(url=masked(address), reason=masked(str(error)) or type(error).__name__) from None
    async with connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        yield DeadLetters(channel, queue or options.dead_letter or "dead_letters")


def _read(message: AbstractIncomingMessage) -> DeadLetter:
    deaths: Any = message.headers.get("x-death")
    death: Mapping[str, Any] = deaths[0] if isinstance(deaths, list) and deaths else {}
    try:
        payload = unwrap(message.body, Properties(message.content_type, message.content_encoding, message.headers))
    except PoisonMessage:
        payload = {}
    died_at = death.get("time")
    return DeadLetter(
        id=_text(payload.get("_unique_id") or payload.get("message_id")),
        queue=_text(death.get("queue")),
        name=_text(payload.get("method") or payload.get("event_type")),
        reason=_text(death.get("reason")),
        died_at=died_at if isinstance(died_at, datetime) else None,
        request_id=_text(payload.get("_context_request_id")),
        project_id=_text(payload.get("_context_project_id")),
        size=len(message.body),
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
