"""Bytes on their way into stores: whether the image still needs them, and the progress that the task shows."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from stackwire.core.context import RequestContext
from stackwire.db.errors import DatabaseUnavailable
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.db import tasks, uploads
from stackwire.image.domain.errors import Vanished
from stackwire.image.flows.deps import FlowDeps
from stackwire.image.flows.worker.tasks.job import ImportJob
from stackwire.image.onion.port import StoreResult

T = TypeVar("T")

POLL_SECONDS: Final = 2.0
"""How often, while bytes flow, the task's progress is written and the image read."""


class ProgressMonitor:
    """Stops a job whose image was deleted, or whose task has ended."""

    def __init__(self, deps: FlowDeps) -> None:
        self._deps = deps

    async def run_while_wanted(self, ctx: RequestContext, job: ImportJob, transfer: Coroutine[Any, Any, T]) -> T:
        """The result of the transfer; cancelled, with Vanished, as soon as the image does not need it any more."""
        running = asyncio.create_task(transfer)
        try:
            while not (await asyncio.wait({running}, timeout=POLL_SECONDS))[0]:
                await self._poll(ctx, job)
            return await running
        finally:
            if not running.done():
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)

    async def _poll(self, ctx: RequestContext, job: ImportJob) -> None:
        """Writes the progress. While the database is away the transfer goes on."""
        try:
            async with self._deps.database.work(ctx) as uow:
                message = f"Copied {job.counter.count // 1024**2} MiB"
                wanted = await tasks.set_progress(uow, job.task.id, message) and await self._is_wanted(uow, job)
        except DatabaseUnavailable:
            return
        if not wanted:
            raise Vanished(image_id=job.image.id)

    async def finish_store(self, ctx: RequestContext, job: ImportJob, result: StoreResult) -> None:
        """One store has been served, and the next one is begun. Raises Vanished when the image does not wait for it."""
        locations = self._deps.onion.locations
        async with self._deps.database.work(ctx) as uow:
            if not await self._is_wanted(uow, job):
                raise Vanished(image_id=job.image.id)
            image = await locations.finish_store(ctx, uow, job.image, result)
            if result.remaining:
                await locations.begin_store(ctx, uow, image, result.remaining[0])

    async def _is_wanted(self, uow: UnitOfWork, job: ImportJob) -> bool:
        return await uploads.is_written_by(uow, job.image.id, job.upload.object_name, job.statuses)
