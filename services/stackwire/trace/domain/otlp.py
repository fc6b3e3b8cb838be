"""A story as an OpenTelemetry trace with a span for every arrow, in OTLP's JSON encoding."""

import hashlib
from collections.abc import Mapping
from typing import Any

from stackwire.trace.domain.message import Message
from stackwire.trace.domain.story import FAILED_STATES, Arrow, Story

# opentelemetry/proto/trace/v1/trace.proto: numbers, as the JSON encoding has enums
_CLIENT, _PRODUCER = 3, 4
_ERROR = 2


def otlp(story: Story) -> dict[str, Any]:
    """``ExportTraceServiceRequest``: one trace, a span for every arrow but replies, by sender."""
    trace = story.trace_id or hashlib.sha256(story.id.encode()).hexdigest()[:32]
    by_sender: dict[str, list[dict[str, Any]]] = {}
    root = ""
    for arrow in story.arrows:
        if arrow.kind in ("reply", "progress"):
            continue
        span = _span(arrow, trace, root)
        root = root or span["spanId"]
        by_sender.setdefault(arrow.sender or "?", []).append(span)
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": _attributes({"service.name": sender})},
                "scopeSpans": [{"scope": {"name": "stackwire"}, "spans": spans}],
            }
            for sender, spans in by_sender.items()
        ]
    }


def _span(arrow: Arrow, trace: str, parent: str) -> dict[str, Any]:
    began = int(arrow.time * 1_000_000_000)
    ended = began + int((arrow.answer_seconds or arrow.queue_seconds or 0.0) * 1_000_000_000)
    failure = arrow.failure or (arrow.state if arrow.state in FAILED_STATES else None)
    attributes: dict[str, str | int | None] = {
        "peer.service": arrow.receiver,
        "openstack.message.kind": arrow.kind,
        **{f"openstack.{kind}.id": ident for kind, ident in arrow.resources},
        "error.type": failure,
    }
    if arrow.message is not None:
        attributes |= {
            "openstack.request_id": arrow.message.request_id,
            "openstack.global_request_id": arrow.message.global_request_id,
            **_attributes_of_kind(arrow, arrow.message),
        }
    span: dict[str, Any] = {
        "traceId": trace,
        "spanId": hashlib.sha256(f"{trace}/{arrow.number}".encode()).hexdigest()[:16],
        "name": arrow.name,
        "kind": _CLIENT if arrow.kind in ("http", "call", "sql") else _PRODUCER,  # from the sender's side
        "startTimeUnixNano": str(began),
        "endTimeUnixNano": str(ended),
        "attributes": _attributes(attributes),
    }
    if parent:
        span["parentSpanId"] = parent
    if failure:
        span["status"] = {"code": _ERROR, "message": failure}
    return span


def _attributes_of_kind(arrow: Arrow, message: Message) -> dict[str, str | int | None]:
    if arrow.kind == "http":
        return _http_attributes(arrow)
    if arrow.kind == "sql":
        return {"db.system.name": "postgresql", "db.operation.name": arrow.name}
    return _messaging_attributes(message)


def _http_attributes(arrow: Arrow) -> dict[str, str | int | None]:
    method, _, path = arrow.name.partition(" ")
    payload = arrow.payload.get("payload") if isinstance(arrow.payload, Mapping) else None
    status = payload.get("status") if isinstance(payload, Mapping) else None
    return {
        "http.request.method": method,
        "url.path": path,
        "http.response.status_code": status if isinstance(status, int) else None,
    }


def _messaging_attributes(message: Message) -> dict[str, str | int | None]:
    """OpenTelemetry's names for what was sent over RabbitMQ."""
    return {
        "messaging.system": "rabbitmq",
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
        "messaging.destination.name": message.exchange,
        "messaging.rabbitmq.destination.routing_key": message.routing_key,
        "messaging.message.id": message.unique_id,
        "messaging.message.conversation_id": message.call_id,
        "messaging.message.body.size": message.size or None,
        "openstack.event_type": message.name if message.kind == "notification" else None,
    }


def _attributes(attributes: Mapping[str, str | int | None]) -> list[dict[str, Any]]:
    """Integers are text in JSON, since they may have 64 bits."""
    return [
        {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}
        for key, value in attributes.items()
        if value or value == 0
    ]
