"""Cleans up after workers that died: their uploads and imports go back to queued, their tasks fail; bytes nobody has a
use for go away, and so do tasks whose time is over.
"""

import asyncio
import logging
from datetime import timedelta

from stackwire.core.context import system_context
from stackwire.db.pool import Database
from stackwire.image.backends.staging import Staging
from stackwire.image.backends.stores import Stores
from stackwire.image.db import tasks, uploads
from stackwire.image.db.uploads import Stuck
from stackwire.image.flows.api.store_removal import clear
from stackwire.image.flows.hands import Hands
from stackwire.image.flows.worker.tasks.failures import failed
from stackwire.image.onion.port import Images

log = logging.getLogger(__name__)


GONE = "The worker is gone."
AT_ONCE = 1000  # tasks forgotten in one transaction


class Sweeper:
    """``address``: where this worker serves; ``silence``: after which a worker counts as dead."""

    def __init__(
        self,
        database: Database,
        images: Images,
        files: Stores,
        staging: Staging,
        hands: Hands,
        *,
        worker: str,
        address: str,
        silence: float,
        task_hours: float,
    ) -> None:
        self._database = database
        self._images = images
        self._files = files
        self._staging = staging
        self._hands = hands
        self._worker = worker
        self._address = address
        self._silence = timedelta(seconds=silence)
        self._task_life = timedelta(hours=task_hours)
        self._ctx = system_context("image")

    async def heartbeat(self) -> None:
        """This worker lives; and what dead ones left is taken over, and what it let go of itself while nobody heard."""
        async with self._database.work(self._ctx) as uow:
            await uploads.seen(uow, self._worker, self._address)
        async with self._database.work(self._ctx) as uow:
            found = await uploads.stuck(uow, self._silence, self._worker)
            stuck = [upload for upload in found if not (upload.mine and upload.mark in self._hands)]
            for upload in stuck:
                await self._images.release(self._ctx, uow, upload.as_image(), GONE)
            for task, mine in await tasks.left_behind(uow, self._silence, self._worker):
                if mine and task.id in self._hands:
                    continue
                log.warning("the task %s was left behind", task.id)
                await failed(self._ctx, uow, self._images, task, GONE, uow.now + self._task_life)
        for upload in stuck:
            log.warning("the upload of %s was left behind; it is queued again", upload.id)
        try:
            async with asyncio.timeout(self._silence.total_seconds() / 3):  # who waits longer is taken for dead
                await asyncio.gather(*map(self._remove, stuck))
        except TimeoutError:
            log.warning("what was left behind could not be removed in time: the sweep comes back to it")

    async def _remove(self, upload: Stuck) -> None:
        """Names are given once: nothing that comes later is in danger of what does not come to its end here."""
        if upload.object is not None:
            await self._files.remove(upload.object)
        if upload.staged is not None:
            await self._staging.remove(upload.staged)

    async def orphans(self) -> None:
        """The disk is read first; everything written later has been named in a row before its first byte."""
        there, staged = await self._files.names(), await self._staging.names()
        if not any(there.values()) and not staged:
            return
        async with self._database.read() as db:
            named = await uploads.named_objects(db)
            places = await uploads.named_places(db)
        for store, objects in there.items():
            for name in objects:
                if name in named and (name not in places or store in places[name]):
                    continue
                log.warning("nobody has a use for %s in the store %s; it is removed", name, store)
                if name in named:
                    await clear(self._database, self._ctx, self._files, name, [store])
                else:
                    await self._files.remove(name, [store])
        for name in staged - named:
            log.warning("nobody has a use for %s in staging; it is removed", name)
            await self._staging.remove(name)

    async def forget(self) -> None:
        """Tasks are forgotten some time after their end."""
        async with self._database.work(self._ctx) as uow:
            await self._images.forget(self._ctx, uow, AT_ONCE)
