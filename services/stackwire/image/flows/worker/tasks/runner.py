"""The worker's half of imports: runs each task once, and records how it ended.

It begins the task and claims the image in one transaction, moves the bytes outside any, and ends both in one. Every
failure, a crash included, leads back to a queued image (or to none, where the task created it), no bytes anywhere and a
failed task.
"""

import asyncio
import logging
from contextlib import AsyncExitStack
from dataclasses import replace
from secrets import token_hex

from stackwire.contracts.image_workers import RunTask
from stackwire.core.context import RequestContext
from stackwire.core.rules import Resource
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.db import imports, tasks
from stackwire.image.domain import attributes, travel
from stackwire.image.domain.errors import TaskAborted
from stackwire.image.domain.image import Image
from stackwire.image.domain.imports import COPY, DIRECT, check_ready
from stackwire.image.domain.states import IMPORTING, QUEUED, SAVING
from stackwire.image.domain.task_requests import read_task
from stackwire.image.domain.tasks import LEGACY_IMPORT, LOCATION_IMPORT, Task, TaskOutcome
from stackwire.image.domain.uploads import WrittenData
from stackwire.image.flows.api.images import new_image, record_client_change
from stackwire.image.flows.deps import FlowDeps
from stackwire.image.flows.worker.tasks.copy_to_stores import CopyToStores
from stackwire.image.flows.worker.tasks.data_source import ImportSource
from stackwire.image.flows.worker.tasks.failures import fail_task, public_reason, retry_until_database
from stackwire.image.flows.worker.tasks.job import ImportJob
from stackwire.image.flows.worker.tasks.location_import import LocationImport
from stackwire.image.flows.worker.tasks.progress import ProgressMonitor
from stackwire.image.onion.port import StoreResult, Upload

log = logging.getLogger(__name__)


