"""Delayed deletion: the bytes of deleted images are removed some time after their rows were marked, unless restored.

Source: ``glance/scrubber.py``. As there, no notification is emitted.
"""

import asyncio
import logging
from collections.abc import Iterable
from datetime import timedelta

from stackwire.core.context import system_context
from stackwire.core.errors import ServiceError
from stackwire.db.errors import DatabaseUnavailable
from stackwire.db.pool import Database
from stackwire.image.backends.stores import Stores
from stackwire.image.db import scrubbing
from stackwire.image.domain.errors import ImageNotFound, NotRestorable
from stackwire.image.domain.states import PENDING_DELETE

log = logging.getLogger(__name__)


class Scrubber:
    """``scrub_time``: seconds for which a deleted image can be restored; ``pool_size``: images scrubbed at once."""

    def __init__(self, database: Database, stores: Stores, *, scrub_time: int, pool_size: int) -> None:
        self._database = database
        self._stores = stores
        self._scrub_time = timedelta(seconds=scrub_time)
        self._pool_size = pool_size
        self._ctx = system_context("image")

    async def scrub(self) -> None:
        """The images whose time is over; one that fails is tried again next time."""
        async with self._database.read() as session:
            due = await scrubbing.due(session, self._database.clock.now() - self._scrub_time)
        waiting = iter(due)
        await asyncio.gather(*(self._scrub_all(waiting) for _ in range(min(self._pool_size, len(due)))))

    async def _scrub_all(self, waiting: Iterable[str]) -> None:
        for image_id in waiting:
            try:
                await self._scrub(image_id)
            except DatabaseUnavailable:
                raise
            except (ServiceError, OSError) as error:
                log.warning("the image %s could not be scrubbed: %s", image_id, error)

    async def _scrub(self, image_id: str) -> None:
        """First the rows are marked, then the bytes are removed, then the rows: each step may be repeated."""
        async with self._database.work(self._ctx) as uow:
            image = await scrubbing.lock(uow, image_id)
            if image is None or image.status != PENDING_DELETE:
                return
            await scrubbing.begin(uow, image_id)
        if image.object is not None:
            await self._stores.remove(image.object, image.stores)
            if await self._stores.have(image.object, image.stores):
                log.warning("the image %s is still in a store; it stays pending_delete", image_id)
                return
        async with self._database.work(self._ctx) as uow:
            if await scrubbing.finish(uow, image_id):
                log.info("the image %s is scrubbed", image_id)


async def restore(database: Database, image_id: str) -> None:
    """Restores a deleted image, with its data, properties, tags and members.

    Raises ImageNotFound, and NotRestorable when it does not wait to be scrubbed, or is being scrubbed.
    """
    async with database.work(system_context("image")) as uow:
        image = await scrubbing.lock(uow, image_id)
        if image is None:
            raise ImageNotFound(image_id=image_id)
        if image.status != PENDING_DELETE:
            raise NotRestorable(image_id=image_id, reason=f"it is {image.status}, not {PENDING_DELETE}")
        if image.scrubbing:
            raise NotRestorable(image_id=image_id, reason="its data is being removed")
        await scrubbing.restore(uow, image)
