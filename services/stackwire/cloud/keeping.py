"""A running cloud's own PostgreSQL is started again whenever it dies; its data is what was committed."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import TypeVar

from stackwire.cloud.postgres import EmbeddedPostgres, PostgresError

log = logging.getLogger(__name__)
T = TypeVar("T")

LOOK_SECONDS = 0.25
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""After a start that failed: a disk may be full for a while."""


@contextlib.asynccontextmanager
async def kept(server: EmbeddedPostgres | None) -> AsyncIterator[None]:
    """The server runs as long as this is open, as far as that can be had; None is somebody else's to keep."""
    if server is None:
        yield
        return
    keeping = asyncio.create_task(_keep(server))
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


async def _keep(server: EmbeddedPostgres) -> None:
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        if await _to_its_end(asyncio.create_task(asyncio.to_thread(lambda: server.pid))) is None:
            log.warning("PostgreSQL died; it is started again")
            await _revive(server)
            log.warning("PostgreSQL runs again, as process %s", server.pid)


async def _revive(server: EmbeddedPostgres) -> None:
    pause = FIRST_PAUSE
    while True:
        try:
            return await _to_its_end(asyncio.create_task(asyncio.to_thread(server.start)))
        except (PostgresError, OSError) as error:
            log.error("PostgreSQL cannot be started again: %s", error)
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


async def _to_its_end(work: asyncio.Task[T]) -> T:
    """A thread goes on when nobody waits for it any more: whoever stops the server next must not meet it."""
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait({work})
        raise
