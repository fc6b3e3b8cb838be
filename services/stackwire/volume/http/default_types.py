"""/default-types, from 3.62."""

from typing import Any

from aiohttp import web

from stackwire.core.attributes import attributes
from stackwire.http.request import CONTEXT, body, respond
from stackwire.volume.domain.model import DefaultType
from stackwire.volume.flows.registry import ApiFlows
from stackwire.volume.http.schemas.volume_types import DefaultTypeBody


class DefaultTypeHandlers:
    """``cinder/api/v3/default_types.py: DefaultTypesController``."""

    def __init__(self, flows: ApiFlows) -> None:
        self._flows = flows.default_types

    async def list(self, request: web.Request) -> web.Response:
        found = await self._flows.list_all(request[CONTEXT])
        return respond(200, {"default_types": [_view(default) for default in found]})

    async def show(self, request: web.Request) -> web.Response:
        return respond(200, {"default_type": _view(await self._flows.get(request[CONTEXT], _project_id(request)))})

    async def set(self, request: web.Request) -> web.Response:
        reference = (await body(request, DefaultTypeBody)).default_type.volume_type
        default = await self._flows.set(request[CONTEXT], _project_id(request), reference)
        return respond(200, {"default_type": _view(default)})

    async def unset(self, request: web.Request) -> web.Response:
        await self._flows.unset(request[CONTEXT], _project_id(request))
        return respond(204)


def _project_id(request: web.Request) -> str:
    return request.match_info["target"]


def _view(default: DefaultType) -> dict[str, Any]:
    return attributes(default, "project_id volume_type_id")
