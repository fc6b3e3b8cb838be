"""A service's connection to the bus in a cloud that a test directs.

Requests to its workers wait as the pace says, and some are answered in place of the service. Where nobody asked for
either, each delivery costs a look at two attributes.
"""

from collections.abc import Coroutine, Mapping, Sequence
from typing import Any
from uuid import uuid4

from stackwire.core.pace import Pace
from stackwire.core.timeline import Timeline
from stackwire.messaging.envelope import unwrap, wrap
from stackwire.messaging.errors import PoisonMessage
from stackwire.messaging.stand_ins import StandIn, StandIns
from stackwire.messaging.transport import (
    STANDARD,
    Address,
    Binding,
    Consumer,
    Deliver,
    Delivery,
    Properties,
    Transport,
    WireObserver,
    to_reply,
)

WORKER_TOPICS = frozenset({"compute", "compute-alt", "cinder-volume", "cinder-backup", "image-tasks"})
"""Of those that do the work; APIs, conductors and schedulers are as fast as they are."""
NOT_HELD = frozenset({"external_instance_event"})
"""What other work waits for."""


class DirectedTransport:
    """``inner`` for one service, by ``name``."""

    def __init__(self, inner: Transport, service: str, pace: Pace, stand_ins: StandIns) -> None:
        self.inner = inner
        self.name = inner.name
        self.signatures = inner.signatures
        self.faults = inner.faults
        self._service = service
        self._pace = pace
        self._stand_ins = stand_ins

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
        if binding.kind != "topic":
            return await self.inner.consume(binding, deliver, also=also, prefetch=prefetch)

        async def received(delivery: Delivery) -> None:
            if (self._stand_ins.all or self._pace.name != "instant") and await self._is_answered(delivery):
                return
            await deliver(delivery)

        return await self.inner.consume(binding, received, also=also, prefetch=prefetch)

    async def _is_answered(self, delivery: Delivery) -> bool:
        """Whether the service is not to see it; otherwise returns when it may."""
        try:
            payload = unwrap(delivery.body, delivery.properties)
        except PoisonMessage:
            return False
        method, args = payload.get("method"), payload.get("args")
        if not isinstance(method, str) or not isinstance(args, dict):
            return False
        stand_in = self._stand_ins.find(delivery.routing_key, method, args)
        if stand_in is not None:
            await delivery.ack()
            await self._answer(payload, stand_in)
            return True
        is_work = delivery.routing_key.split(".")[0] in WORKER_TOPICS and method not in NOT_HELD
        if is_work and payload.get("_msg_id") is None:
            await self._pace.wait(self._service, method, delivery.body.decode("utf-8", "replace"))
        return False

    async def _answer(self, payload: Mapping[str, Any], stand_in: StandIn) -> None:
        queue, msg_id = payload.get("_reply_q"), payload.get("_msg_id")
        if not isinstance(queue, str) or not isinstance(msg_id, str):
            return  # a cast: nobody waits
        reply = {"result": stand_in.result, "failure": stand_in.failure, "ending": True}
        reply |= {"_msg_id": msg_id, "_unique_id": uuid4().hex}
        await self.inner.publish(to_reply(queue), wrap(reply), STANDARD)

    async def watch(self, observer: WireObserver) -> Consumer:
        return await self.inner.watch(observer)

    def spawn(self, work: Coroutine[Any, Any, None]) -> Any:
        return self.inner.spawn(work)

    async def close(self) -> None:
        await self.inner.close()


_: type[Transport] = DirectedTransport
