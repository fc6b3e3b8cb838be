"""/types: what kinds of volumes there are."""

from aiohttp import web

from stackwire.core.errors import BadRequest
from stackwire.http.request import CONTEXT, body, json_body, read, respond
from stackwire.volume.db.types import DEFAULT
from stackwire.volume.domain.errors import VolumeTypeExtraSpecsNotFound
from stackwire.volume.flows.all import Flows
from stackwire.volume.http import bodies, views
from stackwire.volume.http.filters import type_query


class TypesApi:
    def __init__(self, flows: Flows, longest: int) -> None:
        self._flows = flows
        self._longest = longest

    async def list(self, request: web.Request) -> web.Response:
        asked = type_query(request, self._longest)
        found = await self._flows.read.types(request[CONTEXT], asked)
        shown = [views.volume_type(request, one) for one in found]
        last = found[-1].id if found else None
        pages = views.next_links(request, "volume_type", shown, last, asked.limit)
        return respond(200, {"volume_types": shown, **pages})

    async def default(self, request: web.Request) -> web.Response:
        found = await self._flows.read.type(request[CONTEXT], DEFAULT)
        return respond(200, {"volume_type": views.volume_type(request, found)})

    async def show(self, request: web.Request) -> web.Response:
        found = await self._flows.read.type(request[CONTEXT], request.match_info["type_id"])
        return respond(200, {"volume_type": views.volume_type(request, found)})

    async def create(self, request: web.Request) -> web.Response:
        asked = (await body(request, bodies.CreateType)).volume_type
        made = await self._flows.types.create(
            request[CONTEXT], asked.name, asked.description, asked.is_public, asked.extra_specs
        )
        return respond(200, {"volume_type": views.volume_type(request, made)})

    async def update(self, request: web.Request) -> web.Response:
        asked = (await body(request, bodies.UpdateType)).volume_type
        changes = asked.model_dump(exclude_unset=True)
        if not changes:
            raise BadRequest("Specify volume type name, description, is_public or a combination thereof.")
        kept = {key: value for key, value in changes.items() if value is not None or key == "description"}
        found = await self._flows.types.update(request[CONTEXT], request.match_info["type_id"], kept)
        return respond(200, {"volume_type": views.volume_type(request, found)})

    async def delete(self, request: web.Request) -> web.Response:
        await self._flows.types.delete(request[CONTEXT], request.match_info["type_id"])
        return respond(202)

    async def specs(self, request: web.Request) -> web.Response:
        self._flows.parts.require(request[CONTEXT], "volume_extension:types_extra_specs:index")
        found = await self._flows.read.type(request[CONTEXT], request.match_info["type_id"])
        return respond(200, {"extra_specs": found.extra_specs})

    async def set_specs(self, request: web.Request) -> web.Response:
        given = (await body(request, bodies.ExtraSpecs)).extra_specs
        await self._flows.types.set_specs(request[CONTEXT], request.match_info["type_id"], given)
        return respond(200, {"extra_specs": given})

    async def spec(self, request: web.Request) -> web.Response:
        self._flows.parts.require(request[CONTEXT], "volume_extension:types_extra_specs:index")
        found = await self._flows.read.type(request[CONTEXT], request.match_info["type_id"])
        key = request.match_info["key"]
        if key not in found.extra_specs:
            raise VolumeTypeExtraSpecsNotFound(volume_type_id=found.id, key=key)
        return respond(200, {key: found.extra_specs[key]})

    async def set_spec(self, request: web.Request) -> web.Response:
        given = read(bodies.ExtraSpecs, {"extra_specs": await json_body(request)}).extra_specs
        if list(given) != [request.match_info["key"]]:
            raise BadRequest("Request body and URI mismatch")
        await self._flows.types.set_specs(request[CONTEXT], request.match_info["type_id"], given)
        return respond(200, given)

    async def drop_spec(self, request: web.Request) -> web.Response:
        await self._flows.types.drop_spec(request[CONTEXT], request.match_info["type_id"], request.match_info["key"])
        return respond(202)

    async def access(self, request: web.Request) -> web.Response:
        found = await self._flows.types.access(request[CONTEXT], request.match_info["type_id"])
        rows = [{"volume_type_id": found.id, "project_id": project} for project in found.projects]
        return respond(200, {"volume_type_access": rows})

    async def action(self, request: web.Request) -> web.Response:
        asked = await json_body(request)
        words = list(asked) if isinstance(asked, dict) else []
        if words not in (["addProjectAccess"], ["removeProjectAccess"]):
            raise BadRequest("The actions of a type are addProjectAccess and removeProjectAccess.")
        project = read(bodies.ProjectAccess, asked[words[0]]).project
        await self._flows.types.grant(
            request[CONTEXT], request.match_info["type_id"], project, allowed=words[0] == "addProjectAccess"
        )
        return respond(202)
