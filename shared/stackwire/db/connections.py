"""A connection pool that serves its callers in order."""

import asyncio
import logging
from typing import Any, NamedTuple

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from stackwire.db.errors import mapped

log = logging.getLogger(__name__)

ACQUIRE_TIMEOUT_SECONDS = 30.0


class PoolUse(NamedTuple):
    """Connections that may be open and that are in use, and callers that wait for one."""

    size: int
    in_use: int
    waiting: int


class Connections:
    """asyncpg's pool behind a fair queue.

    The pool alone lets a caller that arrives just when a connection is released pass those who wait: under load some
    would wait a hundred times as long as others.
    """

    def __init__(self, pool: "asyncpg.Pool[Any]", size: int) -> None:
        self._pool = pool
        self._slots = asyncio.Semaphore(size)
        self._size = size
        self._in_use = 0
        self._waiting = 0

    @property
    def use(self) -> PoolUse:
        """How busy it is now."""
        return PoolUse(self._size, self._in_use, self._waiting)

    async def acquire(self) -> "PoolConnectionProxy[Any]":
        """A connection. Raises DatabaseUnavailable, also when none is free within ACQUIRE_TIMEOUT_SECONDS."""
        with mapped():
            async with asyncio.timeout(ACQUIRE_TIMEOUT_SECONDS):
                self._waiting += 1
                try:
                    await self._slots.acquire()
                finally:
                    self._waiting -= 1
                try:
                    connection = await self._acquire()
                except BaseException:
                    self._slots.release()
                    raise
                self._in_use += 1
                return connection

    async def _acquire(self) -> "PoolConnectionProxy[Any]":
        """A connection that cannot be opened in time on a busy machine is tried again while the caller may wait."""
        while True:
            try:
                return await self._pool.acquire()
            except TimeoutError:
                log.warning("PostgreSQL let nobody in within the time of a connection; once more")

    async def release(self, connection: "PoolConnectionProxy[Any]") -> None:
        """Returns a connection to the pool."""
        try:
            await self._pool.release(connection)
        finally:
            self._in_use -= 1
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
