"""The tasks API: tasks asked for by administrators, and all tasks shown to them."""

from collections.abc import Sequence
from typing import Any

from stackwire.contracts.image_workers import RunTask
from stackwire.core.context import RequestContext
from stackwire.core.ids import new_id
from stackwire.db.pool import Database
from stackwire.image.backends.web import Web
from stackwire.image.domain.task_requests import TaskQuery, read_task
from stackwire.image.domain.tasks import Task
from stackwire.image.onion.port import Images


class Tasks:
    """``default_page`` and ``longest_page`` in tasks."""

    def __init__(self, database: Database, images: Images, web: Web, *, default_page: int, longest_page: int) -> None:
        self._database = database
        self._images = images
        self._web = web
        self._default_page = default_page
        self._longest_page = longest_page

    async def create(self, ctx: RequestContext, body: Any) -> Task:
        """A pending task, and a worker is told. Who may not is told so before anything of it is read."""
        await self._images.enter_tasks(ctx)
        wish = read_task(body)
        if wish.uri is not None:
            await self._web.check(wish.uri)
        async with self._database.work(ctx) as uow:
            task = Task(
                id=new_id(),
                type=wish.type,
                owner=ctx.project_id,
                image_id=wish.image_id,
                request_id=ctx.request_id,
                user_id=ctx.user_id,
                input=wish.input,
                created_at=uow.now,
                updated_at=uow.now,
            )
            made = await self._images.add_task(ctx, uow, task)
            uow.cast(RunTask(task_id=made.id))
        return made

    async def show(self, ctx: RequestContext, task_id: str) -> Task:
        await self._images.enter_tasks(ctx)
        async with self._database.read() as db:
            return await self._images.task(ctx, db, task_id)

    async def page(self, ctx: RequestContext, query: TaskQuery) -> tuple[Sequence[Task], bool]:
        """A page, and whether there may be another."""
        await self._images.enter_tasks(ctx)
        limit = min(self._default_page if query.limit is None else query.limit, self._longest_page)
        async with self._database.read() as db:
            found = await self._images.task_page(ctx, db, query, limit)
        return found, bool(found) and len(found) == limit
