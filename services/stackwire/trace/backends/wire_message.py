"""From a record of either bus to the domain's WireMessage."""

from stackwire.messaging.envelope import unwrap
from stackwire.messaging.errors import PoisonMessage
from stackwire.messaging.transport import WireRecord
from stackwire.trace.domain.message import WireMessage


def wire_message(record: WireRecord) -> WireMessage:
    """Never raises: a body no receiver would accept is described as a problem."""
    try:
        payload, problem = unwrap(record.body, record.properties), None
    except PoisonMessage as error:
        payload, problem = {}, str(error)
    return WireMessage(
        step=record.kind,
        exchange=record.exchange,
        routing_key=record.routing_key,
        queues=record.queues,
        payload=payload,
        time=record.time,
        redelivered=record.redelivered,
        size=len(record.body),
        problem=problem,
        publisher=record.sender,
        headers=record.properties.headers,
    )
