"""Why a server is where it is: an event of the scheduler, read by the tracer."""

from stackwire.contracts.base import Contract, Event
from stackwire.contracts.lineage import LINEAGE_TOPIC, STACKWIRE_EXCHANGE

HOST_SELECTED = "host.selected"


MOST_NAMED = 50
"""So many hosts a selection names of each kind; of more it says how many there are. Of a thousand hosts, each named by
every filter, one selection would be half a megabyte, for every server."""


class FilterStep(Contract):
    """What one filter did. ``removed``: host to the property that decided; ``remaining``: the hosts that passed.

    ``removed_count``, ``remaining_count``: how many there are of each, which are named up to ``MOST_NAMED``.
    """

    filter: str
    removed: dict[str, str]
    remaining: list[str]
    removed_count: int = 0
    remaining_count: int = 0


class HostSelection(Contract):
    """``host``: the chosen one, null when none was left; ``hosts``: those considered; ``steps``: in their order.

    ``weights``: host to weigher to its figure, of the best hosts; ``unread_hints``: scheduler hints that no enabled
    filter reads. ``considered``: how many hosts there were, which are named up to ``MOST_NAMED``.
    """

    instance_uuid: str
    host: str | None
    hosts: list[str]
    steps: list[FilterStep]
    weights: dict[str, dict[str, float]]
    unread_hints: list[str] = []
    considered: int = 0


def host_selection(selection: HostSelection) -> Event:
    """The event to put into the transaction in which the host is claimed."""
    return Event(
        exchange=STACKWIRE_EXCHANGE,
        topic=LINEAGE_TOPIC,
        event_type=HOST_SELECTED,
        publisher_id="scheduler",
        payload=selection.model_dump(mode="json"),
        durable=False,
        resource=selection.instance_uuid,
    )
