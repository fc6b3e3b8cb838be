"""One transaction: changed rows and the messages about them commit together, or not at all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any, ParamSpec, TypeVar, cast

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from asyncpg.transaction import Transaction

from stackwire.contracts.base import Cast, Event, Fanout
from stackwire.contracts.lineage import Kind, property_transfer
from stackwire.core.context import IN_UNIT_OF_WORK, RequestContext
from stackwire.core.faults import CAUSE, NO_FAULTS, Faults
from stackwire.core.rules import Resource, Rule
from stackwire.core.timeline import check_timeline
from stackwire.db import outbox
from stackwire.db.connections import Connections
from stackwire.db.errors import DatabaseUnavailable, mapped
from stackwire.db.session import Session

P = ParamSpec("P")
R = TypeVar("R")
NotificationFilter = Callable[[Event], bool]
"""True for an event that is not emitted."""


class UnitOfWork(Session):
    """Statements inside a transaction. ``now`` is the clock's time at its start, aware UTC.

    ``notify``, ``cast``, ``fanout`` and ``apply`` are the only ways for a flow to send messages; they are written to
    the outbox, and sent if and only if the transaction commits.  A remote call inside a unit of work raises: it would
    hold the rows' locks while it waits.
    """

    def __init__(
        self,
        connection: PoolConnectionProxy[Any],
        ctx: RequestContext,
        now: datetime,
        notification_filter: NotificationFilter | None = None,
    ) -> None:
        super().__init__(connection)
        self.ctx = ctx
        self.now = now
        self._notification_filter = notification_filter
        self.pending_messages: list[outbox.Outgoing] = []

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
async def transaction(pool: Connections) -> AsyncIterator[PoolConnectionProxy[Any]]:
    """A connection with an open transaction: committed unless the block raised."""
    connection, begun = await _begin(pool)
    failed = True
    try:
        try:
            yield connection
            check_timeline()
        except BaseException as error:
            # A lost connection has rolled back by itself; asyncpg raises InterfaceError for a second rollback.
            with suppress(asyncpg.InterfaceError, asyncpg.PostgresConnectionError, OSError):
                await begun.__aexit__(type(error), error, None)
            raise
        with mapped():
            await begun.__aexit__(None, None, None)
        failed = False
    finally:
        await pool.release(connection, failed=failed)


async def _begin(pool: Connections) -> tuple[PoolConnectionProxy[Any], Transaction]:
    """A connection may have been lost while it was idle in the pool: another one is tried."""
    for last in (False, False, True):
        connection = await pool.acquire()
        begun = connection.transaction()
        try:
            with mapped():
                await begun.__aenter__()  # asyncpg warns of a transaction that was cancelled while it began by hand
        except BaseException as error:
            await pool.release(connection, failed=True)
            if last or not isinstance(error, DatabaseUnavailable):
                raise
        else:
            return connection, begun
    raise AssertionError("unreachable")


@asynccontextmanager
async def unit_of_work(
    pool: Connections,
    ctx: RequestContext,
    now: Callable[[], datetime],
    committed: Callable[[], None],
    notification_filter: NotificationFilter | None = None,
    faults: Faults = NO_FAULTS,
) -> AsyncIterator[UnitOfWork]:
    """Begins, and commits unless the block raised; ``committed`` is called when the outbox has something new.

    Before and after the commit are points at which ``faults`` may end or freeze the worker.
    """
    if IN_UNIT_OF_WORK.get():
        raise RuntimeError("a unit of work inside a unit of work: two connections would wait for each other")
    async with transaction(pool) as connection:
        token = IN_UNIT_OF_WORK.set(True)
        uow = UnitOfWork(connection, ctx, now(), notification_filter)
        try:
            yield uow
            if uow.pending_messages:
                await outbox.write(uow, uow.pending_messages)
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
