"""From the messages of a bus to stories: grouped by request, publishes joined with deliveries, calls with replies."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from itertools import pairwise
from operator import itemgetter
from typing import NamedTuple

from stackwire.core.attributes import attributes
from stackwire.trace.domain.message import Message
from stackwire.trace.domain.participants import NOTIFICATIONS, WORKERS
from stackwire.trace.domain.payload import is_read
from stackwire.trace.domain.resources import Resource
from stackwire.trace.domain.story import Arrow, State, Story

OUTBOX_DELAY_SECONDS = 0.25
"""Seconds after a request's response within which its messages may still leave the outbox."""
MAX_CONCURRENT_REQUESTS = 64
"""Requests to one service that are considered in progress at the same time."""
SAME_RESOURCE_SECONDS = 60.0
"""Seconds within which a message without a request id (Glance sends none) joins the story of its resource."""


def stories(messages: Iterable[Message]) -> list[Story]:
    """Every story in the messages, the oldest first."""
    ordered = list(messages)
    roots = _roots(ordered)
    requests = _RequestsInProgress(ordered, roots)
    grouped: dict[str, list[tuple[Message, bool]]] = {}
    latest: dict[Resource, tuple[str, float]] = {}
    for message in ordered:
        own = _request_id(message)
        root, inferred = (roots[own], False) if own else (requests.root_at(message) or _nearby(message, latest), True)
        if root is None:
            continue
        grouped.setdefault(root, []).append((message, inferred))
        for resource in message.resources:
            latest[resource] = (root, message.time)
    found = [_story(root, members) for root, members in grouped.items()]
    return sorted(found, key=lambda story: story.started)


def find(all_stories: Iterable[Story], wanted: str) -> list[Story]:
    """The stories of a request id, the beginning of one, or a resource's id."""
    return [
        story
        for story in all_stories
        if any(id.startswith(wanted) for id in (story.id, *story.request_ids))
        or any(id.removeprefix("req-").startswith(wanted) for id in (story.id, *story.request_ids))
        or any(resource.id == wanted for resource in story.resources)
    ]


def arrows(messages: Iterable[tuple[Message, bool]]) -> list[Arrow]:
    """One arrow for a publish and its deliveries; a call's arrow has the time until its reply. Each message comes with
    whether it was inferred to be in the story."""
    by_message: dict[str, Arrow] = {}
    calls: dict[str, Arrow] = {}
    for message, inferred in messages:
        key = f"{message.kind}:{message.unique_id or message.number}"
        if message.kind == "notification" and message.receiver != NOTIFICATIONS:
            key += f":{message.receiver}"  # a listener of this cloud has an arrow of its own
        arrow = by_message.get(key)
        if arrow is None:
            arrow = by_message[key] = _arrow(message, inferred)
            _join_reply(message, arrow, calls)
        _count_delivery(arrow, message)
    return list(by_message.values())


def _arrow(message: Message, inferred: bool) -> Arrow:
    return Arrow(
        **attributes(message, "number time kind name sender receiver resources failure"),
        state=_state(message),
        answer_seconds=message.seconds,
        inferred=inferred,
        message=message,
    )


def _state(message: Message) -> State:
    if message.kind == "call":
        return "unanswered"  # until its reply is found
    return "failed" if message.kind == "http" and message.failure else "done"


def _join_reply(message: Message, arrow: Arrow, calls: dict[str, Arrow]) -> None:
    if message.call_id is None:
        return
    if message.kind == "call":
        calls[message.call_id] = arrow
    elif message.kind == "reply" and (call := calls.get(message.call_id)) is not None:
        call.answer_seconds = message.time - call.time
        call.state = "failed" if message.failure else "done"
        call.failure = message.failure


def _count_delivery(arrow: Arrow, message: Message) -> None:
    arrow.redelivered = arrow.redelivered or message.redelivered
    if message.step == "deliver":
        arrow.deliveries += 1
        if arrow.queue_seconds is None and message.time >= arrow.time:
            arrow.queue_seconds = message.time - arrow.time
    elif message.step == "drop":
        # A notification without subscribers is normal; a request without a receiver is not. HTTP did not use the bus.
        if arrow.kind in ("notification", "crossing"):
            arrow.state = "unheard"
        elif arrow.kind not in ("http", "sql"):
            arrow.state = "dropped"
    elif message.step == "return":
        arrow.state = "returned"


