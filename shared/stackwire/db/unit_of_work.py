"""One transaction: what changed and what is said about it commit together, or not at all."""

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
from stackwire.core.rules import Resource, Rule
from stackwire.db import crash, outbox
from stackwire.db.connections import Connections
from stackwire.db.errors import DatabaseUnavailable, mapped
from stackwire.db.session import Session

P = ParamSpec("P")
R = TypeVar("R")
Silent = Callable[[Event], bool]
"""Whether an event is not told at all."""


class UnitOfWork(Session):
    """Statements inside a transaction. ``now`` is the clock's time at its start, aware UTC.

    ``notify``, ``cast`` and ``fanout`` are the only ways for a flow to speak; the words leave if and only if the
    transaction commits.  A remote call inside one raises: it would hold the rows' locks while it waits.
    """

    def __init__(
        self, connection: PoolConnectionProxy[Any], ctx: RequestContext, now: datetime, silent: Silent | None = None
    ) -> None:
        super().__init__(connection)
        self.ctx = ctx
        self.now = now
        self._silent = silent
        self.said: list[outbox.Outgoing] = []

    def notify(self, event: Event) -> str:
        """Says what happened; answers the message id, an empty one where the operator wants nobody told."""
        if self._silent is not None and self._silent(event):
            return ""
        return self._say(outbox.Outgoing.of_event(self.ctx, event, self.now))

    def cast(self, message: Cast, server: str | None = None) -> str:
        """Asks one server of the topic (``server``: that one) to do something; answers the message id."""
        return self._say(outbox.Outgoing.of_message(self.ctx, message, self.now, server))

    def fanout(self, message: Fanout) -> str:
        """Asks every server of the topic; answers the message id."""
        return self._say(outbox.Outgoing.of_message(self.ctx, message, self.now))

    def apply(self, rule: Rule[P, R], origin: Resource, target: Resource, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """The rule's result for these arguments; its lineage event leaves with the transaction.

        The first positional argument holds the properties of ``origin``.
        """
        result = rule(*args, **kwargs)
        self.notify(
            property_transfer(
                rule.service, rule.name, cast(Kind, origin.kind), origin.id, cast(Kind, target.kind), target.id,
                rule.before(args[0]), rule.after(result), source=rule.source, prefix=rule.prefix, partial=rule.partial,
            )
        )  # fmt: skip
        return result

    async def first_time(self, consumer: str, message_id: str) -> bool:
        """True once for each message a consumer gets; False when a redelivered one was acted on already."""
        return bool(
            await self.execute(
                "INSERT INTO inbox (consumer, message_id, received_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                consumer,
                message_id,
                self.now,
            )
        )

    def _say(self, message: outbox.Outgoing) -> str:
        self.said.append(message)
        return message.id


@asynccontextmanager
async def transaction(pool: Connections) -> AsyncIterator[PoolConnectionProxy[Any]]:
    """A connection with an open transaction: committed unless the block raised."""
    connection, begun = await _begin(pool)
    try:
        try:
            yield connection
        except BaseException:
            # A lost connection has rolled back by itself; asyncpg calls it an InterfaceError to say so once more.
            with suppress(asyncpg.InterfaceError, asyncpg.PostgresConnectionError, OSError):
                await begun.rollback()
            raise
        with mapped():
            await begun.commit()
    finally:
        await pool.release(connection)


async def _begin(pool: Connections) -> tuple[PoolConnectionProxy[Any], Transaction]:
    """A connection may have died unnoticed while it lay in the pool: nothing is lost by beginning once more."""
    for last in (False, False, True):
        connection = await pool.acquire()
        begun = connection.transaction()
        try:
            with mapped():
                await begun.start()
        except BaseException as error:
            await pool.release(connection)
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
    silent: Silent | None = None,
) -> AsyncIterator[UnitOfWork]:
    """Begins, and commits unless the block raised; ``committed`` is called when the outbox has something new."""
    if IN_UNIT_OF_WORK.get():
        raise RuntimeError("a unit of work inside a unit of work: two connections would wait for each other")
    async with transaction(pool) as connection:
        token = IN_UNIT_OF_WORK.set(True)
        uow = UnitOfWork(connection, ctx, now(), silent)
        try:
            yield uow
            if uow.said:
                await outbox.write(uow, uow.said)
            crash.moment("before_commit", (message.name for message in uow.said))
        finally:
            IN_UNIT_OF_WORK.reset(token)
    crash.moment("after_commit", (message.name for message in uow.said))
    if uow.said:
        committed()
