"""Connections to RabbitMQ: opened, checked, and closed so that nothing is left for the garbage collector."""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, cast

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import AuthenticationError, ProbableAuthenticationError
from aiormq.channel import Channel as Frames
from aiormq.exceptions import AMQPError, ConnectionNotAllowed
from yarl import URL

from stackwire.core.secrets import masked

LOST = (AMQPError, OSError, RuntimeError, TimeoutError)
"""What the library raises when a connection or a channel is lost."""
REFUSED = (AuthenticationError, ProbableAuthenticationError, ConnectionNotAllowed)
ATTEMPT = 15.0  # seconds for one attempt to connect and restore


@contextmanager
def lost_if_cancelled() -> Iterator[None]:
    """The library cancels what waits on a connection that it gives up, as one whose other end has long said nothing:
    that is a lost connection, and no wish of who is waiting to be ended."""
    task = asyncio.current_task()
    before = task.cancelling() if task is not None else 0
    try:
        yield
    except asyncio.CancelledError:
        if task is None or task.cancelling() > before:
            raise
        raise ConnectionError("the connection was given up") from None


class Opener:
    """Opens connections and channels of one transport.

    ``name``: shown by the broker; ``lost``: called when one is lost.
    """

    def __init__(self, url: str, name: str, lost: Callable[..., Any]) -> None:
        self.masked_url = masked(url)
        self._url = url
        self.name = name
        self._lost = lost

    async def connection(self, role: str, old: AbstractConnection | None) -> AbstractConnection:
        """A connection that replaces ``old``. Raises one of LOST."""
        await end(old)
        connection = await connect(self._url, f"{self.name}:{os.getpid()}:{role}")
        connection.close_callbacks.add(self._lost)
        return connection

    async def channel(self, connection: AbstractConnection, *, confirms: bool) -> tuple[AbstractChannel, Frames]:
        """aio-pika's channel, and the frames below it."""
        channel = connection.channel(publisher_confirms=confirms, on_return_raises=confirms)
        await channel.initialize()
        return channel, cast(Frames, await channel.get_underlay_channel())


async def connect(url: str, name: str) -> AbstractConnection:
    """A connection; the broker shows its ``name``. Raises one of LOST."""
    connection = aio_pika.Connection(URL(url), client_properties={"connection_name": name})
    try:
        await connection.connect(timeout=ATTEMPT)
    except BaseException:
        await end(connection)
        raise
    return connection


async def end(connection: AbstractConnection | None) -> None:
    """Closes a connection, whatever the broker answers.

    aio-pika closes an open connection when it is garbage-collected, which may be after its loop stopped. After a close
    that failed it considers the connection open, hence the second attempt.
    """
    for _ in range(2):
        if connection is not None and not connection.is_closed:
            with suppress(*LOST), lost_if_cancelled():
                await connection.close()


def is_disconnected(connection: AbstractConnection | None) -> bool:
    """Whether the connection is lost; aio-pika's ``is_closed`` is true only after a deliberate close."""
    return connection is None or connection.transport is None or connection.transport.connection.is_closed


def error_text(error: BaseException) -> str:
    """The AMQP library's message, but for one that it writes as a dump of frames."""
    text = str(error) or type(error).__name__
    return "the broker has no such virtual host, or closes the connection" if "Connection.Close" in text else text
