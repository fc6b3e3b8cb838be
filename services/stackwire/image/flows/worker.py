"""The worker's half: does what tasks say, once, and says how it ended.

It begins the task and claims the image in one transaction, moves the bytes outside any, and ends both in one; whatever
goes wrong, a death included, leads back to a queued image (or, where the task had made it, to none), no bytes anywhere
and a failed task.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import replace
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any, TypeVar

from stackwire.core.context import RequestContext
from stackwire.core.errors import Forbidden, ServiceError, Unavailable
from stackwire.core.ids import new_id
from stackwire.db.pool import Database, DatabaseUnavailable
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.backends.staging import Staging
from stackwire.image.backends.stores import Stores
from stackwire.image.db import images as rows
from stackwire.image.db import imports, locations, tasks
from stackwire.image.db.images import Written
from stackwire.image.domain import attributes
from stackwire.image.domain.errors import ImageNotFound, StorageFull, TaskAborted, Vanished
from stackwire.image.domain.image import Image
from stackwire.image.domain.imports import COPY, DIRECT, check_ready
from stackwire.image.domain.states import IMPORTING, SAVING
from stackwire.image.domain.task_requests import read_task
from stackwire.image.domain.tasks import LEGACY_IMPORT, Ending, Task
from stackwire.image.flows.bringing import Bringing, Work, taken_over
from stackwire.image.flows.hands import Hands
from stackwire.image.flows.images import told_by_client
from stackwire.image.flows.stores import clear
from stackwire.image.onion.port import Images, Upload

log = logging.getLogger(__name__)
T = TypeVar("T")

LOOK_SECONDS = 2.0
"""While bytes flow: how often it is asked whether they are still wanted, and told how many there are."""
FIRST_PAUSE, LONGEST_PAUSE, PATIENCE = 0.1, 5.0, 60.0
INTERNAL = "Task failed due to Internal Error"


class Worker:
    """``name`` is this process's; ``visibility``: what an image has when nothing is asked."""

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

    async def run(self, ctx: RequestContext, task_id: str) -> None:
        """Does the task once, however often it is told to. Nothing is raised but cancellation: the task tells."""
        mark = token_hex(8)
        with self._hands.holding(task_id, mark):
            await self._run(ctx, task_id, mark)

    async def _run(self, ctx: RequestContext, task_id: str, mark: str) -> None:
        try:
            work = await self._begin(ctx, task_id, mark)
        except Exception as error:
            why = _reason(error)
            await _insisting(lambda: self._refuse(ctx, task_id, mark, why))
            return
        if work is None:
            return
        if work.copies:
            await self._run_copy(ctx, work)
            return
        try:
            written = await self._while_wanted(ctx, work, self._everywhere(ctx, work))
            async with self._database.work(ctx) as uow:
                if work.becomes is not None:
                    await self._images.update(ctx, uow, work.image, work.becomes)
                if work.original is not None:
                    uow.notify(taken_over(work, work.original))
                await self._images.activate(ctx, uow, work.now, written)
                ending = Ending.well(work.image.id, written.size)
                if await self._images.end(ctx, uow, work.task, ending, self._forget_at(uow.now)) is None:
                    raise TaskAborted
        except BaseException as error:
            await asyncio.shield(self._give_up(ctx, work, error))
            if not isinstance(error, Exception):
                raise
        else:
            await self._unstage(work)

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
        method = task.input["import_req"]["method"]
        check_ready(image, method["name"])
        if method["name"] == COPY:
            await rows.hold(uow, image.id)
            await locations.begin(uow, image.id, image.object or "", task.stores)
            await imports.going(uow, image.id, task.stores)
            return Work(
                task, image, Upload(_nothing(), None, worker=self._name, object_name=image.object or ""), method
            )
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
        base, properties = attributes.read_wish(asked.image)
        image = Image(
            **{"id": new_id(), "owner": ctx.project_id, "visibility": self._visibility, **base}, properties=properties
        )
        image = await self._images.create(ctx, uow, image)
        if properties:
            told_by_client(uow, image.id, properties, "image.create")
        await tasks.fills(uow, task.id, image.id)
        wish = Upload(_nothing(), None, worker=self._name, object_name=f"{image.id}.{mark}")
        return Work(task, await self._images.claim(ctx, uow, image, wish), wish, {"uri": asked.uri})

    async def _everywhere(self, ctx: RequestContext, work: Work) -> Written:
        """Into the first store from outside, into the others from there; the image says where it is still going."""
        written = await self._bytes.bring(ctx, work)
        done = [*written.stores]
        left = [store for store in work.task.stores if store not in (*done, *work.failed)]
        while left:
            async with self._database.work(ctx) as uow:
                if await imports.still(uow, work.image.id, work.wish.object_name):
                    await imports.going(uow, work.image.id, left, work.failed)
            store = left.pop(0)
            try:
                await self._files.copy(written.object, done, store, written.checksum, work.count)
                done.append(store)
            except (StorageFull, Unavailable):
                if work.task.all_must_succeed:
                    raise
                work.failed.append(store)
        return replace(written, stores=tuple(done), failed=tuple(work.failed))

    async def _while_wanted(self, ctx: RequestContext, work: Work, moving: Coroutine[Any, Any, T]) -> T:
        """What the bytes' move answers; it is stopped, with Vanished, as soon as nobody wants them any more."""
        move = asyncio.create_task(moving)
        try:
            while not (await asyncio.wait({move}, timeout=LOOK_SECONDS))[0]:
                await self._look(ctx, work)
            return await move
        finally:
            if not move.done():
                move.cancel()
                await asyncio.gather(move, return_exceptions=True)

    async def _look(self, ctx: RequestContext, work: Work) -> None:
        """Tells how far it is. A database that is away now has no say."""
        try:
            async with self._database.work(ctx) as uow:
                told = await tasks.tell(uow, work.task.id, self._name, f"Copied {work.came // 1024**2} MiB")
                wanted = told and await imports.still(uow, work.image.id, work.wish.object_name, work.statuses)
        except DatabaseUnavailable:
            return
        if not wanted:
            raise Vanished(image_id=work.image.id)

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
        why = _reason(error)
        try:
            await _insisting(lambda: self._fail(ctx, work, why))
        except Exception:
            log.exception("the task %s could not be given up", work.task.id)

    async def _run_copy(self, ctx: RequestContext, work: Work) -> None:
        """From a store that has it into others; where all must succeed, into all of them or none."""
        name, must = work.wish.object_name, work.task.all_must_succeed
        try:
            done = await self._while_wanted(ctx, work, self._copy(ctx, work))
            async with self._database.work(ctx) as uow:
                if must and not await locations.complete(uow, work.image.id, done):
                    raise Vanished(image_id=work.image.id)
                await imports.going(uow, work.image.id, (), work.failed)
                ending = Ending.well(work.image.id, work.came)
                if await self._images.end(ctx, uow, work.task, ending, self._forget_at(uow.now)) is None:
                    raise TaskAborted
        except BaseException as error:
            await asyncio.shield(self._give_up(ctx, work, error))
            if not isinstance(error, Exception):
                raise
        else:
            await clear(self._database, ctx, self._files, name, work.failed)

    async def _copy(self, ctx: RequestContext, work: Work) -> list[str]:
        done: list[str] = []
        image, left = work.image, list(work.task.stores)
        while left:
            store = left.pop(0)
            try:
                await self._files.copy(image.object or "", image.stores, store, image.checksum, work.count)
                done.append(store)
            except (StorageFull, Unavailable):
                if work.task.all_must_succeed or not (left or done):
                    raise
                work.failed.append(store)
            async with self._database.work(ctx) as uow:
                if not work.task.all_must_succeed:
                    if store in done and not await locations.complete(uow, work.image.id, [store]):
                        raise Vanished(image_id=work.image.id)
                    if store in work.failed:
                        await locations.give_up(uow, work.image.id, [store])
                await imports.going(uow, work.image.id, left, work.failed)
        return done

    async def _fail_copy(self, ctx: RequestContext, work: Work, why: str) -> None:
        """What was copied goes again; the image is as it was."""
        async with self._database.work(ctx) as uow:
            task = await tasks.get(uow, work.task.id) or work.task
            await failed(ctx, uow, self._images, task, why, self._forget_at(uow.now))
        await clear(self._database, ctx, self._files, work.wish.object_name, work.task.stores)

    async def _fail(self, ctx: RequestContext, work: Work, why: str) -> None:
        if work.copies:
            await self._fail_copy(ctx, work, why)
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


