"""Assertions on a cloud's messages and property lineage, which explain themselves when they fail.

story = trace.story(server.id)
assert story.has("build_and_run_instance")
assert trace.lineage(server.id).kept("hw_disk_bus")
"""

import json
from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import urlopen

from stackwire.testing.answers import Answer

LINES = 40
"""Of a story, at most, in the report of a failed test."""
VALUE_LENGTH = 60


class Story:
    """The messages of one request, in order. ``arrows``: dicts with kind, name, sender, receiver, state, payload."""

    def __init__(self, answer: dict[str, Any], diagram: Callable[[], str]) -> None:
        self.id: str = answer["id"]
        self.arrows: list[dict[str, Any]] = answer["arrows"]
        self.seconds: float = answer["seconds"]
        self._diagram = diagram

    @property
    def diagram(self) -> str:
        """As a Mermaid sequence diagram."""
        return self._diagram()

    @property
    def names(self) -> list[str]:
        """The names of all messages: RPC methods, event types, HTTP requests."""
        return [arrow["name"] for arrow in self.arrows]

    def has(self, name: str, *, sender: str | None = None, receiver: str | None = None) -> Answer:
        """Whether there is a message of this name, from ``sender`` to a receiver beginning with ``receiver``."""
        named = [arrow for arrow in self.arrows if arrow["name"] == name]
        found = [arrow for arrow in named if _is_between(arrow, sender, receiver)]
        if found:
            return Answer(True, f"{name} is in the story {self.id}", tuple(map(_line, found)))
        if named:
            ends = f"from {sender or 'anybody'} to {receiver or 'anybody'}"
            return Answer(False, f"{name} was sent, but not {ends}, in the story {self.id}", tuple(map(_line, named)))
        close = get_close_matches(name, self.names, 1)
        hint = f" (is it {close[0]}?)" if close else ""
        return Answer(False, f"{name} is not in the story {self.id}{hint}", self._lines(whole="." in name))

    def in_order(self, *names: str) -> Answer:
        """Whether messages of these names were sent in this order; others may be between them."""
        at, until = 0, 0
        for name in names:
            if name not in self.names[at:]:
                where = "is too early" if name in self.names else "is missing"
                after = f" after {names[names.index(name) - 1]}" if name != names[0] else ""
                return Answer(False, f"{name} {where}{after} in the story {self.id}", self._lines(marked=until))
            until = self.names.index(name, at)
            at = until + 1
        return Answer(True, f"{', '.join(names)} are in order in the story {self.id}", self._lines())

    @property
    def succeeded(self) -> Answer:
        """Whether no message of the story failed."""
        failed = [arrow for arrow in self.arrows if arrow["failure"]]
        if not failed:
            return Answer(True, f"nothing failed in the story {self.id}", self._lines())
        names = ", ".join(dict.fromkeys(arrow["name"] for arrow in failed))
        return Answer(False, f"{names} failed in the story {self.id}", tuple(map(_line, failed)))

    def __repr__(self) -> str:
        return f"<Story {self.id} of {len(self.arrows)} messages>"

    def __str__(self) -> str:
        return "\n".join((f"story {self.id}", *self._lines()))

    def _lines(self, marked: int | None = None, *, whole: bool = False) -> tuple[str, ...]:
        """Around one of its messages where it is long; notifications in a row are one line unless ``whole``."""
        lines = [(at, _line(self.arrows[at], mark=at == marked)) for at in range(len(self.arrows))]
        if not whole:
            lines = list(_folded(self.arrows, lines, marked))
        middle = next((number for number, (at, _) in enumerate(lines) if at == marked), 0)
        first = max(0, min(middle - LINES // 2, len(lines) - LINES))
        some = [text for _, text in lines[first : first + LINES]]
        after = len(lines) - first - len(some)
        return (*([f"  ... {first} earlier"] if first else []), *some, *([f"  ... {after} more"] if after else []))


def _folded(
    arrows: Sequence[dict[str, Any]], lines: Sequence[tuple[int, str]], marked: int | None
) -> Iterator[tuple[int, str]]:
    row: list[int] = []

    def flush() -> Iterator[tuple[int, str]]:
        if len(row) > 1:
            names = list(dict.fromkeys(arrows[at]["name"] for at in row))
            listed = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
            yield row[0], f"  {f'({len(row)} notifications)':<44} {'':<12} {listed}"
        else:
            yield from (lines[at] for at in row)
        row.clear()

    for at, text in lines:
        if arrows[at]["kind"] in ("notification", "crossing") and at != marked and not arrows[at]["failure"]:
            row.append(at)
        else:
            yield from flush()
            yield at, text
    yield from flush()


class Lineage:
    """The properties of one resource, with their history."""

    def __init__(self, answer: dict[str, Any], get: Callable[[str], dict[str, Any]]) -> None:
        self.resource: dict[str, str] = answer["resource"]
        self.properties: dict[str, dict[str, Any]] = {item["key"]: item for item in answer["properties"]}
        self._get = get

    def value(self, key: str) -> str | None:
        """The current value, None without one; ``key`` with or without a server's ``image_`` prefix."""
        found = self._found(key)
        return None if found is None else found["value"]

    def set_by(self, key: str) -> str | None:
        """The rule or user that set the current value."""
        found = self._found(key)
        return None if found is None else str(found["set_by"])

    def kept(self, key: str) -> Answer:
        """Whether the resource has the property with its original value."""
        found = self._found(key)
        if found is None or found["value"] is None:
            return self._lost(key, yes=False)
        first = next((step["after"] for step in found["past"]), found["value"])
        text = f"{self._name} has {found['key']} = {_short(found['value'])}"
        if first != found["value"]:
            cause = next((step for step in reversed(found["past"]) if step["after"] == found["value"]), None)
            text += f", which was {_short(first)}" + (f": {_rule(cause)}" if cause else "")
        return Answer(first == found["value"], text, tuple(map(_step, found["past"])))

    def lost(self, key: str) -> Answer:
        """Whether a resource it was created from had the property, and it has not."""
        found = self._found(key)
        if found is not None and found["value"] is not None:
            text = f"{self._name} has {found['key']} = {_short(found['value'])}"
            return Answer(False, text, tuple(map(_step, found["past"])))
        return self._lost(key, yes=True)

    def __repr__(self) -> str:
        return f"<Lineage of {self._name}>"

    def __str__(self) -> str:
        lines = (f"  {key} = {_short(item['value'])} by {item['set_by']}" for key, item in self.properties.items())
        return "\n".join((f"lineage of {self._name}", *lines))

    @property
    def _name(self) -> str:
        return f"{self.resource['kind']} {self.resource['id']}"

    def _found(self, key: str) -> dict[str, Any] | None:
        return self.properties.get(key) or self.properties.get(f"image_{key}")

    def _lost(self, key: str, *, yes: bool) -> Answer:
        """That the resource has no such property; ``yes``: true if one it was created from had it."""
        resource = f"{self.resource['kind']}:{self.resource['id']}"
        where = f"{quote(key, safe='')}/{quote(resource, safe='')}"
        steps = self._get(f"why/{where}")["lost"]
        if steps:
            return Answer(yes, f"{self._name} has no {key}: {_rule(steps[-1])}", tuple(map(_step, steps)))
        known = ", ".join(sorted(self.properties)) or "none"
        text = f"{self._name} has no {key}, nor had any resource it was created from"
        return Answer(False, text, (f"  its properties: {known}",))


class Trace:
    """The tracer at ``url``. ``complete``: called before it is asked, so that it knows all that has happened.

    Raises LookupError for what it does not know.
    """

    def __init__(self, url: str, complete: Callable[[], None] = lambda: None) -> None:
        self.url = url
        self._complete = complete

    def story(self, wanted: str) -> Story:
        """The story of a request id; for a resource's id or name the one with the most messages."""
        self._complete()
        answer = self._get(f"stories/{quote(wanted, safe='')}")["stories"]
        longest = max(answer, key=lambda story: len(story["arrows"]))
        return Story(longest, lambda: self._text(f"stories/{quote(longest['id'], safe='')}/export?form=mermaid"))

    def lineage(self, resource: str) -> Lineage:
        """The lineage of a resource, by id, ``kind:id`` or name."""
        self._complete()
        return Lineage(self._get(f"lineage/{quote(resource, safe='')}"), self._get)

    def messages(self, *, after: int = 0, **filters: str) -> list[dict[str, Any]]:
        """Messages with a higher number, in order. ``filters``: ``event`` (part of the name), ``kind``, ``resource``,
        ``request``, ``text``."""
        given = "".join(f"&{name}={quote(value, safe='')}" for name, value in filters.items())
        found: list[dict[str, Any]] = self._get(f"messages?deliveries=false&limit=20000&after={after}{given}")[
            "messages"
        ]
        return found

    def _get(self, path: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._text(path))
        return answer

    def _text(self, path: str) -> str:
        try:
            with urlopen(f"{self.url}/{path}", timeout=30) as answer:  # noqa: S310  # our own tracer
                return str(answer.read().decode())
        except HTTPError as error:
            raise LookupError(json.loads(error.read())["error"]["message"]) from None


def _is_between(arrow: dict[str, Any], sender: str | None, receiver: str | None) -> bool:
    return sender in (None, arrow["sender"]) and arrow["receiver"].startswith(receiver or "")


def _line(arrow: dict[str, Any], mark: bool = False) -> str:
    """One message as a line of text."""
    ends = f"{arrow['sender'] or '?'} -> {arrow['receiver'] or '?'}"
    failure = f"  FAILED: {_short(arrow['failure'], 200)}" if arrow["failure"] else ""
    return f"{'>' if mark else ' '} {ends:<44} {arrow['kind']:<12} {arrow['name']}{failure}"


def _step(step: dict[str, Any]) -> str:
    """One property transfer as a line of text."""
    ends = " -> ".join(f"{end['kind']} {end['id'][:8]}" for end in (step["from"], step["to"]))
    value = step["after"] if step["after_key"] else step["before"]
    return f"  {ends}: {step['verdict']} {step['after_key'] or step['key']} = {_short(value)} by {step['rule']}"


def _rule(step: dict[str, Any]) -> str:
    return f"{step['verdict']} by {step['rule']}"


def _short(value: object, most: int = VALUE_LENGTH) -> str:
    text = repr(value)
    return text if len(text) <= most else f"{text[: most - 4]}...{text[-1]} ({len(str(value))} letters)"
