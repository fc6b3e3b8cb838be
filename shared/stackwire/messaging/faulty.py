"""A transport that does to messages what the fault rules say: the same on either bus.

Rules apply where a message is published; ``bus.away`` and ``worker.freeze`` also hold up what is delivered. Events that
only the tracer reads are left alone.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from typing import Any

import orjson

from stackwire.core.faults import CAUSE, Fault, Faults
from stackwire.messaging.envelope import context_of
from stackwire.messaging.errors import BusUnavailable
from stackwire.messaging.forwarding import ForwardingTransport
from stackwire.messaging.transport import STANDARD, Address, Binding, Consumer, Deliver, Delivery, Properties, Transport

AWAY_SECONDS = 30.0
"""How long a publish waits for a bus that is away: RabbitMQ's option ``publish_timeout``."""
PAIR_SECONDS = 1.0
"""How long a message waits for the one that is to overtake it."""
OUTAGES_LISTED = 100
OBSERVERS = frozenset({"http.info", "lineage.info"})
"""Routing keys of what only tells of messages and properties."""
_METHOD: ContextVar[str | None] = ContextVar("method", default=None)
"""Of the request that is being handled: its reply names none."""

Send = Callable[[], Awaitable[None]]


class FaultyTransport(ForwardingTransport):
    """``inner``, whose messages are subject to ``faults``."""

    def __init__(self, inner: Transport, faults: Faults, *, away_seconds: float = AWAY_SECONDS) -> None:
        super().__init__(inner)
        self.faults = faults
        self._away_seconds = away_seconds
        self._held: list[Send] = []
        self._outages: deque[tuple[float, float]] = deque(maxlen=OUTAGES_LISTED)

    async def suspend(self) -> None:
        self._held.clear()
        await self.inner.suspend()

    @property
    def outages(self) -> Sequence[tuple[float, float]]:
        return (*self.inner.outages, *self._outages) if self._outages else self.inner.outages

    async def publish(
        self, address: Address, body: bytes, properties: Properties = STANDARD, *, mandatory: bool = False
    ) -> None:
        if not self.faults.rules or address.routing_key in OBSERVERS:
            await self.inner.publish(address, body, properties, mandatory=mandatory)
            return

        async def send() -> None:
            await self.inner.publish(address, body, properties, mandatory=mandatory)

        payload = _payload(body)
        facts, name = _facts(address, payload, body)
        context = CAUSE.set(context_of(payload) or CAUSE.get())
        try:
            fault = await self.faults.first("bus", facts, name)
        finally:
            CAUSE.reset(context)
        await (send() if fault is None else self._act(fault, send))

    async def _act(self, fault: Fault, send: Send) -> None:
        kind, seconds = fault.rule.kind, fault.rule.seconds
        if kind == "bus.delay":
            self.spawn(_later(send, seconds or 0.0))
        elif kind == "bus.duplicate":
            await send()
            await send()
        elif kind == "bus.reorder":
            await self._reorder(send, seconds or PAIR_SECONDS)
        elif kind == "bus.away":
            await self._return_of(fault)
            await send()

    async def _reorder(self, send: Send, most: float) -> None:
        if self._held:
            await send()
            await self._held.pop()()
            return
        self._held.append(send)

        async def send_unpaired() -> None:
            await asyncio.sleep(most)
            if send in self._held:
                self._held.remove(send)
                await send()

        self.spawn(send_unpaired())

    async def _return_of(self, fault: Fault) -> None:
        """Waits until the bus is back. Raises BusUnavailable after ``away_seconds``, as without it."""
        since = time.time()
        is_back = await self.faults.wait_out(fault, self._away_seconds)
        self._outages.append((since, time.time()))
        if not is_back:
            raise BusUnavailable(url=self.name, reason=fault.rule.described())

    async def consume(
        self, binding: Binding, deliver: Deliver, *, also: Sequence[Binding] = (), prefetch: int | None = None
    ) -> Consumer:
        async def received(delivery: Delivery) -> None:
            if self.faults.rules:
                await self._receive(delivery)
            await deliver(delivery)

        return await self.inner.consume(binding, received, also=also, prefetch=prefetch)

    async def _receive(self, delivery: Delivery) -> None:
        """Each delivery has a task and a context of its own: what is set here holds for its handler."""
        payload = _payload(delivery.body)
        facts, name = _facts(Address(delivery.exchange, delivery.routing_key), payload, delivery.body)
        CAUSE.set(context_of(payload))
        method = payload.get("method")
        _METHOD.set(method if isinstance(method, str) else None)
        for fault in self.faults.rules:
            if fault.rule.kind == "bus.away" and self.faults.applies(fault, facts):
                await self.faults.wait_out(fault)
            elif fault.rule.kind == "worker.freeze" and isinstance(method, str) and fault.rule.point is None:
                await self.faults.freeze(fault, facts, name)


_: type[Transport] = FaultyTransport


async def _later(send: Send, seconds: float) -> None:
    await asyncio.sleep(seconds)
    await send()


def _facts(address: Address, payload: dict[str, Any], body: bytes) -> tuple[dict[str, str | None], str]:
    """What rules match, and the message's name in a story."""
    message: str | None = None
    name, method, event_type = "", payload.get("method"), payload.get("event_type")
    if isinstance(event_type, str):
        message, name = "notification", event_type
    elif isinstance(method, str):
        fanout = address.exchange.endswith("_fanout")
        message, name = "fanout" if fanout else "call" if payload.get("_msg_id") else "cast", method
    elif "_msg_id" in payload:
        message, method = "reply", _METHOD.get()
        name = f"reply to {method}" if method else "reply"
    topic = address.exchange.removesuffix("_fanout") if message == "fanout" else address.routing_key
    facts = {
        "exchange": address.exchange,
        "topic": topic,
        "method": method if isinstance(method, str) else None,
        "event_type": event_type if isinstance(event_type, str) else None,
        "message": message,
        "resource": body.decode("utf-8", "replace"),
    }
    return facts, name


def _payload(body: bytes) -> dict[str, Any]:
    try:
        outer = orjson.loads(body)
        inner = orjson.loads(outer["oslo.message"]) if "oslo.message" in outer else outer
    except (ValueError, TypeError, KeyError):
        return {}
    return inner if isinstance(inner, dict) else {}
