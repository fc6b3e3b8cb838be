"""How tasks fail: with a reason that a client may read, and as soon as the database is there."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from stackwire.core.context import RequestContext
from stackwire.core.errors import Forbidden, ServiceError
from stackwire.db.errors import DatabaseUnavailable
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.domain.errors import ImageNotFound
from stackwire.image.domain.tasks import LEGACY_IMPORT, Task, TaskOutcome
from stackwire.image.flows.deps import FlowDeps

log = logging.getLogger(__name__)
T = TypeVar("T")

FIRST_RETRY_SECONDS: Final = 0.1
MAX_RETRY_SECONDS: Final = 5.0
RETRY_TIMEOUT_SECONDS: Final = 60.0
INTERNAL_ERROR: Final = "Task failed due to Internal Error"


async def fail_task(ctx: RequestContext, uow: UnitOfWork, deps: FlowDeps, task: Task, reason: str) -> None:
    """The task has failed, and an image that it created is deleted; one that is protected stays, queued."""
    outcome = TaskOutcome.failure(reason)
    finished = await deps.onion.tasks.finish(ctx, uow, task, outcome, uow.now + deps.task_lifetime)
    if finished is None or task.type != LEGACY_IMPORT or task.image_id is None:
        return
    try:
        await deps.onion.images.delete(ctx, uow, await deps.onion.images.get(ctx, uow, task.image_id))
    except (ImageNotFound, Forbidden):
        return


def public_reason(error: BaseException) -> str:
    """The task's message: without details of an error that is the service's own."""
    if isinstance(error, ServiceError):
        return error.message
    if isinstance(error, Exception):
        log.error("a task failed", exc_info=error)
        return INTERNAL_ERROR
    return "The import was cut off."


async def retry_until_database(write: Callable[[], Awaitable[T]]) -> T:
    """Repeats a transaction for up to RETRY_TIMEOUT_SECONDS while the database is away."""
    clock = asyncio.get_running_loop().time
    deadline, pause = clock() + RETRY_TIMEOUT_SECONDS, FIRST_RETRY_SECONDS
    while True:
        try:
            return await write()
        except DatabaseUnavailable:
            if clock() >= deadline:
                raise
            await asyncio.sleep(pause)
            pause = min(pause * 2, MAX_RETRY_SECONDS)
