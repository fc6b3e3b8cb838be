"""The server side of RPC: three queues, a table of endpoints, one task per request."""

import asyncio
import logging
import re
import time
from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from stackwire.contracts.base import Endpoint, Target
from stackwire.core.context import CURRENT, RequestContext
from stackwire.core.errors import ServiceError, Unavailable
from stackwire.core.metrics import DEAD_LETTERS
from stackwire.messaging import failure
from stackwire.messaging.consumer_base import ConsumerBase
from stackwire.messaging.dispatch import Dispatcher
from stackwire.messaging.envelope import context_of, unwrap, wrap
from stackwire.messaging.errors import BusUnavailable, PoisonMessage, Undeliverable
from stackwire.messaging.measured import served
from stackwire.messaging.signatures import NO_SIGNATURES, Signatures
from stackwire.messaging.transport import STANDARD, Delivery, Transport, fanout_queue, service_of, to_reply, topic_queue

log = logging.getLogger(__name__)

RECENT_IDS_KEPT = 16
"""Unique ids kept to recognise a duplicate message: oslo's number. Receivers are idempotent beyond that."""
REPLY_RETRY_SECONDS = 0.25
REPLY_TIMEOUT_SECONDS = 60.0
CLOSED_QUEUES_KEPT = 200
CAST_PAUSES = (0.5, 1.0, 2.0, 5.0, *[10.0] * 28)
"""Seconds between the attempts of a cast that finds the database, or a service, unavailable: five minutes in all."""
_REPLY_NAME = re.compile(r"reply_[0-9A-Za-z_.:-]{1,200}")


@dataclass(frozen=True, slots=True)
class Request:
    """A request as parsed. ``args`` and ``method`` are unchecked: what does not fit is answered, not rejected."""

    method: Any
    args: Any
    namespace: str | None
    version: str | None
    msg_id: str | None
    reply_to: str | None
    monitor: int | None
    unique_id: str | None
    context: Mapping[str, Any]


def read_request(delivery: Delivery, signatures: Signatures = NO_SIGNATURES, topic: str = "") -> Request:
    """Raises PoisonMessage for a malformed message, and for a reply queue that does not have a reply queue's name."""
    payload = unwrap(delivery.body, delivery.properties, signatures, topic)
    msg_id, reply_to, monitor = payload.get("_msg_id"), payload.get("_reply_q"), payload.get("_timeout")
    if msg_id is not None and not isinstance(msg_id, str):
        raise PoisonMessage("a message id that is not text")
    if msg_id is not None and not (isinstance(reply_to, str) and _REPLY_NAME.fullmatch(reply_to)):
        raise PoisonMessage("a call without a proper reply queue")
    version = payload.get("version", "1.0")
    namespace, unique_id = payload.get("namespace"), payload.get("_unique_id")
    if not all(item is None or isinstance(item, str) for item in (version, namespace, unique_id)):
        raise PoisonMessage("namespace, version or unique id is not text")
    return Request(
        method=payload.get("method"),
        args=payload.get("args", {}),
        namespace=namespace,
        version=version,
        msg_id=msg_id,
        reply_to=reply_to,
        monitor=monitor if type(monitor) is int and monitor >= 2 else None,
        unique_id=unique_id,
        context=context_of(payload),
    )


def read_context(wire: Mapping[str, Any]) -> RequestContext:
    """The caller's context. ``is_admin`` follows from the roles; a message cannot claim it alone."""
    ctx = RequestContext.from_wire(wire)
    return replace(ctx, is_admin=False) if ctx.is_admin and not ctx.has_role("admin") else ctx


