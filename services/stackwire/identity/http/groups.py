"""Members of groups; the projects and groups of a user."""

from aiohttp import web

from stackwire.http.request import CONTEXT, respond
from stackwire.identity.db.entities import GROUP, PROJECT, USER
from stackwire.identity.flows.api.membership import Membership
from stackwire.identity.http.envelopes import page


class MembershipHandlers:
    def __init__(self, membership: Membership) -> None:
        self._membership = membership

    async def add(self, request: web.Request) -> web.Response:
        await self._membership.add(request[CONTEXT], request.match_info["id"], request.match_info["user"])
        return respond(204)

    async def check(self, request: web.Request) -> web.Response:
        await self._membership.check(request[CONTEXT], request.match_info["id"], request.match_info["user"])
        return respond(204)

    async def remove(self, request: web.Request) -> web.Response:
        await self._membership.remove(request[CONTEXT], request.match_info["id"], request.match_info["user"])
        return respond(204)

    async def users(self, request: web.Request) -> web.Response:
        return page(request, USER, await self._membership.users_in(request[CONTEXT], request.match_info["id"]))

    async def groups(self, request: web.Request) -> web.Response:
        return page(request, GROUP, await self._membership.groups_of(request[CONTEXT], request.match_info["id"]))

    async def projects(self, request: web.Request) -> web.Response:
        return page(request, PROJECT, await self._membership.projects_of(request[CONTEXT], request.match_info["id"]))
