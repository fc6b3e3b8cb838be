"""RabbitMQ for a benchmark: what it leaves there goes with it."""

import contextlib
from collections.abc import Iterator

from support.rabbitmq import NoRabbit, on_localhost, start_broker


@contextlib.contextmanager
def a_bus(url: str | None) -> Iterator[str]:
    """The broker that is named; or a vhost on the one of this machine; or one started for this. Raises NoRabbit."""
    if url:
        yield url
        return
    try:
        broker, stop = on_localhost(), None
    except NoRabbit:
        broker, stop = start_broker()
    try:
        yield broker.url
    finally:
        if stop is not None:
            stop()
