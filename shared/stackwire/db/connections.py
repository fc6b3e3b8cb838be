"""A connection pool that serves its callers in order."""

import asyncio
from typing import Any

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from stackwire.db.errors import mapped

ACQUIRE_TIMEOUT_SECONDS = 30.0


class Connections:
    """asyncpg's pool behind a fair queue.

    The pool alone lets a caller that arrives just when a connection is released pass those who wait: under load some
    would wait a hundred times as long as others.
    """

    def __init__(self, pool: "asyncpg.Pool[Any]", size: int) -> None:
        self._pool = pool
        self._slots = asyncio.Semaphore(size)

    async def acquire(self) -> "PoolConnectionProxy[Any]":
        """A connection. Raises DatabaseUnavailable, also when none is free within ACQUIRE_TIMEOUT_SECONDS."""
        with mapped():
            async with asyncio.timeout(ACQUIRE_TIMEOUT_SECONDS):
                await self._slots.acquire()
                try:
                    return await self._pool.acquire()
                except BaseException:
                    self._slots.release()
                    raise

    async def release(self, connection: "PoolConnectionProxy[Any]") -> None:
        """Returns a connection to the pool."""
        try:
            await self._pool.release(connection)
        finally:
            self._slots.release()

    def terminate(self) -> None:
        """Cuts all connections at once."""
        self._pool.terminate()

    async def close(self) -> None:
        """Waits a few seconds for connections in use, then closes them."""
        try:
            async with asyncio.timeout(5):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()
