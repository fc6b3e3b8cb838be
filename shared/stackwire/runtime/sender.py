"""An outbox row on the bus: a notification, a cast or a fanout, under the row's own id."""

from collections.abc import Callable

from stackwire.contracts.base import Event, Target
from stackwire.db.outbox import Outgoing
from stackwire.messaging.notify import Notifier
from stackwire.messaging.rpc import RpcClient
from stackwire.messaging.transport import Transport


class BusSender:
    """Publishes the relay's messages on a transport."""

    def __init__(self, transport: Transport) -> None:
        self._rpc = RpcClient(transport)
        self._notifier = Notifier(transport)
        self.outlives_process = transport.outlives_process

    async def send(self, message: Outgoing, handled: Callable[[], None] | None = None) -> None:
        """Returns when the broker has confirmed it. Raises Undeliverable for a cast that no queue takes."""
        if message.kind == "notify":
            event = Event(event_type=message.name, payload=message.payload, **message.address)
            await self._notifier.send(event, message.context, message.id, message.created_at)
            return
        address = dict(message.address)
        server = address.pop("server")
        await self._rpc.send(
            message.context,
            Target(**address),
            message.name,
            message.payload,
            server=server,
            fanout=message.kind == "fanout",
            unique_id=message.id,
            mandatory=True,
            handled=handled,
        )