class TaskRunner:
    """Source: ``glance/async_/taskflow_executor.py``, ``glance/async_/flows/api_image_import.py``."""

    def __init__(self, deps: FlowDeps, source: ImportSource, *, secure_hash: bool, tries: int) -> None:
        self._deps = deps
        self._onion = deps.onion
        self._source = source
        self._progress = ProgressMonitor(deps)
        self._copy = CopyToStores(deps, self._progress)
        self._location_import = LocationImport(deps, self._progress, secure_hash=secure_hash, tries=tries)

    async def on_run_task(self, ctx: RequestContext, message: RunTask) -> None:
        """Runs the task once, however often the message is delivered. Errors are recorded in the task.

        ``suffix`` makes the name of the task's object unique to this run.
        """
        task_id, suffix = message.task_id, token_hex(8)
        try:
            job = await self._begin(ctx, task_id, suffix)
        except Exception as error:
            reason = public_reason(error)
            await retry_until_database(lambda: self._refuse(ctx, task_id, suffix, reason))
            return
        if job is None:
            return
        async with AsyncExitStack() as leases:
            await leases.enter_async_context(self._deps.leases.keep("task", task_id))
            if job.writes_image:
                await leases.enter_async_context(self._deps.leases.keep("image", job.image.id))
            await self._run(ctx, job)

    async def _run(self, ctx: RequestContext, job: ImportJob) -> None:
        try:
            if job.is_location_import:
                await self._location_import.run(ctx, job)
                return
            if not job.is_copy:
                job = await self._import(ctx, job)
            if job.remaining:
                await self._copy.run(ctx, job)
        except BaseException as error:
            await asyncio.shield(self._abandon(ctx, job, error))
            if not isinstance(error, Exception):
                raise

    async def _import(self, ctx: RequestContext, job: ImportJob) -> ImportJob:
        """Until the image is active. The task goes on where more stores are to be served, otherwise it is ended."""
        claimed = job
        job, written = await self._progress.run_while_wanted(ctx, job, self._fetch(ctx, job))
        async with self._deps.database.work(ctx) as uow:
            if job.target is not None:
                await self._onion.images.update(ctx, uow, job.image, job.target)
            if job.original is not None:
                origin, target = Resource("image", str(job.method["glance_image_id"])), Resource("image", job.image.id)
                uow.apply(travel.glance_download, origin, target, job.original, job.target_image.properties)
            active = await self._onion.data.finish_upload(ctx, uow, job.target_image, written)
            if written.remaining:
                await self._onion.locations.begin_store(ctx, uow, active, written.remaining[0])
            else:
                await self._finish(ctx, uow, job, written.size)
        await self._unstage(claimed)
        return replace(job, upload=replace(job.upload, image=active), remaining=tuple(written.remaining))

    async def _finish(self, ctx: RequestContext, uow: UnitOfWork, job: ImportJob, size: int) -> None:
        if job.image.status == IMPORTING:
            await self._onion.locations.finish_import(ctx, uow, job.image)
        outcome = TaskOutcome.success(job.image.id, size)
        expires_at = uow.now + self._deps.task_lifetime
        if await self._onion.tasks.finish(ctx, uow, job.task, outcome, expires_at) is None:
            raise TaskAborted

    async def _begin(self, ctx: RequestContext, task_id: str, suffix: str) -> ImportJob | None:
        """Claims the task and its image; None when another worker was first."""
        async with self._deps.database.work(ctx) as uow:
            task = await self._onion.tasks.begin(ctx, uow, task_id)
            if task is None:
                return None
            if task.type == LEGACY_IMPORT:
                return await self._begin_new_image(ctx, uow, task, suffix)
            return await self._begin_import(ctx, uow, task, suffix)

    async def _begin_import(self, ctx: RequestContext, uow: UnitOfWork, task: Task, suffix: str) -> ImportJob:
        """An image that waits for its import. A task that a client made up does not hold its image: TaskAborted."""
        image = await self._onion.images.get(ctx, uow, task.image_id or "")
        if task.input is None or await imports.locked_by(uow, image.id) != task.id:
            raise TaskAborted
        if task.type == LOCATION_IMPORT:
            if image.status != QUEUED:
                raise TaskAborted
            return ImportJob(task=task, upload=Upload(image=image), method=task.input)
        method = task.input["import_req"]["method"]
        check_ready(image, method["name"])
        if method["name"] == COPY:
            image = await self._onion.locations.begin_copy(ctx, uow, image, task.stores)
            await self._onion.locations.begin_store(ctx, uow, image, task.stores[0])
            upload = Upload(image=image, object_name=image.object or "")
            return ImportJob(task=task, upload=upload, method=method, remaining=task.stores)
        name, direct = f"{image.id}.{suffix}", method["name"] == DIRECT
        upload = Upload(
            image=image,
            announced=image.size if direct else None,
            object_name=name,
            staged_name=None if direct else name,
            status=IMPORTING,
            task=task,
            store=next(iter(task.stores), None),
        )
        return ImportJob(task=task, upload=await self._onion.data.begin_upload(ctx, uow, upload), method=method)

    async def _begin_new_image(self, ctx: RequestContext, uow: UnitOfWork, task: Task, suffix: str) -> ImportJob:
        """An image that the task creates for itself, and deletes again when it fails."""
        request = read_task({"type": task.type, "input": task.input})
        base, properties = attributes.read_request(request.image)
        image = await self._onion.images.create(ctx, uow, new_image(ctx, base, properties, self._deps.visibility))
        if properties:
            record_client_change(uow, travel.create, image.id, properties)
        await tasks.TABLE.update(uow, task.id, image_id=image.id)
        upload = Upload(image=image, object_name=f"{image.id}.{suffix}")
        upload = await self._onion.data.begin_upload(ctx, uow, upload)
        return ImportJob(task=task, upload=upload, method={"uri": request.uri})

    async def _fetch(self, ctx: RequestContext, job: ImportJob) -> tuple[ImportJob, WrittenData]:
        """Into the first store that takes the bytes; where all must succeed, into the others from there.

        Where they need not, the image is active as soon as one store has it (``api_image_import.py: get_flow``).
        """

        async def on_store_failed(job: ImportJob, store: str, reason: str) -> None:
            remaining = job.task.stores[job.task.stores.index(store) + 1 :]
            result = StoreResult(store=store, remaining=remaining, failed=job.failed, reason=reason)
            await self._progress.finish_store(ctx, job, result)

        job, written = await self._source.fetch_into_store(ctx, job, on_store_failed)
        served = [*written.stores]
        remaining = tuple(store for store in job.task.stores if store not in (*served, *job.failed))
        if not job.task.all_must_succeed:
            return job, replace(written, failed=job.failed, remaining=remaining)
        while remaining:
            result = StoreResult(store=served[-1], remaining=remaining, failed=job.failed, written=written)
            await self._progress.finish_store(ctx, job, result)
            checksum, owner = written.checksum, job.image.owner
            await self._deps.stores.copy(written.object, served, remaining[0], checksum, job.counter.add, owner)
            served.append(remaining[0])
            remaining = remaining[1:]
        return job, replace(written, stores=tuple(served))

    async def _refuse(self, ctx: RequestContext, task_id: str, suffix: str, reason: str) -> None:
        """The task fails before a byte was moved; also when it had begun and only the commit's answer was lost."""
        async with self._deps.database.work(ctx) as uow:
            task = await self._onion.tasks.begin(ctx, uow, task_id)
            if task is None:
                task = await tasks.TABLE.get(uow, task_id)
                if task is None or task.image_id is None:
                    return
                status = SAVING if task.type == LEGACY_IMPORT else IMPORTING
                claimed = Image(id=task.image_id, status=status, object=f"{task.image_id}.{suffix}")
                if not await self._onion.data.abort(ctx, uow, claimed, reason):
                    return
            await fail_task(ctx, uow, self._deps, task, reason)

    async def _abandon(self, ctx: RequestContext, job: ImportJob, error: BaseException) -> None:
        """While the database is away nothing is recorded: recovery does it when the lease has run out."""
        reason = public_reason(error)
        try:
            await retry_until_database(lambda: self._fail(ctx, job, reason))
        except Exception:
            log.exception("the failure of task %s could not be recorded", job.task.id)

    async def _fail(self, ctx: RequestContext, job: ImportJob, reason: str) -> None:
        """Asks the row first, as an upload does: the bytes of an image that is active stay."""
        if job.is_location_import:
            await self._location_import.fail(ctx, job, reason)
            return
        if job.is_copy:
            await self._copy.fail(ctx, job, reason)
            return
        async with self._deps.database.work(ctx) as uow:
            aborted = await self._onion.data.abort(ctx, uow, job.image, reason)
            task = await tasks.TABLE.get(uow, job.task.id) or job.task
            await fail_task(ctx, uow, self._deps, task, reason)
        if aborted:
            await self._deps.stores.remove(job.upload.object_name)
            await self._unstage(job)

    async def _unstage(self, job: ImportJob) -> None:
        if job.image.staged is not None:
            await self._deps.staging.remove(job.image.staged)
