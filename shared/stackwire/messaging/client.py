"""The client side of RPC: one reply queue, many concurrent calls."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar
from uuid import uuid4

from pydantic import ValidationError

from stackwire.contracts.base import Call, Cast, Fanout, Target
from stackwire.core.context import IN_UNIT_OF_WORK, RequestContext
from stackwire.core.errors import RemoteError
from stackwire.core.timeline import check_timeline
from stackwire.messaging import failure
from stackwire.messaging.envelope import unwrap, wrap
from stackwire.messaging.errors import BusUnavailable, CallTimeout, PoisonMessage
from stackwire.messaging.measured import called
from stackwire.messaging.transport import (
    Address,
    Consumer,
    Delivery,
    Properties,
    Transport,
    properties_of,
    reply_queue,
    service_of,
    to_fanout,
    to_topic,
)

log = logging.getLogger(__name__)
R = TypeVar("R")

RPC_TIMEOUT_SECONDS = 60.0
"""Seconds; oslo's rpc_response_timeout."""
OUTAGE_SECONDS = 60.0
"""How much longer a call may take where the bus is away."""
REPEAT_PAUSE_SECONDS = 0.2


class _PendingCall:
    """A call that waits for its reply. ``result``: of a reply in two parts, oslo's legacy form, before its ending."""

    __slots__ = ("future", "heartbeat", "monitor", "result")

    def __init__(self, future: "asyncio.Future[Any]", monitor: int) -> None:
        self.future = future
        self.monitor = monitor
        self.heartbeat: asyncio.Timeout | None = None
        self.result: Any = None