class RpcServer:
    """Serves ``endpoints`` on the topic, on ``topic.server`` and on the topic's fanout.

    Calls are acknowledged on receipt (at most once, as the originals do); casts and fanouts after their handler ended,
    so that one whose server dies is delivered again. An exception in a call is its answer; in a cast, a log line, but
    for Unavailable: then it is tried again after each of ``cast_pauses``, and is a dead letter after the last.
    """

    def __init__(
        self,
        transport: Transport,
        target: Target,
        server: str,
        endpoints: Sequence[Endpoint],
        *,
        prefetch: int | None = None,
        grace: float = 10.0,
        reply_timeout: float = REPLY_TIMEOUT_SECONDS,
        cast_pauses: Sequence[float] = CAST_PAUSES,
    ) -> None:
        self.target = target
        self.server = server
        self._transport = transport
        self._dispatcher = Dispatcher(target, endpoints)
        self._prefetch = prefetch
        self._grace = grace
        self._reply_timeout = reply_timeout
        self._cast_pauses = cast_pauses
        self.dead_letters = 0
        self._service = service_of(transport)
        queues = [topic_queue(target.exchange, target.topic, at).queue for at in (None, server)]
        self._consumers = ConsumerBase(self._service, queues)
        self._recent_ids: deque[str] = deque(maxlen=RECENT_IDS_KEPT)
        self._casts: dict[str, asyncio.Event] = {}
        self._closed_queues: OrderedDict[str, float] = OrderedDict()

    @property
    def busy(self) -> int:
        """Requests being handled."""
        return self._consumers.busy

    @property
    def queues(self) -> Sequence[str]:
        """The topic's queue and its own."""
        return self._consumers.queues

    async def start(self) -> None:
        """Begins to consume its three queues."""
        exchange, topic = self.target.exchange, self.target.topic
        for binding in (topic_queue(exchange, topic), topic_queue(exchange, topic, self.server), fanout_queue(topic)):
            consumer = await self._transport.consume(binding, self._on_request, prefetch=self._prefetch)
            self._consumers.consumers.append(consumer)

    async def stop(self, grace: float | None = None) -> None:
        """Stops consuming, lets handlers end within the grace period, and returns unfinished casts to the queue."""
        await self._consumers.stop(self._grace if grace is None else grace)

    def forget(self) -> None:
        """Which messages were received: after a reset others may have the same ids."""
        self._recent_ids.clear()
        self._closed_queues.clear()

    async def _on_request(self, delivery: Delivery) -> None:
        await self._consumers.handle(delivery, self._read, self._serve)

    def _read(self, delivery: Delivery) -> Request:
        return read_request(delivery, self._transport.signatures, self.target.topic)

    async def _serve(self, request: Request, delivery: Delivery) -> None:
        await (self._run_cast if request.msg_id is None else self._answer_call)(request, delivery)

    # -- calls

    async def _answer_call(self, request: Request, delivery: Delivery) -> None:
        await delivery.ack()
        if self._is_duplicate(request):
            return
        heartbeats = self._transport.spawn(self._send_heartbeats(request)) if request.monitor else None
        try:
            reply = await self._reply_to(request)
        finally:
            if heartbeats is not None:
                heartbeats.cancel()
        await self._send(request, reply)

    async def _reply_to(self, request: Request) -> dict[str, Any]:
        try:
            result = await self._invoke(request)
            return _reply(request, result, None)
        except ServiceError as error:
            log.info("%s: %s", request.method, error)
            return _reply(request, None, failure.encode(error, [request.context.get("auth_token")]))
        except Exception as error:
            log.exception("%s failed", request.method)
            return _reply(request, None, failure.encode(error, [request.context.get("auth_token")]))

    async def _invoke(self, request: Request) -> Any:
        route = self._dispatcher.find(request.namespace, request.version, request.method)
        if not isinstance(request.args, dict):
            raise AttributeError("the arguments must be an object")
        with served(self._service, self.target.topic, route.endpoint.method):
            message = route.read(request.args)
            ctx = read_context(request.context)
            CURRENT.set(ctx)
            return route.endpoint.encode(await route.endpoint.handler(ctx, message))

    async def _send_heartbeats(self, request: Request) -> None:
        """A heartbeat every half of the caller's monitor time, until one cannot be delivered."""
        assert request.monitor is not None
        while True:
            await asyncio.sleep(request.monitor / 2)
            with suppress(BusUnavailable):
                try:
                    await self._publish_reply(request, _reply(request, None, None, ending=False))
                except Undeliverable:
                    return

    async def _send(self, request: Request, reply: dict[str, Any]) -> None:
        if self._is_closed(request.reply_to):
            return
        try:
            await self._publish_reply(request, reply)
        except Undeliverable:
            # The caller may reconnect; waiting for it must not delay anything here.
            self._transport.spawn(self._send_later(request, reply))
        except BusUnavailable as error:
            log.warning("the reply to %s is lost: %s", request.method, error)

    async def _send_later(self, request: Request, reply: dict[str, Any]) -> None:
        until = time.monotonic() + self._reply_timeout
        while time.monotonic() < until and not self._is_closed(request.reply_to):
            await asyncio.sleep(REPLY_RETRY_SECONDS)
            with suppress(Undeliverable, BusUnavailable):
                await self._publish_reply(request, reply)
                return
        log.warning("the reply queue %s does not exist any more", request.reply_to)
        self._mark_closed(request.reply_to)

    async def _publish_reply(self, request: Request, reply: dict[str, Any]) -> None:
        await self._transport.publish(to_reply(request.reply_to or ""), wrap(reply), STANDARD, mandatory=True)

    def _mark_closed(self, name: str | None) -> None:
        if name is not None:
            self._closed_queues[name] = time.monotonic() + REPLY_TIMEOUT_SECONDS
            if len(self._closed_queues) > CLOSED_QUEUES_KEPT:
                self._closed_queues.popitem(last=False)

    def _is_closed(self, name: str | None) -> bool:
        until = self._closed_queues.get(name or "")
        if until is not None and until < time.monotonic():
            del self._closed_queues[name or ""]
            return False
        return until is not None

    # -- casts and fanouts

    async def _run_cast(self, request: Request, delivery: Delivery) -> None:
        unique_id = request.unique_id
        if unique_id is not None and (running := self._casts.get(unique_id)) is not None:
            await running.wait()  # redelivered while the first copy is handled: settled when that has ended
        if self._is_duplicate(request):
            await delivery.ack()
            return
        done_event = asyncio.Event()
        if unique_id is not None:
            self._casts[unique_id] = done_event
        try:
            handled = await self._is_handled(request)
        except asyncio.CancelledError:
            self._forget_id(unique_id)
            await delivery.reject(requeue=True)
            raise
        finally:
            self._casts.pop(unique_id or "", None)
            done_event.set()
        if not handled:
            self._forget_id(unique_id)  # it may be sent again
        await (delivery.ack() if handled else delivery.reject())

    async def _is_handled(self, request: Request) -> bool:
        """False when what it needs was unavailable at every attempt."""
        for pause in (*self._cast_pauses, None):
            try:
                await self._invoke(request)
            except Unavailable as error:
                if pause is None:
                    self.dead_letters += 1
                    DEAD_LETTERS.labels(self._service, "unavailable").inc()
                    log.error("%s is given up, dead letter %d: %s", request.method, self.dead_letters, error)
                    return False
                log.warning("%s is tried again in %.1f s: %s", request.method, pause, error)
                await asyncio.sleep(pause)
                continue
            except ServiceError as error:
                log.warning("%s: %s", request.method, error)
            except Exception:
                log.exception("%s failed", request.method)
            return True
        raise AssertionError("unreachable")

    def _is_duplicate(self, request: Request) -> bool:
        if request.unique_id is None:
            return False
        if request.unique_id in self._recent_ids:
            log.info("%s was received twice", request.method)
            return True
        self._recent_ids.append(request.unique_id)
        return False

    def _forget_id(self, unique_id: str | None) -> None:
        with suppress(ValueError):
            self._recent_ids.remove(unique_id or "")


def _reply(request: Request, result: Any, failed: str | None, *, ending: bool = True) -> dict[str, Any]:
    return {"result": result, "failure": failed, "ending": ending, "_msg_id": request.msg_id, "_unique_id": uuid4().hex}
