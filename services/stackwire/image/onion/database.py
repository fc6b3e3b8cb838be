"""Innermost: rows. What it answers is what the database says after the change."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest
from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.db import images, imports, listing, locations, members, scrubbing, tasks
from stackwire.image.db.images import Written
from stackwire.image.domain.errors import (
    FormatChanged,
    ImageLocked,
    ImageNotFound,
    LastLocation,
    MemberExists,
    MemberNotFound,
    NotDeletable,
    NotInStore,
    NotQueued,
    OnlyStore,
    Protected,
    TaskAborted,
    TaskNotFound,
    Vanished,
)
from stackwire.image.domain.image import Image, difference, may_see
from stackwire.image.domain.imports import ImportWish
from stackwire.image.domain.listing import Query
from stackwire.image.domain.members import Member
from stackwire.image.domain.states import ACTIVE, DELETED, FAILURE, IMAGE, IMPORTING, PENDING_DELETE, QUEUED
from stackwire.image.domain.task_requests import TaskQuery
from stackwire.image.domain.tasks import LOCATION_IMPORT, Ending, Task, holds_its_image, may_see_task
from stackwire.image.onion.authorization import is_admin
from stackwire.image.onion.port import Ordered, Step, Upload


class Database:
    """The port's verbs as statements. ``delayed``: what has data is only marked deleted (``flows/worker/scrub.py``)."""

    def __init__(self, *, delayed: bool = False) -> None:
        self._delayed = delayed

    async def get(self, ctx: RequestContext, db: Session, image_id: str) -> Image:
        return await images.must_get(db, image_id, ctx.project_id)

    async def page(self, ctx: RequestContext, db: Session, query: Query, limit: int) -> list[Image]:
        after = None
        if query.marker is not None:
            after = await images.get(db, query.marker, ctx.project_id, deleted=query.deleted is not False)
            if after is None or not may_see(after, ctx.project_id, is_admin=is_admin(ctx)):
                raise BadRequest("Marker image could not be found.")
        if limit == 0:
            return []
        everybodys = is_admin(ctx) and not query.as_user
        return await listing.page(db, query, limit, asker=ctx.project_id, is_admin=everybodys, after=after)

    async def create(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image:
        await images.insert(uow, image)
        return replace(image, created_at=uow.now, updated_at=uow.now)

    async def update(self, ctx: RequestContext, uow: UnitOfWork, before: Image, after: Image) -> Image:
        return await self.place(ctx, uow, before, after)

    async def place(self, ctx: RequestContext, uow: UnitOfWork, before: Image, after: Image) -> Image:
        change = difference(before, after)
        await images.update(uow, before, change)
        if change.locations is not None:
            await locations.save(uow, before.id, change.locations, before.locations)
            if not await locations.count(uow, before.id):
                raise LastLocation
        return await images.must_get(uow, before.id, ctx.project_id)

    async def delete(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image:
        if image.protected:
            raise Protected(image_id=image.id)
        status = PENDING_DELETE if self._delayed and image.stores else DELETED
        if not IMAGE.allows(image.status, status):
            raise NotDeletable(before=image.status, after=status)
        if not await (images.try_delete if status == DELETED else scrubbing.try_postpone)(uow, image.id):
            still = await images.must_get(uow, image.id, None)
            raise Protected(image_id=image.id) if still.protected else NotQueued(before=still.status, after=status)
        return replace(image, status=status, deleted_at=uow.now, updated_at=uow.now)

    async def claim(self, ctx: RequestContext, uow: UnitOfWork, image: Image, wish: Upload) -> Image:
        claimed = await images.try_claim(
            uow,
            image,
            to=wish.into,
            worker=wish.worker,
            object_name=wish.object_name or None,
            staged=wish.staged,
            reserved=wish.reserved,
        )
        if not claimed:
            still = await images.must_get(uow, image.id, None)
            raise NotQueued(before=still.status, after=wish.into)
        if wish.task is not None:
            if await imports.locked_by(uow, image.id) != wish.task.id:
                raise TaskAborted
            await imports.going(uow, image.id, wish.task.stores)
        return await images.must_get(uow, image.id, ctx.project_id)

    async def fill(self, ctx: RequestContext, image: Image, wish: Upload) -> int:
        raise NotImplementedError("bytes are the location layer's")

    async def staged(self, ctx: RequestContext, uow: UnitOfWork, image: Image, size: int) -> Image:
        if not await imports.try_stage(uow, image.id, image.staged or "", size):
            raise ImageNotFound(image_id=image.id)
        return await images.must_get(uow, image.id, ctx.project_id)

    async def store(self, ctx: RequestContext, image: Image, wish: Upload) -> Written:
        raise NotImplementedError("bytes are the location layer's")

    async def activate(self, ctx: RequestContext, uow: UnitOfWork, image: Image, written: Written) -> Image:
        if not await images.try_activate(uow, image, written):
            still = await images.get(uow, image.id, None)
            if still is not None and still.object == written.object:
                raise FormatChanged(image_id=image.id)
            raise Vanished(image_id=image.id)
        if image.status == IMPORTING:
            await imports.going(uow, image.id, written.left, written.failed)
            if written.left:
                await locations.begin(uow, image.id, written.object, written.left)
        return await images.must_get(uow, image.id, ctx.project_id)

    async def release(self, ctx: RequestContext, uow: UnitOfWork, image: Image, why: str, to: str = QUEUED) -> bool:
        return await images.release(uow, image.id, image.object or image.staged or "", to)

    async def locate(self, ctx: RequestContext, image: Image, rule: str) -> None:
        """Whoever came so far may."""

    async def digest(
        self, ctx: RequestContext, uow: UnitOfWork, image: Image, digests: Mapping[str, str]
    ) -> Image | None:
        if not await locations.try_digest(uow, image.id, digests):
            return None
        return await images.must_get(uow, image.id, ctx.project_id)

    async def order(
        self, ctx: RequestContext, uow: UnitOfWork, image: Image, wish: ImportWish, task: Task, forget_at: datetime
    ) -> Ordered:
        return await self.order_location(ctx, uow, image, task, forget_at)

    async def order_location(
        self, ctx: RequestContext, uow: UnitOfWork, image: Image, task: Task, forget_at: datetime
    ) -> Ordered:
        """The caller holds the image's row: nobody else takes its lock meanwhile."""
        preempted = None
        held = await imports.locked_by(uow, image.id)
        if held is not None:
            other = await tasks.get(uow, held)
            if holds_its_image(other, uow.now):
                raise ImageLocked(image_id=image.id)
            preempted = await tasks.try_end(uow, held, Ending.badly("Expired lock preempted"), forget_at)
        await imports.lock(uow, image.id, task.id)
        await tasks.insert(uow, task)
        return Ordered(task, preempted)

    async def enter_tasks(self, ctx: RequestContext) -> None:
        """Whoever came so far may."""

    async def add_task(self, ctx: RequestContext, uow: UnitOfWork, task: Task) -> Task:
        await tasks.insert(uow, task)
        return task

    async def task(self, ctx: RequestContext, db: Session, task_id: str) -> Task:
        task = await tasks.get(db, task_id)
        if task is None or not may_see_task(task, ctx.project_id, is_admin=is_admin(ctx)):
            raise TaskNotFound(task_id=task_id)
        return task

    async def task_page(self, ctx: RequestContext, db: Session, query: TaskQuery, limit: int) -> list[Task]:
        if query.marker is not None:
            try:
                await self.task(ctx, db, query.marker)
            except TaskNotFound as unknown:
                raise BadRequest(unknown.message) from unknown
        return await tasks.page(db, query, limit, owner=ctx.project_id, everybodys=is_admin(ctx)) if limit else []

    async def begin(self, ctx: RequestContext, uow: UnitOfWork, task_id: str, worker: str) -> Task | None:
        return await tasks.try_begin(uow, task_id, worker)

    async def end(
        self, ctx: RequestContext, uow: UnitOfWork, task: Task, ending: Ending, forget_at: datetime
    ) -> Task | None:
        """What was not imported is still where it should go to, and failed there."""
        ended = await tasks.try_end(uow, task.id, ending, forget_at)
        if ended is not None and task.image_id is not None:
            mine = ending.status == FAILURE and await imports.locked_by(uow, task.image_id) == task.id
            if mine and task.type == LOCATION_IMPORT:
                await locations.undo(uow, task.image_id)
            elif mine:
                image = await images.get(uow, task.image_id, None)
                there = () if image is None else image.stores
                await imports.going(uow, task.image_id, (), failed=[name for name in task.stores if name not in there])
                await locations.give_up(uow, task.image_id)
            await imports.unlock(uow, task.image_id, task.id)
        return ended

    async def tasks_of(self, ctx: RequestContext, db: Session, image: Image) -> list[Task]:
        """Those the caller may see: who shares an image does not see the owner's tasks."""
        found = await tasks.of_image(db, image.id)
        return [task for task in found if may_see_task(task, ctx.project_id, is_admin=is_admin(ctx))]

    async def forget(self, ctx: RequestContext, uow: UnitOfWork, most: int) -> list[Task]:
        return await tasks.expire(uow, most)

    async def download(self, ctx: RequestContext, db: Session, image_id: str) -> Image:
        return await images.must_get(db, image_id, ctx.project_id)

    async def leave(self, ctx: RequestContext, uow: UnitOfWork, image: Image, store: str) -> Image:
        """The caller holds the image's row."""
        if image.status != ACTIVE:
            raise NotQueued("It's not allowed to remove image data from store if image status is not 'active'")
        if store not in image.stores:
            raise NotInStore(image_id=image.id, store=store)
        if len(image.stores) == 1:
            raise OnlyStore
        await locations.drop(uow, image.id, [store])
        return await images.must_get(uow, image.id, ctx.project_id)

    async def spread(self, ctx: RequestContext, uow: UnitOfWork, image: Image, stores: Sequence[str]) -> Image:
        await images.hold(uow, image.id)
        await locations.begin(uow, image.id, image.object or "", stores)
        await imports.going(uow, image.id, stores)
        return await images.must_get(uow, image.id, ctx.project_id)

    async def approach(self, ctx: RequestContext, uow: UnitOfWork, image: Image, store: str) -> None:
        """That its bytes go there is said already."""

    async def reached(self, ctx: RequestContext, uow: UnitOfWork, image: Image, step: Step) -> Image:
        if step.why is not None:
            await locations.give_up(uow, image.id, [step.store])
        elif step.counts and not await locations.complete(uow, image.id, [step.store]):
            raise Vanished(image_id=image.id)
        await imports.going(uow, image.id, step.left, step.failed)
        return await images.must_get(uow, image.id, ctx.project_id)

    async def verified(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image:
        return await images.must_get(uow, image.id, ctx.project_id)

    async def sent(self, ctx: RequestContext, uow: UnitOfWork, image: Image, sent: int, expected: int) -> None:
        """Nothing is kept of it."""

    async def members(self, ctx: RequestContext, db: Session, image: Image) -> list[Member]:
        return await members.of_image(db, image.id)

    async def memberships(self, ctx: RequestContext, db: Session, member: str) -> list[Member]:
        return await members.of_project(db, member, None if is_admin(ctx) else ctx.project_id or "")

    async def add_member(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str) -> Member:
        added = await members.try_add(uow, image.id, member)
        if added is None:
            raise MemberExists(member_id=member, image_id=image.id)
        return added

    async def set_member(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str, status: str) -> Member:
        changed = await members.set_status(uow, image.id, member, status)
        if changed is None:
            raise MemberNotFound(member_id=member, image_id=image.id)
        return changed

    async def remove_member(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str) -> Member:
        removed = await members.remove(uow, image.id, member)
        if removed is None:
            raise MemberNotFound(member_id=member, image_id=image.id)
        return removed
