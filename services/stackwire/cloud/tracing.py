"""Stories and lineages in tests: what a cloud's tracer saw, with answers that explain themselves when a test fails.

story = cloud.trace.story(server.id)
assert story.has("build_and_run_instance")
assert cloud.trace.lineage(server.id).kept("hw_disk_bus")
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import urlopen

PATIENCE = 5.0
"""Seconds for what was done to be heard of: a broker tells the tracer in its own time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Yes or no; its text, which a failed ``assert`` shows, says why."""

    yes: bool
    why: str

    def __bool__(self) -> bool:
        return self.yes

    def __repr__(self) -> str:
        return self.why


class Story:
    """One request's messages, in order. ``arrows`` are the tracer's: kind, name, sender, receiver, state, payload."""

    def __init__(self, told: dict[str, Any], diagram: str) -> None:
        self.id: str = told["id"]
        self.arrows: list[dict[str, Any]] = told["arrows"]
        self.seconds: float = told["seconds"]
        self.diagram = diagram

    @property
    def names(self) -> list[str]:
        return [arrow["name"] for arrow in self.arrows]

    def has(self, name: str, *, sender: str | None = None, receiver: str | None = None) -> Answer:
        """Whether a message of this name went from the one to the other."""
        found = [
            arrow
            for arrow in self.arrows
            if arrow["name"] == name
            and (sender is None or arrow["sender"] == sender)
            and (receiver is None or arrow["receiver"].startswith(receiver))
        ]
        return Answer(bool(found), f"{name} {'is' if found else 'is not'} in the story {self.id}:\n{self.diagram}")

    def in_order(self, *names: str) -> Answer:
        """Whether messages of these names came in this order, with others between or not."""
        rest = iter(self.names)
        missing = [name for name in names if not any(name == met for met in rest)]
        says = f"{missing[0]} does not come where it should" if missing else f"{', '.join(names)} come in order"
        return Answer(not missing, f"{says} in the story {self.id}:\n{self.diagram}")

    @property
    def succeeded(self) -> Answer:
        failed = [arrow["name"] for arrow in self.arrows if arrow["failure"]]
        says = f"{', '.join(failed)} failed" if failed else "nothing failed"
        return Answer(not failed, f"{says} in the story {self.id}:\n{self.diagram}")

    def __repr__(self) -> str:
        return self.diagram


class Lineage:
    """Where the properties of one resource came from."""

    def __init__(self, told: dict[str, Any], ask: Callable[[str], dict[str, Any]]) -> None:
        self.resource: dict[str, str] = told["resource"]
        self.properties: dict[str, dict[str, Any]] = {one["key"]: one for one in told["properties"]}
        self._ask = ask

    def value(self, key: str) -> str | None:
        """What the resource has now; ``key`` with or without a server's ``image_``."""
        found = self._found(key)
        return None if found is None else found["value"]

    def set_by(self, key: str) -> str | None:
        found = self._found(key)
        return None if found is None else str(found["set_by"])

    def kept(self, key: str) -> Answer:
        """Whether it is here with the value that was first given to it."""
        found = self._found(key)
        if found is None or found["value"] is None:
            return Answer(False, self._lost(key))
        first = next((step["after"] for step in found["past"]), found["value"])
        says = f"{self._name} has {found['key']} = {found['value']!r}"
        if first != found["value"]:
            says += f", which was {first!r}"
        return Answer(first == found["value"], "\n".join([says, *map(_step, found["past"])]))

    def lost(self, key: str) -> Answer:
        """Whether something it came from had it, and it has not."""
        found = self._found(key)
        if found is not None and found["value"] is not None:
            return Answer(False, "\n".join([f"{self._name} has {found['key']}", *map(_step, found["past"])]))
        told = self._why(key)
        return Answer(bool(told["lost"]), self._lost(key))

    @property
    def _name(self) -> str:
        return f"{self.resource['kind']} {self.resource['id']}"

    def _found(self, key: str) -> dict[str, Any] | None:
        return self.properties.get(key) or self.properties.get(f"image_{key}")

    def _why(self, key: str) -> dict[str, Any]:
        return self._ask(f"why/{quote(key, safe='')}/{quote(':'.join(self.resource.values()), safe='')}")

    def _lost(self, key: str) -> str:
        steps = self._why(key)["lost"]
        says = f"{self._name} has no {key}" + ("" if steps else ", and nothing it came from had it")
        return "\n".join([says, *map(_step, steps)])


class Trace:
    """The tracer at ``url``. Raises LookupError for what it has not seen after some seconds."""

    def __init__(self, url: str) -> None:
        self.url = url

    def story(self, wanted: str) -> Story:
        """By a request id, or by a resource's id or name: the one that changed most of it."""
        told = self._ask(f"stories/{quote(wanted, safe='')}")["stories"]
        longest = max(told, key=lambda one: len(one["arrows"]))
        diagram = self._text(f"stories/{quote(longest['id'], safe='')}/export?form=mermaid")
        return Story(longest, diagram)

    def lineage(self, resource: str) -> Lineage:
        """By an id, ``kind:id``, or a name."""
        return Lineage(self._ask(f"lineage/{quote(resource, safe='')}"), self._ask)

    def _ask(self, path: str) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self._text(path))
        return told

    def _text(self, path: str) -> str:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                with urlopen(f"{self.url}/{path}", timeout=30) as answer:  # noqa: S310  # our own tracer
                    return str(answer.read().decode())
            except HTTPError as error:
                if error.code != 404 or time.monotonic() > until:
                    raise LookupError(json.loads(error.read())["error"]["message"]) from None
            time.sleep(0.05)


def _step(step: dict[str, Any]) -> str:
    """One crossing as a line of text."""
    ends = " -> ".join(f"{end['kind']} {end['id'][:8]}" for end in (step["from"], step["to"]))
    value = step["after"] if step["after_key"] else step["before"]
    return f"  {ends}: {step['verdict']} {step['after_key'] or step['key']} = {value!r} by {step['rule']}"
