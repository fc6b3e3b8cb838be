"""One message of the bus, understood as far as oslo.messaging's format goes: whoever sent it."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from stackwire.trace.domain import participants
from stackwire.trace.domain.payload import PREFIX, alone, failure_of, is_read, request_of, trace_id
from stackwire.trace.domain.redact import redacted
from stackwire.trace.domain.resources import Resource, of_crossing, of_event, of_path, of_payload, text
from stackwire.trace.domain.sender_inference import Speakers, service_of

Step = Literal["publish", "deliver", "return", "drop"]
Kind = Literal["http", "call", "cast", "fanout", "reply", "progress", "notification", "crossing", "other"]

CALLS_REMEMBERED = 10_000
CROSSED = "properties.crossed"
SERVED = "http.served"
_HOUSEKEEPING = frozenset({"list_revocations", "sync_instance_info"})


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
        self._speakers = Speakers()

    def read_all(self, wire: Wire) -> list[Message]:
        """As ``read``; HTTP requests, which are told many at once, one by one."""
        told = wire.payload.get("payload") if wire.payload.get("event_type") == SERVED else None
        legs = told.get("legs") if isinstance(told, Mapping) else None
        if not isinstance(legs, list):
            return [self.read(wire)]
        found = [leg for leg in legs if isinstance(leg, Mapping)]
        share = wire.size // len(found) if found else 0
        return [
            self.read(wire._replace(payload=alone(wire.payload, leg, at), size=share)) for at, leg in enumerate(found)
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
        speaker, receiver = self._asker(wire, method, reply_to), participants.receiver(wire.exchange, wire.routing_key)
        if reply_to and speaker:
            _remember(self._callers, reply_to, speaker)
        kind: Kind = "call" if call_id else "fanout" if wire.exchange.endswith("_fanout") else "cast"
        takes = wire.step == "publish" and kind != "fanout" and not is_read(method)  # who only looks asks nobody else
        if takes and (request := request_of(payload)):
            self._speakers.given(request, receiver, wire.time, call_id)
        message = self._message(
            wire,
            kind,
            method,
            lanes_of=(speaker, receiver),
            resources=of_payload(payload.get("args")),
            call_id=call_id,
            reply_to=reply_to,
        )
        if call_id:
            _remember(self._calls, call_id, _Call(message, reply_to))
        return message

    def _asker(self, wire: Wire, method: str, reply_to: str | None) -> str:
        """What only one kind of lane says, that lane says; otherwise the part of the service that has the request.

        Where the bus does not tell the service, its reply queue does, which is one process's.
        """
        request = request_of(wire.payload)
        if known := participants.sender(wire.exchange, wire.routing_key, method):
            return self._speakers.worker(request, known)
        if service := participants.service(wire.speaker):
            return self._speakers.of(request, service, wire.time)
        return self._callers.get(reply_to or "", "")

    def _teller(self, wire: Wire) -> str:
        """Who notifies: the worker that is named, if it is one; a service's API names a worker's kind, too."""
        publisher = str(wire.payload["publisher_id"])
        lane, named = participants.publisher(publisher), participants.worker(publisher)
        if self._speakers.is_worker(named):
            return named
        if lane in participants.WORKERS and participants.service(wire.speaker) == service_of(lane):
            return self._speakers.of(request_of(wire.payload), service_of(lane), wire.time)
        return lane

    def _reply(self, wire: Wire) -> Message:
        payload = wire.payload
        call_id = text(payload.get("_msg_id"))
        if call_id and wire.step == "publish" and payload.get("ending", True):
            self._speakers.answered(call_id, wire.time)
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
            failure=failure_of(failure),
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
            lanes_of=(self._teller(wire), participants.NOTIFICATIONS),
            resources=resources,
            failure="error" if failed else None,
            unique_id=text(payload.get("_unique_id")) or text(payload.get("message_id")),
        )

    def _served(self, wire: Wire, told: Mapping[str, Any]) -> Message:
        """An HTTP request, told when it was over; it stands where it began."""
        status, path = told.get("status"), str(told.get("path", ""))
        began, took = told.get("started"), told.get("seconds")
        if isinstance(began, int | float):
            wire = wire._replace(time=float(began))
        caller = str(told.get("caller", ""))
        service = participants.service(f"stackwire-{caller}")
        asker = self._speakers.of(request_of(wire.payload), service, wire.time) if service else caller or "client"
        return self._message(
            wire,
            "http",
            f"{told.get('method', '')} {path}",
            lanes_of=(asker, participants.api(str(told.get("service", "")))),
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
        own = text(payload.get(f"{PREFIX}request_id"))
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
            global_request_id=text(payload.get(f"{PREFIX}global_request_id"))
            or (request.global_request_id if request else None),
            unique_id=unique_id or text(payload.get("_unique_id")),
            trace_id=trace_id(payload.get(f"{PREFIX}traceparent")) or (request.trace_id if request else None),
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
