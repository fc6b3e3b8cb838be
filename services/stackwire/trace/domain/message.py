"""One message of the bus, understood as far as oslo.messaging's format goes: whoever sent it."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from stackwire.trace.domain import lanes
from stackwire.trace.domain.about import Resource, of_crossing, of_event, of_path, of_payload, text
from stackwire.trace.domain.redact import redacted

Step = Literal["publish", "deliver", "return", "drop"]
Kind = Literal["http", "call", "cast", "fanout", "reply", "progress", "notification", "crossing", "other"]

CALLS_REMEMBERED = 10_000
CROSSED = "properties.crossed"
SERVED = "http.served"
_HOUSEKEEPING = frozenset({"list_revocations", "sync_instance_info"})
_PREFIX = "_context_"


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
    """``time`` in seconds since the epoch; ``payload`` is without secrets, ``raw`` as it came; ``call_id`` joins a call
    and its reply, ``unique_id`` a publish and its deliveries. ``sender`` is empty when the wire does not tell.
    ``seconds``: of an HTTP request, from its first byte to the answer's last; its ``time`` is when it began.
    ``trace_id``: W3C's, if any."""

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
    raw: Any = None
    seconds: float | None = None
    trace_id: str | None = None

    @property
    def payload(self) -> Any:
        """What may be shown. Made when it is asked for, since most messages are never looked at."""
        return redacted(self.raw)

    @property
    def housekeeping(self) -> bool:
        """Nobody asked for it: services look after themselves, again and again."""
        return self.name in _HOUSEKEEPING

    def as_json(self, *, payload: bool = True) -> dict[str, Any]:
        told = {name: getattr(self, name) for name in self.__slots__ if name != "raw"}
        told["housekeeping"] = self.housekeeping
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

    def read_all(self, wire: Wire) -> list[Message]:
        """As ``read``; HTTP requests, which are told many at once, one by one."""
        told = wire.payload.get("payload") if wire.payload.get("event_type") == SERVED else None
        legs = told.get("legs") if isinstance(told, Mapping) else None
        if not isinstance(legs, list):
            return [self.read(wire)]
        found = [leg for leg in legs if isinstance(leg, Mapping)]
        share = wire.size // len(found) if found else 0
        return [
            self.read(wire._replace(payload=_alone(wire.payload, leg, at), size=share)) for at, leg in enumerate(found)
        ]

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
        call_id, reply_to = text(payload.get("_msg_id")), text(payload.get("_reply_q"))
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
            resources=of_payload(payload.get("args")),
            call_id=call_id,
            reply_to=reply_to,
        )
        if call_id:
            _remember(self._calls, call_id, _Call(message, reply_to))
        return message

    def _reply(self, wire: Wire) -> Message:
        payload = wire.payload
        call_id = text(payload.get("_msg_id"))
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
            resources=asked.message.resources if asked else of_payload(payload.get("result")),
            request=asked.message if asked else None,
            call_id=call_id,
            failure=_failure(failure),
        )

    def _notification(self, wire: Wire) -> Message:
        payload = wire.payload
        name, told = str(payload["event_type"]), payload.get("payload")
        if name == SERVED and isinstance(told, Mapping):
            return self._served(wire, told)
        kind: Kind = "crossing" if name == CROSSED else "notification"
        resources = of_crossing(told) if kind == "crossing" else of_event(name, told)
        if kind == "crossing" and isinstance(told, Mapping):
            name = str(told.get("rule") or name)
        failed = payload.get("priority") == "ERROR" or name.endswith(".error")
        return self._message(
            wire,
            kind,
            name,
            lanes_of=(lanes.publisher(str(payload["publisher_id"])), lanes.NOTIFICATIONS),
            resources=resources,
            failure="error" if failed else None,
            unique_id=text(payload.get("_unique_id")) or text(payload.get("message_id")),
        )

    def _served(self, wire: Wire, told: Mapping[str, Any]) -> Message:
        """An HTTP request, told when it was over; it stands where it began."""
        status, path = told.get("status"), str(told.get("path", ""))
        began, took = told.get("started"), told.get("seconds")
        return self._message(
            wire if not isinstance(began, int | float) else wire._replace(time=float(began)),
            "http",
            f"{told.get('method', '')} {path}",
            lanes_of=(lanes.caller(str(told.get("caller", ""))), lanes.api(str(told.get("service", "")))),
            resources=of_path(path),
            failure=str(status) if isinstance(status, int) and status >= 400 else None,
            unique_id=text(wire.payload.get("_unique_id")),
            seconds=float(took) if isinstance(took, int | float) else None,
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
        own = text(payload.get(f"{_PREFIX}request_id"))
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
            global_request_id=text(payload.get(f"{_PREFIX}global_request_id"))
            or (request.global_request_id if request else None),
            unique_id=unique_id or text(payload.get("_unique_id")),
            trace_id=_trace_id(payload.get(f"{_PREFIX}traceparent")) or (request.trace_id if request else None),
            redelivered=wire.redelivered,
            size=wire.size,
            raw=payload,
            **facts,
        )


def _remember(table: "OrderedDict[str, Any]", key: str, value: Any) -> None:
    table[key] = value
    table.move_to_end(key)
    if len(table) > CALLS_REMEMBERED:
        table.popitem(last=False)


def _alone(payload: Mapping[str, Any], leg: Mapping[str, Any], at: int) -> dict[str, Any]:
    """One of several HTTP requests as if it had been told by itself."""
    context = {f"{_PREFIX}{name}": leg.get(name) for name in ("request_id", "global_request_id", "traceparent")}
    return {**payload, **context, "_unique_id": f"{payload.get('_unique_id')}.{at}", "payload": leg}


def _trace_id(value: object) -> str | None:
    """The second part of a ``traceparent``."""
    parts = value.split("-") if isinstance(value, str) else []
    return parts[1] if len(parts) == 4 and len(parts[1]) == 32 else None


def _failure(value: object) -> str | None:
    """The class a failed call names; its text may quote what was sent, so it stays in the redacted payload."""
    if value is None:
        return None
    text = str(value)
    marker = '"class": "' if '"class": "' in text else '"class":"'
    return text.partition(marker)[2].partition('"')[0] or "failure"
