"""Interoperable import over HTTP: its methods, its request and its tasks."""

from collections.abc import Sequence

from aiohttp import web

from stackwire.http.request import CONTEXT, respond
from stackwire.image.domain.imports import read_import
from stackwire.image.flows.api.imports import ImportRequests
from stackwire.image.http.bodies import body_of, check_no_body, empty
from stackwire.image.http.schemas import with_store_header
from stackwire.image.http.views import raw_task_view


class ImportHandlers:
    """``methods``: the names of the import methods that are enabled."""

    def __init__(self, imports: ImportRequests, methods: Sequence[str]) -> None:
        self._imports = imports
        self._methods = methods

    async def methods(self, request: web.Request) -> web.Response:
        check_no_body(request)
        methods = {"description": "Import methods available.", "type": "array", "value": list(self._methods)}
        return respond(200, {"import-methods": methods})

    async def start(self, request: web.Request) -> web.Response:
        requested = read_import(with_store_header(await body_of(request), request), self._methods)
        await self._imports.request_import(request[CONTEXT], request.match_info["image_id"], requested)
        return empty(202)

    async def tasks(self, request: web.Request) -> web.Response:
        """The import tasks of an image."""
        found = await self._imports.list_tasks(request[CONTEXT], request.match_info["image_id"])
        return respond(200, {"tasks": [raw_task_view(task) for task in found]})
