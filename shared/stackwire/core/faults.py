"""The rules that are set, and what a service asks before it acts: whether a fault is to happen there.

    rules = FaultRules()                       # one for all services of a process
    faults = rules.of("volume")                # what one service asks
    if faults.rules and (fault := await faults.first("bus", facts)): ...

Where nothing was asked for, ``faults.rules`` is empty for ever: a part tests that attribute, and nothing else happens.
"""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Container, Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any

from stackwire.core.errors import Conflict, NotFound
from stackwire.core.fault_rules import KINDS, FaultRule
from stackwire.core.ids import new_id

MOST_RULES = 1_000
Facts = Mapping[str, str | None]
_NOTHING: Mapping[str, Any] = MappingProxyType({})
CAUSE: ContextVar[Mapping[str, Any]] = ContextVar("fault_cause", default=_NOTHING)
"""The context, in wire form, of the request or message that is being handled, while rules are set."""


@dataclass(slots=True)
class Fault:
    """A rule that is set. ``hits``: how often it has happened. ``deadline``: on the monotonic clock, None for none."""

    id: str
    rule: FaultRule
    deadline: float | None
    hits: int = 0

    @property
    def is_over(self) -> bool:
        """Whether it happens no more."""
        return self.is_used_up or self.is_expired

    @property
    def is_expired(self) -> bool:
        """Whether its time has passed: what it holds up continues."""
        return self.deadline is not None and time.monotonic() >= self.deadline

    @property
    def is_used_up(self) -> bool:
        """Whether it has happened as often as it may."""
        return self.rule.count is not None and self.hits >= self.rule.count

    @property
    def remaining_seconds(self) -> float | None:
        """Until it expires; None where it does not."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())

    def view(self) -> dict[str, Any]:
        """As the admin port and the command show it."""
        state = "active" if not self.is_over else "used up" if self.is_used_up else "expired"
        rule = self.rule.model_dump(mode="json", exclude_none=True)
        seconds = self.remaining_seconds
        remaining = {} if seconds is None else {"remaining_seconds": round(seconds, 3)}
        return {"id": self.id, "state": state, "hits": self.hits, **rule, **remaining}


class FaultNotFound(NotFound):
    """There is no fault {id}."""


@dataclass(frozen=True, slots=True)
class Injection:
    """A fault as it happened in a service, for the story. ``cause``: the context of what it happened to."""

    service: str
    fault: Fault
    about: str
    cause: Mapping[str, Any]

    @property
    def text(self) -> str:
        """One line."""
        return f"fault injected: {' '.join(part for part in (self.fault.rule.described(), self.about) if part)}"


async def _no_crash(fault: Fault) -> None:
    """A service that nobody can end goes on."""


class Faults:
    """What one service asks. ``rules``: those that may happen in it.

    ``claim`` decides whether one may happen once more; ``crash`` ends the service; ``report`` gets each that happened.
    """

    def __init__(self, service: str = "", worker: str = "") -> None:
        self.service = service
        self.worker = worker or socket.gethostname()
        self.rules: tuple[Fault, ...] = ()
        self.claim: Callable[[Fault], Awaitable[bool]] = _refused
        self.crash: Callable[[Fault], Awaitable[None]] = _no_crash
        self.report: Callable[[Injection], Awaitable[None]] | None = None
        self._set: frozenset[str] = frozenset()
        self._changed = asyncio.Event()

    def replace(self, faults: Iterable[Fault]) -> None:
        """These are set from now on; ``rules`` are those that concern this service and are not over."""
        own = [fault for fault in faults if fault.rule.match.service in (None, self.service)]
        self.rules = tuple(fault for fault in own if not fault.is_over)
        self._set = frozenset(fault.id for fault in own)
        self._changed.set()
        self._changed = asyncio.Event()

    async def first(self, family: str, facts: Facts, about: str = "") -> Fault | None:
        """The first rule of a family that is to happen now; it has happened."""
        for fault in self.rules:
            if await self._happens(fault, family, facts, about):
                return fault
        return None

    async def all(self, family: str, facts: Facts, about: str = "", kinds: Container[str] = KINDS) -> list[Fault]:
        """Every rule of a family, and of these kinds, that is to happen now, in the order in which they were set."""
        found = [fault for fault in self.rules if fault.rule.kind in kinds]
        return [fault for fault in found if await self._happens(fault, family, facts, about)]

    async def _happens(self, fault: Fault, family: str, facts: Facts, about: str) -> bool:
        if fault.rule.family != family or not self.applies(fault, facts) or not await self.claim(fault):
            return False
        await self.note(fault, about)
        return True

    def applies(self, fault: Fault, facts: Facts) -> bool:
        """Whether a rule is meant here, and not over."""
        if fault.is_expired:
            self.rules = tuple(each for each in self.rules if each is not fault)
            return False
        own = {"service": self.service, "worker": self.worker, **facts}
        return not fault.is_used_up and fault.rule.match.fits(own)

    async def note(self, fault: Fault, about: str) -> None:
        """Reports that a fault has happened."""
        if self.report is not None:
            await self.report(Injection(self.service, fault, about, CAUSE.get()))

    async def wait_out(self, fault: Fault, most: float | None = None) -> bool:
        """Returns True when the rule has ended or was removed, False after ``most`` seconds."""
        until = None if most is None else time.monotonic() + most
        while fault.id in self._set and not fault.is_expired:
            ends = [end for end in (until, fault.deadline) if end is not None]
            pause = min(ends) - time.monotonic() if ends else None
            changed = self._changed
            try:
                async with asyncio.timeout(pause):
                    await changed.wait()
            except TimeoutError:
                if until is not None and time.monotonic() >= until:
                    return False
        return True

    async def freeze(self, fault: Fault, facts: Facts, about: str) -> None:
        """Does nothing until a rule ``worker.freeze`` has ended, where it is meant."""
        if await self._happens(fault, "worker", facts, about):
            await self.wait_out(fault, fault.rule.seconds)

    async def at(self, point: str, names: Sequence[str], ids: Callable[[], str]) -> None:
        """A named point of a worker, reached with messages of these names: it may end here, or freeze."""
        for fault in self.rules:
            rule = fault.rule
            if rule.family != "worker" or rule.point is None:
                continue
            where, _, name = rule.point.partition(":")
            if where != point or not any(fnmatchcase(each, name) for each in names):
                continue
            resource = ids() if rule.match.resource else None
            if await self._happens(fault, "worker", {"resource": resource}, ""):
                await self._act(fault)

    async def _act(self, fault: Fault) -> None:
        if fault.rule.kind == "worker.crash":
            await self.crash(fault)
        else:
            await self.wait_out(fault, fault.rule.seconds)


async def _refused(fault: Fault) -> bool:
    return False


NO_FAULTS = Faults()
"""Of whoever was not asked to inject any."""


class FaultRules:
    """The rules that are set in a cloud, each with its count.

    ``changed`` is called after each change; ``waits`` return when those elsewhere have them as they are; ``elsewhere``
    answers which services obey in processes of their own.
    """

    def __init__(self) -> None:
        self._faults: dict[str, Fault] = {}
        self._views: list[Faults] = []
        self.changed: list[Callable[[], None]] = []
        self.waits: list[Callable[[], Awaitable[None]]] = []
        self.elsewhere: Callable[[], Iterable[str]] = tuple

    @property
    def faults(self) -> tuple[Fault, ...]:
        """In the order in which they were set, those that are over too."""
        return tuple(self._faults.values())

    @property
    def obeyed_by(self) -> list[str]:
        """The services to which a rule can happen, by name."""
        return sorted({view.service for view in self._views}.union(self.elsewhere()))

    def of(self, service: str, worker: str = "") -> Faults:
        """What a service in this process asks; one that was started again takes the place of the earlier one."""
        self._views = [view for view in self._views if (view.service, view.worker) != (service, worker or view.worker)]
        view = Faults(service, worker)
        view.claim = self._claim
        view.replace(self.faults)
        self._views.append(view)
        return view

    def add(self, rule: FaultRule) -> Fault:
        """Sets a rule. Raises Conflict when there are too many."""
        if len(self._faults) >= MOST_RULES:
            raise Conflict(f"There are {MOST_RULES} faults: remove some")
        deadline = None if rule.expires_in is None else time.monotonic() + rule.expires_in
        fault = Fault(new_id(), rule, deadline)
        self._faults[fault.id] = fault
        self._push()
        return fault

    def get(self, id: str) -> Fault:
        """Raises FaultNotFound."""
        if id not in self._faults:
            raise FaultNotFound(id=id[:100])
        return self._faults[id]

    def remove(self, id: str) -> None:
        """Raises FaultNotFound."""
        del self._faults[self.get(id).id]
        self._push()

    def clear(self) -> None:
        """Removes all."""
        if self._faults:
            self._faults.clear()
            self._push()

    async def spread(self) -> None:
        """Returns when every process that may inject them has the rules as they are."""
        for wait in self.waits:
            await wait()

    def claim(self, id: str) -> bool:
        """Whether the rule may happen once more, somewhere; it is counted."""
        fault = self._faults.get(id)
        if fault is None or fault.is_over:
            return False
        fault.hits += 1
        if fault.is_over:
            self._push()
        return True

    async def _claim(self, fault: Fault) -> bool:
        return self.claim(fault.id)

    def _push(self) -> None:
        for view in self._views:
            view.replace(self.faults)
        for changed in self.changed:
            changed()
