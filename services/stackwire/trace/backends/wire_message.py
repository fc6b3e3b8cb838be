"""From a record of either bus to what the domain reads."""

from stackwire.messaging.envelope import unwrap
from stackwire.messaging.errors import PoisonMessage
from stackwire.messaging.transport import WireRecord
from stackwire.trace.domain.message import Wire


def wire_of(record: WireRecord) -> Wire:
    """Never raises: a body no receiver would accept is told as a problem."""
    try:
        payload, problem = unwrap(record.body, record.properties), None
    except PoisonMessage as error:
        payload, problem = {}, str(error)
    return Wire(
        step=record.kind,
        exchange=record.exchange,
        routing_key=record.routing_key,
        queues=record.queues,
        payload=payload,
        time=record.time,
        redelivered=record.redelivered,
        size=len(record.body),
        problem=problem,
        speaker=record.sender,
    )
