"""A story in the formats of other tools: Mermaid, PlantUML, an archive like HAR's, OpenTelemetry's JSON."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from stackwire.trace.domain.har import har
from stackwire.trace.domain.otlp import otlp
from stackwire.trace.domain.story import FAILED_STATES, Arrow, Story

MAX_LABEL = 80  # characters of a name on an arrow

_MERMAID = {"reply": "-->>", "notification": "-)", "crossing": "-)", "cast": "-)", "fanout": "-)"}
_PLANTUML = {"reply": "-->", "notification": "->>", "crossing": "->>", "cast": "->>", "fanout": "->>"}


def mermaid(story: Story) -> str:
    """A ``sequenceDiagram``, as Markdown renderers draw it."""
    names = _aliases(story)
    lines = ["sequenceDiagram", f"    %% {_plain(story.id)}"]
    lines += [f"    participant {alias} as {_plain(name)}" for name, alias in names.items()]
    for arrow in story.arrows:
        head = "-x" if arrow.state in ("dropped", "returned") else _MERMAID.get(arrow.kind, "->>")
        lines.append(f"    {_end(names, arrow.sender)}{head}{_end(names, arrow.receiver)}: {_plain(_label(arrow))}")
    return "\n".join(lines) + "\n"


def plantuml(story: Story) -> str:
    """Between ``@startuml`` and ``@enduml``; failures are red."""
    names = _aliases(story)
    lines = ["@startuml", f"title {_plain(story.id)}"]
    lines += [f'participant "{_plain(name)}" as {alias}' for name, alias in names.items()]
    for arrow in story.arrows:
        head = _PLANTUML.get(arrow.kind, "->")
        if arrow.state in FAILED_STATES:
            head = f"-[#red]{head.removeprefix('-')}"
        lines.append(f"{_end(names, arrow.sender)} {head} {_end(names, arrow.receiver)} : {_plain(_label(arrow))}")
    return "\n".join([*lines, "@enduml", ""])


def jsonl(story: Story) -> str:
    """One arrow a line, with what a recording has of its message: it can be read again."""
    lines = ({**(arrow.message.as_json() if arrow.message else {}), **arrow.as_json()} for arrow in story.arrows)
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def _json_text(document: Callable[[Story], Mapping[str, Any]]) -> Callable[[Story], str]:
    return lambda story: json.dumps(document(story), ensure_ascii=False, indent=2) + "\n"


EXPORT_FORMATS: Mapping[str, tuple[str, str, Callable[[Story], str]]] = {
    "mermaid": ("text/plain", "mmd", mermaid),
    "plantuml": ("text/plain", "puml", plantuml),
    "har": ("application/json", "har.json", _json_text(har)),
    "otlp": ("application/json", "otlp.json", _json_text(otlp)),
    "jsonl": ("application/jsonl", "jsonl", jsonl),
}
"""By name: media type, file name extension, function."""


# -- diagrams as text


def _aliases(story: Story) -> dict[str, str]:
    """Names without characters that either language minds; an arrow without a known end gets a participant ``?``."""
    unknown = any(not (arrow.sender and arrow.receiver) for arrow in story.arrows)
    names = [*story.participants, *(["?"] if unknown else [])]
    return {name: f"L{number}" for number, name in enumerate(names)}


def _end(names: Mapping[str, str], participant: str) -> str:
    return names[participant or "?"]


def _label(arrow: Arrow) -> str:
    label = arrow.name
    if arrow.answer_seconds is not None:
        label += f" ({arrow.answer_seconds * 1000:.1f} ms)"
    return f"{label} {arrow.failure or arrow.state}" if arrow.failure or arrow.state in FAILED_STATES else label


def _plain(text: str) -> str:
    """One line without characters that are syntax in Mermaid or PlantUML."""
    return re.sub(r"[;#<>\"\\%\s]+", " ", text).strip()[:MAX_LABEL]
