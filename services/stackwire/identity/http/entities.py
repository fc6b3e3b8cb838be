"""Domains, projects, users, groups and roles: the handlers are the same, the types are data."""

import re
from typing import Any

from aiohttp import web

from stackwire.core.errors import BadRequest, NotSimulated
from stackwire.http.paging import limit_of
from stackwire.http.request import CONTEXT, flag, json_body, respond
from stackwire.identity.domain.entities import PROJECT, TAG_FILTERS, EntityType
from stackwire.identity.domain.requests import EntityQuery
from stackwire.identity.flows.api.directory import Directory
from stackwire.identity.http.envelopes import entities_response, entity_response
from stackwire.identity.http.schemas import entities as schemas

MAX_PAGE = 1000
ID_CHARACTERS = 64
_FORMS = {
    "name": re.compile(r"\S"),
    "domain_id": re.compile(r"^[a-zA-Z0-9-]+$"),
    "parent_id": re.compile(r"^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$"),
}
"""Source: ``keystone/api/validation/parameter_types.py``."""
_SORT_PARAMETERS = ("sort_key", "sort_dir")


class EntityHandlers:
    """``/v3/{plural}`` and ``/v3/{plural}/{id}``."""

    def __init__(self, entity_type: EntityType, directory: Directory) -> None:
        self._type = entity_type
        self._directory = directory

    async def create(self, request: web.Request) -> web.Response:
        """``POST /v3/{plural}``: 201."""
        wanted = schemas.create_request(self._type, await json_body(request))
        row = await self._directory.create_entity(request[CONTEXT], self._type, wanted)
        return entity_response(request, 201, self._type, row)

    async def list(self, request: web.Request) -> web.Response:
        """``GET /v3/{plural}``: everything, unless a limit is given."""
        limit = limit_of(request, MAX_PAGE) if "limit" in request.query else None
        query = EntityQuery(_filters(request, self._type), limit or None, request.query.get("marker"))
        rows = await self._directory.list_entities(request[CONTEXT], self._type, query)
        return entities_response(request, self._type, rows, limit)

    async def show(self, request: web.Request) -> web.Response:
        """``GET /v3/{plural}/{id}``."""
        row = await self._directory.get_entity(request[CONTEXT], self._type, request.match_info["id"])
        return entity_response(request, 200, self._type, row)

    async def update(self, request: web.Request) -> web.Response:
        """``PATCH /v3/{plural}/{id}``."""
        id = request.match_info["id"]
        changes = schemas.update_request(self._type, id, await json_body(request))
        row = await self._directory.update_entity(request[CONTEXT], self._type, id, changes)
        return entity_response(request, 200, self._type, row)

    async def delete(self, request: web.Request) -> web.Response:
        """``DELETE /v3/{plural}/{id}``: 204."""
        await self._directory.delete_entity(request[CONTEXT], self._type, request.match_info["id"])
        return respond(204)


def _filters(request: web.Request, entity_type: EntityType) -> dict[str, Any]:
    """The filters of a query. Parameters that nobody knows are allowed, as in Keystone; BadRequest for odd values."""
    return {
        name: _filter_value(name, value, entity_type)
        for name, value in request.query.items()
        if not _is_ignored(name, value, entity_type)
    }


def _is_ignored(name: str, value: str, entity_type: EntityType) -> bool:
    """True for parameters that do not filter; NotSimulated for those that would matter."""
    if name == "is_domain" and entity_type is PROJECT:
        if value and flag(value, name):
            raise NotSimulated(what="projects that act as domains")
        return True
    if name in _SORT_PARAMETERS:
        raise NotSimulated(what="sorting of identity lists")
    if "__" in name and name.split("__")[0] in entity_type.filters:
        raise NotSimulated(what="comparisons of identity lists")
    if name == "domain_id" and entity_type.name == "role":
        raise NotSimulated(what="roles of a domain")
    return name not in entity_type.filters and not (name in TAG_FILTERS and entity_type is PROJECT)


def _filter_value(name: str, value: str, entity_type: EntityType) -> Any:
    if name in TAG_FILTERS:
        return value.split(",")
    if name == "enabled":
        return not value or flag(value, name)
    form = _FORMS[name]
    if len(value) > (entity_type.name_characters if name == "name" else ID_CHARACTERS) or not form.search(value):
        raise BadRequest(f"Invalid input for query parameters {name}. Value: {value[:100]}.")
    return value
