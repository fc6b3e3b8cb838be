"""A service's database: its own schema, through a small pool of connections.

async with database.work(ctx) as uow:      one transaction, with an outbox
async with database.read() as db:          one connection, no transaction
row = await database.one(Model, SQL, 1)    one statement on any connection
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Self, TypeVar

import asyncpg

from stackwire.core.clock import Clock
from stackwire.core.context import RequestContext
from stackwire.core.database_use import USES, recorded
from stackwire.core.faults import NO_FAULTS, Faults
from stackwire.db import outbox
from stackwire.db.connections import CONNECTION_IDLE_SECONDS, Connections, PoolUse
from stackwire.db.errors import DatabaseUnavailable, mapped
from stackwire.db.migrate import migrate, quoted
from stackwire.db.session import Session, set_codecs
from stackwire.db.transaction import transaction
from stackwire.db.unit_of_work import NotificationFilter, UnitOfWork, unit_of_work

__all__ = ["Database", "Session", "UnitOfWork"]

M = TypeVar("M")
DATABASE_CONNECT_TIMEOUT_SECONDS = 10.0
STATEMENT_SECONDS = 60.0
"""Longer no statement takes: the other end of a connection that went away without a word is not waited for."""


async def _roll_back(connection: asyncpg.Connection[Any]) -> None:
    """Instead of asyncpg's RESET ALL after each use: nothing here changes a session, only a transaction may be open."""
    if connection.is_in_transaction():
        await connection.execute("ROLLBACK")


def _settings(schema: str, planner: Mapping[str, str]) -> dict[str, str]:
    return {"search_path": quoted(schema), "application_name": f"stackwire-{schema}", "jit": "off", **planner}


class Database:
    """The schema of one service. Open it with ``Database.open``; ``close`` it when the service is down.

    ``notification_filter``: which events its units of work do not emit. ``faults``: those of its commits.
    """

    def __init__(self, pool: Connections, *, schema: str, clock: Clock) -> None:
        self._pool = pool
        self.schema = schema
        self.clock = clock
        self.notification_filter: NotificationFilter | None = None
        self.faults: Faults = NO_FAULTS
        self._wakers: list[Callable[[], None]] = []

    @classmethod
    async def open(
        cls,
        dsn: str,
        *,
        schema: str,
        migrations: Traversable | Path | None,
        clock: Clock | None = None,
        min_size: int = 1,
        max_size: int = 8,
        idle: float = CONNECTION_IDLE_SECONDS,
        planner: Mapping[str, str] | None = None,
        statement_seconds: float = STATEMENT_SECONDS,
    ) -> Self:
        """Connects, migrates the schema, and returns the open database.

        ``idle``: seconds until an unused connection is closed; ``planner``: settings of the planner for all of them.
        Raises DatabaseUnavailable when no server answers, MigrationError for a schema that is not Stackwire's.
        """
        if not dsn:
            raise DatabaseUnavailable("No database URL is set.")
        settings = _settings(schema, planner or {})
        with mapped():
            pool = await asyncpg.create_pool(
                dsn,
                min_size=min_size,
                max_size=max_size,
                timeout=DATABASE_CONNECT_TIMEOUT_SECONDS,
                command_timeout=statement_seconds,
                server_settings=settings,
                init=set_codecs,
                reset=_roll_back,
                max_inactive_connection_lifetime=idle,
            )
            try:
                async with pool.acquire() as connection:
                    await migrate(connection, schema, migrations)  # type: ignore[arg-type]  # a proxy is a connection
            except BaseException:
                pool.terminate()
                raise
        return cls(Connections(pool, max_size, idle), schema=schema, clock=clock or Clock())

    async def close(self) -> None:
        """Waits a few seconds for connections in use, then closes them."""
        await self._pool.close()

    def terminate(self) -> None:
        """Cuts every connection, as when the process dies: what is not committed is rolled back."""
        self._pool.terminate()

    def work(self, ctx: RequestContext, *, is_repeatable: bool = False) -> AbstractAsyncContextManager[UnitOfWork]:
        """One transaction for the caller ``ctx``. ``is_repeatable``: see UnitOfWork."""
        work = unit_of_work(
            self._pool, ctx, self.clock.now, self._wake, self.notification_filter, self.faults,
            is_repeatable=is_repeatable,
        )  # fmt: skip
        return work if USES.get() is None else recorded(work, "COMMIT")

    def read(self) -> AbstractAsyncContextManager[Session]:
        """One connection for several statements that need no transaction."""
        return self._read() if USES.get() is None else recorded(self._read(), "SELECT")

    @asynccontextmanager
    async def _read(self) -> AsyncIterator[Session]:
        connection = await self._pool.acquire()
        failed = True
        try:
            yield Session(connection)
            failed = False
        finally:
            await self._pool.release(connection, failed=failed)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        """A bare transaction without an outbox, for the relay; it may wait for the broker."""
        async with transaction(self._pool) as held:
            await held.begin()
            yield Session(held.connection)

    async def one(self, model: type[M], sql: str, *args: Any) -> M | None:
        """See Session.one, on any connection."""
        async with self.read() as session:
            return await session.one(model, sql, *args)

    async def all(self, model: type[M], sql: str, *args: Any) -> list[M]:
        """See Session.all, on any connection."""
        async with self.read() as session:
            return await session.all(model, sql, *args)

    async def rows(self, sql: str, *args: Any) -> list[dict[str, Any]]:
        """See Session.rows, on any connection."""
        async with self.read() as session:
            return await session.rows(sql, *args)

    async def value(self, sql: str, *args: Any) -> Any:
        """See Session.value, on any connection."""
        async with self.read() as session:
            return await session.value(sql, *args)

    @property
    def pool_use(self) -> PoolUse:
        """How busy the pool is now."""
        return self._pool.use

    async def ping(self) -> bool:
        """True when the database answers."""
        try:
            async with asyncio.timeout(2):
                return bool(await self.value("SELECT true"))
        except (DatabaseUnavailable, TimeoutError):
            return False

    async def unsent(self) -> int:
        """How many messages in the outbox are not sent yet."""
        async with self.read() as session:
            return await outbox.unsent(session)

    async def unhandled(self) -> int:
        """How many casts of the outbox nobody has handled, as far as is known here."""
        async with self.read() as session:
            return await outbox.unhandled(session)

    def on_outbox(self, wake: Callable[[], None]) -> None:
        """Calls ``wake`` after each commit here that wrote to the outbox."""
        self._wakers.append(wake)

    def _wake(self) -> None:
        for wake in self._wakers:
            wake()
