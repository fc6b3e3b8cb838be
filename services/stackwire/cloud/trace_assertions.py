"""Assertions on a cloud's messages and property lineage, which explain themselves when they fail.

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

RECORD_TIMEOUT_SECONDS = 5.0
"""How long to wait until the tracer has received the messages: RabbitMQ delivers to it asynchronously."""


@dataclass(frozen=True, slots=True)
class Answer:
    """True or false, with the reason as its text, which a failed ``assert`` shows."""

    yes: bool
    why: str

    def __bool__(self) -> bool:
        return self.yes

    def __repr__(self) -> str:
        return self.why


class Story:
    """The messages of one request, in order. ``arrows``: dicts with kind, name, sender, receiver, state, payload."""

    def __init__(self, answer: dict[str, Any], diagram: str) -> None:
        self.id: str = answer["id"]
        self.arrows: list[dict[str, Any]] = answer["arrows"]
        self.seconds: float = answer["seconds"]
        self.diagram = diagram

    @property
    def names(self) -> list[str]:
        """The names of all messages: RPC methods, event types, HTTP requests."""
        return [arrow["name"] for arrow in self.arrows]

    def has(self, name: str, *, sender: str | None = None, receiver: str | None = None) -> Answer:
        """Whether there is a message of this name, from ``sender`` to a receiver beginning with ``receiver``."""
        found = [
            arrow
            for arrow in self.arrows
            if arrow["name"] == name
            and (sender is None or arrow["sender"] == sender)
            and (receiver is None or arrow["receiver"].startswith(receiver))
        ]
        return Answer(bool(found), f"{name} {'is' if found else 'is not'} in the story {self.id}:\n{self.diagram}")

    def in_order(self, *names: str) -> Answer:
        """Whether messages of these names were sent in this order; others may be between them."""
        rest = iter(self.names)
        missing = [name for name in names if not any(name == other for other in rest)]
        text = f"{missing[0]} is missing or too early" if missing else f"{', '.join(names)} are in order"
        return Answer(not missing, f"{text} in the story {self.id}:\n{self.diagram}")

    @property
    def succeeded(self) -> Answer:
        """Whether no message of the story failed."""
        failed = [arrow["name"] for arrow in self.arrows if arrow["failure"]]
        text = f"{', '.join(failed)} failed" if failed else "nothing failed"
        return Answer(not failed, f"{text} in the story {self.id}:\n{self.diagram}")

    def __repr__(self) -> str:
        return self.diagram


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
            return Answer(False, self._lost(key))
        first = next((step["after"] for step in found["past"]), found["value"])
        text = f"{self._name} has {found['key']} = {found['value']!r}"
        if first != found["value"]:
            text += f", which was {first!r}"
        return Answer(first == found["value"], "\n".join([text, *map(_step, found["past"])]))

    def lost(self, key: str) -> Answer:
        """Whether a resource it was created from had the property, and it has not."""
        found = self._found(key)
        if found is not None and found["value"] is not None:
            return Answer(False, "\n".join([f"{self._name} has {found['key']}", *map(_step, found["past"])]))
        answer = self._why(key)
        return Answer(bool(answer["lost"]), self._lost(key))

    @property
    def _name(self) -> str:
        return f"{self.resource['kind']} {self.resource['id']}"

    def _found(self, key: str) -> dict[str, Any] | None:
        return self.properties.get(key) or self.properties.get(f"image_{key}")

    def _why(self, key: str) -> dict[str, Any]:
        return self._get(f"why/{quote(key, safe='')}/{quote(':'.join(self.resource.values()), safe='')}")

    def _lost(self, key: str) -> str:
        steps = self._why(key)["lost"]
        text = f"{self._name} has no {key}" + ("" if steps else ", nor had any resource it was created from")
        return "\n".join([text, *map(_step, steps)])


class Trace:
    """The tracer at ``url``. Raises LookupError for what it does not know after RECORD_TIMEOUT_SECONDS."""

    def __init__(self, url: str) -> None:
        self.url = url

    def story(self, wanted: str) -> Story:
        """The story of a request id; for a resource's id or name the one with the most messages."""
        answer = self._get(f"stories/{quote(wanted, safe='')}")["stories"]
        longest = max(answer, key=lambda story: len(story["arrows"]))
        diagram = self._text(f"stories/{quote(longest['id'], safe='')}/export?form=mermaid")
        return Story(longest, diagram)

    def lineage(self, resource: str) -> Lineage:
        """The lineage of a resource, by id, ``kind:id`` or name."""
        return Lineage(self._get(f"lineage/{quote(resource, safe='')}"), self._get)

    def _get(self, path: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._text(path))
        return answer

    def _text(self, path: str) -> str:
        until = time.monotonic() + RECORD_TIMEOUT_SECONDS
        while True:
            try:
                with urlopen(f"{self.url}/{path}", timeout=30) as answer:  # noqa: S310  # our own tracer
                    return str(answer.read().decode())
            except HTTPError as error:
                if error.code != 404 or time.monotonic() > until:
                    raise LookupError(json.loads(error.read())["error"]["message"]) from None
            time.sleep(0.05)


def _step(step: dict[str, Any]) -> str:
    """One property transfer as a line of text."""
    ends = " -> ".join(f"{end['kind']} {end['id'][:8]}" for end in (step["from"], step["to"]))
    value = step["after"] if step["after_key"] else step["before"]
    return f"  {ends}: {step['verdict']} {step['after_key'] or step['key']} = {value!r} by {step['rule']}"
