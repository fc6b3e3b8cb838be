"""Answers to RPC in place of a service: it is not asked, and its caller cannot tell."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from stackwire.core.ids import new_id
from stackwire.messaging.envelope import dumps


@dataclass(slots=True)
class StandIn:
    """What is answered to a method: ``result``, or a failure with this text as ``error_class``.

    ``topic``: of the service, any without one. ``count``: how often, None for always. ``args``: what its arguments must
    have. ``calls``: the arguments of the calls that it has answered.
    """

    method: str
    topic: str | None = None
    args: Mapping[str, Any] = field(default_factory=dict)
    result: Any = None
    error: str | None = None
    error_class: str = "builtins.RuntimeError"
    count: int | None = None
    id: str = field(default_factory=new_id)
    calls: list[Mapping[str, Any]] = field(default_factory=list)

    def fits(self, topic: str, method: str, args: Mapping[str, Any]) -> bool:
        """Whether a request is to be answered by it."""
        return (
            method == self.method
            and self.topic in (None, topic, topic.split(".")[0])
            and (self.count is None or len(self.calls) < self.count)
            and all(name in args and args[name] == value for name, value in self.args.items())
        )

    @property
    def failure(self) -> str | None:
        """In oslo.messaging's form (``oslo_messaging/_drivers/common.py: serialize_remote_exception``)."""
        if self.error is None:
            return None
        module, _, name = self.error_class.rpartition(".")
        encoded = {"class": name, "module": module, "message": self.error, "tb": [], "args": [self.error], "kwargs": {}}
        return dumps(encoded).decode()


class Answering(Protocol):
    """Finds the answer to a request."""

    def find(self, topic: str, method: str, args: Mapping[str, Any]) -> StandIn | None: ...


class StandIns:
    """Those of a cloud, the latest first."""

    def __init__(self) -> None:
        self.all: list[StandIn] = []

    def add(self, stand_in: StandIn) -> StandIn:
        """It answers from now on."""
        self.all.insert(0, stand_in)
        return stand_in

    def remove(self, id: str) -> None:
        """The service answers again. Raises KeyError."""
        self.all.remove(self.get(id))

    def clear(self) -> None:
        """All services answer again."""
        self.all.clear()

    def get(self, id: str) -> StandIn:
        """Raises KeyError."""
        for stand_in in self.all:
            if stand_in.id == id:
                return stand_in
        raise KeyError(id)

    def find(self, topic: str, method: str, args: Mapping[str, Any]) -> StandIn | None:
        """The one that answers a request now; it is counted."""
        for stand_in in self.all:
            if stand_in.fits(topic, method, args):
                stand_in.calls.append(args)
                return stand_in
        return None
