"""Connections to RabbitMQ: opened, told dead, and ended so that nothing of one is left to the garbage collector."""

import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import AuthenticationError, ProbableAuthenticationError
from aiormq.channel import Channel as Frames
from aiormq.exceptions import AMQPError, ConnectionNotAllowed
from yarl import URL

from stackwire.core.secrets import masked

LOST = (AMQPError, OSError, RuntimeError, TimeoutError)
"""What the library raises when a connection or a channel is gone."""
REFUSED = (AuthenticationError, ProbableAuthenticationError, ConnectionNotAllowed)
ATTEMPT = 15.0  # seconds for one attempt to connect and restore


class Opener:
    """Opens what one transport needs. ``name``: what the broker calls it; ``lost`` hears of each connection's end."""

    def __init__(self, url: str, name: str, lost: Callable[..., Any]) -> None:
        self.shown = masked(url)
        self._url = url
        self.name = name
        self._lost = lost

    async def connection(self, role: str, old: AbstractConnection | None) -> AbstractConnection:
        """In place of ``old``. Raises one of LOST."""
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
    """``name``: what the broker calls it. Raises one of LOST."""
    connection = aio_pika.Connection(URL(url), client_properties={"connection_name": name})
    try:
        await connection.connect(timeout=ATTEMPT)
    except BaseException:
        await end(connection)
        raise
    return connection


async def end(connection: AbstractConnection | None) -> None:
    """Closed, whatever the broker says to it.

    aio-pika closes what is not closed when it is collected, which may be after its loop stopped. A farewell that
    fails leaves the connection open in its eyes, hence the second.
    """
    for _ in range(2):
        if connection is not None and not connection.is_closed:
            with suppress(*LOST):
                await connection.close()


def gone(connection: AbstractConnection | None) -> bool:
    """aio-pika's own ``is_closed`` only tells of a connection that was closed on purpose."""
    return connection is None or connection.transport is None or connection.transport.connection.is_closed


def why(error: BaseException) -> str:
    """The AMQP library's own words, but for one case that it words as a dump of frames."""
    text = str(error) or type(error).__name__
    return "the broker has no such virtual host, or closes the connection" if "Connection.Close" in text else text
