"""The same suite on both buses: every test here runs in this process and on RabbitMQ."""

from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import uuid4

import pytest

from stackwire.messaging.connect import connect
from stackwire.messaging.memory import MemoryBroker
from stackwire.messaging.transport import Transport

Join = Callable[[], Awaitable[Transport]]


@pytest.fixture(params=["memory", pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)])
def bus_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def join(bus_kind: str, request: pytest.FixtureRequest) -> AsyncIterator[Join]:
    """Another process's place on the bus of this test."""
    broker = MemoryBroker()
    url = "memory" if bus_kind == "memory" else request.getfixturevalue("rabbitmq").url
    joined: list[Transport] = []

    async def one_more() -> Transport:
        joined.append(await connect(url, name="test", broker=broker))
        return joined[-1]

    yield one_more
    for transport in joined:
        await transport.close()


@pytest.fixture
async def bus(join: Join) -> Transport:
    return await join()


@pytest.fixture
def topic() -> str:
    """A topic no other test knows."""
    return f"t{uuid4().hex[:10]}"
