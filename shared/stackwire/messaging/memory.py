"""The bus inside one process: the same bytes and the same routing as RabbitMQ, queued, never delivered inline."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

from stackwire.core.faults import NO_FAULTS
from stackwire.core.timeline import Timeline
from stackwire.messaging import transport
from stackwire.messaging.errors import BusUnavailable
from stackwire.messaging.memory_broker import MemoryBroker
from stackwire.messaging.memory_queue import UNBOUNDED, MemoryConsumer
from stackwire.messaging.signatures import NO_SIGNATURES

__all__ = ["MemoryBroker", "MemoryTransport"]

PREFETCH = 64
"""Unsettled deliveries of one consumer, where it names no number of its own."""


class MemoryTransport:
    """One service's connection to a MemoryBroker."""

    def __init__(self, broker: MemoryBroker, name: str = "memory") -> None:
        self.broker = broker
        self.name = name
        self.outlives_process = False
        self.faults = NO_FAULTS
        self.signatures = NO_SIGNATURES
        self._consumers: list[transport.Consumer] = []
        self._open = True
        self._tasks = broker.join()

    @property
    def timeline(self) -> Timeline:
        return self._tasks.timeline

    @property
    def outages(self) -> Sequence[tuple[float, float]]:
        """None: it is never unavailable."""
        return ()

    async def publish(
        self,
        address: transport.Address,
        body: bytes,
        properties: transport.Properties = transport.STANDARD,
        *,
        mandatory: bool = False,
    ) -> None:
        self._check_open()
        self.broker.publish(address, body, properties, mandatory=mandatory, sender=self.name)

    async def declare(self, binding: transport.Binding) -> None:
        self._check_open()
        self.broker.declare(binding)

    async def dead_letters(self, binding: transport.Binding) -> int:
        self._check_open()
        self.broker.declare(binding)
        return self.broker.depth(binding.dead_letters)

    async def problem(self) -> str:
        return "" if self._open else "closed"

    async def depth(self, queue: str) -> int:
        return self.broker.depth(queue)

    async def consume(
        self,
        binding: transport.Binding,
        deliver: transport.Deliver,
        *,
        also: Sequence[transport.Binding] = (),
        prefetch: int | None = None,
    ) -> transport.Consumer:
        self._check_open()
        queue = self.broker.declare(binding)
        for other in also:
            self.broker.declare(other)
        limit = UNBOUNDED if binding.kind == "reply" else PREFETCH if prefetch is None else prefetch
        consumer = MemoryConsumer(self.broker, self._tasks, queue, deliver, limit)
        queue.consumers.append(consumer)
        self._consumers.append(consumer)
        self.broker.schedule(queue)
        return consumer

    async def watch(self, observer: transport.WireObserver) -> transport.Consumer:
        watch = self.broker.watch(observer)
        self._consumers.append(watch)
        return watch

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self._tasks.spawn(work)

    async def settle(self, timeout: float = 30.0) -> None:
        """See MemoryBroker.settle."""
        await self.broker.settle(timeout)

    async def suspend(self) -> None:
        self.broker.suspend(self)
        await self._tasks.end_timeline()
        for consumer in self._consumers:
            if isinstance(consumer, MemoryConsumer):
                consumer.unsettled.clear()

    async def drain(self) -> None:
        self.broker.drain()

    async def resume(self) -> None:
        self.broker.resume(self)

    async def close(self) -> None:
        self._open = False
        self.broker.resume(self)
        for consumer in self._consumers:
            await consumer.close()
        self._consumers.clear()
        await self._tasks.cancel()
        self.broker.leave(self._tasks)

    def _check_open(self) -> None:
        if not self._open:
            raise BusUnavailable(url="memory", reason="closed")


_: type[transport.Transport] = MemoryTransport
