"""``/v3/registered_limits`` and ``/v3/limits``."""

from typing import Any

from aiohttp import web

from stackwire.http.paging import origin
from stackwire.http.request import CONTEXT, json_body, respond
from stackwire.identity.domain.entities import Row
from stackwire.identity.flows.api.limits import MODEL, Limits
from stackwire.identity.http.envelopes import list_response
from stackwire.identity.http.schemas import limits as schemas

KINDS = ("registered_limit", "limit")
_FILTERS = ("service_id", "region_id", "resource_name", "project_id", "domain_id")


async def model(request: web.Request) -> web.Response:
    """``GET /v3/limits/model``."""
    return respond(200, {"model": MODEL})


class LimitHandlers:
    """``/v3/{kind}s`` and ``/v3/{kind}s/{id}``."""

    def __init__(self, kind: str, limits: Limits) -> None:
        self._kind = kind
        self._limits = limits

    async def create(self, request: web.Request) -> web.Response:
        """``POST /v3/{kind}s``: 201, as many as were sent."""
        wanted = schemas.created(self._kind, await json_body(request))
        rows = await self._limits.create(request[CONTEXT], self._kind, origin(request), wanted)
        return respond(201, {f"{self._kind}s": [self._view(request, row) for row in rows]})

    async def list(self, request: web.Request) -> web.Response:
        """``GET /v3/{kind}s``, by what equals the filters of the query."""
        known = _FILTERS if self._kind == "limit" else _FILTERS[:3]
        filters = {name: request.query[name] for name in known if name in request.query}
        rows = await self._limits.find(request[CONTEXT], self._kind, filters)
        return list_response(request, f"{self._kind}s", [self._view(request, row) for row in rows])

    async def show(self, request: web.Request) -> web.Response:
        """``GET /v3/{kind}s/{id}``."""
        row = await self._limits.get(request[CONTEXT], self._kind, request.match_info["id"])
        return respond(200, {self._kind: self._view(request, row)})

    async def update(self, request: web.Request) -> web.Response:
        """``PATCH /v3/{kind}s/{id}``."""
        id, changes = request.match_info["id"], schemas.changes(self._kind, await json_body(request))
        row = await self._limits.update(request[CONTEXT], self._kind, origin(request), id, changes)
        return respond(200, {self._kind: self._view(request, row)})

    async def delete(self, request: web.Request) -> web.Response:
        """``DELETE /v3/{kind}s/{id}``: 204."""
        await self._limits.delete(request[CONTEXT], self._kind, request.match_info["id"])
        return respond(204)

    def _view(self, request: web.Request, row: Row) -> dict[str, Any]:
        return {**row, "links": {"self": f"{origin(request)}/v3/{self._kind}s/{row['id']}"}}
