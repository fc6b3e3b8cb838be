"""Messages, stories and lineages for a terminal; without one, without colours and with whole lines."""

import errno
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from stackwire.contracts.scheduling import HOST_SELECTED

_KIND_STYLES = {
    "http": "bold white",
    "call": "cyan",
    "reply": "blue",
    "cast": "green",
    "fanout": "green",
    "notification": "magenta",
    "crossing": "yellow",
    "progress": "bright_black",
    "sql": "bright_black",
    "other": "bright_black",
}
_OUTCOME_STYLES = {
    "carried": "green",
    "renamed": "cyan",
    "added": "blue",
    "changed": "yellow",
    "truncated": "yellow",
    "dropped": "red",
}
_COMPARISON_STYLES = {"same": "bright_black", "changed": "yellow", "only left": "red", "only right": "green"}
_ARROWS = {"http": "⇒", "reply": "⇢"}
PLAIN_WIDTH = 200
"""Columns when standard output is not a terminal."""
MAX_VALUE_COLUMNS = 48


def console(*, to_file: Any = None) -> Console:
    """For standard output, or for a file."""
    options: dict[str, Any] = {"file": to_file, "highlight": False, "emoji": False, "markup": False}
    terminal = _Console(**options)
    return terminal if terminal.is_terminal else _Console(**options, width=PLAIN_WIDTH)


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Raises an error like others, instead of ending the program as rich does: what was started must be stopped."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))  # the command exits with code 1


def line(message: Mapping[str, Any]) -> Text:
    """One message as a line: time, sender -> receiver, kind, what it is and about what."""
    text = Text()
    text.append(_clock(message["time"]), "bright_black")
    text.append(f" {message['sender'] or '?':>16} -> {message['receiver'] or '?':<22} ")
    text.append(f"{_kind(message):<12} ", _KIND_STYLES.get(message["kind"], ""))
    text.append(_name(message), "bold red" if message.get("failure") else "bold")
    if message["kind"] == "http":
        text.append(f"  {message['name']}", "bright_black")
    if message.get("redelivered"):
        text.append("  redelivered", "red")
    return text


def _kind(message: Mapping[str, Any]) -> str:
    """``crossing`` is the kind's name in the API."""
    return "transfer" if message["kind"] == "crossing" else str(message["kind"])


def _name(message: Mapping[str, Any]) -> str:
    name = str(message.get("label") or message["name"])
    outcome = message.get("status") or message.get("failure")
    return f"{name} ({outcome})" if outcome else name


def resource_name(resource: Mapping[str, Any]) -> str:
    """Its kind and its name, or the beginning of its id."""
    return f"{resource['kind']} {resource.get('name') or resource['id'][:8]}"


def _clock(seconds: float) -> str:
    return f"{time.strftime('%H:%M:%S', time.localtime(seconds))}.{int(seconds % 1 * 1000):03d}"


def story_list(answer: Mapping[str, Any]) -> Table:
    """Stories, one line each."""
    table = Table(box=None)
    for heading in ("time", "story", "status", "resources", "messages", "duration", "request"):
        table.add_column(heading, justify="right" if heading in ("messages", "duration") else "left")
    for found in answer["stories"]:
        resources = [each for each in found["resources"] if each["kind"] != "guest"]
        table.add_row(
            _clock(found["started_at"]),
            Text(found["label"], "bold red" if found["failed"] else "bold"),
            str(found["status"] or ""),
            ", ".join(map(resource_name, resources[:3])),
            str(found["messages"]),
            _ms(found["seconds"]),
            Text(found["id"], "bright_black"),
        )
    return table


