"""/types: volume types, their extra specs and access."""

from aiohttp import web

from stackwire.core.errors import BadRequest
from stackwire.http.request import CONTEXT, body, json_body, read, respond
from stackwire.volume.domain.errors import NoSuchAction, VolumeTypeExtraSpecsNotFound
from stackwire.volume.domain.listing import read_volume_types
from stackwire.volume.domain.model import VolumeType
from stackwire.volume.flows.registry import ApiFlows
from stackwire.volume.http.action_body import named_action
from stackwire.volume.http.lists import list_request
from stackwire.volume.http.schemas import volume_types as schemas
from stackwire.volume.http.views import next_links, visible_extra_specs, volume_type_view, with_access


class VolumeTypeHandlers:
    """``cinder/api/v3/types.py``, ``cinder/api/contrib/types_extra_specs.py``, ``volume_type_access.py``."""

    def __init__(self, flows: ApiFlows, max_limit: int) -> None:
        self._flows = flows.volume_types
        self._default_flows = flows.default_types
        self._max_limit = max_limit

    async def list(self, request: web.Request) -> web.Response:
        listing = read_volume_types(list_request(request, self._max_limit))
        page = await self._flows.list_page(request[CONTEXT], listing)
        views = [with_access(volume_type_view(request, volume_type)) for volume_type in page]
        return respond(200, {"volume_types": views, **next_links(request, "volume_type", page, listing.limit)})

    async def default(self, request: web.Request) -> web.Response:
        volume_type = await self._default_flows.get_own(request[CONTEXT])
        return respond(200, {"volume_type": volume_type_view(request, volume_type)})

    async def show(self, request: web.Request) -> web.Response:
        volume_type = await self._flows.get(request[CONTEXT], _type_id(request))
        return respond(200, {"volume_type": with_access(volume_type_view(request, volume_type))})

    async def create(self, request: web.Request) -> web.Response:
        wanted = (await body(request, schemas.CreateVolumeTypeBody)).volume_type.to_request()
        volume_type = await self._flows.create(request[CONTEXT], wanted)
        return respond(200, {"volume_type": with_access(volume_type_view(request, volume_type, managed=True))})

    async def update(self, request: web.Request) -> web.Response:
        given = (await body(request, schemas.UpdateVolumeTypeBody)).volume_type.model_dump(exclude_unset=True)
        changes = {key: value for key, value in given.items() if value is not None}
        if not changes:
            raise BadRequest("Specify volume type name, description, is_public or a combination thereof.")
        volume_type = await self._flows.update(request[CONTEXT], _type_id(request), changes)
        return respond(200, {"volume_type": volume_type_view(request, volume_type, managed=True)})

    async def delete(self, request: web.Request) -> web.Response:
        await self._flows.delete(request[CONTEXT], _type_id(request))
        return respond(202)

    async def show_extra_specs(self, request: web.Request) -> web.Response:
        return respond(200, {"extra_specs": (await self._extra_specs(request))[1]})

    async def set_extra_specs(self, request: web.Request) -> web.Response:
        given = (await body(request, schemas.ExtraSpecsBody)).extra_specs
        await self._flows.set_extra_specs(request[CONTEXT], _type_id(request), given)
        return respond(200, {"extra_specs": given})

    async def show_extra_spec(self, request: web.Request) -> web.Response:
        volume_type, visible = await self._extra_specs(request)
        key = request.match_info["key"]
        if key not in visible:
            raise VolumeTypeExtraSpecsNotFound(volume_type_id=volume_type.id, key=key)
        return respond(200, {key: visible[key]})

    async def set_extra_spec(self, request: web.Request) -> web.Response:
        given = read(schemas.ExtraSpecsBody, {"extra_specs": await json_body(request)}).extra_specs
        if list(given) != [request.match_info["key"]]:
            raise BadRequest("Request body and URI mismatch")
        await self._flows.set_extra_specs(request[CONTEXT], _type_id(request), given)
        return respond(200, given)

    async def delete_extra_spec(self, request: web.Request) -> web.Response:
        await self._flows.delete_extra_spec(request[CONTEXT], _type_id(request), request.match_info["key"])
        return respond(202)

    async def show_access(self, request: web.Request) -> web.Response:
        volume_type = await self._flows.get_access(request[CONTEXT], _type_id(request))
        rows = [{"volume_type_id": volume_type.id, "project_id": project} for project in volume_type.projects]
        return respond(200, {"volume_type_access": rows})

    async def action(self, request: web.Request) -> web.Response:
        name, argument = await named_action(request)
        if name not in ("addProjectAccess", "removeProjectAccess"):
            raise NoSuchAction(name=name[:100])
        project_id = read(schemas.ProjectAccessAction, argument).project
        allowed = name == "addProjectAccess"
        await self._flows.set_access(request[CONTEXT], _type_id(request), project_id, allowed=allowed)
        return respond(202)

    async def _extra_specs(self, request: web.Request) -> tuple[VolumeType, dict[str, str | None]]:
        volume_type = await self._flows.get_extra_specs(request[CONTEXT], _type_id(request))
        return volume_type, visible_extra_specs(volume_type, admin=request[CONTEXT].is_admin)


def _type_id(request: web.Request) -> str:
    return request.match_info["type_id"]
