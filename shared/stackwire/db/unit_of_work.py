"""One transaction: changed rows and the messages about them commit together, or not at all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, ParamSpec, TypeVar, cast

from stackwire.contracts.base import Cast, Event, Fanout
from stackwire.contracts.lineage import Kind, property_transfer
from stackwire.core.context import IN_UNIT_OF_WORK, RequestContext
from stackwire.core.faults import CAUSE, NO_FAULTS, Faults
from stackwire.core.rules import Resource, Rule
from stackwire.db import outbox
from stackwire.db.connections import Connections
from stackwire.db.last_change import LastChange
from stackwire.db.session import Connection, Session
from stackwire.db.transaction import Transaction, transaction

P = ParamSpec("P")
R = TypeVar("R")
NotificationFilter = Callable[[Event], bool]
"""True for an event that is not emitted."""


class UnitOfWork(Session):
    """Statements inside a transaction, which begins with the first of them. ``now`` is the clock's time at the start,
    aware UTC. ``is_repeatable``: who opened it does all of it again where its last change is refused.

    ``notify``, ``cast``, ``fanout`` and ``apply`` are the only ways for a flow to send messages; they are written to
    the outbox, and sent if and only if the transaction commits.  A remote call inside a unit of work raises: it would
    hold the rows' locks while it waits.
    """

    def __init__(
        self,
        held: Transaction,
        ctx: RequestContext,
        now: datetime,
        notification_filter: NotificationFilter | None = None,
        *,
        is_repeatable: bool = False,
    ) -> None:
        super().__init__(held.connection)
        self._held = held
        self._last_change: LastChange | None = None
        self.is_repeatable = is_repeatable
        self.ctx = ctx
        self.now = now
        self._notification_filter = notification_filter
        self.pending_messages: list[outbox.Outgoing] = []

    @property
    def reading(self) -> Session:
        """For what is read before anything is written or locked: it needs no transaction."""
        return self if self._held.has_begun or self._last_change is not None else Session(self._held.connection)

    def end_with(self, change: LastChange) -> None:
        """The last change: it is made with the messages, in one round trip, or before whatever statement follows."""
        if self._last_change is not None:
            raise RuntimeError("a unit of work ends with one change")
        self._last_change = change

    async def finish(self, *, may_autocommit: bool) -> None:
        """Makes the last change and writes the messages.

        ``may_autocommit``: where that is all, it is one statement with no transaction around it.
        """
        change, self._last_change = self._last_change, None
        session = Session(self._held.connection) if may_autocommit and not self._held.has_begun else self
        if change is not None:
            await change.make(session, self.pending_messages)
        elif self.pending_messages:
            await outbox.write(session, self.pending_messages)

    async def _ready(self) -> Connection:
        if not self._held.has_begun:
            await self._held.begin()
        if self._last_change is not None:
            change, self._last_change = self._last_change, None
            await change.make(self, ())
        return self._held.connection

    def notify(self, event: Event) -> str:
        """Emits an event; returns the message id, empty when the notification filter drops the event."""
        if self._notification_filter is not None and self._notification_filter(event):
            return ""
        return self._enqueue(outbox.Outgoing.of_event(self.ctx, event, self.now))

    def cast(self, message: Cast, server: str | None = None, *, topic: str | None = None) -> str:
        """Sends a message to one server of the topic (``server``: to that one); returns the message id.

        ``topic``: another than the message's own.
        """
        return self._enqueue(outbox.Outgoing.of_message(self.ctx, message, self.now, server, topic))

    def fanout(self, message: Fanout) -> str:
        """Sends a message to every server of the topic; returns the message id."""
        return self._enqueue(outbox.Outgoing.of_message(self.ctx, message, self.now))

    def apply(self, rule: Rule[P, R], origin: Resource, target: Resource, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """The rule's result for these arguments; its lineage event leaves with the transaction.

        The first positional argument holds the properties of ``origin``.
        """
        result = rule(*args, **kwargs)
        self.applied(rule, origin, target, args[0], result)
        return result

    def applied(self, rule: Rule[..., R], origin: Resource, target: Resource, first_argument: Any, result: R) -> None:
        """The lineage event of a rule whose result was computed before the target had an id or a row."""
        self.notify(
            property_transfer(
                rule.service, rule.name, cast(Kind, origin.kind), origin.id, cast(Kind, target.kind), target.id,
                rule.before(first_argument), rule.after(result), source=rule.source, prefix=rule.prefix,
                partial=rule.partial,
            )
        )  # fmt: skip

    def _enqueue(self, message: outbox.Outgoing) -> str:
        self.pending_messages.append(message)
        return message.id


@asynccontextmanager
async def unit_of_work(
    pool: Connections,
    ctx: RequestContext,
    now: Callable[[], datetime],
    committed: Callable[[], None],
    notification_filter: NotificationFilter | None = None,
    faults: Faults = NO_FAULTS,
    *,
    is_repeatable: bool = False,
) -> AsyncIterator[UnitOfWork]:
    """Begins, and commits unless the block raised; ``committed`` is called when the outbox has something new.

    Before and after the commit are points at which ``faults`` may end or freeze the worker.
    """
    if IN_UNIT_OF_WORK.get():
        raise RuntimeError("a unit of work inside a unit of work: two connections would wait for each other")
    async with transaction(pool) as held:
        token = IN_UNIT_OF_WORK.set(True)
        uow = UnitOfWork(held, ctx, now(), notification_filter, is_repeatable=is_repeatable)
        try:
            yield uow
            await uow.finish(may_autocommit=not faults.rules)
            if faults.rules:
                await _reach("before_commit", uow, faults)
        finally:
            IN_UNIT_OF_WORK.reset(token)
    if faults.rules:
        await _reach("after_commit", uow, faults)
    if uow.pending_messages:
        committed()


async def _reach(point: str, uow: UnitOfWork, faults: Faults) -> None:
    messages = uow.pending_messages
    cause = CAUSE.set(uow.ctx.to_wire())
    try:
        await faults.at(point, [message.name for message in messages], lambda: f"{[it.payload for it in messages]}")
    finally:
        CAUSE.reset(cause)
