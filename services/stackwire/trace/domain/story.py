"""One user action as one story: the messages of all services with its request id, joined into arrows."""

from dataclasses import dataclass, field
from typing import Any, Literal

from stackwire.trace.domain.message import Kind, Message
from stackwire.trace.domain.resources import Resource

FAILED_STATES = ("dropped", "returned", "failed", "unanswered")
State = Literal["done", "unanswered", "dropped", "returned", "failed", "unheard"]


@dataclass(slots=True, kw_only=True)
class Arrow:
    """From one participant to another. ``queue_seconds``: publish to first delivery; ``answer_seconds``: call to reply.

    ``inferred``: it has no request id and is in the story because of its resource.
    """

    number: int
    time: float
    kind: Kind
    name: str
    sender: str
    receiver: str
    resources: tuple[Resource, ...]
    state: State
    deliveries: int = 0
    queue_seconds: float | None = None
    answer_seconds: float | None = None
    failure: str | None = None
    inferred: bool = False
    redelivered: bool = False
    message: Message | None = None

    @property
    def payload(self) -> Any:
        """Without secrets."""
        return None if self.message is None else self.message.payload

    def as_json(self, *, payload: bool = True) -> dict[str, Any]:
        """As the API returns it; ``payload``: with redacted payloads."""
        view = {name: getattr(self, name) for name in self.__slots__ if name != "message"}
        if payload:
            view["payload"] = self.payload
        view["resources"] = [{"kind": kind, "id": ident} for kind, ident in self.resources]
        return view


@dataclass(slots=True, kw_only=True)
class Story:
    """``request_ids``: global ones and those of the services; ``trace_id``: W3C's, if any of the messages has one."""

    id: str
    request_ids: tuple[str, ...] = ()
    arrows: list[Arrow] = field(default_factory=list)
    trace_id: str | None = None

    @property
    def started(self) -> float:
        """The time of the first message."""
        return self.arrows[0].time if self.arrows else 0.0

    @property
    def seconds(self) -> float:
        """From the first message to the last one or the last reply."""
        ends = [arrow.time + (arrow.answer_seconds or 0.0) for arrow in self.arrows]
        return max(ends) - self.started if ends else 0.0

    @property
    def resources(self) -> tuple[Resource, ...]:
        """Everything the messages name, in the order of its first mention."""
        return tuple(dict.fromkeys(resource for arrow in self.arrows for resource in arrow.resources))

    @property
    def participants(self) -> tuple[str, ...]:
        """In the order of their first messages."""
        ends = (end for arrow in self.arrows for end in (arrow.sender, arrow.receiver))
        return tuple(dict.fromkeys(filter(None, ends)))

    @property
    def is_plain_read(self) -> bool:
        """True for a GET or HEAD that caused no other message."""
        return len(self.arrows) == 1 and self.arrows[0].kind == "http" and self.arrows[0].name[:4] in ("GET ", "HEAD")

    @property
    def is_housekeeping(self) -> bool:
        """True when all of its messages are housekeeping."""
        return all(arrow.message is not None and arrow.message.housekeeping for arrow in self.arrows)

    def summary(self) -> dict[str, Any]:
        """As the API lists it, without its messages."""
        return {
            "id": self.id,
            "request_ids": list(self.request_ids),
            "started_at": self.started,
            "seconds": self.seconds,
            "messages": len(self.arrows),
            "title": self.arrows[0].name if self.arrows else "",
            "failed": any(arrow.failure for arrow in self.arrows),
            "lanes": list(self.participants),
            "resources": [{"kind": kind, "id": ident} for kind, ident in self.resources],
        }

    def as_json(self, *, payload: bool = True) -> dict[str, Any]:
        """As the API returns it; ``payload``: with redacted payloads."""
        return {**self.summary(), "arrows": [arrow.as_json(payload=payload) for arrow in self.arrows]}
