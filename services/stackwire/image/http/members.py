"""Members: the handlers of sharing."""

from typing import Any

from aiohttp import web

from stackwire.http.request import CONTEXT, json_body, respond
from stackwire.image.domain.attributes import NAME_CHARACTERS
from stackwire.image.domain.errors import Invalid
from stackwire.image.flows.api.members import Members
from stackwire.image.http.images import check_no_body, no_content
from stackwire.image.http.views import member_view


class MemberHandlers:
    def __init__(self, members: Members) -> None:
        self._members = members

    async def index(self, request: web.Request) -> web.Response:
        rows = await self._members.all(request[CONTEXT], request.match_info["image_id"])
        return respond(200, {"members": [member_view(row) for row in rows], "schema": "/v2/schemas/members"})

    async def create(self, request: web.Request) -> web.Response:
        member = _only(await json_body(request), "member")
        if not isinstance(member, str) or not 0 < len(member) <= NAME_CHARACTERS:
            raise Invalid(reason=f"member is a project's id of at most {NAME_CHARACTERS} characters")
        row = await self._members.add(request[CONTEXT], request.match_info["image_id"], member)
        return respond(200, member_view(row))

    async def show(self, request: web.Request) -> web.Response:
        row = await self._members.one(request[CONTEXT], request.match_info["image_id"], request.match_info["member"])
        return respond(200, member_view(row))

    async def update(self, request: web.Request) -> web.Response:
        member = request.match_info["member"]
        body = await json_body(request)
        if isinstance(body, dict) and body.get("member") == member:  # openstacksdk says it again
            body.pop("member")
        row = await self._members.answer(
            request[CONTEXT], request.match_info["image_id"], member, _only(body, "status")
        )
        return respond(200, member_view(row))

    async def delete(self, request: web.Request) -> web.Response:
        check_no_body(request)
        await self._members.remove(request[CONTEXT], request.match_info["image_id"], request.match_info["member"])
        return no_content()


def _only(body: Any, name: str) -> Any:
    """The one value of a body that has exactly this key."""
    if not isinstance(body, dict) or set(body) != {name}:
        raise Invalid(reason=f"the body is an object with the one key '{name}'")
    return body[name]