def story(story: Mapping[str, Any], *, folded: bool = False) -> Table:
    """One story as a table, in the order its messages were sent; ``folded``: without ends of what has a start."""
    resources = ", ".join(f"{resource_name(found)} ({found['id'][:8]})" for found in story["resources"][:6])
    title = f"{story['label']}, {story['seconds'] * 1000:.0f} ms, {resources}\n{story['id']}"
    table = Table(title=title, title_justify="left", box=None)
    for heading in ("ms", "from", "", "to", "kind", "message", "queued", "duration"):
        table.add_column(
            heading, justify="right" if heading in ("ms", "queued", "duration") else "left", no_wrap=heading == "ms"
        )
    for arrow in story["arrows"]:
        if folded and arrow["start_number"] is not None:
            continue
        table.add_row(
            f"{(arrow['time'] - story['started_at']) * 1000:.1f}",
            arrow["sender"] or "?",
            _ARROWS.get(arrow["kind"], "→"),
            arrow["receiver"] or "?",
            Text(_kind(arrow), _KIND_STYLES.get(arrow["kind"], "")),
            Text(_name(arrow), "bold red" if arrow["failure"] else ""),
            _ms(arrow["queue_seconds"]),
            _duration(arrow),
        )
        for reason in _decision(arrow):
            table.add_row("", "", "", "", "", Text(reason, "bright_black"))
    return table


def _decision(arrow: Mapping[str, Any]) -> list[str]:
    """What each filter of the scheduler removed, and by which property; the chosen host."""
    envelope = arrow.get("payload") if arrow["name"] == HOST_SELECTED else None
    payload = envelope.get("payload") if isinstance(envelope, Mapping) else None
    if not isinstance(payload, Mapping):
        return []
    removed = [
        f"  {step['filter']} removed {host}: {reason}"
        for step in payload.get("steps", [])
        for host, reason in step.get("removed", {}).items()
    ]
    removed += [
        f"  {step['filter']} removed {more} more"
        for step in payload.get("steps", [])
        if (more := step.get("removed_count", 0) - len(step.get("removed", {}))) > 0
    ]
    unread = [f"  no enabled filter reads the hint {hint}" for hint in payload.get("unread_hints", [])]
    return [*removed, *unread, f"  {payload.get('host') or 'no host'} of {payload.get('considered', 0)}"]


def _ms(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1000:.1f} ms"


def _duration(arrow: Mapping[str, Any]) -> Text:
    if arrow["state"] in ("dropped", "returned", "unanswered", "failed"):
        return Text(arrow["state"], "red")
    if arrow["end_seconds"] is not None:
        return Text(f"{_ms(arrow['end_seconds'])} to its end")
    return Text(_ms(arrow["answer_seconds"]) + ("" if arrow["deliveries"] < 2 else f" x{arrow['deliveries']}"))


def lineage(lineage: Mapping[str, Any]) -> Table:
    """Every property of a resource: who set it, what each transfer did, where it is now."""
    resource = lineage["resource"]
    deleted = " (deleted)" if lineage["gone"] else ""
    name = f" {resource['name']}" if resource.get("name") else ""
    known = {(found["kind"], found["id"]): found for found in lineage["generations"]}
    title = f"{resource['kind']}{name} {resource['id']}{deleted}"
    table = Table(title=title, title_justify="left", show_lines=False)
    for heading in ("property", "value", "set by", "path", "where it is now"):
        table.add_column(heading, overflow="fold")
    for found in lineage["properties"]:
        table.add_row(
            Text(found["key"], "bold" if found["value"] is not None else "red"),
            short(found["value"]) if found["value"] is not None else Text("(removed)", "red"),
            found["set_by"],
            _path(sorted([*found["past"], *found["future"]], key=itemgetter("time")), known),
            _locations(found["now"], found),
        )
    return table


def _path(steps: Sequence[Mapping[str, Any]], known: Mapping[tuple[str, str], Mapping[str, Any]]) -> Text:
    """Each step with the generation that it leads to: 1 is what a user has set it on."""
    text = Text()
    for number, step in enumerate(steps):
        if number:
            text.append("\n")
        generation = known.get((step["to"]["kind"], step["to"]["id"]), {}).get("generation", "?")
        text.append(f"{generation} ", "bright_black")
        text.append(outcome_text(step["verdict"], step["before"], step["after"]))
        target = known.get((step["to"]["kind"], step["to"]["id"]), step["to"])
        text.append(f" {step['from']['kind']} → {resource_name(target)}")
        if step["after_key"] and step["verdict"] != "carried":
            text.append(f" as {step['after_key']}")
        text.append(f"  {step['rule']}", "bright_black")
    return text


