"""One message of the bus, from any sender, as far as oslo.messaging's format goes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import orjson

from stackwire.core.fitted import fitted
from stackwire.trace.domain.redact import HIDDEN, redacted
from stackwire.trace.domain.resources import Resource

Step = Literal["publish", "deliver", "return", "drop"]
Kind = Literal["http", "call", "cast", "fanout", "reply", "progress", "notification", "crossing", "sql", "other"]

_HOUSEKEEPING = frozenset({"list_revocations", "sync_instance_info"})


class WireMessage(NamedTuple):
    """A record of the bus with its payload decoded. ``problem``: why it could not be decoded; then it is empty.

    ``publisher``: the name of the connection that published it, where the bus provides it. ``headers``: of the message,
    which name its request where the payload does not. ``ends``: sender and receiver, where a recording has them.
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
    publisher: str = ""
    headers: Mapping[str, Any] = {}
    ends: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """``time`` in seconds since the epoch; ``call_id`` joins a call and its reply, ``unique_id`` a publish and its
    deliveries. ``sender`` is empty when it cannot be inferred.

    ``payload`` is without secrets; ``raw`` as received, as JSON in a message that is kept: trees of objects of many
    messages would keep the garbage collector busy. ``seconds``: of an HTTP request, from its first byte to the
    response's last; its ``time`` is when it began. ``trace_id``: W3C's, if any. ``action`` (``rebuild``) and ``status``
    are of an HTTP request.
    """

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
    action: str | None = None
    status: int | None = None

    @property
    def payload(self) -> Any:
        """Without secrets. Computed on request, since most messages are never viewed."""
        return redacted(orjson.loads(self.raw) if isinstance(self.raw, bytes) else self.raw)

    def packed(self) -> "Message":
        """The same to be kept."""
        try:
            return replace(self, raw=fitted(orjson.dumps(self.raw)))
        except TypeError:  # an integer of more than 64 bits
            return self

    def mentions(self, text: str) -> bool:
        """Whether the text is anywhere in the payload."""
        if isinstance(self.raw, bytes) and HIDDEN not in text and text.encode() not in self.raw:
            return False
        return text in orjson.dumps(self.payload, default=str).decode()

    @property
    def housekeeping(self) -> bool:
        """True for periodic messages of the services that belong to no user's request."""
        return self.name in _HOUSEKEEPING

    @property
    def is_read(self) -> bool:
        """True for a GET or HEAD over HTTP."""
        return self.kind == "http" and self.name[:4] in ("GET ", "HEAD")

    @property
    def is_login(self) -> bool:
        """True for a request of a token over HTTP."""
        return self.kind == "http" and self.name.startswith("POST ") and self.name.endswith("/tokens")

    def as_json(self, *, payload: bool = True) -> dict[str, Any]:
        """As the API returns it; ``payload``: with the redacted payload."""
        view = {name: getattr(self, name) for name in self.__slots__ if name != "raw"}
        view["housekeeping"] = self.housekeeping
        view["resources"] = [{"kind": kind, "id": ident} for kind, ident in self.resources]
        return {**view, "payload": self.payload} if payload else view
