"""Restarts a running cloud's own PostgreSQL whenever it dies; committed data survives."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from typing import TypeVar

from stackwire.cloud.postgres import EmbeddedPostgres, PostgresError

log = logging.getLogger(__name__)
T = TypeVar("T")

LIVENESS_POLL_SECONDS = 0.25
FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.5, 30.0
"""Between failed starts: a disk may be full for a while."""
DIED, RUNS_AGAIN = "PostgreSQL died; it is started again", "PostgreSQL runs again, as process %s"
STAYS_AWAY = "PostgreSQL cannot be started again: %s"
UNKNOWN = "whether PostgreSQL lives cannot be told: %s"


@contextlib.asynccontextmanager
async def supervised(server: EmbeddedPostgres | None) -> AsyncIterator[None]:
    """Restarts the server while the block runs; None, for a server that is not the cloud's own, does nothing."""
    if server is None:
        yield
        return
    supervising = asyncio.create_task(_supervise(server))
    try:
        yield
    finally:
        supervising.cancel()
        await asyncio.gather(supervising, return_exceptions=True)


class Watch:
    """The same for a process without an event loop, which calls ``look`` a few times a second."""

    def __init__(self, server: EmbeddedPostgres | None) -> None:
        self._server = server
        self._not_before, self._pause = 0.0, FIRST_PAUSE_SECONDS

    def look(self) -> None:
        if self._server is None or time.monotonic() < self._not_before:
            return
        try:
            if self._server.pid is not None:
                return
        except OSError as error:
            log.debug(UNKNOWN, error)
            return
        log.warning(DIED)
        try:
            self._server.start()
        except (PostgresError, OSError) as error:
            log.error(STAYS_AWAY, error)
            self._not_before = time.monotonic() + self._pause
            self._pause = min(self._pause * 2, MAX_PAUSE_SECONDS)
        else:
            log.warning(RUNS_AGAIN, self._server.pid)
            self._pause = FIRST_PAUSE_SECONDS


async def _supervise(server: EmbeddedPostgres) -> None:
    while True:
        await asyncio.sleep(LIVENESS_POLL_SECONDS)
        try:
            pid = await _finish_thread(asyncio.create_task(asyncio.to_thread(lambda: server.pid)))
        except OSError as error:  # a shortage here says nothing about the server
            log.debug(UNKNOWN, error)
            continue
        if pid is None:
            log.warning(DIED)
            await _restart(server)
            log.warning(RUNS_AGAIN, server.pid)


async def _restart(server: EmbeddedPostgres) -> None:
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            return await _finish_thread(asyncio.create_task(asyncio.to_thread(server.start)))
        except (PostgresError, OSError) as error:
            log.error(STAYS_AWAY, error)
        await asyncio.sleep(pause)
        pause = min(pause * 2, MAX_PAUSE_SECONDS)


async def _finish_thread(work: asyncio.Task[T]) -> T:
    """Waits for a thread even when cancelled: it would run on, and collide with the stop of the server."""
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait({work})
        raise
