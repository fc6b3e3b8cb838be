"""One user action as one story: the messages of all services with its request id, joined into arrows."""

from dataclasses import dataclass, field
from typing import Any, Literal

from stackwire.trace.domain.message import Kind, Message
from stackwire.trace.domain.payload import is_read
from stackwire.trace.domain.resources import Resource

FAILED_STATES = ("dropped", "returned", "failed", "unanswered")
State = Literal["done", "unanswered", "dropped", "returned", "failed", "unheard"]


@dataclass(slots=True, kw_only=True)
class Arrow:
    """From one participant to another. ``queue_seconds``: publish to first delivery; ``answer_seconds``: call to reply.

    ``inferred``: it has no request id and is in the story because of its resource. ``action`` and ``status`` as a
    message's. ``end_number``, ``end_seconds`` and ``start_number`` join a pair of notifications (folding.py).
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
    action: str | None = None
    status: int | None = None
    end_number: int | None = None
    end_seconds: float | None = None
    start_number: int | None = None
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
        """True when nothing but reads over HTTP happened, and what those read in databases and of each other."""
        return self._begins_with_http and all(_is_read(arrow) for arrow in self.arrows)

    @property
    def is_login(self) -> bool:
        """True for a request of a token, and nothing else."""
        return all(arrow.kind == "sql" or _is_token_request(arrow) for arrow in self.arrows)

    @property
    def is_housekeeping(self) -> bool:
        """True when all of its messages are housekeeping."""
        return all(arrow.message is not None and arrow.message.housekeeping for arrow in self.arrows)

    @property
    def status(self) -> int | None:
        """That of the first request's response, where the story begins with one."""
        return self.arrows[0].status if self.arrows else None

    @property
    def _begins_with_http(self) -> bool:
        return bool(self.arrows) and self.arrows[0].kind == "http"

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
            "status": self.status,
            "action": self.arrows[0].action if self.arrows else None,
            "lanes": list(self.participants),
            "resources": [{"kind": kind, "id": ident} for kind, ident in self.resources],
        }

    def as_json(self, *, payload: bool = True) -> dict[str, Any]:
        """As the API returns it; ``payload``: with redacted payloads."""
        return {**self.summary(), "arrows": [arrow.as_json(payload=payload) for arrow in self.arrows]}


def _is_read(arrow: Arrow) -> bool:
    if arrow.kind in ("call", "reply"):
        return is_read(arrow.name)
    return arrow.kind == "sql" or (arrow.kind == "http" and arrow.name[:4] in ("GET ", "HEAD"))


def _is_token_request(arrow: Arrow) -> bool:
    return arrow.kind == "http" and arrow.name.startswith("POST ") and arrow.name.endswith("/tokens")
