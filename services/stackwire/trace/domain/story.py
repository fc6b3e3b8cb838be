"""One user action as one story: the messages of all services that bear its request id, joined into arrows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from stackwire.trace.domain.message import Kind, Message, Resource

State = Literal["done", "under way", "unanswered", "dropped", "returned", "failed", "unheard"]
NEARBY = 60.0
"""Seconds within which a message without a request id (Glance sends none) joins the story of its resource."""


@dataclass(slots=True, kw_only=True)
class Arrow:
    """From one lane to another. ``queue_seconds``: publish to first delivery; ``answer_seconds``: call to reply.

    ``inferred``: it bears no request id and stands here because of its resource.
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
    payload: Any = None

    def as_json(self) -> dict[str, Any]:
        told = {name: getattr(self, name) for name in self.__slots__}
        told["resources"] = [{"kind": kind, "id": ident} for kind, ident in self.resources]
        return told


@dataclass(slots=True, kw_only=True)
class Story:
    id: str
    request_ids: tuple[str, ...] = ()
    arrows: list[Arrow] = field(default_factory=list)

    @property
    def started(self) -> float:
        return self.arrows[0].time if self.arrows else 0.0

    @property
    def seconds(self) -> float:
        ends = [arrow.time + (arrow.answer_seconds or 0.0) for arrow in self.arrows]
        return max(ends) - self.started if ends else 0.0

    @property
    def resources(self) -> tuple[Resource, ...]:
        return tuple(dict.fromkeys(resource for arrow in self.arrows for resource in arrow.resources))

    @property
    def lanes(self) -> tuple[str, ...]:
        """In the order they first speak."""
        return tuple(dict.fromkeys(lane for arrow in self.arrows for lane in (arrow.sender, arrow.receiver) if lane))

    def summary(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "request_ids": list(self.request_ids),
            "started_at": self.started,
            "seconds": self.seconds,
            "messages": len(self.arrows),
            "title": self.arrows[0].name if self.arrows else "",
            "failed": any(arrow.failure for arrow in self.arrows),
            "lanes": list(self.lanes),
            "resources": [{"kind": kind, "id": ident} for kind, ident in self.resources],
        }

    def as_json(self) -> dict[str, Any]:
        return {**self.summary(), "arrows": [arrow.as_json() for arrow in self.arrows]}


def stories(messages: Iterable[Message]) -> list[Story]:
    """Every story the messages tell, the oldest first."""
    told = list(messages)
    roots = _roots(told)
    grouped: dict[str, list[tuple[Message, bool]]] = {}
    latest: dict[Resource, tuple[str, float]] = {}
    for message in told:
        own = message.global_request_id or message.request_id
        root, inferred = (roots[own], False) if own else (_nearby(message, latest), True)
        if root is None:
            continue
        grouped.setdefault(root, []).append((message, inferred))
        for resource in message.resources:
            latest[resource] = (root, message.time)
    found = [_story(root, members) for root, members in grouped.items()]
    return sorted(found, key=lambda story: story.started)


def find(all_stories: Iterable[Story], wanted: str) -> list[Story]:
    """The stories a request id, the beginning of one, or a resource's id names."""
    return [
        story
        for story in all_stories
        if any(ident.startswith(wanted) for ident in (story.id, *story.request_ids))
        or any(ident.removeprefix("req-").startswith(wanted) for ident in (story.id, *story.request_ids))
        or any(resource.id == wanted for resource in story.resources)
    ]


def arrows(messages: Iterable[tuple[Message, bool]]) -> list[Arrow]:
    """Publish and deliveries become one arrow, a call takes the time of its reply."""
    made: dict[str, Arrow] = {}
    calls: dict[str, Arrow] = {}
    order: list[Arrow] = []
    for message, inferred in messages:
        key = f"{message.kind}:{message.unique_id or message.number}"
        arrow = made.get(key)
        if arrow is None:
            arrow = made[key] = _arrow(message, inferred)
            order.append(arrow)
            _join(message, arrow, calls)
        _saw(arrow, message)
    return order


def _arrow(message: Message, inferred: bool) -> Arrow:
    return Arrow(
        number=message.number,
        time=message.time,
        kind=message.kind,
        name=message.name,
        sender=message.sender,
        receiver=message.receiver,
        resources=message.resources,
        state="unanswered" if message.kind == "call" else "done",
        failure=message.failure,
        inferred=inferred,
        payload=message.payload,
    )


def _join(message: Message, arrow: Arrow, calls: dict[str, Arrow]) -> None:
    if message.call_id is None:
        return
    if message.kind == "call":
        calls[message.call_id] = arrow
    elif message.kind == "reply" and (call := calls.get(message.call_id)) is not None:
        call.answer_seconds = message.time - call.time
        call.state = "failed" if message.failure else "done"
        call.failure = message.failure


def _saw(arrow: Arrow, message: Message) -> None:
    if message.step == "deliver":
        arrow.deliveries += 1
        if arrow.queue_seconds is None and message.time >= arrow.time:
            arrow.queue_seconds = message.time - arrow.time
    elif message.step == "drop":
        # An event nobody listens to is no accident; a request nobody takes is.
        arrow.state = "unheard" if arrow.kind in ("notification", "crossing") else "dropped"
    elif message.step == "return":
        arrow.state = "returned"


def _story(root: str, members: list[tuple[Message, bool]]) -> Story:
    ids = [ident for message, _ in members for ident in (message.global_request_id, message.request_id) if ident]
    return Story(id=root, request_ids=tuple(dict.fromkeys(ids)), arrows=arrows(members))


def _nearby(message: Message, latest: Mapping[Resource, tuple[str, float]]) -> str | None:
    for resource in message.resources:
        known = latest.get(resource)
        if known is not None and abs(message.time - known[1]) <= NEARBY:
            return known[0]
    return f"{message.resources[0].kind}-{message.resources[0].id}" if message.resources else None


def _roots(messages: Iterable[Message]) -> dict[str, str]:
    """Each request id to the id of its story: a service's own request belongs to the global one it was made for."""
    parents: dict[str, str] = {}

    def root(ident: str) -> str:
        while parents.setdefault(ident, ident) != ident:
            ident = parents[ident]
        return ident

    for message in messages:
        if message.request_id and message.global_request_id:
            own, above = root(message.request_id), root(message.global_request_id)
            if own != above:
                parents[own] = above
        elif message.request_id or message.global_request_id:
            root(message.request_id or message.global_request_id or "")
    return {ident: root(ident) for ident in list(parents)}
