"""A story in the forms other tools read: Mermaid, PlantUML, an archive like HAR's, OpenTelemetry's JSON."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from stackwire.trace.domain.story import Arrow, Story

LONGEST = 80  # characters of a name on an arrow

_MERMAID = {"reply": "-->>", "notification": "-)", "crossing": "-)", "cast": "-)", "fanout": "-)"}
_PLANTUML = {"reply": "-->", "notification": "->>", "crossing": "->>", "cast": "->>", "fanout": "->>"}
_FAILED = ("dropped", "returned", "failed", "unanswered")


def mermaid(story: Story) -> str:
    """A ``sequenceDiagram``, as Markdown renderers draw it."""
    names = _aliases(story)
    lines = ["sequenceDiagram", f"    %% {_plain(story.id)}"]
    lines += [f"    participant {alias} as {_plain(lane)}" for lane, alias in names.items()]
    for arrow in story.arrows:
        head = "-x" if arrow.state in ("dropped", "returned") else _MERMAID.get(arrow.kind, "->>")
        lines.append(f"    {_end(names, arrow.sender)}{head}{_end(names, arrow.receiver)}: {_plain(_words(arrow))}")
    return "\n".join(lines) + "\n"


def plantuml(story: Story) -> str:
    """Between ``@startuml`` and ``@enduml``; failures are red."""
    names = _aliases(story)
    lines = ["@startuml", f"title {_plain(story.id)}"]
    lines += [f'participant "{_plain(lane)}" as {alias}' for lane, alias in names.items()]
    for arrow in story.arrows:
        head = _PLANTUML.get(arrow.kind, "->")
        if arrow.state in _FAILED:
            head = f"-[#red]{head.removeprefix('-')}"
        lines.append(f"{_end(names, arrow.sender)} {head} {_end(names, arrow.receiver)} : {_plain(_words(arrow))}")
    return "\n".join([*lines, "@enduml", ""])


def har(story: Story) -> dict[str, Any]:
    """``log.entries`` in the order of time. HTTP requests have HAR's own fields, messages theirs under ``_amqp``."""
    entries = [_entry(arrow) for arrow in story.arrows]
    return {
        "log": {
            "version": "1.2",
            "creator": {"name": "stackwire", "version": "1"},
            "comment": story.id,
            "entries": entries,
        }
    }


def otlp(story: Story) -> dict[str, Any]:
    """``ExportTraceServiceRequest`` in OTLP's JSON encoding: one trace, a span for every arrow but replies."""
    trace = story.trace_id or hashlib.sha256(story.id.encode()).hexdigest()[:32]
    by_lane: dict[str, list[dict[str, Any]]] = {}
    root = ""
    for arrow in story.arrows:
        if arrow.kind in ("reply", "progress"):
            continue
        span = _span(arrow, trace, root)
        root = root or span["spanId"]
        by_lane.setdefault(arrow.sender or "?", []).append(span)
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": _attributes({"service.name": lane})},
                "scopeSpans": [{"scope": {"name": "stackwire"}, "spans": spans}],
            }
            for lane, spans in by_lane.items()
        ]
    }


def jsonl(story: Story) -> str:
    """One arrow a line."""
    return "".join(json.dumps(arrow.as_json(), ensure_ascii=False) + "\n" for arrow in story.arrows)


def _document(made: Callable[[Story], Mapping[str, Any]]) -> Callable[[Story], str]:
    return lambda story: json.dumps(made(story), ensure_ascii=False, indent=2) + "\n"


FORMS: Mapping[str, tuple[str, str, Callable[[Story], str]]] = {
    "mermaid": ("text/plain", "mmd", mermaid),
    "plantuml": ("text/plain", "puml", plantuml),
    "har": ("application/json", "har.json", _document(har)),
    "otlp": ("application/json", "otlp.json", _document(otlp)),
    "jsonl": ("application/jsonl", "jsonl", jsonl),
}
"""By name: media type, the end of a file's name, how it is made."""


# -- diagrams as text


def _aliases(story: Story) -> dict[str, str]:
    """Names without characters that either language minds; an arrow without a known end gets a lane of its own."""
    lanes = [*story.lanes, *(["?"] if any(not (one.sender and one.receiver) for one in story.arrows) else [])]
    return {lane: f"L{number}" for number, lane in enumerate(lanes)}


def _end(names: Mapping[str, str], lane: str) -> str:
    return names[lane or "?"]


def _words(arrow: Arrow) -> str:
    words = arrow.name
    if arrow.answer_seconds is not None:
        words += f" ({arrow.answer_seconds * 1000:.1f} ms)"
    return f"{words} {arrow.failure or arrow.state}" if arrow.failure or arrow.state in _FAILED else words


def _plain(text: str) -> str:
    """One line without what begins something in Mermaid or PlantUML."""
    return re.sub(r"[;#<>\"\\%\s]+", " ", text).strip()[:LONGEST]


# -- documents


def _entry(arrow: Arrow) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "startedDateTime": datetime.fromtimestamp(arrow.time, UTC).isoformat(),
        "time": (arrow.answer_seconds or 0.0) * 1000,
        "_from": arrow.sender,
        "_to": arrow.receiver,
        "_state": arrow.state,
    }
    told = arrow.payload.get("payload") if isinstance(arrow.payload, Mapping) else None
    if arrow.kind == "http" and isinstance(told, Mapping):
        method, _, path = arrow.name.partition(" ")
        asked = [{"name": name, "value": ""} for name in told.get("query") or ()]
        entry["request"] = {"method": method, "url": path, "queryString": asked, "bodySize": told.get("request_bytes")}
        entry["response"] = {"status": told.get("status"), "bodySize": told.get("response_bytes")}
    else:
        entry["_amqp"] = {
            "kind": arrow.kind,
            "name": arrow.name,
            "queueTime": None if arrow.queue_seconds is None else arrow.queue_seconds * 1000,
            "deliveries": arrow.deliveries,
            "failure": arrow.failure,
            "message": arrow.payload,
        }
    return entry


_KINDS = {"http": 2, "call": 3}  # SPAN_KIND_SERVER, SPAN_KIND_CLIENT
_PRODUCER = 4
_ERROR = 2


def _span(arrow: Arrow, trace: str, parent: str) -> dict[str, Any]:
    ident = hashlib.sha256(f"{trace}/{arrow.number}".encode()).hexdigest()[:16]
    began = int(arrow.time * 1_000_000_000)
    ended = began + int((arrow.answer_seconds or arrow.queue_seconds or 0.0) * 1_000_000_000)
    about = {f"openstack.{kind}.id": ident for kind, ident in arrow.resources}
    facts = {"peer.service": arrow.receiver, "openstack.message.kind": arrow.kind, **about}
    if arrow.kind != "http":
        facts |= {"messaging.system": "rabbitmq", "messaging.operation.name": arrow.name}
    span: dict[str, Any] = {
        "traceId": trace,
        "spanId": ident,
        "name": arrow.name,
        "kind": _KINDS.get(arrow.kind, _PRODUCER),
        "startTimeUnixNano": str(began),
        "endTimeUnixNano": str(ended),
        "attributes": _attributes(facts),
    }
    if parent:
        span["parentSpanId"] = parent
    if arrow.failure:
        span["status"] = {"code": _ERROR, "message": arrow.failure}
    return span


def _attributes(facts: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in facts.items() if value]
