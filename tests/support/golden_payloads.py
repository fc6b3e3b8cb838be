"""Recorded notifications as they were on the wire, where recordings have ``<time>`` and the like in a value's place.

Which form a time had where is a fact of its own: the first row that fits tells it.
"""

import json
from fnmatch import fnmatchcase
from typing import Any

NUMBERS = {"<int>": 1, "<float>": 1.0}
TIMES = {"<time>", "<timestamp>", "<audit_period_beginning>", "<audit_period_ending>"}
ZULU, NAIVE = "2026-11-20T21:23:39Z", "2026-11-20T21:23:39.123456"
FORMS = (
    # exchange/topic, event type, keys
    ("glance/notifications * *", ZULU),
    ("nova/versioned_notifications * *", ZULU),
    ("nova/notifications compute.instance.exists audit_period_beginning", "2026-11-01 00:00:00"),
    ("nova/notifications compute.instance.exists audit_period_ending", "2026-11-20 21:23:39.123456"),
    ("nova/notifications compute.* created_at", "2026-11-20 21:23:39+00:00"),
    ("cinder/notifications volume.create.start launched_at", NAIVE),
    ("cinder/notifications volume.*tach.start created_at", "2026-11-20T21:23:39+00:00"),
    ("cinder/notifications volume.*tach.start launched_at", "2026-11-20T21:23:39+00:00"),
    ("cinder/notifications volume.* created_at", "2026-11-20T21:23:39.123456+00:00"),
    ("cinder/notifications volume.* launched_at", "2026-11-20T21:23:39.123456+00:00"),
    ("cinder/notifications snapshot.* created_at", "2026-11-20T21:23:39+00:00"),
    ("* * *", NAIVE),
)


def unmasked(event: dict[str, Any]) -> Any:
    """The payload of a recorded event."""
    topic = event["routing_key"].partition(".")[0]
    return _unmasked(f"{event['exchange']}/{topic} {event['event_type']} ", event["payload"])


def _unmasked(place: str, value: Any) -> Any:
    if isinstance(value, dict):
        made = {key: _unmasked(f"{place}{key}.", item) for key, item in value.items()}
        if place.endswith(" properties."):  # Glance's are texts; recordings have JSON in one as what it says
            return {key: item if isinstance(item, str) else json.dumps(item) for key, item in made.items()}
        return made
    if isinstance(value, list):
        return [_unmasked(place, item) for item in value]
    if value in TIMES:
        return next(form for pattern, form in FORMS if fnmatchcase(place.removesuffix("."), pattern))
    return NUMBERS.get(value, value) if isinstance(value, str) else value
