"""``location_import``: an image's data stays where a URL says, and the digests of its bytes are computed here.

Digests that the client has given are verified before the image is active; otherwise it is active at once and gets its
digests later, if the bytes can be read. Source: ``glance/async_/flows/location_import.py``.
"""

import logging
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace

from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, Unavailable
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.backends.digests import CHECKSUM, Digests
from stackwire.image.db import imports, tasks
from stackwire.image.domain.errors import DownloadFailed, TaskAborted, Vanished
from stackwire.image.domain.location_patch import activated
from stackwire.image.domain.locations import HASH
from stackwire.image.domain.states import IMPORTING
from stackwire.image.domain.tasks import TaskOutcome
from stackwire.image.flows.deps import FlowDeps
from stackwire.image.flows.worker.tasks.failures import fail_task
from stackwire.image.flows.worker.tasks.job import ImportJob
from stackwire.image.flows.worker.tasks.progress import ProgressMonitor

log = logging.getLogger(__name__)

_DIGEST_READ_BYTES = 4 * 1024**2


class LocationImport:
    """``secure_hash``: whether digests are computed, in up to ``tries`` attempts."""

    def __init__(self, deps: FlowDeps, progress: ProgressMonitor, *, secure_hash: bool, tries: int) -> None:
        self._deps = deps
        self._locations = deps.onion.locations
        self._progress = progress
        self._secure_hash = secure_hash
        self._tries = max(tries, 1)

    async def run(self, ctx: RequestContext, job: ImportJob) -> None:
        """Ends the task with success. Raises ServiceError where the image must be queued again."""
        expected: Mapping[str, str] = job.method["validation_data"]
        verify = self._secure_hash and bool(expected)
        location, size = await self._deps.stores.elsewhere(ctx, job.method["loc_url"], {})
        located = replace(job.image, locations=[location], size=size)
        if verify:
            target = replace(located, status=IMPORTING)
        else:
            target = activated(located, {} if self._secure_hash else expected)
        async with self._deps.database.work(ctx) as uow:
            if await imports.locked_by(uow, job.image.id) != job.task.id:
                raise TaskAborted
            image = await self._locations.set_locations(ctx, uow, job.image, target)
            job = replace(job, upload=replace(job.upload, image=image))
            if not self._secure_hash:
                await self._finish(ctx, uow, job)
        if verify:
            await self._verify(ctx, job, expected)
        elif self._secure_hash:
            await self._add_digests(ctx, job)

    async def _verify(self, ctx: RequestContext, job: ImportJob, expected: Mapping[str, str]) -> None:
        """The image is active once its digest is what the client has given."""
        transfer = self._digests(ctx, job, expected["os_hash_algo"])
        found = await self._progress.run_while_wanted(ctx, job, transfer)
        if found is None:
            raise DownloadFailed(f"Hash calculation failed for image {job.image.id} data")
        given, actual = expected["os_hash_value"].lower(), found["os_hash_value"]
        if given != actual:
            raise BadRequest(f"os_hash_value: ({given}) not matched with actual os_hash_value: ({actual})")
        async with self._deps.database.work(ctx) as uow:
            image = await self._deps.onion.images.get(ctx, uow, job.image.id)
            await self._locations.set_locations(ctx, uow, image, activated(image, found))
            await self._finish(ctx, uow, job)

    async def _add_digests(self, ctx: RequestContext, job: ImportJob) -> None:
        """The image stays active without digests when its bytes cannot be read."""
        found = await self._progress.run_while_wanted(ctx, job, self._digests(ctx, job, HASH))
        async with self._deps.database.work(ctx) as uow:
            if found is not None:
                await self._locations.set_digests(ctx, uow, job.image, found)
            await self._finish(ctx, uow, job)

    async def _digests(self, ctx: RequestContext, job: ImportJob, algorithm: str) -> dict[str, str] | None:
        """The bytes' digests under the names of the image's attributes; None when the bytes cannot be read."""
        for number in range(1, self._tries + 1):
            try:
                return await self._read(ctx, job, algorithm)
            except (OSError, Unavailable) as error:
                log.warning("[%i/%i] the hash of the image %s failed: %s", number, self._tries, job.image.id, error)
        return None

    async def _read(self, ctx: RequestContext, job: ImportJob, algorithm: str) -> dict[str, str]:
        digests, size = Digests(CHECKSUM, algorithm), job.image.size or 0
        job.counter.count = 0
        with closing(await self._deps.stores.data(ctx, job.image, 0, size)) as data:
            while chunk := await data.read(_DIGEST_READ_BYTES):
                await digests.update(chunk)
                job.counter.add(len(chunk))
            await digests.finish()
        if job.counter.count != size:
            raise OSError(f"{job.counter.count} of {size} bytes were received")
        value = digests.hexdigest(algorithm)
        return {"checksum": digests.hexdigest(CHECKSUM), "os_hash_algo": algorithm, "os_hash_value": value}

    async def _finish(self, ctx: RequestContext, uow: UnitOfWork, job: ImportJob) -> None:
        outcome = TaskOutcome.success(job.image.id, job.image.size or 0)
        expires_at = uow.now + self._deps.task_lifetime
        if await self._deps.onion.tasks.finish(ctx, uow, job.task, outcome, expires_at) is None:
            raise Vanished(image_id=job.image.id)

    async def fail(self, ctx: RequestContext, job: ImportJob, reason: str) -> None:
        """The task ends, and an image that is not active yet is queued again."""
        async with self._deps.database.work(ctx) as uow:
            task = await tasks.TABLE.get(uow, job.task.id) or job.task
            await fail_task(ctx, uow, self._deps, task, reason)
