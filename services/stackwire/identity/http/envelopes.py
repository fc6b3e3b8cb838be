"""Lists and single things in Keystone's wrapping."""

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from stackwire.http.paging import link, origin
from stackwire.http.request import respond
from stackwire.identity.db.entities import GROUP, PROJECT, ROLE, USER, Noun
from stackwire.identity.http.views import noun_view

_OWN: Mapping[str, Mapping[str, Any]] = {
    PROJECT.name: {"is_domain": False, "options": {}},
    USER.name: {"password_expires_at": None, "options": {}},
    ROLE.name: {"domain_id": None, "options": {}},
    GROUP.name: {},
    "domain": {"tags": [], "options": {}},
}


def view(request: web.Request, noun: Noun, row: Mapping[str, Any]) -> dict[str, Any]:
    return noun_view(row, _OWN[noun.name], f"{origin(request)}/v3/{noun.plural}/{row['id']}")


def page(request: web.Request, noun: Noun, rows: Sequence[Mapping[str, Any]], limit: int | None = None) -> web.Response:
    """``limit``: as many as were asked for; a full page names the next one."""
    address = f"{origin(request)}{request.path}"
    links = {"next": None, "self": str(request.url), "previous": None}
    if limit is not None and rows and len(rows) == limit:
        links["next"] = link(address, request.query, marker=rows[-1]["id"])
    return respond(200, {noun.plural: [view(request, noun, row) for row in rows], "links": links})
