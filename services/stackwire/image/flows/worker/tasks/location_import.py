"""``location_import``: an image's data stays where a URL says, and what its bytes are is worked out here.

What the client said of them is verified before the image is active, where there is anything to verify; otherwise it is
active at once and gets its digests later, if they can be had. Source: ``glance/async_/flows/location_import.py``.
"""

import asyncio
import hashlib
import logging
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, Unavailable
from stackwire.db.pool import Database
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.backends.stores import Stores
from stackwire.image.db import imports, tasks
from stackwire.image.domain.errors import DownloadFailed, TaskAborted, Vanished
from stackwire.image.domain.location_patch import activated
from stackwire.image.domain.locations import HASH
from stackwire.image.domain.states import IMPORTING
from stackwire.image.domain.tasks import Ending
from stackwire.image.flows.worker.tasks.data_source import Work
from stackwire.image.flows.worker.tasks.failures import failed
from stackwire.image.flows.worker.tasks.progress import Watch
from stackwire.image.onion.port import Images

log = logging.getLogger(__name__)

_CHUNK = 1024**2


class Locating:
    """``secure``: whether digests are worked out; ``tries``: how often, before they cannot be had."""

    def __init__(
        self,
        database: Database,
        images: Images,
        files: Stores,
        watch: Watch,
        *,
        secure: bool,
        tries: int,
        task_life: timedelta,
    ) -> None:
        self._database = database
        self._images = images
        self._files = files
        self._watch = watch
        self._secure = secure
        self._tries = max(tries, 1)
        self._task_life = task_life

    async def run(self, ctx: RequestContext, work: Work) -> None:
        """Ends the task well. Raises ServiceError where the image must be queued again."""
        told: Mapping[str, str] = work.method["validation_data"]
        verify = self._secure and bool(told)
        place, size = await self._files.elsewhere(ctx, work.method["loc_url"], {})
        placed = replace(work.image, locations=[place], size=size)
        becomes = replace(placed, status=IMPORTING) if verify else activated(placed, {} if self._secure else told)
        async with self._database.work(ctx) as uow:
            if await imports.locked_by(uow, work.image.id) != work.task.id:
                raise TaskAborted
            work.image = await self._images.place(ctx, uow, work.image, becomes)
            if not self._secure:
                await self._end(ctx, uow, work)
        if verify:
            await self._verify(ctx, work, told)
        elif self._secure:
            await self._digest(ctx, work)

    async def _verify(self, ctx: RequestContext, work: Work, told: Mapping[str, str]) -> None:
        found = await self._watch.while_wanted(ctx, work, self._digests(ctx, work, told["os_hash_algo"]))
        if found is None:
            raise DownloadFailed(f"Hash calculation failed for image {work.image.id} data")
        said, actual = told["os_hash_value"].lower(), found["os_hash_value"]
        if said != actual:
            raise BadRequest(f"os_hash_value: ({said}) not matched with actual os_hash_value: ({actual})")
        async with self._database.work(ctx) as uow:
            now = await self._images.get(ctx, uow, work.image.id)
            await self._images.place(ctx, uow, now, activated(now, found))
            await self._end(ctx, uow, work)

    async def _digest(self, ctx: RequestContext, work: Work) -> None:
        """The image is active whether or not they can be had."""
        found = await self._watch.while_wanted(ctx, work, self._digests(ctx, work, HASH))
        async with self._database.work(ctx) as uow:
            if found is not None:
                await self._images.digest(ctx, uow, work.image, found)
            await self._end(ctx, uow, work)

    async def _digests(self, ctx: RequestContext, work: Work, algorithm: str) -> dict[str, str] | None:
        """The bytes' digests under the names of the image's attributes; None when the bytes cannot be had."""
        for number in range(self._tries):
            try:
                return await self._read(ctx, work, algorithm)
            except (OSError, Unavailable) as error:
                log.warning(
                    "[%i/%i] the hash of the image %s failed: %s", number + 1, self._tries, work.image.id, error
                )
        return None

    async def _read(self, ctx: RequestContext, work: Work, algorithm: str) -> dict[str, str]:
        md5, digest = hashlib.md5(usedforsecurity=False), hashlib.new(algorithm, usedforsecurity=False)
        left = work.image.size or 0
        work.came = 0

        def eat(chunk: bytes) -> None:
            md5.update(chunk)
            digest.update(chunk)

        with closing(await self._files.data(ctx, work.image, 0, left)) as data:
            while chunk := await data.read(_CHUNK):
                await asyncio.to_thread(eat, chunk)
                work.count(len(chunk))
        if work.came != left:
            raise OSError(f"{work.came} of {left} bytes came")
        return {"checksum": md5.hexdigest(), "os_hash_algo": algorithm, "os_hash_value": digest.hexdigest()}

    async def _end(self, ctx: RequestContext, uow: UnitOfWork, work: Work) -> None:
        ending = Ending.well(work.image.id, work.image.size or 0)
        if await self._images.end(ctx, uow, work.task, ending, uow.now + self._task_life) is None:
            raise Vanished(image_id=work.image.id)

    async def fail(self, ctx: RequestContext, work: Work, why: str) -> None:
        """The task ends, and with it what it said of an image that is not active."""
        async with self._database.work(ctx) as uow:
            task = await tasks.get(uow, work.task.id) or work.task
            await failed(ctx, uow, self._images, task, why, uow.now + self._task_life)
