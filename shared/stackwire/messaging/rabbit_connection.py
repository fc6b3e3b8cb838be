"""One connection to RabbitMQ: opened, told dead, and ended so that nothing of it is left to the garbage collector."""

from contextlib import suppress

import aio_pika
from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import AuthenticationError, ProbableAuthenticationError
from aiormq.exceptions import ConnectionNotAllowed
from yarl import URL

from stackwire.messaging.rabbit_queue import LOST

REFUSED = (AuthenticationError, ProbableAuthenticationError, ConnectionNotAllowed)
ATTEMPT = 15.0  # seconds for one attempt to connect and restore


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
