"""Messages, stories and lineages for a terminal: colours where there are any, whole lines where there are none."""

import errno
import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

_KINDS = {
    "http": "bold white",
    "call": "cyan",
    "reply": "blue",
    "cast": "green",
    "fanout": "green",
    "notification": "magenta",
    "crossing": "yellow",
    "progress": "bright_black",
    "other": "bright_black",
}
_VERDICTS = {
    "carried": "green",
    "renamed": "cyan",
    "added": "blue",
    "changed": "yellow",
    "truncated": "yellow",
    "dropped": "red",
}
_DIFFERENCES = {"same": "bright_black", "changed": "yellow", "only left": "red", "only right": "green"}
_ARROWS = {"http": "⇒", "reply": "⇢"}
PLAIN_WIDTH = 200
SHORTEST = 48


def console(*, to_file: Any = None) -> Console:
    """For standard output; as wide as it needs to be when nobody looks at a terminal."""
    made = _Console(file=to_file, highlight=False, emoji=False, markup=False)
    return (
        made
        if made.is_terminal
        else _Console(file=to_file, highlight=False, emoji=False, markup=False, width=PLAIN_WIDTH)
    )


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """An error like others, instead of rich's own end of the program: what was started must be stopped."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))  # the command ends at it with exit code 1


def line(message: Mapping[str, Any]) -> Text:
    """One message, one line: time, from -> to, kind, name, what it is about."""
    text = Text()
    text.append(_clock(message["time"]), "bright_black")
    text.append(f" {message['sender'] or '?':>16} -> {message['receiver'] or '?':<22} ")
    text.append(f"{message['kind']:<12} ", _KINDS.get(message["kind"], ""))
    text.append(_name(message), "bold red" if message.get("failure") else "bold")
    for resource in message["resources"][:2]:
        text.append(f"  {resource['kind']} {resource['id'][:8]}", "bright_black")
    if message.get("redelivered"):
        text.append("  again", "red")
    return text


def _name(message: Mapping[str, Any]) -> str:
    name = str(message["name"])
    return f"{name} ({message['failure']})" if message.get("failure") else name


def _clock(seconds: float) -> str:
    return f"{time.strftime('%H:%M:%S', time.localtime(seconds))}.{int(seconds % 1 * 1000):03d}"


def story(told: Mapping[str, Any]) -> Table:
    """One story as a table, in the order its messages were sent."""
    what = ", ".join(f"{found['kind']} {found['id'][:8]}" for found in told["resources"][:6])
    table = Table(title=f"{told['id']}: {told['seconds'] * 1000:.0f} ms, {what}", title_justify="left", box=None)
    for heading in ("ms", "from", "", "to", "kind", "what", "about", "queued", "took"):
        table.add_column(
            heading, justify="right" if heading in ("ms", "queued", "took") else "left", no_wrap=heading == "ms"
        )
    for arrow in told["arrows"]:
        table.add_row(
            f"{(arrow['time'] - told['started_at']) * 1000:.1f}",
            arrow["sender"] or "?",
            _ARROWS.get(arrow["kind"], "→"),
            arrow["receiver"] or "?",
            Text(arrow["kind"], _KINDS.get(arrow["kind"], "")),
            Text(_name(arrow), "bold red" if arrow["failure"] else ""),
            " ".join(f"{found['kind']} {found['id'][:8]}" for found in arrow["resources"][:1]),
            _ms(arrow["queue_seconds"]),
            _took(arrow),
        )
    return table


def _ms(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1000:.1f} ms"


def _took(arrow: Mapping[str, Any]) -> Text:
    if arrow["state"] in ("dropped", "returned", "unanswered", "failed"):
        return Text(arrow["state"], "red")
    return Text(_ms(arrow["answer_seconds"]) + ("" if arrow["deliveries"] < 2 else f" x{arrow['deliveries']}"))


def lineage(told: Mapping[str, Any]) -> Table:
    """Every property of a resource: who set it, what each crossing did, where it is now."""
    resource = told["resource"]
    gone = " (deleted)" if told["gone"] else ""
    table = Table(title=f"{resource['kind']} {resource['id']}{gone}", title_justify="left", show_lines=False)
    for heading in ("property", "value", "set by", "crossings", "now at"):
        table.add_column(heading, overflow="fold")
    for found in told["properties"]:
        table.add_row(
            Text(found["key"], "bold" if found["value"] is not None else "red"),
            short(found["value"]) if found["value"] is not None else Text("(gone)", "red"),
            found["set_by"],
            _path(sorted([*found["past"], *found["future"]], key=itemgetter("time"))),
            _places(found["now"], found["key"]),
        )
    return table


def _path(crossed: Sequence[Mapping[str, Any]]) -> Text:
    text = Text()
    for number, step in enumerate(crossed):
        if number:
            text.append("\n")
        text.append(verdict(step["verdict"], step["before"], step["after"]))
        text.append(f" {step['from']['kind']} → {step['to']['kind']} {step['to']['id'][:8]}")
        if step["after_key"] and step["verdict"] != "carried":
            text.append(f" as {step['after_key']}")
        text.append(f"  {step['rule']}", "bright_black")
    return text


def verdict(name: str, before: str | None = None, after: str | None = None) -> Text:
    """The verdict in its colour, with what was cut where something was."""
    text = Text(name, _VERDICTS.get(name, ""))
    if name == "truncated" and before and after:
        text.append(f" {len(before.encode())}→{len(after.encode())} bytes", "yellow")
    return text


def _places(places: Iterable[Mapping[str, Any]], key: str) -> str:
    """Each with the name the property has there, where that is another."""
    return "\n".join(
        f"{place['kind']} {place['id'][:8]}" + ("" if place["key"] == key else f" as {place['key']}")
        for place in places
    )


def short(value: str | None, longest: int = SHORTEST) -> str:
    """A value on one line."""
    text = "" if value is None else " ".join(value.split())
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def why(told: Mapping[str, Any]) -> Table | str:
    """The way of one property, crossing by crossing; or the crossings that lost it. A sentence where there are none."""
    resource, found = told["resource"], told["found"]
    about = f"{resource['kind']} {resource['id'][:8]}"
    if found is not None:
        title, steps = f"{about} has {found['key']} = {short(found['value'])}, set by {found['set_by']}", found["past"]
    else:
        title = f"{about} has no {told['key']}" + ("" if told["lost"] else ", and nothing it came from had it")
        steps = told["lost"]
    if not steps:
        return title
    table = Table(title=title, title_justify="left")
    for heading in ("from", "to", "became", "value", "rule", "source"):
        table.add_column(heading, overflow="fold")
    for step in steps:
        origin, target = step["from"], step["to"]
        table.add_row(
            f"{origin['kind']} {origin['id'][:8]}",
            f"{target['kind']} {target['id'][:8]}",
            verdict(step["verdict"], step["before"], step["after"]),
            short(step["after"] if step["after_key"] else step["before"]),
            step["rule"],
            step["source"],
        )
    return table


def where(told: Mapping[str, Any]) -> Table | str:
    """Every place of a property."""
    count = len(told["places"])
    if not count:
        return f"{told['key']} is nowhere now"
    table = Table(title=f"{told['key']} is at {count} place{'' if count == 1 else 's'}", title_justify="left")
    for heading in ("resource", "as", "value", "set by"):
        table.add_column(heading, overflow="fold")
    for place in told["places"]:
        resource = place["resource"]
        table.add_row(f"{resource['kind']} {resource['id']}", place["key"], short(place["value"]), place["set_by"])
    return table


def diff(told: Mapping[str, Any]) -> Table:
    """Two resources beside each other; what is the same is grey."""
    sides = [f"{side['kind']} {side['id'][:8]}" for side in (told["left"], told["right"])]
    table = Table(title=" and ".join(sides), title_justify="left")
    for heading in ("property", *sides, "", "set by"):
        table.add_column(heading, overflow="fold")
    for one in told["properties"]:
        style = _DIFFERENCES[one["what"]]
        who = dict.fromkeys(name for name in one["set_by"] if name)
        values = [Text("–") if one[side] is None else Text(short(one[side]), style) for side in ("left", "right")]
        table.add_row(Text(one["key"], "bold"), *values, Text(one["what"], style), " / ".join(who))
    return table
