"""Interoperable import over HTTP: the methods there are, the request, and what became of it."""

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from stackwire.core.errors import BadRequest
from stackwire.http.request import CONTEXT, json_body, respond
from stackwire.image.domain.imports import read_import
from stackwire.image.flows.api.imports import Imports
from stackwire.image.http.images import check_no_body
from stackwire.image.http.views import raw_task_view

STORE_HEADER = "x-image-meta-store"


class ImportHandlers:
    """``methods``: the names of what can be done here."""

    def __init__(self, imports: Imports, methods: Sequence[str]) -> None:
        self._imports = imports
        self._methods = methods

    async def methods(self, request: web.Request) -> web.Response:
        check_no_body(request)
        told = {"description": "Import methods available.", "type": "array", "value": list(self._methods)}
        return respond(200, {"import-methods": told})

    async def start(self, request: web.Request) -> web.Response:
        wish = read_import(_with_store(await json_body(request), request), self._methods)
        await self._imports.request(request[CONTEXT], request.match_info["image_id"], wish)
        return web.Response(status=202, content_type="text/html", charset="UTF-8")

    async def tasks(self, request: web.Request) -> web.Response:
        found = await self._imports.of_image(request[CONTEXT], request.match_info["image_id"])
        return respond(200, {"tasks": [raw_task_view(task) for task in found]})


def _with_store(body: Any, request: web.Request) -> Any:
    """The store may be named in a header instead: ``glance/common/utils.py: get_stores_from_request``."""
    store = request.headers.get(STORE_HEADER)
    if store is None or not isinstance(body, dict):
        return body
    if body.get("all_stores"):
        raise BadRequest("All_stores parameter can't be used with x-image-meta-store header or stores parameter")
    if body.get("stores", [store]) != [store]:
        raise BadRequest("Stores parameter and x-image-meta-store header can't be both specified")
    return {**body, "stores": [store]}
