"""A transfer of properties from one resource to another by a rule: an event like any other, read by the tracer."""

from collections.abc import Mapping
from typing import Any, Literal

from stackwire.contracts.base import Contract, Event
from stackwire.core.lineage import as_text

STACKWIRE_EXCHANGE = "stackwire"
LINEAGE_TOPIC = "lineage"

Kind = Literal["client", "image", "volume", "snapshot", "backup", "server", "guest"]


class PropertyTransfer(Contract):
    """``before`` and ``after`` are the property maps on both sides; ``prefix`` is what the rule puts before names
    (``-image_`` takes it off); ``rule`` names the function (``volume.capture``), ``source`` the original's."""

    from_kind: Kind
    from_id: str
    to_kind: Kind
    to_id: str
    rule: str
    source: str = ""
    prefix: str = ""
    before: dict[str, str | None]
    after: dict[str, str | None]
    partial: bool = False


def property_transfer(
    service: str,
    rule: str,
    from_kind: Kind,
    from_id: str,
    to_kind: Kind,
    to_id: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    *,
    source: str = "",
    prefix: str = "",
    partial: bool = False,
) -> Event:
    """The event to put into the same transaction as the rows it tells of. Values are sent as text."""
    transfer = PropertyTransfer(
        from_kind=from_kind,
        from_id=from_id,
        to_kind=to_kind,
        to_id=to_id,
        rule=rule,
        source=source,
        prefix=prefix,
        before={key: as_text(value) for key, value in before.items()},
        after={key: as_text(value) for key, value in after.items()},
        partial=partial,
    )
    return Event(
        exchange=STACKWIRE_EXCHANGE,
        topic=LINEAGE_TOPIC,
        event_type="properties.crossed",
        publisher_id=service,
        payload=transfer.model_dump(mode="json"),
        durable=False,
        resource=to_id,
    )
