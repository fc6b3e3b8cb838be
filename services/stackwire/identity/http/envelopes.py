"""What Keystone wraps entities and lists in."""

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from stackwire.http.paging import link, origin
from stackwire.http.request import respond
from stackwire.identity.domain.entities import EntityType, Row
from stackwire.identity.http.views import entity_view


def list_response(
    request: web.Request, key: str, items: Sequence[Mapping[str, Any]], next_link: str | None = None
) -> web.Response:
    """200 with the items under ``key`` and the links of a page."""
    links = {"next": next_link, "self": str(request.url), "previous": None}
    return respond(200, {key: items, "links": links})


def entity_response(request: web.Request, status: int, entity_type: EntityType, row: Row) -> web.Response:
    """One entity under the name of its type."""
    return respond(status, {entity_type.name: entity_view(entity_type, row, origin(request))})


def entities_response(
    request: web.Request, entity_type: EntityType, rows: Sequence[Row], limit: int | None = None
) -> web.Response:
    """A list of entities; a page with as many as ``limit`` links to the next one."""
    base = origin(request)
    full = limit is not None and rows and len(rows) == limit
    next_link = link(f"{base}{request.path}", request.query, marker=rows[-1]["id"]) if full else None
    return list_response(request, entity_type.plural, [entity_view(entity_type, row, base) for row in rows], next_link)
