"""The tasks API: administrators create tasks, and see all of them."""

from collections.abc import Sequence
from typing import Any

from stackwire.contracts.image_workers import RunTask
from stackwire.core.context import RequestContext
from stackwire.image.domain.task_requests import TaskQuery, read_task
from stackwire.image.domain.tasks import Task
from stackwire.image.flows.deps import FlowDeps


class TaskRequests:
    """Source: ``glance/api/v2/tasks.py: TasksController``."""

    def __init__(self, deps: FlowDeps) -> None:
        self._deps = deps

    async def create_task(self, ctx: RequestContext, body: Any) -> Task:
        """A pending task, and the message to a worker. Who may not create one gets 403 before the body is read."""
        await self._deps.onion.tasks.check_access(ctx)
        request = read_task(body)
        if request.uri is not None:
            await self._deps.web.check(request.uri)
        async with self._deps.database.work(ctx) as uow:
            task = self._deps.new_task(ctx, uow.now, request.type, request.input, request.image_id)
            created = await self._deps.onion.tasks.create(ctx, uow, task)
            uow.cast(RunTask(task_id=created.id))
        return created

    async def get(self, ctx: RequestContext, task_id: str) -> Task:
        """Raises TaskNotFound, ImageForbidden."""
        await self._deps.onion.tasks.check_access(ctx)
        async with self._deps.database.read() as session:
            return await self._deps.onion.tasks.get(ctx, session, task_id)

    async def list_page(self, ctx: RequestContext, query: TaskQuery) -> tuple[Sequence[Task], bool]:
        """A page, and whether there may be another."""
        await self._deps.onion.tasks.check_access(ctx)
        limit = self._deps.page_size(query.limit)
        async with self._deps.database.read() as session:
            found = await self._deps.onion.tasks.list_page(ctx, session, query, limit)
        return found, bool(found) and len(found) == limit
