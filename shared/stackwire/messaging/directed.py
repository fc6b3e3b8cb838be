"""A service's connection to the bus in a cloud that a test directs.

Requests to its workers wait as the pace says, and some are answered in place of the service. Where nobody asked for
either, each delivery costs a look at two attributes.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from stackwire.core.pace import Pace
from stackwire.messaging.envelope import unwrap, wrap
from stackwire.messaging.errors import PoisonMessage
from stackwire.messaging.forwarding import ForwardingTransport
from stackwire.messaging.stand_ins import StandIn, StandIns
from stackwire.messaging.transport import STANDARD, Binding, Consumer, Deliver, Delivery, Transport, to_reply

WORKER_TOPICS = frozenset({"compute", "compute-alt", "cinder-volume", "cinder-backup", "image-tasks"})
"""Of those that do the work; APIs, conductors and schedulers are as fast as they are."""
NOT_HELD = frozenset({"external_instance_event"})
"""What other work waits for."""


class DirectedTransport(ForwardingTransport):
    """``inner`` for one service, by ``name``."""

    def __init__(self, inner: Transport, service: str, pace: Pace, stand_ins: StandIns) -> None:
        super().__init__(inner)
        self._service = service
        self._pace = pace
        self._stand_ins = stand_ins

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


_: type[Transport] = DirectedTransport