async def failed(
    ctx: RequestContext, uow: UnitOfWork, images: Images, task: Task, why: str, forget_at: datetime
) -> None:
    """The task ends, and an image that it made goes; what was made protected stays, queued."""
    ended = await images.end(ctx, uow, task, Ending.badly(why), forget_at)
    if ended is None or task.type != LEGACY_IMPORT or task.image_id is None:
        return
    try:
        await images.delete(ctx, uow, await images.get(ctx, uow, task.image_id))
    except (ImageNotFound, Forbidden):
        return


async def _nothing() -> AsyncIterator[bytes]:
    none: tuple[bytes, ...] = ()
    for chunk in none:
        yield chunk


def _reason(error: BaseException) -> str:
    """For the task's message: what a client may read."""
    if isinstance(error, ServiceError):
        return error.message
    if isinstance(error, Exception):
        log.error("a task failed", exc_info=error)
        return INTERNAL
    return "The import was cut off."


async def _insisting(tell: Callable[[], Awaitable[T]]) -> T:
    """Says it to the database, and again while that is away: nobody else would."""
    clock = asyncio.get_running_loop().time
    until, pause = clock() + PATIENCE, FIRST_PAUSE
    while True:
        try:
            return await tell()
        except DatabaseUnavailable:
            if clock() >= until:
                raise
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
