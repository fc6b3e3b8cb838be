"""The connections to a database, given out in the order they are asked for."""

import asyncio
from typing import Any

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from stackwire.db.errors import mapped

ACQUIRE_SECONDS = 30.0


class Connections:
    """asyncpg's pool behind a queue that is fair.

    The pool's own lets whoever comes just when a connection is given back pass those who wait: under load some would
    wait a hundred times as long as others.
    """

    def __init__(self, pool: "asyncpg.Pool[Any]", size: int) -> None:
        self._pool = pool
        self._turns = asyncio.Semaphore(size)

    async def acquire(self) -> "PoolConnectionProxy[Any]":
        """Raises DatabaseUnavailable, also when none is free for too long."""
        with mapped():
            async with asyncio.timeout(ACQUIRE_SECONDS):
                await self._turns.acquire()
                try:
                    return await self._pool.acquire()
                except BaseException:
                    self._turns.release()
                    raise

    async def release(self, connection: "PoolConnectionProxy[Any]") -> None:
        try:
            await self._pool.release(connection)
        finally:
            self._turns.release()

    async def close(self) -> None:
        """Waits a little for connections in use, then cuts them."""
        try:
            async with asyncio.timeout(5):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()
