"""Peers that run the real oslo.messaging, on the broker of the test run."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from stackwire.messaging.connect import connect
from stackwire.messaging.transport import Transport
from support.rabbitmq import TestRabbit

PEER = Path(__file__).parent / "peers" / "peer.py"
LIMIT = 60.0  # seconds; importing oslo takes a while on a busy machine


class Peer:
    """A process to which orders are given, and whose lines are read."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, *arguments: str) -> "Peer":
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(PEER), *arguments,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        peer = cls(process)
        assert await peer.says() == {"ready": True}
        return peer

    async def says(self) -> dict[str, Any]:
        """The next thing it says."""
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), LIMIT)
        said: dict[str, Any] = json.loads(line)
        return said

    async def does(self, **order: Any) -> dict[str, Any]:
        """What it says to an order."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        await self._process.stdin.drain()
        return await self.says()

    async def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 20)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


@pytest.fixture(scope="module")
def names() -> dict[str, str]:
    """An exchange and a topic of this module's own."""
    unique = uuid4().hex[:8]
    return {"exchange": f"x{unique}", "topic": f"t{unique}"}


@pytest.fixture(scope="module")
async def bus(rabbitmq: TestRabbit) -> AsyncIterator[Transport]:
    transport = await connect(rabbitmq.url, name="test")
    yield transport
    await transport.close()


@pytest.fixture(scope="module")
async def caller(rabbitmq: TestRabbit, names: dict[str, str]) -> AsyncIterator[Peer]:
    peer = await Peer.start(rabbitmq.oslo_url, names["exchange"], "call")
    yield peer
    await peer.stop()
