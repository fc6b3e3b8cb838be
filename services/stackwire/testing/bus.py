"""The bus of a cloud, for a test: published on, listened to, and answered on in place of a service."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from stackwire.testing.admin import AdminClient, AdminError
from stackwire.testing.answers import Answer
from stackwire.testing.trace import Trace

EXPECT_SECONDS = 5.0
_TRACER_POLL_SECONDS = 0.01
_MARK = "stackwire.test.mark"
_NAMES = 20


class NotExpected(AssertionError):
    """A message did not come."""


class Message:
    """A message as it was on the bus, without secrets. ``kind``: call, cast, fanout, reply or notification."""

    def __init__(self, view: Mapping[str, Any]) -> None:
        self.number: int = view["number"]
        self.kind: str = view["kind"]
        self.name: str = view["name"]
        self.exchange: str = view["exchange"]
        self.routing_key: str = view["routing_key"]
        self.request_id: str | None = view["request_id"]
        self.failure: str | None = view["failure"]
        self.envelope: Any = view["payload"]

    @property
    def args(self) -> dict[str, Any]:
        """Of RPC."""
        return dict(self.envelope.get("args") or {})

    @property
    def payload(self) -> Any:
        """Of a notification."""
        return self.envelope.get("payload")

    @property
    def publisher_id(self) -> str:
        """Of a notification."""
        return str(self.envelope.get("publisher_id", ""))

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name} to {self.exchange}/{self.routing_key}>"


class StandIn:
    """Answers to RPC in place of a service, until ``remove``."""

    def __init__(self, admin: AdminClient, id: str) -> None:
        self._admin = admin
        self.id = id

    @property
    def calls(self) -> list[dict[str, Any]]:
        """The arguments of the requests that it has answered."""
        found: list[dict[str, Any]] = self._admin.request("GET", f"/bus/stand-ins/{self.id}")["stand_in"]["calls"]
        return found

    def remove(self) -> None:
        """The service answers again."""
        try:
            self._admin.request("DELETE", f"/bus/stand-ins/{self.id}")
        except AdminError as error:
            if error.status != 404:
                raise


class Bus:
    """``expect`` looks at what was sent since the test began, and waits for what was not; each message once.

    bus.notify("compute.instance.exists", {"instance_id": server.id})
    message = bus.expect("volume.create.end", resource=volume.id)
    """

    def __init__(self, admin: AdminClient, trace: Trace) -> None:
        self._admin = admin
        self._trace = trace
        self._after = 0
        self._taken: set[int] = set()

    def begin(self) -> None:
        """What was sent before counts no more."""
        found = self._trace.messages(event=_MARK)
        self._after, self._taken = max((view["number"] for view in found), default=0), set()
        self._after = max(self._after, self.mark())

    # -- sending

    def notify(
        self,
        event_type: str,
        payload: Any,
        *,
        exchange: str = "nova",
        publisher_id: str = "stackwire.test",
        priority: str = "info",
        topic: str = "notifications",
    ) -> str:
        """Publishes a notification as oslo.messaging does; returns its message id."""
        return self._publish(
            kind="notification",
            event_type=event_type,
            payload=payload,
            exchange=exchange,
            publisher_id=publisher_id,
            priority=priority,
            topic=topic,
        )

    def cast(
        self,
        exchange: str,
        topic: str,
        method: str,
        args: Mapping[str, Any] | None = None,
        *,
        server: str | None = None,
        version: str = "1.0",
        namespace: str | None = None,
        fanout: bool = False,
    ) -> None:
        """Sends RPC that nobody answers, to one server of a topic, to ``server``, or to all of them."""
        self._publish(
            kind="fanout" if fanout else "cast",
            exchange=exchange,
            topic=topic,
            method=method,
            args=dict(args or {}),
            server=server,
            version=version,
            namespace=namespace,
        )

    def publish(self, exchange: str, routing_key: str, payload: Mapping[str, Any]) -> None:
        """Publishes any object, in oslo.messaging's envelope."""
        self._publish(kind="raw", exchange=exchange, routing_key=routing_key, payload=dict(payload))

    def _publish(self, **fields: Any) -> str:
        message = {name: value for name, value in fields.items() if value is not None}
        return str(self._admin.request("POST", "/bus/messages", message)["message_id"])

    # -- answering

    def answer(
        self,
        method: str,
        result: Any = None,
        *,
        error: str | None = None,
        error_class: str = "builtins.RuntimeError",
        topic: str | None = None,
        args: Mapping[str, Any] | None = None,
        count: int | None = None,
    ) -> StandIn:
        """Answers calls of a method in place of its service: with ``result``, or with an error of a wire name such as
        ``nova.exception.NoValidHost``. A cast is taken, and nothing done. ``args``: those it must have."""
        body = {"method": method, "result": result, "error": error, "error_class": error_class, "topic": topic}
        body |= {"args": dict(args or {}), "count": count}
        return StandIn(self._admin, self._admin.request("POST", "/bus/stand-ins", body)["stand_in"]["id"])

    @contextmanager
    def answering(self, method: str, result: Any = None, **more: Any) -> Iterator[StandIn]:
        """The same, for the block."""
        stand_in = self.answer(method, result, **more)
        try:
            yield stand_in
        finally:
            stand_in.remove()

    # -- listening

    def messages(self, name: str = "", **filters: str) -> list[Message]:
        """Those sent since the test began, whose name has ``name`` in it; ``filters`` as of ``Trace.messages``."""
        found = self._trace.messages(after=self._after, event=name, **filters)
        return [Message(view) for view in found if view["name"] != _MARK and view["kind"] != "http"]

    def expect(
        self,
        name: str,
        *,
        kind: str | None = None,
        where: Callable[[Message], object] = lambda message: True,
        timeout: float = EXPECT_SECONDS,
        **filters: str,
    ) -> Message:
        """The first message of this name (an RPC method or an event type) that no ``expect`` has returned yet.

        It waits until the cloud has settled, or for ``timeout`` seconds, and raises NotExpected. ``kind``: call, cast,
        fanout or notification; ``where``: true of the message; ``filters``: as ``resource=``, ``text=``.
        """
        __tracebackhide__ = True  # of pytest
        until = time.monotonic() + timeout
        while True:
            settled = self._is_settled()
            for message in self.messages(name, **filters):
                is_new = message.name == name and message.number not in self._taken
                if is_new and kind in (None, message.kind) and where(message):
                    self._taken.add(message.number)
                    return message
            if settled or time.monotonic() > until:
                break
            time.sleep(_TRACER_POLL_SECONDS)
        raise NotExpected(str(self._missing(name, filters)))

    def expect_none(self, name: str, **filters: str) -> Answer:
        """Whether no message of this name was sent, when the cloud has settled."""
        self.mark()
        found = [message for message in self.messages(name, **filters) if message.name == name]
        text = f"{name} was sent {len(found)} times" if found else f"{name} was not sent"
        return Answer(not found, text, tuple(f"  {message!r}" for message in found))

    def mark(self, timeout: float = EXPECT_SECONDS) -> int:
        """Returns when everything that was published until now can be seen; the number of its last message.

        The cloud has settled then, as far as it did within ``timeout`` seconds; what its workers hold back stays so.
        """
        self._admin.request("POST", "/settle", {"timeout_seconds": timeout}, timeout=timeout + 30)
        return self._pass_mark(timeout)

    def _is_settled(self) -> bool:
        """Looks without waiting; then everything that was published can be seen."""
        settled = self._admin.request("POST", "/settle", {"timeout_seconds": 0.05})["settled"]
        if settled:
            self._pass_mark(EXPECT_SECONDS)
        return bool(settled)

    def _pass_mark(self, timeout: float) -> int:
        """A message of our own that the tracer has received comes after all others."""
        text = uuid4().hex
        self._publish(
            kind="notification", exchange="stackwire", topic="lineage", event_type=_MARK, payload={"id": text}
        )
        until = time.monotonic() + timeout
        while not (found := self._trace.messages(after=self._after, event=_MARK, text=text)):
            if time.monotonic() > until:
                raise TimeoutError(f"the tracer has not received a message for {timeout:.0f} seconds")
            time.sleep(_TRACER_POLL_SECONDS)
        return int(found[-1]["number"])

    def _missing(self, name: str, filters: Mapping[str, str]) -> Answer:
        sent = list(dict.fromkeys(message.name for message in self.messages()))
        about = "".join(f", {key} {value}" for key, value in filters.items())
        lines = [f"  {each}" for each in sent[-_NAMES:]]
        head = [f"  ... {len(sent) - _NAMES} earlier"] if len(sent) > _NAMES else []
        what = "sent since the test began:" if sent else "nothing was sent since the test began"
        return Answer(False, f"{name} was not sent{about}; {what}", (*head, *lines))
