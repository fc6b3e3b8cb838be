"""What a crash left: uploads and imports whose worker died are aborted and their tasks fail; objects that no row names
are removed, and so are tasks whose time is over.
"""

import asyncio
import logging
from typing import Final

from stackwire.core.context import system_context
from stackwire.core.states import Verb
from stackwire.image.db import recovery as rows
from stackwire.image.db import tasks
from stackwire.image.domain.image import Image, ImageRow
from stackwire.image.domain.states import QUEUED, ImageStates
from stackwire.image.flows.deps import FlowDeps
from stackwire.image.flows.stored_objects import delete_unreferenced
from stackwire.image.flows.worker.tasks.failures import fail_task

log = logging.getLogger(__name__)

WORKER_DIED: Final = "The worker died."
EXPIRE_LIMIT: Final = 1000
"""Tasks deleted in one transaction."""


class Recovery:
    """Sweeps that every process of the service runs; ``abort_orphans`` also runs at its start."""

    def __init__(self, deps: FlowDeps) -> None:
        self._deps = deps
        self._ctx = system_context("image")

    async def abort_orphans(self) -> None:
        """Aborts the uploads, and fails the tasks, that no living process holds; the state tables say into what."""
        deps = self._deps
        async with deps.database.work(self._ctx) as uow:
            images = await rows.lock_orphans(uow, deps.leases)
            for image in images:
                await deps.onion.data.abort(self._ctx, uow, _claimed(image), WORKER_DIED, _status_after_crash(image))
            for task in await tasks.lock_orphans(uow, deps.leases):
                log.warning("the worker of task %s died", task.id)
                await fail_task(self._ctx, uow, deps, task, WORKER_DIED)
        for image in images:
            log.warning("the worker of the upload of %s died; the image is queued again", image.id)
        try:
            async with asyncio.timeout(deps.leases.ttl.total_seconds() / 3):
                await asyncio.gather(*map(self._remove, images))
        except TimeoutError:
            log.warning("objects of dead workers could not be removed in time: the next sweep removes them")

    async def _remove(self, image: ImageRow) -> None:
        """Names are unique: nothing that is written later can be removed here."""
        if image.object is not None:
            await self._deps.stores.remove(image.object)
        if image.staged is not None:
            await self._deps.staging.remove(image.staged)

    async def remove_orphaned_objects(self) -> None:
        """Lists the disk first: everything written later is named in a row before its first byte."""
        deps = self._deps
        stored, staged = await deps.stores.names(), await deps.staging.names()
        if not any(stored.values()) and not staged:
            return
        async with deps.database.read() as session:
            named = await rows.named_objects(session)
            stores = await rows.named_stores(session)
        for store, objects in stored.items():
            for name in objects:
                if name not in named:
                    log.warning("no image names the object %s in the store %s; it is removed", name, store)
                    await deps.stores.remove(name, [store])
                elif name in stores and store not in stores[name]:
                    log.warning("no location names the object %s in the store %s; it is removed", name, store)
                    await delete_unreferenced(deps.database, self._ctx, deps.stores, name, [store])
        for name in staged - named:
            log.warning("no image names %s in staging; it is removed", name)
            await deps.staging.remove(name)

    async def expire_tasks(self) -> None:
        """Deletes tasks some time after their end."""
        async with self._deps.database.work(self._ctx) as uow:
            await self._deps.onion.tasks.expire(self._ctx, uow, EXPIRE_LIMIT)


def _claimed(row: ImageRow) -> Image:
    """As much of the image as aborting its upload takes."""
    return Image(id=row.id, status=row.status, object=row.object, staged=row.staged)


def _status_after_crash(row: ImageRow) -> str:
    """The goal of the verb that the state table has for it; a deleted image stays deleted, whatever the status."""
    verb = ImageStates.after_crash(row)
    return next(filter(None, verb.to["status"] or ()), QUEUED) if isinstance(verb, Verb) else QUEUED