class RpcClient:
    """Calls, casts and fanouts over one transport, from any number of tasks; the first call creates the reply queue.

    ``heartbeat_timeouts``: exchange -> the default ``monitor`` of calls there, in seconds.
    """

    def __init__(self, transport: Transport, heartbeat_timeouts: Mapping[str, int] | None = None) -> None:
        self._transport = transport
        self._heartbeat_timeouts = heartbeat_timeouts or {}
        self._pending: dict[str, _PendingCall] = {}
        self._consumer: Consumer | None = None
        self._starting = asyncio.Lock()
        self._closed = False

    async def call(
        self,
        ctx: RequestContext,
        message: Call[R],
        *,
        server: str | None = None,
        topic: str | None = None,
        timeout: float = RPC_TIMEOUT_SECONDS,
        monitor: int | None = None,
    ) -> R:
        """The result from one server of the topic (``server``: from that one; ``topic``: another than the message's).

        ``timeout`` bounds the whole call, ``monitor`` the time without a heartbeat from the server; both in seconds.
        Time without a bus does not count for a call that can be repeated, up to OUTAGE_SECONDS: it is made again.
        Errors: what the handler raised, where its class is registered, else RemoteError; CallTimeout; Undeliverable
        when nobody has ever served the topic; BusUnavailable; RuntimeError inside a unit of work.
        """
        wire, args = ctx.to_wire(), message.to_args()
        target = message.target if topic is None else replace(message.target, topic=topic)

        def call_once() -> Awaitable[Any]:
            return self.request(wire, target, message.method, args, server=server, timeout=timeout, monitor=monitor)

        answer = await (self._through_outages(call_once, timeout) if message.repeatable else call_once())
        try:
            return type(message).read_result(answer)
        except ValidationError as error:
            raise RemoteError(exc_type="malformed result", value=message.method) from error

    async def _through_outages(self, call_once: Callable[[], Awaitable[Any]], timeout: float) -> Any:
        """Asks again where the bus was away since: the request or its reply may be lost, or came too late."""
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout + OUTAGE_SECONDS
        while True:
            begun = time.time()
            try:
                return await call_once()
            except (CallTimeout, BusUnavailable):
                if self._closed or loop.time() > until or not await self._was_away_since(begun):
                    raise
                await asyncio.sleep(REPEAT_PAUSE_SECONDS)

    async def _was_away_since(self, moment: float) -> bool:
        outages = self._transport.outages
        return bool(outages and outages[-1][1] >= moment) or bool(await self._transport.problem())

    async def cast(self, ctx: RequestContext, message: Cast, *, server: str | None = None) -> None:
        """Sends a message to one server and does not wait for its work. Flows use ``uow.cast``: the outbox."""
        await self.send(ctx.to_wire(), message.target, message.method, message.to_args(), server=server)

    async def fanout(self, ctx: RequestContext, message: Fanout) -> None:
        """Sends a message to every server of the topic."""
        await self.send(ctx.to_wire(), message.target, message.method, message.to_args(), fanout=True)

    async def send(
        self,
        context: Mapping[str, Any],
        target: Target,
        method: str,
        args: Mapping[str, Any],
        *,
        server: str | None = None,
        fanout: bool = False,
        unique_id: str | None = None,
        mandatory: bool = False,
        handled: Callable[[], None] | None = None,
    ) -> None:
        """A cast or fanout from its parts, as the outbox has them.

        ``context`` is the wire form. The same ``unique_id`` again is recognised as the same message. ``mandatory``
        raises Undeliverable when no queue takes it; otherwise the message is dropped. ``handled``: see Properties.
        """
        check_timeline()
        address = to_fanout(target.topic) if fanout else to_topic(target.exchange, target.topic, server)
        body = wrap(
            _request(context, target, method, args, {"_unique_id": _hex(unique_id)}), self._transport.signatures
        )
        properties = properties_of(context)
        if handled is not None:
            properties = replace(properties, handled=handled)
        await self._transport.publish(address, body, properties, mandatory=mandatory and not fanout)

    async def request(
        self,
        context: Mapping[str, Any],
        target: Target,
        method: str,
        args: Mapping[str, Any],
        *,
        server: str | None = None,
        timeout: float = RPC_TIMEOUT_SECONDS,
        monitor: int | None = None,
    ) -> Any:
        """A call from its parts; returns the result as JSON values."""
        if IN_UNIT_OF_WORK.get():
            raise RuntimeError(f"{method} was called inside a unit of work: its locks would be held for a round trip")
        check_timeline()
        if monitor is None:
            monitor = self._heartbeat_timeouts.get(target.exchange)
        reply_to = await self._reply_queue()
        msg_id = uuid4().hex
        protocol = {"_msg_id": msg_id, "_reply_q": reply_to, "_timeout": monitor, "_unique_id": uuid4().hex}
        body = wrap(_request(context, target, method, args, protocol), self._transport.signatures)
        address = to_topic(target.exchange, target.topic, server)
        pending = self._pending[msg_id] = _PendingCall(asyncio.get_running_loop().create_future(), monitor or 0)
        try:
            with called(service_of(self._transport), target.topic, method):
                return await self._exchange(pending, address, body, properties_of(context), timeout, monitor)
        except TimeoutError:
            no_heartbeat = pending.heartbeat is not None and pending.heartbeat.expired()
            seconds = monitor if no_heartbeat else timeout
            raise CallTimeout(topic=target.topic, method=method, seconds=seconds) from None
        finally:
            del self._pending[msg_id]

    async def _exchange(
        self,
        pending: _PendingCall,
        address: Address,
        body: bytes,
        properties: Properties,
        timeout: float,
        monitor: int | None,
    ) -> Any:
        properties = replace(properties, expiration=max(1, round(timeout * 1000)))
        async with asyncio.timeout(timeout):
            # A call no queue takes fails at once, as with oslo's TransportOptions(at_least_once=True).
            await self._transport.publish(address, body, properties, mandatory=True)
            if monitor is None:
                return await pending.future
            async with asyncio.timeout(monitor) as pending.heartbeat:
                return await pending.future

    async def _reply_queue(self) -> str:
        if self._consumer is None:
            async with self._starting:
                if self._consumer is None:
                    self._consumer = await self._transport.consume(reply_queue(), self._on_reply)
        return self._consumer.queue

    async def _on_reply(self, delivery: Delivery) -> None:
        await delivery.ack()
        try:
            reply = unwrap(delivery.body, delivery.properties)
        except PoisonMessage as error:
            log.warning("a reply cannot be read: %s", error)
            return
        msg_id = reply.get("_msg_id")
        pending = self._pending.get(msg_id) if isinstance(msg_id, str) else None
        # Nothing waits for late, duplicate and foreign replies.
        if pending is not None and not pending.future.done():
            _complete(pending, reply)

    async def close(self) -> None:
        """Fails calls that still wait with BusUnavailable."""
        self._closed = True
        for pending in self._pending.values():
            if not pending.future.done():
                pending.future.set_exception(BusUnavailable(url=self._transport.name, reason="closed"))
        if self._consumer is not None:
            await self._consumer.close()
            self._consumer = None


def _complete(pending: _PendingCall, reply: Mapping[str, Any]) -> None:
    result, failed = reply.get("result"), reply.get("failure")
    if failed is not None:
        pending.future.set_exception(failure.decode(failed))
    elif reply.get("ending") is True:
        pending.future.set_result(result if pending.result is None else pending.result)
    elif result is not None:
        pending.result = result
    elif pending.heartbeat is not None:  # a heartbeat: the monitor's time begins again
        pending.heartbeat.reschedule(asyncio.get_running_loop().time() + pending.monitor)


def _request(
    context: Mapping[str, Any], target: Target, method: str, args: Mapping[str, Any], protocol: Mapping[str, Any]
) -> dict[str, Any]:
    """The payload in oslo's key order."""
    payload: dict[str, Any] = {"method": method, "args": args}
    if target.namespace is not None:
        payload["namespace"] = target.namespace
    payload["version"] = target.version
    payload.update(protocol)
    for key, value in context.items():
        payload[f"_context_{key}"] = value
    return payload


def _hex(unique_id: str | None) -> str:
    return uuid4().hex if unique_id is None else unique_id.replace("-", "")
