"""A story in the forms other tools read: Mermaid, PlantUML, an archive like HAR's, OpenTelemetry's JSON."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from stackwire.trace.domain.har import har
from stackwire.trace.domain.otlp import otlp
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
