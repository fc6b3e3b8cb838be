"""What a payload of oslo.messaging says of itself, beside what it is about."""

import re
from collections.abc import Mapping
from typing import Any

from stackwire.trace.domain.resources import text

PREFIX = "_context_"
"""Of what a message carries of its request's context."""
_TRACE = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


def request_of(payload: Mapping[str, Any]) -> str | None:
    """The id all services share."""
    return text(payload.get(f"{PREFIX}global_request_id")) or text(payload.get(f"{PREFIX}request_id"))


def is_read(method: str) -> bool:
    """True for an RPC that changes nothing."""
    return method.startswith(("get_", "list_"))


def alone(payload: Mapping[str, Any], leg: Mapping[str, Any], at: int) -> dict[str, Any]:
    """One of several HTTP requests as if it had been told by itself."""
    context = {f"{PREFIX}{name}": leg.get(name) for name in ("request_id", "global_request_id", "traceparent")}
    return {**payload, **context, "_unique_id": f"{payload.get('_unique_id')}.{at}", "payload": leg}


def trace_id(value: object) -> str | None:
    """The second part of a ``traceparent``."""
    found = _TRACE.fullmatch(value) if isinstance(value, str) else None
    return found[1] if found and found[1].strip("0") else None


def failure_of(value: object) -> str | None:
    """The class a failed call names; its text may quote what was sent, so it stays in the redacted payload."""
    if value is None:
        return None
    told = str(value)
    marker = '"class": "' if '"class": "' in told else '"class":"'
    return told.partition(marker)[2].partition('"')[0] or "failure"
