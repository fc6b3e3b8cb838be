"""Innermost: rows of tasks, and the lock that a task has on its image."""

from datetime import datetime

from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest
from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.db import images, imports, locations, tasks, uploads
from stackwire.image.domain.errors import ImageLocked, TaskNotFound
from stackwire.image.domain.image import Image
from stackwire.image.domain.states import FAILURE
from stackwire.image.domain.task_requests import TaskQuery
from stackwire.image.domain.tasks import LOCATION_IMPORT, Task, TaskOutcome, holds_its_image, may_see_task
from stackwire.image.onion import port
from stackwire.image.onion.authorization import is_admin
from stackwire.image.onion.layer import Layer


async def create_with_lock(uow: UnitOfWork, new: port.NewTask) -> port.TaskCreated:
    """A task and its lock on the image. The caller holds the image's row. Raises ImageLocked."""
    preempted = None
    image_id, holder = new.image.id, await imports.locked_by(uow, new.image.id)
    if holder is not None:
        if holds_its_image(await tasks.TABLE.get(uow, holder), uow.now):
            raise ImageLocked(image_id=image_id)
        preempted = await tasks.finish(uow, holder, TaskOutcome.failure("Expired lock preempted"), new.expires_at)
    await imports.lock(uow, image_id, new.task.id)
    return port.TaskCreated(await tasks.TABLE.insert(uow, new.task), preempted)


class TaskDatabase(Layer[port.ImageTasks], port.ImageTasks):
    """Source: ``glance/db/__init__.py: TaskRepo``."""

    async def check_access(self, ctx: RequestContext) -> None:
        """The outer layers have checked it."""

    async def create_import(self, ctx: RequestContext, uow: UnitOfWork, new: port.NewTask) -> port.TaskCreated:
        return await create_with_lock(uow, new)

    async def create(self, ctx: RequestContext, uow: UnitOfWork, task: Task) -> Task:
        return await tasks.TABLE.insert(uow, task)

    async def get(self, ctx: RequestContext, session: Session, task_id: str) -> Task:
        task = await tasks.TABLE.get(session, task_id)
        if task is None or not may_see_task(task, ctx.project_id, is_admin=is_admin(ctx)):
            raise TaskNotFound(task_id=task_id)
        return task

    async def list_page(self, ctx: RequestContext, session: Session, query: TaskQuery, limit: int) -> list[Task]:
        if query.marker is not None:
            try:
                await self.get(ctx, session, query.marker)
            except TaskNotFound as unknown:
                raise BadRequest(unknown.message) from unknown
        if limit == 0:
            return []
        return await tasks.list_page(session, query, limit, owner=None if is_admin(ctx) else ctx.project_id or "")

    async def list_for_image(self, ctx: RequestContext, session: Session, image: Image) -> list[Task]:
        """Those that the caller may see: who shares an image does not see the owner's tasks."""
        found = await tasks.list_for_image(session, image.id)
        return [task for task in found if may_see_task(task, ctx.project_id, is_admin=is_admin(ctx))]

    async def begin(self, ctx: RequestContext, uow: UnitOfWork, task_id: str) -> Task | None:
        """None when the task has begun already. Its worker holds the task's lease."""
        task = await tasks.begin(uow, task_id)
        if task is not None:
            await self.deps.leases.claim(uow, "task", task_id)
        return task

    async def finish(
        self, ctx: RequestContext, uow: UnitOfWork, task: Task, outcome: TaskOutcome, expires_at: datetime
    ) -> Task | None:
        """A failed task releases its image: stores without the bytes have failed, external data is undone."""
        finished = await tasks.finish(uow, task.id, outcome, expires_at)
        if finished is None:
            return None
        await self.deps.leases.revoke(uow, "task", task.id)
        if task.image_id is not None:
            if outcome.status == FAILURE and await imports.locked_by(uow, task.image_id) == task.id:
                await _undo(uow, task, task.image_id)
            await imports.unlock(uow, task.image_id, task.id)
        return finished

    async def expire(self, ctx: RequestContext, uow: UnitOfWork, limit: int) -> list[Task]:
        return await tasks.expire(uow, limit)


async def _undo(uow: UnitOfWork, task: Task, image_id: str) -> None:
    if task.type == LOCATION_IMPORT:
        await uploads.abort_location_import(uow, image_id)
        return
    image = await images.get(uow, image_id, None)
    served = () if image is None else image.stores
    await imports.set_stores(uow, image_id, (), failed=[name for name in task.stores if name not in served])
    await locations.abort(uow, image_id)
