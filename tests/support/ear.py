"""The notifications that a cloud sends while one listens."""

from typing import Any

from stackwire.messaging.envelope import unwrap
from stackwire.messaging.transport import WireRecord
from support.cloud import TestCloud


class Ear:
    """Event types with ``wanted`` in their names, and priorities, in the order they were told."""

    def __init__(self, cloud: TestCloud, wanted: str) -> None:
        assert cloud.cloud.broker is not None
        self._wanted = wanted
        self._payloads: list[Any] = []
        self.watch = cloud.cloud.broker.watch(self.hear)
        self.heard: list[tuple[str, str]] = []

    def hear(self, record: WireRecord) -> None:
        """Keeps what a record tells."""
        if record.kind in ("publish", "drop") and "notifications." in record.routing_key:
            event = unwrap(record.body, record.properties)
            if self._wanted in event["event_type"]:
                self.heard.append((event["event_type"], event["priority"]))
                self._payloads.append(event["payload"])

    def data(self, ending: str = "") -> list[Any]:
        """The payloads of the events whose type ends so; of versioned ones the data."""
        return [
            payload.get("nova_object.data", payload)
            for (name, _), payload in zip(self.heard, self._payloads, strict=True)
            if name.endswith(ending)
        ]