def outcome_text(outcome: str, before: str | None = None, after: str | None = None) -> Text:
    """The outcome of a change in its colour, with the sizes where a value was truncated."""
    text = Text(outcome, _OUTCOME_STYLES.get(outcome, ""))
    if outcome == "truncated" and before and after:
        text.append(f" {len(before.encode())}→{len(after.encode())} bytes", "yellow")
    return text


def _locations(locations: Iterable[Mapping[str, Any]], found: Mapping[str, Any]) -> str:
    """Each with the property's name and value there, where they differ."""
    return "\n".join(
        f"{location['kind']} {location['id'][:8]}"
        + ("" if location["key"] == found["key"] else f" as {location['key']}")
        + ("" if location["value"] == found["value"] else f" = {short(location['value'])}")
        for location in locations
    )


def short(value: str | None, max_length: int = MAX_VALUE_COLUMNS) -> str:
    """A value on one line."""
    text = "" if value is None else " ".join(value.split())
    return text if len(text) <= max_length else f"{text[: max_length - 1]}…"


def why(answer: Mapping[str, Any]) -> Table | str:
    """The path of one property, transfer by transfer; or the transfers that dropped it. A sentence without any."""
    resource, found = answer["resource"], answer["found"]
    about = f"{resource['kind']} {resource['id'][:8]}"
    if found is not None:
        title, steps = f"{about} has {found['key']} = {short(found['value'])}, set by {found['set_by']}", found["past"]
    else:
        title = f"{about} has no {answer['key']}" + ("" if answer["lost"] else ", and nothing it came from had it")
        steps = answer["lost"]
    if not steps:
        return title
    table = Table(title=title, title_justify="left")
    for heading in ("from", "to", "change", "value", "rule", "source"):
        table.add_column(heading, overflow="fold")
    for step in steps:
        origin, target = step["from"], step["to"]
        table.add_row(
            f"{origin['kind']} {origin['id'][:8]}",
            f"{target['kind']} {target['id'][:8]}",
            outcome_text(step["verdict"], step["before"], step["after"]),
            short(step["after"] if step["after_key"] else step["before"]),
            step["rule"],
            step["source"],
        )
    return table


def where(answer: Mapping[str, Any]) -> Table | str:
    """Every resource that has a property."""
    count = len(answer["places"])
    if not count:
        return f"{answer['key']} is not on any resource now"
    table = Table(title=f"{answer['key']} is on {count} resource{'' if count == 1 else 's'}", title_justify="left")
    for heading in ("resource", "as", "value", "set by"):
        table.add_column(heading, overflow="fold")
    for location in answer["places"]:
        resource = location["resource"]
        name = f"{resource['kind']} {resource['id']}"
        table.add_row(name, location["key"], short(location["value"]), location["set_by"])
    return table


def diff(answer: Mapping[str, Any]) -> Table:
    """Two resources side by side; what is the same is grey."""
    sides = [f"{side['kind']} {side['id'][:8]}" for side in (answer["left"], answer["right"])]
    table = Table(title=" and ".join(sides), title_justify="left")
    for heading in ("property", *sides, "", "set by"):
        table.add_column(heading, overflow="fold")
    for found in answer["properties"]:
        style = _COMPARISON_STYLES[found["what"]]
        setters = dict.fromkeys(filter(None, found["set_by"]))
        values = [Text("–") if found[side] is None else Text(short(found[side]), style) for side in ("left", "right")]
        table.add_row(Text(found["key"], "bold"), *values, Text(found["what"], style), " / ".join(setters))
    return table


QUERY_TABLES: Mapping[str, Callable[[Mapping[str, Any]], list[Table | str]]] = {
    "stories": lambda answer: [story(found) for found in answer["stories"]],
    "folded stories": lambda answer: [story(found, folded=True) for found in answer["stories"]],
    "story list": lambda answer: [story_list(answer)],
    "lineage": lambda answer: [lineage(answer)],
    "why": lambda answer: [why(answer)],
    "where": lambda answer: [where(answer)],
    "diff": lambda answer: [diff(answer)],
}
"""By query: what is printed of its answer."""
