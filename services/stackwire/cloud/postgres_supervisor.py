"""Restarts a running cloud's own PostgreSQL whenever it dies; committed data survives."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import TypeVar

from stackwire.cloud.postgres import EmbeddedPostgres, PostgresError

log = logging.getLogger(__name__)
T = TypeVar("T")

LIVENESS_POLL_SECONDS = 0.25
FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.5, 30.0
"""Between failed starts: a disk may be full for a while."""


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


async def _supervise(server: EmbeddedPostgres) -> None:
    while True:
        await asyncio.sleep(LIVENESS_POLL_SECONDS)
        try:
            pid = await _finish_thread(asyncio.create_task(asyncio.to_thread(lambda: server.pid)))
        except OSError as error:  # a shortage here says nothing about the server
            log.debug("whether PostgreSQL lives cannot be told: %s", error)
            continue
        if pid is None:
            log.warning("PostgreSQL died; it is started again")
            await _restart(server)
            log.warning("PostgreSQL runs again, as process %s", server.pid)


async def _restart(server: EmbeddedPostgres) -> None:
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            return await _finish_thread(asyncio.create_task(asyncio.to_thread(server.start)))
        except (PostgresError, OSError) as error:
            log.error("PostgreSQL cannot be started again: %s", error)
        await asyncio.sleep(pause)
        pause = min(pause * 2, MAX_PAUSE_SECONDS)


async def _finish_thread(work: asyncio.Task[T]) -> T:
    """Waits for a thread even when cancelled: it would run on, and collide with the stop of the server."""
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait({work})
        raise
