"""The answering side of RPC: three queues, a table of endpoints, one task a request."""

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
from stackwire.core.context import RequestContext
from stackwire.core.errors import ServiceError
from stackwire.messaging import failure
from stackwire.messaging.consumer_base import ConsumerBase
from stackwire.messaging.dispatch import Dispatcher
from stackwire.messaging.envelope import context_of, unwrap, wrap
from stackwire.messaging.errors import BusUnavailable, PoisonMessage, Undeliverable
from stackwire.messaging.transport import (
    STANDARD,
    Delivery,
    Transport,
    fanout_queue,
    to_reply,
    topic_queue,
)

log = logging.getLogger(__name__)

REMEMBERED = 16
"""Unique ids kept to recognise a doubled message: oslo's number. Receivers are idempotent beyond that."""
REPLY_RETRY = 0.25
REPLY_PATIENCE = 60.0
DEAD_NAMES = 200
_REPLY_NAME = re.compile(r"reply_[0-9A-Za-z_.:-]{1,200}")


@dataclass(frozen=True, slots=True)
class Request:
    """A request as read. ``args`` and ``method`` may still be anything: that is answered, not rejected."""

    method: Any
    args: Any
    namespace: str | None
    version: str | None
    msg_id: str | None
    reply_to: str | None
    monitor: int | None
    unique_id: str | None
    context: Mapping[str, Any]


def read_request(delivery: Delivery) -> Request:
    """PoisonMessage when it cannot be read, or asks for its answer on a queue that is no reply queue."""
    payload = unwrap(delivery.body, delivery.properties)
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
        payload.get("method"), payload.get("args", {}), namespace, version, msg_id, reply_to,
        monitor if type(monitor) is int and monitor >= 2 else None, unique_id, context_of(payload),
    )  # fmt: skip


def read_context(wire: Mapping[str, Any]) -> RequestContext:
    """The caller. Administrator's rights follow from the roles; a message that merely claims them has none."""
    ctx = RequestContext.from_wire(wire)
    return replace(ctx, is_admin=False) if ctx.is_admin and not ctx.has_role("admin") else ctx


class RpcServer:
    """Serves ``endpoints`` on the topic, on ``topic.server`` and on the topic's fanout.

    Calls are acknowledged on receipt (at most once, as the originals do); casts and fanouts after their handler ended,
    so that one whose server dies is delivered again. An exception in a call is its answer; in a cast, a log line.
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
        reply_patience: float = REPLY_PATIENCE,
    ) -> None:
        self.target = target
        self.server = server
        self._transport = transport
        self._dispatcher = Dispatcher(target, endpoints)
        self._prefetch = prefetch
        self._grace = grace
        self._reply_patience = reply_patience
        self._receiver = ConsumerBase()
        self._seen: deque[str] = deque(maxlen=REMEMBERED)
        self._casts: dict[str, asyncio.Event] = {}
        self._dead: OrderedDict[str, float] = OrderedDict()

    @property
    def busy(self) -> int:
        """Requests being handled."""
        return self._receiver.busy

    async def start(self) -> None:
        exchange, topic = self.target.exchange, self.target.topic
        for binding in (topic_queue(exchange, topic), topic_queue(exchange, topic, self.server), fanout_queue(topic)):
            consumer = await self._transport.consume(binding, self._on_request, prefetch=self._prefetch)
            self._receiver.consumers.append(consumer)

    async def stop(self) -> None:
        """Takes nothing new, lets what runs end within the grace period, and hands unfinished casts back to the bus."""
        await self._receiver.stop(self._grace)

    async def _on_request(self, delivery: Delivery) -> None:
        await self._receiver.handle(delivery, read_request, self._serve)

    async def _serve(self, request: Request, delivery: Delivery) -> None:
        await (self._do if request.msg_id is None else self._answer)(request, delivery)

    # -- calls

    async def _answer(self, request: Request, delivery: Delivery) -> None:
        await delivery.ack()
        if self._doubled(request):
            return
        beating = self._transport.spawn(self._beat(request)) if request.monitor else None
        try:
            reply = await self._reply_to(request)
        finally:
            if beating is not None:
                beating.cancel()
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
        message = route.read(request.args)
        value = await route.endpoint.handler(read_context(request.context), message)
        return route.endpoint.encode(value)

    async def _beat(self, request: Request) -> None:
        """A sign of life every half of the caller's patience; one that cannot be delivered is the last."""
        assert request.monitor is not None
        while True:
            await asyncio.sleep(request.monitor / 2)
            with suppress(BusUnavailable):
                try:
                    await self._publish_reply(request, _reply(request, None, None, ending=False))
                except Undeliverable:
                    return

    async def _send(self, request: Request, reply: dict[str, Any]) -> None:
        if self._is_dead(request.reply_to):
            return
        try:
            await self._publish_reply(request, reply)
        except Undeliverable:
            # Perhaps the caller reconnects. Waiting for it must not hold up anything here.
            self._transport.spawn(self._send_later(request, reply))
        except BusUnavailable as error:
            log.warning("the answer to %s is lost: %s", request.method, error)

    async def _send_later(self, request: Request, reply: dict[str, Any]) -> None:
        until = time.monotonic() + self._reply_patience
        while time.monotonic() < until and not self._is_dead(request.reply_to):
            await asyncio.sleep(REPLY_RETRY)
            with suppress(Undeliverable, BusUnavailable):
                await self._publish_reply(request, reply)
                return
        log.warning("nobody waits on %s any more", request.reply_to)
        self._bury(request.reply_to)

    async def _publish_reply(self, request: Request, reply: dict[str, Any]) -> None:
        await self._transport.publish(to_reply(request.reply_to or ""), wrap(reply), STANDARD, mandatory=True)

    def _bury(self, name: str | None) -> None:
        if name is not None:
            self._dead[name] = time.monotonic() + REPLY_PATIENCE
            if len(self._dead) > DEAD_NAMES:
                self._dead.popitem(last=False)

    def _is_dead(self, name: str | None) -> bool:
        until = self._dead.get(name or "")
        if until is not None and until < time.monotonic():
            del self._dead[name or ""]
            return False
        return until is not None

    # -- casts and fanouts

    async def _do(self, request: Request, delivery: Delivery) -> None:
        unique_id = request.unique_id
        if unique_id is not None and (first := self._casts.get(unique_id)) is not None:
            # Delivered again while the first copy is at work: settle it only when that has ended.
            await first.wait()
        if self._doubled(request):
            await delivery.ack()
            return
        ended = asyncio.Event()
        if unique_id is not None:
            self._casts[unique_id] = ended
        try:
            await self._invoke(request)
        except asyncio.CancelledError:
            self._forget(unique_id)
            await delivery.reject(requeue=True)
            raise
        except ServiceError as error:
            log.warning("%s: %s", request.method, error)
        except Exception:
            log.exception("%s failed", request.method)
        finally:
            self._casts.pop(unique_id or "", None)
            ended.set()
        await delivery.ack()

    def _doubled(self, request: Request) -> bool:
        if request.unique_id is None:
            return False
        if request.unique_id in self._seen:
            log.info("%s came twice", request.method)
            return True
        self._seen.append(request.unique_id)
        return False

    def _forget(self, unique_id: str | None) -> None:
        with suppress(ValueError):
            self._seen.remove(unique_id or "")


def _reply(request: Request, result: Any, failed: str | None, *, ending: bool = True) -> dict[str, Any]:
    return {
        "result": result,
        "failure": failed,
        "ending": ending,
        "_msg_id": request.msg_id,
        "_unique_id": uuid4().hex,
    }
