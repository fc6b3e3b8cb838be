"""A transaction on one of the pool's connections."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from asyncpg.transaction import Transaction as Begun

from stackwire.core.timeline import check_timeline
from stackwire.db.connections import Connections
from stackwire.db.errors import DatabaseUnavailable, mapped


class Transaction:
    """``connection``: which statements are sent on, in a transaction from ``begin`` on."""

    def __init__(self, pool: Connections, connection: PoolConnectionProxy[Any]) -> None:
        self._pool = pool
        self._begun: Begun | None = None
        self._is_held = True
        self.connection = connection

    @property
    def has_begun(self) -> bool:
        """Whether its statements are committed together, not each by itself."""
        return self._begun is not None

    async def begin(self) -> None:
        """A connection may have been lost while it was idle in the pool: another one is tried."""
        for last in (False, False, True):
            begun = self.connection.transaction()
            try:
                with mapped():
                    # By hand, asyncpg warns of a transaction that was cancelled while it began.
                    await begun.__aenter__()
            except BaseException as error:
                await self.release(failed=True)
                if last or not isinstance(error, DatabaseUnavailable):
                    raise
            else:
                self._begun = begun
                return
            self.connection = await self._pool.acquire()
            self._is_held = True

    async def commit(self) -> None:
        """What has begun; the rest is committed already."""
        if self._begun is not None:
            with mapped():
                await self._begun.__aexit__(None, None, None)

    async def roll_back(self, error: BaseException) -> None:
        """A lost connection has rolled back by itself; asyncpg raises InterfaceError for a second rollback."""
        if self._begun is not None:
            with suppress(asyncpg.InterfaceError, asyncpg.PostgresConnectionError, OSError):
                await self._begun.__aexit__(type(error), error, None)

    async def release(self, *, failed: bool) -> None:
        """Gives the connection back."""
        if self._is_held:
            self._is_held = False
            await self._pool.release(self.connection, failed=failed)


@asynccontextmanager
async def transaction(pool: Connections) -> AsyncIterator[Transaction]:
    """One that has not begun: what has begun in the block is committed unless the block raised."""
    held = Transaction(pool, await pool.acquire())
    failed = True
    try:
        try:
            yield held
            check_timeline()
        except BaseException as error:
            await held.roll_back(error)
            raise
        await held.commit()
        failed = False
    finally:
        await held.release(failed=failed)
