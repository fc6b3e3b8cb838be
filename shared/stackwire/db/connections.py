"""A connection pool that serves its callers in order."""

import asyncio
import logging
from contextvars import Context
from typing import Any, NamedTuple

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from stackwire.db.errors import mapped

log = logging.getLogger(__name__)

ACQUIRE_TIMEOUT_SECONDS = 30.0
CONNECTION_IDLE_SECONDS = 60.0
POOL_CLOSE_SECONDS = 5.0


class PoolUse(NamedTuple):
    """Connections that may be open and that are in use, and callers that wait for one."""

    size: int
    in_use: int
    waiting: int


class Connections:
    """asyncpg's pool behind a fair queue, and connections in use again without its ceremony.

    The pool alone lets a caller that arrives just when a connection is released pass those who wait: under load some
    would wait a hundred times as long as others. And each return to it is a task of its own: one that came back well
    is kept here for the next caller, and returns to the pool when nobody has needed it for ``idle`` seconds.
    """

    def __init__(self, pool: "asyncpg.Pool[Any]", size: int, idle: float = CONNECTION_IDLE_SECONDS) -> None:
        self._pool = pool
        self._idle = idle
        self._slots = asyncio.Semaphore(size)
        self._size = size
        self._in_use = 0
        self._waiting = 0
        self._free: list[PoolConnectionProxy[Any]] = []
        self._unused = 0
        self._timer: asyncio.TimerHandle | None = None
        self._returning: set[asyncio.Task[None]] = set()
        self._closing = False

    @property
    def use(self) -> PoolUse:
        """How busy it is now."""
        return PoolUse(self._size, self._in_use, self._waiting)

    async def acquire(self) -> "PoolConnectionProxy[Any]":
        """A connection. Raises DatabaseUnavailable, also when none is free within ACQUIRE_TIMEOUT_SECONDS."""
        if self._free and not self._slots.locked():
            await self._slots.acquire()  # does not wait
            if (ready := self._kept()) is not None:
                self._in_use += 1
                return ready
            self._slots.release()
        with mapped():
            async with asyncio.timeout(ACQUIRE_TIMEOUT_SECONDS):
                self._waiting += 1
                try:
                    await self._slots.acquire()
                finally:
                    self._waiting -= 1
                try:
                    connection = self._kept() or await self._acquire()
                except BaseException:
                    self._slots.release()
                    raise
                self._in_use += 1
                return connection

    def _kept(self) -> "PoolConnectionProxy[Any] | None":
        """The one that was used last, if it still is open."""
        while self._free:
            connection = self._free.pop()
            self._unused = min(self._unused, len(self._free))
            if _is_reusable(connection):
                return connection
            self._return(connection)
        return None

    async def _acquire(self) -> "PoolConnectionProxy[Any]":
        """A connection that cannot be opened in time on a busy machine is tried again while the caller may wait."""
        while True:
            try:
                return await self._pool.acquire()
            except TimeoutError:
                log.warning("PostgreSQL let nobody in within the time of a connection; once more")

    async def release(self, connection: "PoolConnectionProxy[Any]", *, failed: bool = False) -> None:
        """Gives a connection back. ``failed``: its use ended with an error, after which asyncpg cleans up."""
        try:
            if failed or self._closing or not _is_reusable(connection):
                await self._pool.release(connection)
            else:
                self._free.append(connection)
                if self._timer is None:
                    self._watch_idle()
        finally:
            self._in_use -= 1
            self._slots.release()

    def _watch_idle(self) -> None:
        self._unused = len(self._free)
        self._timer = asyncio.get_running_loop().call_later(self._idle, self._return_idle)

    def _return_idle(self) -> None:
        """Those that were in nobody's hands all the time."""
        self._timer = None
        idle, self._free = self._free[: self._unused], self._free[self._unused :]
        for connection in idle:
            self._return(connection)
        if self._free:
            self._watch_idle()

    def _return(self, connection: "PoolConnectionProxy[Any]") -> None:
        task = asyncio.get_running_loop().create_task(self._pool.release(connection), context=Context())
        self._returning.add(task)
        task.add_done_callback(self._returning.discard)

    def terminate(self) -> None:
        """Cuts all connections at once."""
        self._keep_no_more()
        self._free.clear()
        self._pool.terminate()

    def _keep_no_more(self) -> None:
        self._closing = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def close(self) -> None:
        """Waits a few seconds for connections in use, then closes them. However it ends, none is open afterwards."""
        self._keep_no_more()
        try:
            async with asyncio.timeout(POOL_CLOSE_SECONDS):
                while self._free:
                    await self._pool.release(self._free.pop())
                await asyncio.gather(*self._returning, return_exceptions=True)
                await self._pool.close()
        except TimeoutError:
            pass
        finally:
            self._pool.terminate()


def _is_reusable(connection: "PoolConnectionProxy[Any]") -> bool:
    """Whether it is open and nothing is under way on it. The pool takes back by itself what the server closed."""
    try:
        return not (connection.is_closed() or connection.is_in_transaction())
    except asyncpg.InterfaceError:
        return False
