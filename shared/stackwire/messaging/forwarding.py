"""A transport that hands everything on to another: those that change some of it override what they change."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

from stackwire.core.timeline import Timeline
from stackwire.messaging.transport import (
    STANDARD,
    Address,
    Binding,
    Consumer,
    Deliver,
    Properties,
    Transport,
    WireObserver,
)


class ForwardingTransport:
    """``inner`` as it is."""

    def __init__(self, inner: Transport) -> None:
        self.inner = inner
        self.name = inner.name
        self.signatures = inner.signatures
        self.faults = inner.faults
        self.outlives_process = inner.outlives_process

    @property
    def timeline(self) -> Timeline:
        return self.inner.timeline

    async def suspend(self) -> None:
        await self.inner.suspend()

    async def drain(self) -> None:
        await self.inner.drain()

    async def resume(self) -> None:
        await self.inner.resume()

    @property
    def outages(self) -> Sequence[tuple[float, float]]:
        return self.inner.outages

    async def publish(
        self, address: Address, body: bytes, properties: Properties = STANDARD, *, mandatory: bool = False
    ) -> None:
        await self.inner.publish(address, body, properties, mandatory=mandatory)

    async def declare(self, binding: Binding) -> None:
        await self.inner.declare(binding)

    async def dead_letters(self, binding: Binding) -> int:
        return await self.inner.dead_letters(binding)

    async def problem(self) -> str:
        return await self.inner.problem()

    async def depth(self, queue: str) -> int:
        return await self.inner.depth(queue)

    async def consume(
        self, binding: Binding, deliver: Deliver, *, also: Sequence[Binding] = (), prefetch: int | None = None
    ) -> Consumer:
        return await self.inner.consume(binding, deliver, also=also, prefetch=prefetch)

    async def watch(self, observer: WireObserver) -> Consumer:
        return await self.inner.watch(observer)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self.inner.spawn(work)

    async def close(self) -> None:
        await self.inner.close()


_: type[Transport] = ForwardingTransport
