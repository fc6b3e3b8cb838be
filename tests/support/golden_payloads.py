"""Recorded notifications as they were on the wire: ``<time>`` and other placeholders replaced by values.

Each service writes times in several formats: the first matching row of ``TIME_FORMATS`` decides.
"""

import json
from fnmatch import fnmatchcase
from typing import Any

NUMBERS = {"<int>": 1, "<float>": 1.0, "<report_count>": 1, "<shared_targets>": False}
TIMES = {"<time>", "<last_seen_up>", "<timestamp>", "<audit_period_beginning>", "<audit_period_ending>"}
ZULU, NAIVE = "2026-11-20T21:23:39Z", "2026-11-20T21:23:39.123456"
TIME_FORMATS = (
    # exchange/topic, event type, keys
    ("glance/notifications * *", ZULU),
    ("nova/versioned_notifications * *", ZULU),
    ("nova/notifications compute.instance.exists audit_period_beginning", "2026-11-01 00:00:00"),
    ("nova/notifications compute.instance.exists audit_period_ending", "2026-11-20 21:23:39.123456"),
    ("nova/notifications compute.* created_at", "2026-11-20 21:23:39+00:00"),
    ("cinder/notifications volume.create.start launched_at", NAIVE),
    ("cinder/notifications volume.manage_existing.start launched_at", NAIVE),
    ("cinder/notifications backup.*.end created_at", "2026-11-20T21:23:39.123456+00:00"),
    ("cinder/notifications backup.* created_at", "2026-11-20T21:23:39+00:00"),
    ("cinder/notifications group.create.end created_at", "2026-11-20T21:23:39.123456+00:00"),
    ("cinder/notifications group*.* created_at", "2026-11-20T21:23:39+00:00"),
    ("cinder/notifications volume.*tach.start created_at", "2026-11-20T21:23:39+00:00"),
    ("cinder/notifications volume.*tach.start launched_at", "2026-11-20T21:23:39+00:00"),
    ("cinder/notifications volume.* created_at", "2026-11-20T21:23:39.123456+00:00"),
    ("cinder/notifications volume.* launched_at", "2026-11-20T21:23:39.123456+00:00"),
    ("cinder/notifications snapshot.* created_at", "2026-11-20T21:23:39+00:00"),
    ("* * *", NAIVE),
)


def wire_payload(event: dict[str, Any]) -> Any:
    """The payload of a recorded event."""
    topic = event["routing_key"].partition(".")[0]
    return _wire_value(f"{event['exchange']}/{topic} {event['event_type']} ", event["payload"])


def _wire_value(path: str, value: Any) -> Any:
    if isinstance(value, dict):
        filled = {key: _wire_value(f"{path}{key}.", item) for key, item in value.items()}
        if path.endswith(" properties."):  # Glance's are texts; recordings have JSON in one parsed
            return {key: item if isinstance(item, str) else json.dumps(item) for key, item in filled.items()}
        return filled
    if isinstance(value, list):
        return [_wire_value(path, item) for item in value]
    if value in TIMES:
        return next(form for pattern, form in TIME_FORMATS if fnmatchcase(path.removesuffix("."), pattern))
    return NUMBERS.get(value, value) if isinstance(value, str) else value
