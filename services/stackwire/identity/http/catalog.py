"""Services, endpoints and regions: the handlers are the same, what differs between the kinds is data."""

from typing import Any

from aiohttp import web

from stackwire.core.errors import BadRequest
from stackwire.http.paging import origin
from stackwire.http.request import CONTEXT, json_body, respond
from stackwire.identity.domain.entities import Row
from stackwire.identity.flows.api.catalog import CatalogFlows
from stackwire.identity.http.catalog_views import endpoint_view, region_view, service_view
from stackwire.identity.http.envelopes import list_response
from stackwire.identity.http.schemas import catalog as schemas

KINDS = ("service", "endpoint", "region")
_FILTERS = {
    "service": ("type", "name"), "endpoint": ("interface", "service_id", "region_id"), "region": ("parent_region_id",),
}  # fmt: skip
_VIEWS = {"service": service_view, "endpoint": endpoint_view, "region": region_view}


class CatalogHandlers:
    """``/v3/{kind}s`` and ``/v3/{kind}s/{id}``."""

    def __init__(self, kind: str, catalog: CatalogFlows) -> None:
        self._kind = kind
        self._catalog = catalog

    async def create(self, request: web.Request) -> web.Response:
        """``POST /v3/{kind}s``: 201."""
        return await self._create(request, schemas.created(self._kind, await json_body(request)))

    async def put(self, request: web.Request) -> web.Response:
        """``PUT /v3/regions/{id}``: 201."""
        id, values = request.match_info["id"], schemas.created(self._kind, await json_body(request))
        if values.get("id", id) != id:
            raise BadRequest(f'Conflicting region IDs specified: "{id}" != "{values["id"]}"')
        return await self._create(request, {**values, "id": id})

    async def list(self, request: web.Request) -> web.Response:
        """``GET /v3/{kind}s``, by what equals the filters of the query."""
        filters = {name: request.query[name] for name in _FILTERS[self._kind] if name in request.query}
        unknown = sorted(request.query.keys() - filters.keys())
        if unknown and self._kind == "region":  # alone among them: keystone/catalog/schema.py
            raise BadRequest(f"Additional properties are not allowed ({unknown[0]!r} was unexpected)")
        rows = await self._catalog.find(request[CONTEXT], self._kind, origin(request), filters)
        return list_response(request, f"{self._kind}s", [self._view(request, row) for row in rows])

    async def show(self, request: web.Request) -> web.Response:
        """``GET /v3/{kind}s/{id}``."""
        row = await self._catalog.get(request[CONTEXT], self._kind, origin(request), request.match_info["id"])
        return respond(200, {self._kind: self._view(request, row)})

    async def update(self, request: web.Request) -> web.Response:
        """``PATCH /v3/{kind}s/{id}``."""
        id, values = request.match_info["id"], schemas.changes(self._kind, await json_body(request))
        row = await self._catalog.update(request[CONTEXT], self._kind, origin(request), id, values)
        return respond(200, {self._kind: self._view(request, row)})

    async def delete(self, request: web.Request) -> web.Response:
        """``DELETE /v3/{kind}s/{id}``: 204."""
        await self._catalog.delete(request[CONTEXT], self._kind, origin(request), request.match_info["id"])
        return respond(204)

    async def _create(self, request: web.Request, values: dict[str, Any]) -> web.Response:
        row = await self._catalog.create(request[CONTEXT], self._kind, origin(request), values)
        return respond(201, {self._kind: self._view(request, row)})

    def _view(self, request: web.Request, row: Row) -> dict[str, Any]:
        return _VIEWS[self._kind](row, origin(request))
