"""How tasks end badly: for what reason, as a client may read it, and said until it is heard."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from stackwire.core.context import RequestContext
from stackwire.core.errors import Forbidden, ServiceError
from stackwire.db.pool import DatabaseUnavailable
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.domain.errors import ImageNotFound
from stackwire.image.domain.tasks import LEGACY_IMPORT, Ending, Task
from stackwire.image.onion.port import Images

log = logging.getLogger(__name__)
T = TypeVar("T")

FIRST_PAUSE, LONGEST_PAUSE, PATIENCE = 0.1, 5.0, 60.0
INTERNAL = "Task failed due to Internal Error"


async def failed(
    ctx: RequestContext, uow: UnitOfWork, images: Images, task: Task, why: str, forget_at: datetime
) -> None:
    """The task ends, and an image that it made goes; what was made protected stays, queued."""
    ended = await images.end(ctx, uow, task, Ending.badly(why), forget_at)
    if ended is None or task.type != LEGACY_IMPORT or task.image_id is None:
        return
    try:
        await images.delete(ctx, uow, await images.get(ctx, uow, task.image_id))
    except (ImageNotFound, Forbidden):
        return


def reason(error: BaseException) -> str:
    """For the task's message: what a client may read."""
    if isinstance(error, ServiceError):
        return error.message
    if isinstance(error, Exception):
        log.error("a task failed", exc_info=error)
        return INTERNAL
    return "The import was cut off."


async def insisting(tell: Callable[[], Awaitable[T]]) -> T:
    """Says it to the database, and again while that is away: nobody else would."""
    clock = asyncio.get_running_loop().time
    until, pause = clock() + PATIENCE, FIRST_PAUSE
    while True:
        try:
            return await tell()
        except DatabaseUnavailable:
            if clock() >= until:
                raise
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
