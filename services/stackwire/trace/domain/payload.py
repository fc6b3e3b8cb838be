"""What an oslo.messaging payload contains besides its arguments: context, trace, failure."""

import re
from collections.abc import Mapping
from typing import Any

from stackwire.trace.domain.resources import nonempty

CONTEXT_PREFIX = "_context_"
"""Before the names of the request's context in a message."""
_TRACE = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


def request_of(payload: Mapping[str, Any]) -> str | None:
    """The global request id, which all services share, or else the service's own."""
    return nonempty(payload.get(f"{CONTEXT_PREFIX}global_request_id")) or nonempty(
        payload.get(f"{CONTEXT_PREFIX}request_id")
    )


def is_read(method: str) -> bool:
    """True for an RPC that changes nothing."""
    return method.startswith(("get_", "list_"))


def single_exchange(payload: Mapping[str, Any], exchange: Mapping[str, Any], at: int) -> dict[str, Any]:
    """One of the HTTP exchanges of an event as if the event contained no other."""
    context = {
        f"{CONTEXT_PREFIX}{name}": exchange.get(name) for name in ("request_id", "global_request_id", "traceparent")
    }
    return {**payload, **context, "_unique_id": f"{payload.get('_unique_id')}.{at}", "payload": exchange}


def trace_id(value: object) -> str | None:
    """The trace id of a W3C ``traceparent``."""
    found = _TRACE.fullmatch(value) if isinstance(value, str) else None
    return found[1] if found and found[1].strip("0") else None


def failure_of(value: object) -> str | None:
    """The exception class of a failed call; its text may quote what was sent, so it stays in the redacted payload."""
    if value is None:
        return None
    text = str(value)
    marker = '"class": "' if '"class": "' in text else '"class":"'
    return text.partition(marker)[2].partition('"')[0] or "failure"
