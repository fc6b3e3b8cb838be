"""An active image is copied to more stores: ``copy-image``, and the rest of an import once one store has the bytes.

Each copy is named before its first byte, and becomes readable when its last one is there; where all must succeed, all
copies become readable at once. After a failure the image is as it was, but for copies that are readable.

Source: ``glance/async_/flows/_internal_plugins/copy_image.py``.
"""

from dataclasses import replace

from stackwire.core.context import RequestContext
from stackwire.core.errors import Unavailable
from stackwire.image.db import locations, tasks
from stackwire.image.domain.errors import StorageFull, TaskAborted, Vanished
from stackwire.image.domain.imports import COPY
from stackwire.image.domain.tasks import TaskOutcome
from stackwire.image.flows.deps import FlowDeps
from stackwire.image.flows.stored_objects import delete_unreferenced
from stackwire.image.flows.worker.tasks.failures import fail_task
from stackwire.image.flows.worker.tasks.job import ImportJob
from stackwire.image.flows.worker.tasks.progress import ProgressMonitor
from stackwire.image.onion.port import StoreResult


class CopyToStores:
    """The remaining stores of a job, one after the other."""

    def __init__(self, deps: FlowDeps, progress: ProgressMonitor) -> None:
        self._deps = deps
        self._progress = progress

    async def run(self, ctx: RequestContext, job: ImportJob) -> None:
        """Copies into the remaining stores, the first of which is begun already; ends the task."""
        deps = self._deps
        job, served = await self._progress.run_while_wanted(ctx, job, self._copy_all(ctx, job))
        async with deps.database.work(ctx) as uow:
            if job.task.all_must_succeed and not await locations.complete(uow, job.image.id, served):
                raise Vanished(image_id=job.image.id)
            await deps.onion.locations.finish_import(ctx, uow, job.image)
            outcome = TaskOutcome.success(job.image.id, job.image.size or 0)
            if await deps.onion.tasks.finish(ctx, uow, job.task, outcome, uow.now + deps.task_lifetime) is None:
                raise TaskAborted
        await delete_unreferenced(deps.database, ctx, deps.stores, job.upload.object_name, job.failed)

    async def _copy_all(self, ctx: RequestContext, job: ImportJob) -> tuple[ImportJob, list[str]]:
        """The job with nothing remaining, and the stores that have a copy now."""
        served: list[str] = []
        while job.remaining:
            store, *remaining = job.remaining
            job = await self._copy(ctx, replace(job, remaining=tuple(remaining)), store, first=not served)
            if store not in job.failed:
                served.append(store)
        return job, served

    async def _copy(self, ctx: RequestContext, job: ImportJob, store: str, *, first: bool) -> ImportJob:
        """A store that does not take the bytes fails the task where all must succeed, or where none did."""
        image, all_must = job.image, job.task.all_must_succeed
        try:
            source, checksum = job.upload.object_name, image.checksum
            await self._deps.stores.copy(source, image.stores, store, checksum, job.counter.add, image.owner)
        except (StorageFull, Unavailable) as error:
            final = all_must or (job.method.get("name") == COPY and first and not job.remaining)
            job = replace(job, failed=job.task.stores if final else (*job.failed, store))
            remaining = () if final else job.remaining
            result = StoreResult(store=store, remaining=remaining, failed=job.failed, reason=error.message)
            await self._progress.finish_store(ctx, job, result)
            if final:
                raise
        else:
            result = StoreResult(store=store, remaining=job.remaining, failed=job.failed, readable=not all_must)
            await self._progress.finish_store(ctx, job, result)
        return job

    async def fail(self, ctx: RequestContext, job: ImportJob, reason: str) -> None:
        """Removes copies that are not readable."""
        deps = self._deps
        async with deps.database.work(ctx) as uow:
            task = await tasks.TABLE.get(uow, job.task.id) or job.task
            await fail_task(ctx, uow, deps, task, reason)
        await delete_unreferenced(deps.database, ctx, deps.stores, job.upload.object_name, job.task.stores)
