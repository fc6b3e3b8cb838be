"""From records of the bus to messages: kinds, names, senders and receivers, resources."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from stackwire.trace.domain import participants
from stackwire.trace.domain.message import Kind, Message, WireMessage
from stackwire.trace.domain.payload import CONTEXT_PREFIX, failure_of, is_read, request_of, single_exchange, trace_id
from stackwire.trace.domain.resources import (
    event_resources,
    nonempty,
    path_resources,
    payload_resources,
    transfer_resources,
)
from stackwire.trace.domain.sender_inference import SenderInference, remember, service_of

TRANSFER_EVENT = "properties.crossed"
HTTP_EVENT = "http.served"
_NAMED_BY = {TRANSFER_EVENT: "rule", "fault.injected": "text"}
"""Events whose payload names what they are about better than their type."""


class Decoder:
    """Decodes records in the order of the bus; remembers calls, so that a reply has their name and resources.

    ``number``: of the last message.
    """

    def __init__(self) -> None:
        self.number = 0
        self._calls: OrderedDict[str, Message] = OrderedDict()
        self._callers: OrderedDict[str, str] = OrderedDict()
        self._senders = SenderInference()

    def restart(self, skipped: int) -> None:
        """Remembers no call any more; so many records will not be decoded."""
        self.number += skipped
        self._calls.clear()
        self._callers.clear()
        self._senders = SenderInference()

    def decode_all(self, wire: WireMessage) -> list[Message]:
        """As ``decode``; the HTTP exchanges of one event one by one."""
        payload = wire.payload.get("payload") if wire.payload.get("event_type") == HTTP_EVENT else None
        exchanges = payload.get("legs") if isinstance(payload, Mapping) else None
        if not isinstance(exchanges, list):
            message = self.decode(wire)
            return [message if wire.ends is None else replace(message, sender=wire.ends[0], receiver=wire.ends[1])]
        found = [exchange for exchange in exchanges if isinstance(exchange, Mapping)]
        share = wire.size // len(found) if found else 0
        messages: list[Message] = []
        for at, exchange in enumerate(found):
            single = wire._replace(payload=single_exchange(wire.payload, exchange, at), size=share)
            messages += [self.decode(single), *self._database_uses(single, exchange)]
        return messages

    def _database_uses(self, wire: WireMessage, exchange: Mapping[str, Any]) -> Iterator[Message]:
        """What the service did in its database for the request, where it shows that."""
        uses = exchange.get("database")
        for at, use in enumerate(uses if isinstance(uses, list) else ()):
            if isinstance(use, Mapping) and isinstance(use.get("started"), int | float):
                self.number += 1
                yield self._message(
                    wire._replace(time=float(use["started"]), payload={**wire.payload, "payload": use}, size=0),
                    "sql",
                    str(use.get("statement", "")),
                    sender=participants.api(str(exchange.get("service", ""))),
                    receiver=participants.DATABASE,
                    resources=path_resources(str(exchange.get("path", ""))),
                    seconds=float(use["seconds"]) if isinstance(use.get("seconds"), int | float) else None,
                    unique_id=f"{wire.payload.get('_unique_id')}.{at}",
                )

    def _recorded_use(self, wire: WireMessage, use: Mapping[str, Any]) -> Message:
        """A use of the database by itself, as recordings have it."""
        seconds = use.get("seconds")
        return self._message(
            wire,
            "sql",
            use["statement"],
            receiver=participants.DATABASE,
            seconds=float(seconds) if isinstance(seconds, int | float) else None,
        )

    def decode(self, wire: WireMessage) -> Message:
        """Never raises: what cannot be decoded is of kind ``other``, with the reason as its failure."""
        self.number += 1
        payload = wire.payload
        if wire.problem is not None:
            return self._message(wire, "other", "(unreadable)", receiver=wire.exchange, failure=wire.problem)
        if isinstance(payload.get("method"), str):
            return self._request(wire)
        if "event_type" in payload and "publisher_id" in payload:
            return self._notification(wire)
        if "_msg_id" in payload and ("result" in payload or "failure" in payload):
            return self._reply(wire)
        return self._message(wire, "other", "(not oslo.messaging)", receiver=wire.exchange)

    def _request(self, wire: WireMessage) -> Message:
        payload, method = wire.payload, str(wire.payload["method"])
        call_id, reply_to = nonempty(payload.get("_msg_id")), nonempty(payload.get("_reply_q"))
        sender = self._request_sender(wire, method, reply_to)
        receiver = participants.receiver(wire.exchange, wire.routing_key)
        if reply_to and sender:
            remember(self._callers, reply_to, sender)
        kind: Kind = "call" if call_id else "fanout" if wire.exchange.endswith("_fanout") else "cast"
        # A receiver that only reads sends nothing on behalf of the request.
        takes = wire.step == "publish" and kind != "fanout" and not is_read(method)
        if takes and (request := request_of(payload)):
            self._senders.request_sent(request, receiver, wire.time, call_id)
        message = self._message(
            wire,
            kind,
            method,
            sender=sender,
            receiver=receiver,
            resources=payload_resources(payload.get("args")),
            call_id=call_id,
            reply_to=reply_to,
        )
        if call_id:
            remember(self._calls, call_id, replace(message, raw=None))
        return message

    def _request_sender(self, wire: WireMessage, method: str, reply_to: str | None) -> str:
        """A method that only one participant calls names it; otherwise the sender is the part of the service that has
        the request. Where the bus does not name the service, its reply queue does, which is one process's.
        """
        request = request_of(wire.payload)
        if known := participants.sender(wire.exchange, wire.routing_key, method):
            return self._senders.worker(request, known)
        if service := participants.service(wire.publisher):
            return self._senders.sender(request, service, wire.time)
        return self._callers.get(reply_to or "", "")

    def _notification_sender(self, wire: WireMessage) -> str:
        """The worker that the publisher id names, if it is one; a service's API has a worker's name there, too."""
        publisher = str(wire.payload["publisher_id"])
        participant, worker = participants.publisher(publisher), participants.worker(publisher)
        if self._senders.is_worker(worker):
            return worker
        if participant in participants.WORKERS and participants.service(wire.publisher) == service_of(participant):
            return self._senders.sender(request_of(wire.payload), service_of(participant), wire.time)
        return participant

    def _reply(self, wire: WireMessage) -> Message:
        payload = wire.payload
        call_id, ending = nonempty(payload.get("_msg_id")), payload.get("ending", True)
        if call_id and wire.step == "publish" and ending:
            self._senders.call_answered(call_id, wire.time)
        kind: Kind = "reply" if ending or payload.get("result") is not None else "progress"
        call = self._calls.get(call_id or "")
        receiver = self._callers.get(wire.routing_key, "") or wire.routing_key[:14]
        about: dict[str, Any] = {"call_id": call_id, "failure": failure_of(payload.get("failure"))}
        if call is None:
            resources = payload_resources(payload.get("result"))
            return self._message(
                wire, kind, "(a call before the trace)", receiver=receiver, resources=resources, **about
            )
        return self._message(
            wire,
            kind,
            call.name,
            sender=call.receiver,
            receiver=call.sender or receiver,
            resources=call.resources,
            request=call,
            **about,
        )

    def _notification(self, wire: WireMessage) -> Message:
        envelope = wire.payload
        name, payload = str(envelope["event_type"]), envelope.get("payload")
        if name == HTTP_EVENT and isinstance(payload, Mapping):
            return self._http_exchange(wire, payload)
        kind: Kind = "crossing" if name == TRANSFER_EVENT else "notification"
        resources = transfer_resources(payload) if kind == "crossing" else event_resources(name, payload)
        name = _better_name(name, payload)
        failed = envelope.get("priority") == "ERROR" or name.endswith(".error")
        return self._message(
            wire,
            kind,
            name,
            sender=self._notification_sender(wire),
            receiver=_listener(wire, name) or participants.NOTIFICATIONS,
            resources=resources,
            failure="error" if failed else None,
            unique_id=nonempty(envelope.get("_unique_id")) or nonempty(envelope.get("message_id")),
        )

    def _http_exchange(self, wire: WireMessage, payload: Mapping[str, Any]) -> Message:
        """An HTTP request, of which the event is sent when it is over; its time is when it began."""
        if isinstance(payload.get("statement"), str):
            return self._recorded_use(wire, payload)
        status, path = payload.get("status"), str(payload.get("path", ""))
        began, seconds = payload.get("started"), payload.get("seconds")
        if isinstance(began, int | float):
            wire = wire._replace(time=float(began))
        caller = str(payload.get("caller", ""))
        service = participants.service(f"stackwire-{caller}")
        sender = self._senders.sender(request_of(wire.payload), service, wire.time) if service else caller or "client"
        return self._message(
            wire,
            "http",
            f"{payload.get('method', '')} {path}",
            sender=sender,
            receiver=participants.api(str(payload.get("service", ""))),
            resources=path_resources(path),
            failure=str(status) if isinstance(status, int) and status >= 400 else None,
            status=status if isinstance(status, int) else None,
            action=nonempty(payload.get("action")),
            seconds=float(seconds) if isinstance(seconds, int | float) else None,
        )

    def _message(
        self,
        wire: WireMessage,
        kind: Kind,
        name: str,
        *,
        sender: str = "",
        receiver: str,
        request: Message | None = None,
        unique_id: str | None = None,
        **fields: Any,
    ) -> Message:
        payload = wire.payload
        own, shared, parent = (
            nonempty(payload.get(f"{CONTEXT_PREFIX}{name}")) or nonempty(wire.headers.get(name))
            for name in ("request_id", "global_request_id", "traceparent")
        )
        trace = trace_id(parent)
        return Message(
            number=self.number,
            time=wire.time,
            step=wire.step,
            kind=kind,
            name=name,
            sender=sender,
            receiver=receiver,
            exchange=wire.exchange,
            routing_key=wire.routing_key,
            queues=wire.queues,
            request_id=own or (request.request_id if request else None),
            global_request_id=shared or (request.global_request_id if request else None),
            unique_id=unique_id or nonempty(payload.get("_unique_id")),
            trace_id=trace or (request.trace_id if request else None),
            redelivered=wire.redelivered,
            size=wire.size,
            raw=payload,
            **fields,
        )


def _better_name(name: str, payload: object) -> str:
    return str(payload.get(_NAMED_BY.get(name, "")) or name) if isinstance(payload, Mapping) else name


def _listener(wire: WireMessage, event_type: str) -> str:
    """Who of this cloud a notification is delivered to; elsewhere it is not known who listens."""
    return participants.listener(wire.queues[0], event_type) if wire.step == "deliver" and wire.queues else ""
