"""Members: the handlers of sharing."""

from aiohttp import web

from stackwire.http.request import CONTEXT, respond
from stackwire.image.flows.api.members import Memberships
from stackwire.image.http.bodies import body_of, check_no_body, no_content
from stackwire.image.http.schemas import read_member, read_member_status
from stackwire.image.http.views import member_view


class MemberHandlers:
    """Source: ``glance/api/v2/image_members.py: ImageMembersController``."""

    def __init__(self, members: Memberships) -> None:
        self._members = members

    async def index(self, request: web.Request) -> web.Response:
        rows = await self._members.list_for_image(request[CONTEXT], request.match_info["image_id"])
        return respond(200, {"members": [member_view(row) for row in rows], "schema": "/v2/schemas/members"})

    async def create(self, request: web.Request) -> web.Response:
        member = read_member(await body_of(request))
        row = await self._members.add(request[CONTEXT], request.match_info["image_id"], member)
        return respond(200, member_view(row))

    async def show(self, request: web.Request) -> web.Response:
        row = await self._members.get(request[CONTEXT], request.match_info["image_id"], request.match_info["member"])
        return respond(200, member_view(row))

    async def update(self, request: web.Request) -> web.Response:
        status, path = read_member_status(await body_of(request)), request.match_info
        row = await self._members.set_status(request[CONTEXT], path["image_id"], path["member"], status)
        return respond(200, member_view(row))

    async def delete(self, request: web.Request) -> web.Response:
        check_no_body(request)
        await self._members.remove(request[CONTEXT], request.match_info["image_id"], request.match_info["member"])
        return no_content()
