"""The worker's half: does what tasks say, once, and says how it ended.

It begins the task and claims the image in one transaction, moves the bytes outside any, and ends both in one; whatever
goes wrong, a death included, leads back to a queued image (or, where the task had made it, to none), no bytes anywhere
and a failed task.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from secrets import token_hex

from stackwire.core.context import RequestContext
from stackwire.core.ids import new_id
from stackwire.db.pool import Database
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.backends.staging import Staging
from stackwire.image.backends.stores import Stores
from stackwire.image.db import imports, tasks
from stackwire.image.db.images import Written
from stackwire.image.domain import attributes
from stackwire.image.domain.errors import TaskAborted
from stackwire.image.domain.image import Image
from stackwire.image.domain.imports import COPY, DIRECT, check_ready
from stackwire.image.domain.states import IMPORTING, QUEUED, SAVING
from stackwire.image.domain.task_requests import read_task
from stackwire.image.domain.tasks import LEGACY_IMPORT, LOCATION_IMPORT, Ending, Task
from stackwire.image.flows.api.images import told_by_client
from stackwire.image.flows.hands import Hands
from stackwire.image.flows.worker.tasks.copy_to_stores import Spreading
from stackwire.image.flows.worker.tasks.data_source import Bringing, Work, taken_over
from stackwire.image.flows.worker.tasks.failures import failed, insisting, reason
from stackwire.image.flows.worker.tasks.location_import import Locating
from stackwire.image.flows.worker.tasks.progress import Watch
from stackwire.image.onion.port import Images, Step, Upload

log = logging.getLogger(__name__)


class Worker:
    """``name`` is this process's; ``visibility``: what an image has when nothing is asked.

    ``secure_hash``: whether the digests of data that stays elsewhere are worked out, in so many ``tries``.
    """

    def __init__(
        self,
        database: Database,
        images: Images,
        files: Stores,
        staging: Staging,
        bringing: Bringing,
        hands: Hands,
        *,
        name: str,
        visibility: str,
        task_hours: float,
        secure_hash: bool,
        tries: int,
    ) -> None:
        self._database = database
        self._images = images
        self._files = files
        self._staging = staging
        self._bytes = bringing
        self._hands = hands
        self._name = name
        self._visibility = visibility
        self._task_life = timedelta(hours=task_hours)
        self._watch = Watch(database, images, name)
        self._spreading = Spreading(database, images, files, self._watch, task_life=self._task_life)
        self._locating = Locating(
            database, images, files, self._watch, secure=secure_hash, tries=tries, task_life=self._task_life
        )

    async def run(self, ctx: RequestContext, task_id: str) -> None:
        """Does the task once, however often it is told to. Nothing is raised but cancellation: the task tells."""
        mark = token_hex(8)
        with self._hands.holding(task_id, mark):
            await self._run(ctx, task_id, mark)

    async def _run(self, ctx: RequestContext, task_id: str, mark: str) -> None:
        try:
            work = await self._begin(ctx, task_id, mark)
        except Exception as error:
            why = reason(error)
            await insisting(lambda: self._refuse(ctx, task_id, mark, why))
            return
        if work is None:
            return
        try:
            if work.locates:
                await self._locating.run(ctx, work)
                return
            if not work.spreads:
                await self._import(ctx, work)
            if work.left:
                await self._spreading.run(ctx, work)
        except BaseException as error:
            await asyncio.shield(self._give_up(ctx, work, error))
            if not isinstance(error, Exception):
                raise

    async def _import(self, ctx: RequestContext, work: Work) -> None:
        """Until the image is active. Where it is to come into more stores the task goes on, otherwise it is ended."""
        written = await self._watch.while_wanted(ctx, work, self._bring(ctx, work))
        async with self._database.work(ctx) as uow:
            if work.becomes is not None:
                await self._images.update(ctx, uow, work.image, work.becomes)
            if work.original is not None:
                uow.notify(taken_over(work, work.original))
            active = await self._images.activate(ctx, uow, work.now, written)
            if written.left:
                await self._images.approach(ctx, uow, active, written.left[0])
            else:
                await self._end(ctx, uow, work, written.size)
        await self._unstage(work)
        work.image, work.left = active, [*written.left]

    async def _end(self, ctx: RequestContext, uow: UnitOfWork, work: Work, size: int) -> None:
        if work.image.status == IMPORTING:
            await self._images.verified(ctx, uow, work.image)
        if (
            await self._images.end(ctx, uow, work.task, Ending.well(work.image.id, size), self._forget_at(uow.now))
            is None
        ):
            raise TaskAborted

    async def _begin(self, ctx: RequestContext, task_id: str, mark: str) -> Work | None:
        """The task is ours and so is its image; None when somebody was first. ``mark`` makes the object's name ours."""
        async with self._database.work(ctx) as uow:
            task = await self._images.begin(ctx, uow, task_id, self._name)
            if task is None:
                return None
            if task.type == LEGACY_IMPORT:
                return await self._claim_new(ctx, uow, task, mark)
            return await self._claim(ctx, uow, task, mark)

    async def _claim(self, ctx: RequestContext, uow: UnitOfWork, task: Task, mark: str) -> Work:
        """An image that waits for its import. A task that does not hold it (a client made one up) is none."""
        image = await self._images.get(ctx, uow, task.image_id or "")
        if task.input is None or await imports.locked_by(uow, image.id) != task.id:
            raise TaskAborted
        if task.type == LOCATION_IMPORT:
            if image.status != QUEUED:
                raise TaskAborted
            return Work(task, image, Upload(_nothing(), None, worker=self._name), task.input)
        method = task.input["import_req"]["method"]
        check_ready(image, method["name"])
        if method["name"] == COPY:
            image = await self._images.spread(ctx, uow, image, task.stores)
            await self._images.approach(ctx, uow, image, task.stores[0])
            wish = Upload(_nothing(), None, worker=self._name, object_name=image.object or "")
            return Work(task, image, wish, method, left=[*task.stores])
        name = f"{image.id}.{mark}"
        wish = Upload(
            _nothing(),
            image.size if method["name"] == DIRECT else None,
            worker=self._name,
            object_name=name,
            staged=None if method["name"] == DIRECT else name,
            into=IMPORTING,
            task=task,
            store=next(iter(task.stores), None),
        )
        return Work(task, await self._images.claim(ctx, uow, image, wish), wish, method)

    async def _claim_new(self, ctx: RequestContext, uow: UnitOfWork, task: Task, mark: str) -> Work:
        """An image that the task makes for itself, and removes again when it fails."""
        asked = read_task({"type": task.type, "input": task.input})
        base, properties = attributes.read_request(asked.image)
        image = Image(
            **{"id": new_id(), "owner": ctx.project_id, "visibility": self._visibility, **base}, properties=properties
        )
        image = await self._images.create(ctx, uow, image)
        if properties:
            told_by_client(uow, image.id, properties, "image.create")
        await tasks.fills(uow, task.id, image.id)
        wish = Upload(_nothing(), None, worker=self._name, object_name=f"{image.id}.{mark}")
        return Work(task, await self._images.claim(ctx, uow, image, wish), wish, {"uri": asked.uri})

    async def _bring(self, ctx: RequestContext, work: Work) -> Written:
        """From outside into the first store that takes it; where all must, into the others from there.

        Where not all must the image is active as soon as one has it (``api_image_import.py: get_flow``).
        """

        async def skipped(store: str, why: str) -> None:
            left = work.task.stores[work.task.stores.index(store) + 1 :]
            await self._watch.step(ctx, work, Step(store=store, left=left, failed=work.failed, why=why))

        written = await self._bytes.bring(ctx, work, skipped)
        done, without = [*written.stores], tuple(work.failed)
        left = tuple(store for store in work.task.stores if store not in (*done, *without))
        if not work.task.all_must_succeed:
            return replace(written, failed=without, left=left)
        while left:
            await self._watch.step(ctx, work, Step(store=done[-1], left=left, failed=without, written=written))
            await self._files.copy(written.object, done, left[0], written.checksum, work.count)
            done.append(left[0])
            left = left[1:]
        return replace(written, stores=tuple(done))

    async def _refuse(self, ctx: RequestContext, task_id: str, mark: str, why: str) -> None:
        """The task fails before a byte was moved; also when it had begun and only the answer to that was lost."""
        async with self._database.work(ctx) as uow:
            task = await self._images.begin(ctx, uow, task_id, self._name)
            if task is None:
                task = await tasks.get(uow, task_id)
                if task is None or task.image_id is None:
                    return
                status = SAVING if task.type == LEGACY_IMPORT else IMPORTING
                claimed = Image(id=task.image_id, status=status, object=f"{task.image_id}.{mark}")
                if not await self._images.release(ctx, uow, claimed, why):
                    return
            await failed(ctx, uow, self._images, task, why, self._forget_at(uow.now))

    async def _give_up(self, ctx: RequestContext, work: Work, error: BaseException) -> None:
        """Asks the rows whose they are first, as an upload does; what cannot be told in time is left to the sweep."""
        why = reason(error)
        try:
            await insisting(lambda: self._fail(ctx, work, why))
        except Exception:
            log.exception("the task %s could not be given up", work.task.id)

    async def _fail(self, ctx: RequestContext, work: Work, why: str) -> None:
        if work.locates:
            await self._locating.fail(ctx, work, why)
            return
        if work.spreads:
            await self._spreading.fail(ctx, work, why)
            return
        async with self._database.work(ctx) as uow:
            ours = await self._images.release(ctx, uow, work.image, why)
            task = await tasks.get(uow, work.task.id) or work.task
            await failed(ctx, uow, self._images, task, why, self._forget_at(uow.now))
        if ours:
            await self._files.remove(work.wish.object_name)
            await self._unstage(work)

    async def _unstage(self, work: Work) -> None:
        if work.image.staged is not None:
            await self._staging.remove(work.image.staged)

    def _forget_at(self, now: datetime) -> datetime:
        return now + self._task_life


async def _nothing() -> AsyncIterator[bytes]:
    none: tuple[bytes, ...] = ()
    for chunk in none:
        yield chunk
