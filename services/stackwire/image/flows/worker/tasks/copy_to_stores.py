"""An image that is active comes into more stores: ``copy-image``, and what is left of an import once one store has it.

Each copy is named before its first byte, and counts when its last one is there; where all must succeed, all count at
once. Whatever goes wrong, the image is as it was but for copies that counted.
"""

from datetime import timedelta

from stackwire.core.context import RequestContext
from stackwire.core.errors import Unavailable
from stackwire.db.pool import Database
from stackwire.image.backends.stores import Stores
from stackwire.image.db import locations, tasks
from stackwire.image.domain.errors import StorageFull, TaskAborted, Vanished
from stackwire.image.domain.imports import COPY
from stackwire.image.domain.tasks import Ending
from stackwire.image.flows.api.store_removal import clear
from stackwire.image.flows.worker.tasks.data_source import Work
from stackwire.image.flows.worker.tasks.failures import failed
from stackwire.image.flows.worker.tasks.progress import Watch
from stackwire.image.onion.port import Images, Step


class Spreading:
    """``task_life``: how long a task is kept after its end."""

    def __init__(
        self, database: Database, images: Images, files: Stores, watch: Watch, *, task_life: timedelta
    ) -> None:
        self._database = database
        self._images = images
        self._files = files
        self._watch = watch
        self._task_life = task_life

    async def run(self, ctx: RequestContext, work: Work) -> None:
        """Into the stores that are left, the first of which is approached already; ends the task."""
        done = await self._watch.while_wanted(ctx, work, self._copy_all(ctx, work))
        async with self._database.work(ctx) as uow:
            if work.task.all_must_succeed and not await locations.complete(uow, work.image.id, done):
                raise Vanished(image_id=work.image.id)
            await self._images.verified(ctx, uow, work.image)
            ending = Ending.well(work.image.id, work.image.size or 0)
            if await self._images.end(ctx, uow, work.task, ending, uow.now + self._task_life) is None:
                raise TaskAborted
        await clear(self._database, ctx, self._files, work.wish.object_name, work.failed)

    async def _copy_all(self, ctx: RequestContext, work: Work) -> list[str]:
        """The stores that have it now. One that does not take it fails the task where all must, or where none did."""
        image, must, copies = work.image, work.task.all_must_succeed, work.method.get("name") == COPY
        done: list[str] = []
        while work.left:
            store, *left = work.left
            try:
                await self._files.copy(work.wish.object_name, image.stores, store, image.checksum, work.count)
            except (StorageFull, Unavailable) as error:
                final = must or (copies and not (left or done))
                work.failed = [*work.task.stores] if final else [*work.failed, store]
                step = Step(store=store, left=() if final else left, failed=work.failed, why=error.message)
                await self._watch.step(ctx, work, step)
                if final:
                    raise
            else:
                done.append(store)
                step = Step(store=store, left=left, failed=work.failed, counts=not must)
                await self._watch.step(ctx, work, step)
            work.left = left
        return done

    async def fail(self, ctx: RequestContext, work: Work, why: str) -> None:
        """What does not count goes again."""
        async with self._database.work(ctx) as uow:
            task = await tasks.get(uow, work.task.id) or work.task
            await failed(ctx, uow, self._images, task, why, uow.now + self._task_life)
        await clear(self._database, ctx, self._files, work.wish.object_name, work.task.stores)
