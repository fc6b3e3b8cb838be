"""/group_types, from 3.11, and their specs."""

from typing import Any

from aiohttp import web

from stackwire.core.attributes import attributes
from stackwire.core.errors import BadRequest, NotFound
from stackwire.http.request import CONTEXT, body, json_body, read, respond
from stackwire.volume.domain.errors import GroupTypeSpecsNotFound
from stackwire.volume.domain.listing import read_group_types
from stackwire.volume.domain.model import GroupType
from stackwire.volume.flows.registry import ApiFlows
from stackwire.volume.http.lists import list_request
from stackwire.volume.http.schemas import group_types as schemas
from stackwire.volume.http.views import next_links


class GroupTypeHandlers:
    """``cinder/api/v3/group_types.py``, ``cinder/api/v3/group_specs.py``."""

    def __init__(self, flows: ApiFlows, max_limit: int) -> None:
        self._flows = flows.group_types
        self._max_limit = max_limit

    async def list(self, request: web.Request) -> web.Response:
        listing = read_group_types(list_request(request, self._max_limit))
        page = await self._flows.list_page(request[CONTEXT], listing)
        views = [_view(request, group_type) for group_type in page]
        return respond(200, {"group_types": views, **next_links(request, "group_type", page, listing.limit)})

    async def default(self, request: web.Request) -> web.Response:
        raise NotFound("Default group type can not be found.")

    async def show(self, request: web.Request) -> web.Response:
        found = await self._flows.get(request[CONTEXT], _type_id(request))
        return respond(200, {"group_type": _view(request, found)})

    async def create(self, request: web.Request) -> web.Response:
        given = (await body(request, schemas.CreateGroupTypeBody)).group_type
        created = await self._flows.create(request[CONTEXT], given.model_dump())
        return respond(202, {"group_type": _view(request, created)})

    async def update(self, request: web.Request) -> web.Response:
        given = (await body(request, schemas.UpdateGroupTypeBody)).group_type.model_dump(exclude_none=True)
        if not given:
            raise BadRequest("Specify group type name, description or a combination thereof.")
        updated = await self._flows.update(request[CONTEXT], _type_id(request), given)
        return respond(200, {"group_type": _view(request, updated)})

    async def delete(self, request: web.Request) -> web.Response:
        await self._flows.delete(request[CONTEXT], _type_id(request))
        return respond(202)

    async def show_specs(self, request: web.Request) -> web.Response:
        return respond(200, {"group_specs": await self._flows.get_specs(request[CONTEXT], _type_id(request))})

    async def show_spec(self, request: web.Request) -> web.Response:
        specs, key = await self._flows.get_specs(request[CONTEXT], _type_id(request)), request.match_info["key"]
        if key not in specs:
            raise GroupTypeSpecsNotFound(group_type_id=_type_id(request), key=key)
        return respond(200, {key: specs[key]})

    async def set_specs(self, request: web.Request) -> web.Response:
        given = (await body(request, schemas.GroupSpecsBody)).group_specs
        await self._flows.set_specs(request[CONTEXT], _type_id(request), given)
        return respond(202, {"group_specs": given})

    async def set_spec(self, request: web.Request) -> web.Response:
        given = read(schemas.GroupSpecsBody, {"group_specs": await json_body(request)}).group_specs
        if list(given) != [request.match_info["key"]]:
            raise BadRequest("Request body and URI mismatch")
        await self._flows.set_specs(request[CONTEXT], _type_id(request), given)
        return respond(200, given)

    async def delete_spec(self, request: web.Request) -> web.Response:
        await self._flows.delete_spec(request[CONTEXT], _type_id(request), request.match_info["key"])
        return respond(202)


def _type_id(request: web.Request) -> str:
    return request.match_info["type_id"]


def _view(request: web.Request, group_type: GroupType) -> dict[str, Any]:
    view = attributes(group_type, "id name description is_public")
    return {**view, "group_specs": group_type.group_specs} if request[CONTEXT].is_admin else view
