"""A story as an HTTP archive (HAR 1.2), in which messages of the bus are entries as well."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from stackwire.trace.domain.story import Arrow, Story

_UNKNOWN = -1  # HAR's value for an unknown size or time


def har(story: Story) -> dict[str, Any]:
    """``log.entries`` in the order of time. Fields that HAR does not have begin with ``_``."""
    return {
        "log": {
            "version": "1.2",
            "creator": {"name": "stackwire", "version": "1"},
            "comment": story.id,
            "entries": [_entry(arrow) for arrow in story.arrows],
        }
    }


def _entry(arrow: Arrow) -> dict[str, Any]:
    milliseconds = round((arrow.answer_seconds or 0.0) * 1000, 3)
    entry: dict[str, Any] = {
        "startedDateTime": datetime.fromtimestamp(arrow.time, UTC).isoformat(),
        "time": milliseconds,
        "cache": {},
        "timings": {"send": 0, "wait": milliseconds, "receive": 0},
        "_from": arrow.sender,
        "_to": arrow.receiver,
        "_state": arrow.state,
    }
    payload = arrow.payload.get("payload") if isinstance(arrow.payload, Mapping) else None
    if arrow.kind == "http" and isinstance(payload, Mapping):
        return entry | _http_fields(arrow, payload)
    if arrow.kind == "sql":
        statement = _request(arrow.name, f"postgresql://{arrow.receiver}", [], None)
        return entry | {"request": statement, "response": _response(0, None)}
    return entry | _message_fields(arrow)


def _http_fields(arrow: Arrow, payload: Mapping[str, Any]) -> dict[str, Any]:
    method, _, path = arrow.name.partition(" ")
    query = [{"name": str(name), "value": ""} for name in payload.get("query") or ()]
    return {
        "request": _request(method, f"http://{arrow.receiver or 'unknown'}{path}", query, payload.get("request_bytes")),
        "response": _response(payload.get("status"), payload.get("response_bytes")),
    }


def _message_fields(arrow: Arrow) -> dict[str, Any]:
    """A message as a request: the method is its kind, the URL its receiver and name."""
    size = arrow.message.size if arrow.message is not None else None
    return {
        "request": _request(arrow.kind.upper(), f"amqp://{arrow.receiver or 'unknown'}/{arrow.name}", [], size),
        "response": _response(0, None),
        "_amqp": {
            "kind": arrow.kind,
            "name": arrow.name,
            "queueTime": None if arrow.queue_seconds is None else arrow.queue_seconds * 1000,
            "deliveries": arrow.deliveries,
            "failure": arrow.failure,
            "message": arrow.payload,
        },
    }


def _request(method: str, url: str, query: list[dict[str, str]], size: object) -> dict[str, Any]:
    nothing: dict[str, Any] = {"httpVersion": "HTTP/1.1", "cookies": [], "headers": [], "headersSize": _UNKNOWN}
    return {**nothing, "method": method, "url": url, "queryString": query, "bodySize": _size(size)}


def _response(status: object, size: object) -> dict[str, Any]:
    return {
        "status": status if isinstance(status, int) else 0,
        "statusText": "",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": [],
        "content": {"size": max(_size(size), 0), "mimeType": ""},
        "redirectURL": "",
        "headersSize": _UNKNOWN,
        "bodySize": _size(size),
    }


def _size(value: object) -> int:
    return value if isinstance(value, int) else _UNKNOWN
