"""All messages of the bus: from the in-process broker's wire log, or from RabbitMQ's firehose."""

import asyncio
import time
from uuid import uuid4

from stackwire.core.attributes import attributes
from stackwire.messaging.transport import Address, Binding, Consumer, Delivery, Transport, WireRecord
from stackwire.trace.backends.wire_message import wire_message
from stackwire.trace.domain.message_store import MessageStore

_PROBE = "stackwire.trace.probe."
_PROBES = "trace_probes"
"""An exchange of its own: a login for the tracer alone may publish to no other."""
_PROBE_TIMEOUT_SECONDS = 1.0


class _Watch:
    """A consumer that adds records to a store."""

    def __init__(self, transport: Transport, store: MessageStore) -> None:
        self._transport = transport
        self._store = store
        self._consumer: Consumer | None = None

    async def close(self) -> None:
        """Ends it; safe to call again."""
        if self._consumer is not None:
            await self._consumer.close()
            self._consumer = None

    def _add(self, record: WireRecord) -> None:
        self._store.add(lambda: wire_message(record), len(record.body))


class BusWatch(_Watch):
    """Adds every message of the bus to the store, from ``start`` until ``close``."""

    def __init__(self, transport: Transport, store: MessageStore) -> None:
        super().__init__(transport, store)
        self._probed = asyncio.Event()

    async def start(self) -> None:
        """Returns when the bus is watched."""
        self._consumer = await self._transport.watch(self._on_record)

    async def is_receiving(self) -> bool:
        """True when published messages are received, which a message without a receiver proves."""
        self._probed.clear()
        await self._transport.publish(Address(_PROBES, f"{_PROBE}{uuid4().hex}"), b"{}")
        try:
            await asyncio.wait_for(self._probed.wait(), _PROBE_TIMEOUT_SECONDS)
        except TimeoutError:
            return False
        return True

    def _on_record(self, record: WireRecord) -> None:
        if record.routing_key.startswith(_PROBE):
            self._probed.set()
        else:
            self._add(record)


NOTIFICATION_BINDINGS = (
    ("stackwire", "lineage.#"),
    *((exchange, f"*.{priority}") for exchange in ("glance", "cinder", "nova") for priority in ("info", "error")),
)
"""Exchange and routing key. The three services use no other priorities for events about resources."""


class NotificationWatch(_Watch):
    """For a bus without a firehose: a queue of the tracer that gets a copy of every notification."""

    async def start(self) -> None:
        """Returns when the queue exists."""
        queue = f"watch_{uuid4().hex}"
        first, *others = (Binding("watch", queue, exchange, key) for exchange, key in NOTIFICATION_BINDINGS)
        self._consumer = await self._transport.consume(first, self._on_delivery, also=others)

    async def _on_delivery(self, delivery: Delivery) -> None:
        self._add(
            WireRecord(
                kind="publish",
                **attributes(delivery, "exchange routing_key body properties redelivered"),
                queues=(delivery.queue,),
                time=time.time(),
            )
        )
