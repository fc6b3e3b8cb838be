"""Fault injection for either transport: messages dropped, delayed, duplicated, reordered or refused by rule.

bus = Faults(transport)
bus.drop(method("create_volume"), times=1)
bus.delay(event("volume.create.end"), 0.2)
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

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

Match = Callable[[Address, dict[str, Any]], bool]
"""Decides by where a message goes and by its payload."""


def everything(address: Address, payload: dict[str, Any]) -> bool:
    """Matches every message."""
    return True


def method(name: str) -> Match:
    """Matches requests of an RPC method."""
    return lambda address, payload: payload.get("method") == name


def event(name: str) -> Match:
    """Matches notifications of an event type."""
    return lambda address, payload: payload.get("event_type") == name


def replies(address: Address, payload: dict[str, Any]) -> bool:
    """Matches RPC replies."""
    return "ending" in payload


Send = Callable[[], Awaitable[None]]


@dataclass(slots=True)
class Rule:
    """``remaining``: how often it still applies (None: always); ``hits``: how often it has."""

    match: Match
    act: Callable[["Faults", Send], Awaitable[None]]
    remaining: int | None
    hits: int = 0

    def takes(self, address: Address, payload: dict[str, Any]) -> bool:
        """Whether the rule applies to this message; counts it when it does."""
        if self.remaining == 0 or not self.match(address, payload):
            return False
        self.hits += 1
        if self.remaining is not None:
            self.remaining -= 1
        return True


class Faults:
    """A transport that applies the first matching rule to each message that is published."""

    def __init__(self, inner: Transport) -> None:
        self.inner = inner
        self.name = inner.name
        self.rules: list[Rule] = []
        self._held: list[Send] = []

    def drop(self, match: Match = everything, *, times: int | None = None) -> Rule:
        """The publisher gets no error."""
        return self._rule(match, _drop, times)

    def delay(self, match: Match, seconds: float, *, times: int | None = None) -> Rule:
        """Publishes after ``seconds``; the publisher does not wait."""

        async def act(faults: "Faults", send: Send) -> None:
            faults.spawn(_later(send, seconds))

        return self._rule(match, act, times)

    def duplicate(self, match: Match = everything, *, times: int | None = None) -> Rule:
        """Publishes twice."""
        return self._rule(match, _twice, times)

    def reorder(self, match: Match, *, times: int | None = None) -> Rule:
        """Messages go out in pairs, the second first; a pair that never fills goes out with ``flush``."""

        async def act(faults: "Faults", send: Send) -> None:
            faults._held.append(send)
            if len(faults._held) == 2:
                first, second = faults._held
                faults._held.clear()
                await second()
                await first()

        return self._rule(match, act, times)

    def fail(self, match: Match, error: Exception, *, times: int | None = None) -> Rule:
        """The publisher gets ``error``; nothing is sent."""

        async def act(faults: "Faults", send: Send) -> None:
            raise error

        return self._rule(match, act, times)

    async def flush(self) -> None:
        """Sends what a reorder rule still holds."""
        while self._held:
            await self._held.pop(0)()

    def clear(self) -> None:
        """Removes all rules."""
        self.rules.clear()

    def _rule(self, match: Match, act: Callable[["Faults", Send], Awaitable[None]], times: int | None) -> Rule:
        rule = Rule(match, act, times)
        self.rules.append(rule)
        return rule

    @property
    def outages(self) -> Sequence[tuple[float, float]]:
        return self.inner.outages

    async def publish(
        self, address: Address, body: bytes, properties: Properties = STANDARD, *, mandatory: bool = False
    ) -> None:
        async def send() -> None:
            await self.inner.publish(address, body, properties, mandatory=mandatory)

        if self.rules:
            payload = _payload(body)
            for rule in self.rules:
                if rule.takes(address, payload):
                    await rule.act(self, send)
                    return
        await send()

    async def declare(self, binding: Binding) -> None:
        await self.inner.declare(binding)

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


async def _drop(faults: Faults, send: Send) -> None:
    return None


async def _twice(faults: Faults, send: Send) -> None:
    await send()
    await send()


async def _later(send: Send, seconds: float) -> None:
    await asyncio.sleep(seconds)
    await send()


def _payload(body: bytes) -> dict[str, Any]:
    try:
        outer = orjson.loads(body)
        inner = orjson.loads(outer["oslo.message"]) if "oslo.message" in outer else outer
    except (ValueError, TypeError, KeyError):
        return {}
    return inner if isinstance(inner, dict) else {}
