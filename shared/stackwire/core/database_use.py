"""What a request does in its service's database, where somebody wants to see it: a lane of its story."""

import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DatabaseUse:
    """``statement``: how it ended: COMMIT or ROLLBACK of a transaction, SELECT of reads outside one.

    ``started`` in seconds since the epoch.
    """

    statement: str
    started: float
    seconds: float


USES: ContextVar[list[DatabaseUse] | None] = ContextVar("USES", default=None)
"""Those of the request under way; None where nobody wants to see them."""


@asynccontextmanager
async def recorded(use: AbstractAsyncContextManager[T], statement: str) -> AsyncIterator[T]:
    """The same, recorded when it is over; ``statement``: of one that does not fail."""
    uses, started, began = USES.get(), time.time(), time.perf_counter()
    ended = "ROLLBACK" if statement == "COMMIT" else statement
    try:
        async with use as opened:
            yield opened
        ended = statement
    finally:
        if uses is not None:
            uses.append(DatabaseUse(ended, started, time.perf_counter() - began))
