"""Members of groups; the projects and groups of a user."""

from aiohttp import web

from stackwire.http.request import CONTEXT, respond
from stackwire.identity.domain.entities import GROUP, PROJECT, USER
from stackwire.identity.flows.api.membership import Membership
from stackwire.identity.http.envelopes import entities_response


class MembershipHandlers:
    """``/v3/groups/{id}/users``, ``/v3/users/{id}/groups`` and ``/v3/users/{id}/projects``."""

    def __init__(self, membership: Membership) -> None:
        self._membership = membership

    async def add(self, request: web.Request) -> web.Response:
        """``PUT /v3/groups/{id}/users/{user}``: 204."""
        await self._membership.add_user(request[CONTEXT], request.match_info["id"], request.match_info["user"])
        return respond(204)

    async def check(self, request: web.Request) -> web.Response:
        """``HEAD /v3/groups/{id}/users/{user}``: 204, or 404."""
        await self._membership.check_user(request[CONTEXT], request.match_info["id"], request.match_info["user"])
        return respond(204)

    async def remove(self, request: web.Request) -> web.Response:
        """``DELETE /v3/groups/{id}/users/{user}``: 204."""
        await self._membership.remove_user(request[CONTEXT], request.match_info["id"], request.match_info["user"])
        return respond(204)

    async def users(self, request: web.Request) -> web.Response:
        """``GET /v3/groups/{id}/users``."""
        rows = await self._membership.list_users(request[CONTEXT], request.match_info["id"])
        return entities_response(request, USER, rows)

    async def groups(self, request: web.Request) -> web.Response:
        """``GET /v3/users/{id}/groups``."""
        rows = await self._membership.list_groups(request[CONTEXT], request.match_info["id"])
        return entities_response(request, GROUP, rows)

    async def projects(self, request: web.Request) -> web.Response:
        """``GET /v3/users/{id}/projects``."""
        rows = await self._membership.list_projects(request[CONTEXT], request.match_info["id"])
        return entities_response(request, PROJECT, rows)
