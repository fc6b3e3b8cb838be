"""One user action as one story: the messages of all services that bear its request id, joined into arrows."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from operator import itemgetter
from typing import Any, Literal

from stackwire.trace.domain.message import Kind, Message
from stackwire.trace.domain.participants import WORKERS
from stackwire.trace.domain.payload import is_read
from stackwire.trace.domain.resources import Resource

State = Literal["done", "under way", "unanswered", "dropped", "returned", "failed", "unheard"]
LATE = 0.25
"""Seconds after a request's answer within which what it said may still leave the outbox."""
AT_ONCE = 64
"""Requests to one service looked at as being under way together."""
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
    redelivered: bool = False
    message: Message | None = None

    @property
    def payload(self) -> Any:
        """Without secrets."""
        return None if self.message is None else self.message.payload

    def as_json(self, *, payload: bool = True) -> dict[str, Any]:
        told = {name: getattr(self, name) for name in self.__slots__ if name != "message"}
        if payload:
            told["payload"] = self.payload
        told["resources"] = [{"kind": kind, "id": ident} for kind, ident in self.resources]
        return told


@dataclass(slots=True, kw_only=True)
class Story:
    id: str
    request_ids: tuple[str, ...] = ()
    arrows: list[Arrow] = field(default_factory=list)
    trace_id: str | None = None

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

    @property
    def is_plain_read(self) -> bool:
        """One answered GET or HEAD, and nothing came of it."""
        return len(self.arrows) == 1 and self.arrows[0].kind == "http" and self.arrows[0].name[:4] in ("GET ", "HEAD")

    @property
    def is_housekeeping(self) -> bool:
        """Nobody asked for any of it."""
        return all(arrow.message is not None and arrow.message.housekeeping for arrow in self.arrows)

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

    def as_json(self, *, payload: bool = True) -> dict[str, Any]:
        return {**self.summary(), "arrows": [arrow.as_json(payload=payload) for arrow in self.arrows]}


def stories(messages: Iterable[Message]) -> list[Story]:
    """Every story the messages tell, the oldest first."""
    told = list(messages)
    roots = _roots(told)
    legs = _Legs(told, roots)
    grouped: dict[str, list[tuple[Message, bool]]] = {}
    latest: dict[Resource, tuple[str, float]] = {}
    for message in told:
        own = _ident(message)
        root, inferred = (roots[own], False) if own else (legs.during(message) or _nearby(message, latest), True)
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
        state=_state(message),
        answer_seconds=message.seconds,
        failure=message.failure,
        inferred=inferred,
        message=message,
    )


def _state(message: Message) -> State:
    if message.kind == "call":
        return "unanswered"  # until the reply is met
    return "failed" if message.kind == "http" and message.failure else "done"


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
    arrow.redelivered = arrow.redelivered or message.redelivered
    if message.step == "deliver":
        arrow.deliveries += 1
        if arrow.queue_seconds is None and message.time >= arrow.time:
            arrow.queue_seconds = message.time - arrow.time
    elif message.step == "drop":
        # An event nobody listens to is no accident; a request nobody takes is. HTTP did not go over the bus at all.
        if arrow.kind in ("notification", "crossing"):
            arrow.state = "unheard"
        elif arrow.kind != "http":
            arrow.state = "dropped"
    elif message.step == "return":
        arrow.state = "returned"


def _story(root: str, members: list[tuple[Message, bool]]) -> Story:
    ids = [ident for message, _ in members for ident in (message.global_request_id, message.request_id) if ident]
    told = sorted(arrows(members), key=lambda arrow: (arrow.time, arrow.number))
    _one_lane_each(told)
    trace = next((message.trace_id for message, _ in members if message.trace_id), None)
    return Story(id=root, request_ids=tuple(dict.fromkeys(ids)), arrows=told, trace_id=trace)


def _one_lane_each(told: list[Arrow]) -> None:
    """A worker that is spoken to by its host is the one that speaks without it, where it is the only one."""
    named = {lane for arrow in told for lane in (arrow.sender, arrow.receiver) if "@" in lane}
    for kind in WORKERS:
        hosts = [lane for lane in named if lane.split("@")[0] == kind]
        if len(hosts) != 1:
            continue
        for arrow in told:
            arrow.sender = hosts[0] if arrow.sender == kind else arrow.sender
            arrow.receiver = hosts[0] if arrow.receiver == kind else arrow.receiver


class _Legs:
    """What changes something, HTTP requests and calls, by who answered it, in the order it began."""

    def __init__(self, messages: Iterable[Message], roots: Mapping[str, str]) -> None:
        self._by_lane: dict[str, list[tuple[float, Message, str]]] = {}
        for message in messages:
            ident = _ident(message)
            if ident is not None and _may_change(message):
                self._by_lane.setdefault(message.receiver, []).append((message.time, message, roots[ident]))
        for legs in self._by_lane.values():
            legs.sort(key=itemgetter(0))

    def during(self, message: Message) -> str | None:
        """The story of the one request to the speaker that was under way, and may have been about the same resource.

        Glance's events bear no request id, and what makes a resource does not name it yet.
        """
        legs = self._by_lane.get(message.sender, [])
        end = bisect_right(legs, message.time, key=itemgetter(0))
        found = {
            root
            for began, leg, root in legs[max(0, end - AT_ONCE) : end]
            if message.time <= began + (leg.seconds or 0.0) + LATE and _may_be_about(leg, message)
        }
        return found.pop() if len(found) == 1 else None


def _may_change(message: Message) -> bool:
    if message.kind == "call" and message.step == "publish":
        return not is_read(message.name)
    return message.kind == "http" and message.name[:4] not in ("GET ", "HEAD")


def _may_be_about(leg: Message, message: Message) -> bool:
    """What makes an image names none, though it may name the server that the image is of."""
    kinds = {resource.kind for resource in message.resources}
    alike = {resource for resource in leg.resources if resource.kind in kinds}
    return not alike or bool(alike & set(message.resources))


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
        # The user's own trace is above all requests made in it, a global request above those made for it.
        chain = [name for name in (message.request_id, message.global_request_id, message.trace_id) if name]
        for own, above in pairwise(chain):
            low, high = root(own), root(above)
            if low != high:
                parents[low] = high
        if len(chain) == 1:
            root(chain[0])
    return {ident: root(ident) for ident in list(parents)}


def _ident(message: Message) -> str | None:
    return message.trace_id or message.global_request_id or message.request_id
