"""The bus as it goes by: the in-process broker's wire log, or RabbitMQ's firehose through the same seam."""

import asyncio
import time
from uuid import uuid4

from stackwire.messaging.transport import Address, Binding, Consumer, Delivery, Transport, WireRecord
from stackwire.trace.backends.wire_message import wire_of
from stackwire.trace.domain.message_store import Store

_PROBE = "stackwire.trace.probe."
_PROBE_SECONDS = 1.0


class Watch:
    """Puts every message of the bus into the store, from ``start`` until ``close``."""

    def __init__(self, transport: Transport, store: Store) -> None:
        self._transport = transport
        self._store = store
        self._probed = asyncio.Event()
        self._consumer: Consumer | None = None

    async def start(self) -> None:
        self._consumer = await self._transport.watch(self._seen)

    async def sees(self) -> bool:
        """True when the bus tells of what is published: asked by publishing something nobody takes."""
        self._probed.clear()
        await self._transport.publish(Address("", f"{_PROBE}{uuid4().hex}", "direct"), b"{}")
        try:
            await asyncio.wait_for(self._probed.wait(), _PROBE_SECONDS)
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        if self._consumer is not None:
            await self._consumer.close()
            self._consumer = None

    def _seen(self, record: WireRecord) -> None:
        if record.routing_key.startswith(_PROBE):
            self._probed.set()
        else:
            self._store.take(lambda: wire_of(record), len(record.body))


EVENTS = (
    ("stackwire", "lineage.#"),
    *((exchange, f"*.{priority}") for exchange in ("glance", "cinder", "nova") for priority in ("info", "error")),
)
"""Exchange and key. Other priorities are not used by the three services for what happens to a resource."""


class Events:
    """The second best, where there is no firehose: a queue of one's own that gets a copy of every notification."""

    def __init__(self, transport: Transport, store: Store) -> None:
        self._transport = transport
        self._store = store
        self._consumer: Consumer | None = None

    async def start(self) -> None:
        queue = f"watch_{uuid4().hex}"
        first, *others = (Binding("watch", queue, exchange, key) for exchange, key in EVENTS)
        self._consumer = await self._transport.consume(first, self._heard, also=others)

    async def close(self) -> None:
        if self._consumer is not None:
            await self._consumer.close()
            self._consumer = None

    async def _heard(self, delivery: Delivery) -> None:
        record = WireRecord(
            "publish",
            delivery.exchange,
            delivery.routing_key,
            (delivery.queue,),
            delivery.body,
            delivery.properties,
            time.time(),
            delivery.redelivered,
        )
        self._store.take(lambda: wire_of(record), len(record.body))
