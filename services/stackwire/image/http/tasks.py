"""Tasks: the handlers."""

from aiohttp import web

from stackwire.http.paging import link
from stackwire.http.request import CONTEXT, respond
from stackwire.image.domain.task_requests import read_query
from stackwire.image.flows.api.tasks import TaskRequests
from stackwire.image.http.bodies import body_of
from stackwire.image.http.views import task_stub_view, task_view


class TaskHandlers:
    """``/v2/tasks``. Source: ``glance/api/v2/tasks.py: TasksController``."""

    def __init__(self, tasks: TaskRequests) -> None:
        self._tasks = tasks

    async def create(self, request: web.Request) -> web.Response:
        view = task_view(await self._tasks.create_task(request[CONTEXT], await body_of(request)))
        return respond(201, view, {"Location": view["self"]})

    async def show(self, request: web.Request) -> web.Response:
        return respond(200, task_view(await self._tasks.get(request[CONTEXT], request.match_info["task_id"])))

    async def index(self, request: web.Request) -> web.Response:
        query = list(request.query.items())
        tasks, more = await self._tasks.list_page(request[CONTEXT], read_query(query))
        pairs = [(name, value) for name, value in query if name != "marker"]
        body = {
            "tasks": [task_stub_view(task) for task in tasks],
            "first": link("/v2/tasks", pairs) if pairs else "/v2/tasks",
            "schema": "/v2/schemas/tasks",
        }
        if more:
            body["next"] = link("/v2/tasks", pairs, marker=tasks[-1].id)
        return respond(200, body)
