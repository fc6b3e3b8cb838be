"""Role assignments by scope and actor, and the list of them all."""

from typing import get_args

from aiohttp import web

from stackwire.core.errors import NotSimulated
from stackwire.http.paging import origin
from stackwire.http.request import CONTEXT, respond
from stackwire.identity.domain.entities import ROLE
from stackwire.identity.domain.grants import ASSIGNMENT_FILTERS, Actor, GrantScope, GrantTarget
from stackwire.identity.domain.requests import AssignmentQuery
from stackwire.identity.flows.api.grants import Grants
from stackwire.identity.http.envelopes import entities_response, list_response
from stackwire.identity.http.views import assignment_view

SCOPES: tuple[GrantScope, ...] = get_args(GrantScope)
ACTORS: tuple[Actor, ...] = get_args(Actor)
_UNSUPPORTED_FILTERS = ("include_subtree", "scope.OS-INHERIT:inherited_to")


def grants_path(scope: GrantScope, actor: Actor) -> str:
    """``/v3/projects/{scope}/users/{actor}/roles`` and its five siblings."""
    prefix = "/v3/system" if scope == "system" else f"/v3/{scope}s/{{scope}}"
    return f"{prefix}/{actor}s/{{actor}}/roles"


class GrantHandlers:
    """The roles of one type of actor on one type of scope."""

    def __init__(self, grants: Grants, scope: GrantScope, actor: Actor) -> None:
        self._grants = grants
        self._scope = scope
        self._actor = actor

    async def add(self, request: web.Request) -> web.Response:
        """``PUT .../roles/{role}``: 204."""
        await self._grants.add_grant(request[CONTEXT], self._target(request), request.match_info["role"])
        return respond(204)

    async def check(self, request: web.Request) -> web.Response:
        """``HEAD`` or ``GET .../roles/{role}``: 204, or 404."""
        await self._grants.check_grant(request[CONTEXT], self._target(request), request.match_info["role"])
        return respond(204)

    async def remove(self, request: web.Request) -> web.Response:
        """``DELETE .../roles/{role}``: 204."""
        await self._grants.remove_grant(request[CONTEXT], self._target(request), request.match_info["role"])
        return respond(204)

    async def list(self, request: web.Request) -> web.Response:
        """``GET .../roles``."""
        return entities_response(request, ROLE, await self._grants.list_roles(request[CONTEXT], self._target(request)))

    def _target(self, request: web.Request) -> GrantTarget:
        path = request.match_info
        return GrantTarget(self._actor, path["actor"], self._scope, path.get("scope"))


class AssignmentHandlers:
    """``/v3/role_assignments``."""

    def __init__(self, grants: Grants) -> None:
        self._grants = grants

    async def list(self, request: web.Request) -> web.Response:
        """``GET /v3/role_assignments``; NotSimulated for filters that are not here."""
        parameters = request.query
        for name in parameters:
            if name in _UNSUPPORTED_FILTERS or name.partition("__")[0] != name:
                raise NotSimulated(what=f"'{name[:100]}' of role assignments")
        query = AssignmentQuery(
            filters={name: parameters[name] for name in ASSIGNMENT_FILTERS if name in parameters},
            system="scope.system" in parameters,
            effective=_is_set(request, "effective"),
        )
        rows = await self._grants.list_assignments(request[CONTEXT], query)
        names = _is_set(request, "include_names")
        views = [assignment_view(row, origin(request), names=names) for row in rows]
        return list_response(request, "role_assignments", views)


def _is_set(request: web.Request, name: str) -> bool:
    """Any value but 0 means true: ``keystone/server/flask/common.py: query_filter_is_true``."""
    return request.query.get(name, "0").strip() != "0"
