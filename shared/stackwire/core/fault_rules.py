"""What a fault rule says: its kind, what it matches, how often and how long. The names are the same on every transport.

FaultRule.model_validate({"kind": "bus.drop", "match": {"method": "create_volume"}, "count": 1})

A rule that says what its kind does not know, or not what it needs, is refused.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

HTTP: Final = frozenset({"service", "method", "path", "operation", "resource"})
BUS: Final = frozenset({"service", "exchange", "topic", "method", "event_type", "message", "resource"})
STORE: Final = frozenset({"service", "store", "resource"})
WORKER: Final = frozenset({"service", "worker", "method", "resource"})


@dataclass(frozen=True, slots=True)
class FaultKind:
    """``match``: what a rule of this kind may match; ``needs``, ``may``: its parameters. ``counts``: has a count."""

    summary: str
    match: frozenset[str]
    needs: frozenset[str] = frozenset()
    may: frozenset[str] = frozenset()
    counts: bool = True


SECONDS: Final = frozenset({"seconds"})
KINDS: Final[Mapping[str, FaultKind]] = {
    "http.status": FaultKind(
        "the request is answered with this status, and not handled", HTTP, frozenset({"status"}), frozenset({"message"})
    ),
    "http.delay": FaultKind("the request is handled after these seconds", HTTP, SECONDS),
    "http.cut": FaultKind(
        "the connection is closed after so many bytes of the response's body", HTTP, frozenset({"after_bytes"})
    ),
    "bus.drop": FaultKind("the message is lost; whoever published it gets no error", BUS),
    "bus.delay": FaultKind("the message is published after these seconds; nobody waits for it", BUS, SECONDS),
    "bus.duplicate": FaultKind("the message is published twice", BUS),
    "bus.reorder": FaultKind(
        "messages are published in pairs, the second first; one alone after these seconds (1)", BUS, may=SECONDS
    ),
    "bus.away": FaultKind(
        "the service has no connection to the bus: it publishes and receives nothing until the rule ends",
        frozenset({"service"}),
        counts=False,
    ),
    "store.full": FaultKind("writing finds no room", STORE),
    "store.slow": FaultKind("each chunk that is read or written takes these seconds more", STORE, SECONDS),
    "store.corrupt": FaultKind("the first byte that is read is another one", STORE),
    "worker.crash": FaultKind(
        "the process of the service ends at the named point as by kill -9; an embedded one is started again",
        WORKER - {"method"},
        frozenset({"point"}),
    ),
    "worker.freeze": FaultKind(
        "the worker does nothing, at the named point or whatever it is sent, until the rule ends or for these seconds",
        WORKER,
        may=frozenset({"point", "seconds"}),
    ),
}
POINTS: Final = ("before_commit", "after_commit", "after_publish")
"""Around a unit of work, and right after a message of the outbox was confirmed by the broker."""
POINT: Final = re.compile(rf"({'|'.join(POINTS)}):[\w.*?:-]+")

Kind = Literal[
    "http.status", "http.delay", "http.cut", "bus.drop", "bus.delay", "bus.duplicate", "bus.reorder", "bus.away",
    "store.full", "store.slow", "store.corrupt", "worker.crash", "worker.freeze",
]  # fmt: skip
Name = Annotated[str, Field(min_length=1, max_length=255)]


class FaultMatch(BaseModel):
    """All that is given must fit; ``*`` and ``?`` stand for any characters.

    ``method``: of an HTTP request (``POST``), or of a message (``create_volume``). ``operation``: the name of a
    handler (``servers.create``), or of an action (``reboot``). ``topic``: where a message is published to
    (``cinder-volume``, ``notifications.info``). ``worker``: the host it is listed under. ``resource``: an id that
    stands in the request's path, in the message, or names the data in a store.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    service: Literal["identity", "image", "volume", "compute"] | None = None
    method: Name | None = None
    path: Name | None = None
    operation: Name | None = None
    exchange: Name | None = None
    topic: Name | None = None
    event_type: Name | None = None
    message: Literal["call", "cast", "fanout", "reply", "notification"] | None = None
    store: Name | None = None
    worker: Name | None = None
    resource: Name | None = None

    @property
    def names(self) -> set[str]:
        """What is matched."""
        return {name for name in type(self).model_fields if getattr(self, name) is not None}

    def fits(self, facts: Mapping[str, str | None]) -> bool:
        """Whether what happens now, described by these facts, is meant."""
        for name in self.model_fields_set:
            pattern, value = getattr(self, name), facts.get(name)
            if pattern is None:
                continue
            if value is None or not (pattern in value if name == "resource" else fnmatchcase(value, pattern)):
                return False
        return True


class FaultRule(BaseModel):
    """``count``: how often it happens at most; ``expires_in``: for how many seconds it lasts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    match: FaultMatch = FaultMatch()
    count: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    expires_in: Annotated[float, Field(gt=0, le=86_400)] | None = None
    status: Annotated[int, Field(ge=400, le=599)] | None = None
    message: Annotated[str, Field(min_length=1, max_length=1_000)] | None = None
    seconds: Annotated[float, Field(gt=0, le=3_600)] | None = None
    after_bytes: Annotated[int, Field(ge=0)] | None = None
    point: Name | None = None

    @property
    def family(self) -> str:
        """``http``, ``bus``, ``store`` or ``worker``: where it can happen."""
        return self.kind.partition(".")[0]

    @model_validator(mode="after")
    def _check(self) -> Self:
        kind = KINDS[self.kind]
        given = {name for name in PARAMETERS if getattr(self, name) is not None}
        if missing := sorted(kind.needs - given):
            raise ValueError(f"{self.kind} needs {_listed(missing)}")
        if unknown := sorted(given - kind.needs - kind.may):
            raise ValueError(f"{self.kind} has no {_listed(unknown)}")
        if unknown := sorted(self.match.names - kind.match):
            raise ValueError(f"{self.kind} does not match {_listed(unknown)}: it matches {_listed(sorted(kind.match))}")
        if self.count is not None and not kind.counts:
            raise ValueError(f"{self.kind} has no count: it lasts until expires_in has passed or it is removed")
        if self.point is not None:
            self._check_point(self.point)
        return self

    def _check_point(self, point: str) -> None:
        if not POINT.fullmatch(point):
            raise ValueError(f"point is one of {', '.join(POINTS)}, a colon, and a method or an event type")
        if self.match.method is not None:
            raise ValueError("point names the method: match has none beside it")

    def described(self) -> str:
        """For the story it happens in: the kind and its parameters."""
        given = {name: getattr(self, name) for name in PARAMETERS if getattr(self, name) is not None}
        return " ".join([self.kind, *(f"{name}={value}" for name, value in given.items())])


PARAMETERS: Final = ("status", "message", "seconds", "after_bytes", "point")


def _listed(names: list[str]) -> str:
    return ", ".join(names)


def kinds() -> list[dict[str, Any]]:
    """Every kind with what it matches and its parameters, for a reader."""
    return [
        {
            "kind": name,
            "summary": kind.summary,
            "match": sorted(kind.match),
            "needs": sorted(kind.needs),
            "may": sorted(kind.may | ({"count", "expires_in"} if kind.counts else {"expires_in"})),
        }
        for name, kind in KINDS.items()
    ]
