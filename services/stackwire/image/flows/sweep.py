"""Cleans up after workers that died: their uploads go back to queued, and bytes nobody has a use for go away."""

import logging
from datetime import timedelta

from stackwire.core.context import system_context
from stackwire.db.pool import Database
from stackwire.image.backends.files import FileStore
from stackwire.image.db import uploads
from stackwire.image.onion.port import Images

log = logging.getLogger(__name__)


class Sweeper:
    """``address``: where this worker serves; ``silence``: after which a worker counts as dead."""

    def __init__(
        self, database: Database, images: Images, files: FileStore, *, worker: str, address: str, silence: float
    ) -> None:
        self._database = database
        self._images = images
        self._files = files
        self._worker = worker
        self._address = address
        self._silence = timedelta(seconds=silence)
        self._ctx = system_context("image")

    async def heartbeat(self) -> None:
        """This worker lives; and what dead ones left is taken over."""
        async with self._database.work(self._ctx) as uow:
            await uploads.seen(uow, self._worker, self._address)
        async with self._database.work(self._ctx) as uow:
            stuck = await uploads.stuck(uow, self._silence)
            for upload in stuck:
                image = upload.as_image()
                await self._images.release(self._ctx, uow, image, "The upload's worker is gone.")
        for upload in stuck:
            log.warning("the upload of %s was left behind; it is queued again", upload.id)
            await self._files.remove(upload.object)

    async def orphans(self) -> None:
        """The store is read first; every object written later has been named in a row before its first byte."""
        there = await self._files.names()
        if not there:
            return
        async with self._database.read() as db:
            named = await uploads.named_objects(db)
        for name in there - named:
            log.warning("nobody has a use for %s in the store; it is removed", name)
            await self._files.remove(name)