def _story(root: str, members: list[tuple[Message, bool]]) -> Story:
    ids = [id for message, _ in members for id in (message.global_request_id, message.request_id) if id]
    found = sorted(arrows(members), key=lambda arrow: (arrow.time, arrow.number))
    _merge_workers(found)
    trace = next((message.trace_id for message, _ in members if message.trace_id), None)
    return Story(id=root, request_ids=tuple(dict.fromkeys(ids)), arrows=found, trace_id=trace)


def _merge_workers(found: list[Arrow]) -> None:
    """A worker addressed with its host and one that sends without it are the same, where there is only one host."""
    with_host = {end for arrow in found for end in (arrow.sender, arrow.receiver) if "@" in end}
    for worker in WORKERS:
        hosts = [participant for participant in with_host if participant.split("@")[0] == worker]
        if len(hosts) != 1:
            continue
        for arrow in found:
            arrow.sender = hosts[0] if arrow.sender == worker else arrow.sender
            arrow.receiver = hosts[0] if arrow.receiver == worker else arrow.receiver


class _Request(NamedTuple):
    began: float
    message: Message
    root: str


class _RequestsInProgress:
    """HTTP requests and calls that may cause an event, by receiver, in the order they began."""

    def __init__(self, messages: Iterable[Message], roots: Mapping[str, str]) -> None:
        self._by_receiver: dict[str, list[_Request]] = {}
        for message in messages:
            id = _request_id(message)
            if id is not None and (_may_change(message) or _is_download(message)):
                request = _Request(message.time, message, roots[id])
                self._by_receiver.setdefault(message.receiver, []).append(request)
        for requests in self._by_receiver.values():
            requests.sort(key=itemgetter(0))

    def root_at(self, message: Message) -> str | None:
        """The story of the one request that its sender worked on at the time, and that may be about its resource.

        Glance's events have no request id, and a request that creates a resource does not name it yet.
        """
        requests = self._by_receiver.get(message.sender, [])
        end = bisect_right(requests, message.time, key=itemgetter(0))
        found = {
            request.root
            for request in requests[max(0, end - MAX_CONCURRENT_REQUESTS) : end]
            if message.time <= request.began + (request.message.seconds or 0.0) + OUTBOX_DELAY_SECONDS
            and _is_download(request.message) is (message.name == "image.send")
            and _may_be_about(request.message, message)
        }
        return found.pop() if len(found) == 1 else None


def _may_change(message: Message) -> bool:
    if message.kind == "call" and message.step == "publish":
        return not is_read(message.name)
    return message.kind == "http" and message.name[:4] not in ("GET ", "HEAD")


def _is_download(message: Message) -> bool:
    """A read that has an event nevertheless: ``image.send``."""
    return message.kind == "http" and message.name.startswith("GET ") and message.name.endswith("/file")


def _may_be_about(request: Message, message: Message) -> bool:
    """A request that creates an image names none, though it may name the server that the image is of."""
    kinds = {resource.kind for resource in message.resources}
    alike = {resource for resource in request.resources if resource.kind in kinds}
    return not alike or bool(alike & set(message.resources))


def _nearby(message: Message, latest: Mapping[Resource, tuple[str, float]]) -> str | None:
    for resource in message.resources:
        known = latest.get(resource)
        if known is not None and abs(message.time - known[1]) <= SAME_RESOURCE_SECONDS:
            return known[0]
    return f"{message.resources[0].kind}-{message.resources[0].id}" if message.resources else None


def _roots(messages: Iterable[Message]) -> dict[str, str]:
    """The story's id of each request id: a service's own request belongs to the global one it was made for."""
    parents: dict[str, str] = {}

    def root(id: str) -> str:
        while parents.setdefault(id, id) != id:
            id = parents[id]
        return id

    for message in messages:
        # The user's own trace is above all requests in it, a global request above those made for it.
        chain = [id for id in (message.request_id, message.global_request_id, message.trace_id) if id]
        for own, above in pairwise(chain):
            low, high = root(own), root(above)
            if low != high:
                parents[low] = high
        if len(chain) == 1:
            root(chain[0])
    return {id: root(id) for id in list(parents)}


def _request_id(message: Message) -> str | None:
    return message.trace_id or message.global_request_id or message.request_id
