"""From the messages of one request to its story: publishes joined with deliveries, calls with their replies."""

from collections.abc import Iterable

from stackwire.core.attributes import attributes
from stackwire.trace.domain.folding import fold
from stackwire.trace.domain.message import Message
from stackwire.trace.domain.participants import NOTIFICATIONS, WORKERS
from stackwire.trace.domain.story import Arrow, State, Story


def story_of(root: str, members: Iterable[tuple[Message, bool]]) -> Story:
    """The story of these messages, in the order of the bus; each comes with whether it was inferred to be in it."""
    known = list(members)
    ids = [id for message, _ in known for id in (message.global_request_id, message.request_id) if id]
    found = sorted(arrows(known), key=lambda arrow: (arrow.time, arrow.number))
    _merge_workers(found)
    fold(found)
    trace = next((message.trace_id for message, _ in known if message.trace_id), None)
    return Story(id=root, request_ids=tuple(dict.fromkeys(ids)), arrows=found, trace_id=trace)


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
        **attributes(message, "number time kind name sender receiver resources failure action status"),
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
