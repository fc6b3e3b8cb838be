"""One message of the bus, understood as far as oslo.messaging's format goes: whoever sent it."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from stackwire.trace.domain import lanes
from stackwire.trace.domain.redact import redacted

Step = Literal["publish", "deliver", "return", "drop"]
Kind = Literal["call", "cast", "fanout", "reply", "progress", "notification", "crossing", "other"]

CALLS_REMEMBERED = 10_000
CROSSED = "properties.crossed"
_PREFIX = "_context_"


class Resource(NamedTuple):
    kind: str
    id: str

    @property
    def short(self) -> str:
        """``volume 1a2b3c4d``: enough to tell apart on one screen."""
        return f"{self.kind} {self.id[:8]}"


class Wire(NamedTuple):
    """A record of the bus with its payload read. ``problem`` says why it could not be read; then it is empty.

    ``speaker``: the name of the publisher's place at the bus, where the bus tells.
    """

    step: Step
    exchange: str
    routing_key: str
    queues: tuple[str, ...]
    payload: Mapping[str, Any]
    time: float
    redelivered: bool = False
    size: int = 0
    problem: str | None = None
    speaker: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """``time`` in seconds since the epoch; ``payload`` without secrets; ``call_id`` joins a call and its reply,
    ``unique_id`` a publish and its deliveries. ``sender`` is empty when the wire does not tell."""

    number: int
    time: float
    step: Step
    kind: Kind
    name: str
    sender: str
    receiver: str
    exchange: str
    routing_key: str
    queues: tuple[str, ...] = ()
    request_id: str | None = None
    global_request_id: str | None = None
    call_id: str | None = None
    unique_id: str | None = None
    reply_to: str | None = None
    resources: tuple[Resource, ...] = ()
    failure: str | None = None
    redelivered: bool = False
    size: int = 0
    payload: Any = None

    def as_json(self, *, payload: bool = True) -> dict[str, Any]:
        told = {name: getattr(self, name) for name in self.__slots__ if name != "payload"}
        told["resources"] = [{"kind": kind, "id": ident} for kind, ident in self.resources]
        return {**told, "payload": self.payload} if payload else told


class _Call(NamedTuple):
    message: Message
    reply_to: str | None


class Decoder:
    """Reads records in the order they came; remembers calls, so that a reply is known for what it answers."""

    def __init__(self) -> None:
        self._number = 0
        self._calls: OrderedDict[str, _Call] = OrderedDict()
        self._callers: OrderedDict[str, str] = OrderedDict()

    def read(self, wire: Wire) -> Message:
        """Never raises: what cannot be understood is ``other``, with the reason as its failure."""
        self._number += 1
        payload = wire.payload
        if wire.problem is not None:
            return self._message(wire, "other", "(unreadable)", lanes_of=("", wire.exchange), failure=wire.problem)
        if isinstance(payload.get("method"), str):
            return self._request(wire)
        if "event_type" in payload and "publisher_id" in payload:
            return self._notification(wire)
        if "_msg_id" in payload and ("result" in payload or "failure" in payload):
            return self._reply(wire)
        return self._message(wire, "other", "(not oslo.messaging)", lanes_of=("", wire.exchange))

    def _request(self, wire: Wire) -> Message:
        payload, method = wire.payload, str(wire.payload["method"])
        call_id, reply_to = _text(payload.get("_msg_id")), _text(payload.get("_reply_q"))
        known = lanes.sender(wire.exchange, wire.routing_key, method)
        speaker = known or self._callers.get(reply_to or "", "") or lanes.service(wire.speaker)
        if reply_to and speaker:
            _remember(self._callers, reply_to, speaker)
        kind: Kind = "call" if call_id else "fanout" if wire.exchange.endswith("_fanout") else "cast"
        message = self._message(
            wire,
            kind,
            method,
            lanes_of=(speaker, lanes.receiver(wire.exchange, wire.routing_key)),
            resources=_resources(payload.get("args")),
            call_id=call_id,
            reply_to=reply_to,
        )
        if call_id:
            _remember(self._calls, call_id, _Call(message, reply_to))
        return message

    def _reply(self, wire: Wire) -> Message:
        payload = wire.payload
        call_id = _text(payload.get("_msg_id"))
        asked = self._calls.get(call_id or "")
        failure = payload.get("failure")
        kind: Kind = "reply" if payload.get("ending", True) or payload.get("result") is not None else "progress"
        caller = asked.message.sender if asked else ""
        return self._message(
            wire,
            kind,
            asked.message.name if asked else "(a call before the trace)",
            lanes_of=(
                asked.message.receiver if asked else "",
                caller or self._callers.get(wire.routing_key, "") or wire.routing_key[:14],
            ),
            resources=asked.message.resources if asked else _resources(payload.get("result")),
            request=asked.message if asked else None,
            call_id=call_id,
            failure=_failure(failure),
        )

    def _notification(self, wire: Wire) -> Message:
        payload = wire.payload
        name, told = str(payload["event_type"]), payload.get("payload")
        kind: Kind = "crossing" if name == CROSSED else "notification"
        resources = _crossed(told) if kind == "crossing" else _event_resources(name, told)
        failed = payload.get("priority") == "ERROR" or name.endswith(".error")
        return self._message(
            wire,
            kind,
            name,
            lanes_of=(lanes.publisher(str(payload["publisher_id"])), lanes.NOTIFICATIONS),
            resources=resources,
            failure="error" if failed else None,
            unique_id=_text(payload.get("_unique_id")) or _text(payload.get("message_id")),
        )

    def _message(
        self,
        wire: Wire,
        kind: Kind,
        name: str,
        *,
        lanes_of: tuple[str, str],
        request: Message | None = None,
        unique_id: str | None = None,
        **facts: Any,
    ) -> Message:
        payload = wire.payload
        own = _text(payload.get(f"{_PREFIX}request_id"))
        return Message(
            number=self._number,
            time=wire.time,
            step=wire.step,
            kind=kind,
            name=name,
            sender=lanes_of[0],
            receiver=lanes_of[1],
            exchange=wire.exchange,
            routing_key=wire.routing_key,
            queues=wire.queues,
            request_id=own or (request.request_id if request else None),
            global_request_id=_text(payload.get(f"{_PREFIX}global_request_id"))
            or (request.global_request_id if request else None),
            unique_id=unique_id or _text(payload.get("_unique_id")),
            redelivered=wire.redelivered,
            size=wire.size,
            payload=redacted(payload),
            **facts,
        )


def _remember(table: "OrderedDict[str, Any]", key: str, value: Any) -> None:
    table[key] = value
    table.move_to_end(key)
    if len(table) > CALLS_REMEMBERED:
        table.popitem(last=False)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _failure(value: object) -> str | None:
    """The class a failed call names; its text may quote what was sent, so it stays in the redacted payload."""
    if value is None:
        return None
    text = str(value)
    marker = '"class": "' if '"class": "' in text else '"class":"'
    return text.partition(marker)[2].partition('"')[0] or "failure"


# -- what a message is about

_ARGUMENTS = {
    "instance_uuid": "server",
    "instance_id": "server",
    "server_id": "server",
    "volume_id": "volume",
    "snapshot_id": "snapshot",
    "image_id": "image",
}
_OBJECTS = {"Instance": ("server", "uuid"), "Volume": ("volume", "id"), "Snapshot": ("snapshot", "id")}
_EVENTS = (
    ("compute.instance.", "server", "instance_id"),
    ("volume.", "volume", "volume_id"),
    ("snapshot.", "snapshot", "snapshot_id"),
    ("image.", "image", "id"),
)
_MOST = 4


def _resources(value: object) -> tuple[Resource, ...]:
    """At most four resources an RPC payload names, those nearest to its surface first."""
    found: dict[Resource, None] = {}
    level: list[object] = [value]
    for _ in range(5):
        below: list[object] = []
        for item in level:
            if isinstance(item, Mapping):
                found.update(dict.fromkeys(_named(item)))
                below += item.values()
            elif isinstance(item, list):
                below += item[:4]
        if len(found) >= _MOST:
            break
        level = below
    return tuple(found)[:_MOST]


def _named(item: Mapping[str, Any]) -> Iterable[Resource]:
    for prefix in ("nova_object", "versioned_object"):
        known = _OBJECTS.get(str(item.get(f"{prefix}.name")))
        data = item.get(f"{prefix}.data")
        if known and isinstance(data, Mapping) and _text(data.get(known[1])):
            yield Resource(known[0], data[known[1]])
    for key, kind in _ARGUMENTS.items():
        if _text(item.get(key)):
            yield Resource(kind, item[key])


def _event_resources(name: str, told: object) -> tuple[Resource, ...]:
    if not isinstance(told, Mapping):
        return ()
    if isinstance(told.get("nova_object.data"), Mapping):
        ident = _text(told["nova_object.data"].get("uuid"))
        return (Resource("server", ident),) if ident and name.startswith("instance.") else ()
    for start, kind, key in _EVENTS:
        if name.startswith(start) and (ident := _text(told.get(key)) or _text(told.get("image_id"))):
            return (Resource(kind, ident),)
    return ()


def _crossed(told: object) -> tuple[Resource, ...]:
    if not isinstance(told, Mapping):
        return ()
    ends = [Resource(str(told.get(f"{end}_kind")), str(told.get(f"{end}_id"))) for end in ("to", "from")]
    return tuple(end for end in ends if end.kind != "client")
