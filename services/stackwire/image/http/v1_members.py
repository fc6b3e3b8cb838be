"""The v1 API's members: who an image is shared with, what is shared with whom. Source: ``glance/api/v1/members.py``.

To whoever may not share an image it says 404, as Glance's v1 did, where v2 says 403.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from stackwire.core.errors import BadRequest, Forbidden, NotFound, NotSimulated
from stackwire.http.request import CONTEXT, json_body, respond
from stackwire.image.domain.attributes import NAME_CHARACTERS
from stackwire.image.flows.api.members import Members
from stackwire.image.http.images import check_no_body


class V1MemberHandlers:
    def __init__(self, members: Members) -> None:
        self._members = members

    async def index(self, request: web.Request) -> web.Response:
        rows = await self._members.all(request[CONTEXT], request.match_info["image_id"])
        return respond(200, {"members": [{"member_id": row.member, "can_share": False} for row in rows]})

    async def replace(self, request: web.Request) -> web.Response:
        """All members at once: those who are not named are none any more."""
        listed = _only(await json_body(request), "memberships")
        if not isinstance(listed, list):
            raise BadRequest("'memberships' is a list.")
        wanted = list(dict.fromkeys(_named(entry) for entry in listed))
        with _as_absent():
            await self._members.replace(request[CONTEXT], request.match_info["image_id"], wanted)
        return web.Response(status=204)

    async def add(self, request: web.Request) -> web.Response:
        """Being one already is no error."""
        if request.body_exists and request.content_length != 0:
            _check_share(_only(await json_body(request), "member"))
        member = _project(request.match_info["member"])
        with _as_absent():
            await self._members.share(request[CONTEXT], request.match_info["image_id"], member)
        return web.Response(status=204)

    async def remove(self, request: web.Request) -> web.Response:
        check_no_body(request)
        with _as_absent():
            await self._members.remove(request[CONTEXT], request.match_info["image_id"], request.match_info["member"])
        return web.Response(status=204)

    async def shared(self, request: web.Request) -> web.Response:
        rows = await self._members.of(request[CONTEXT], request.match_info["member"])
        return respond(200, {"shared_images": [{"image_id": row.image_id, "can_share": False} for row in rows]})


@contextmanager
def _as_absent() -> Iterator[None]:
    try:
        yield
    except Forbidden as refused:
        raise NotFound(refused.message) from refused


def _only(body: Any, name: str) -> Any:
    if not isinstance(body, dict) or set(body) != {name}:
        raise BadRequest(f"The body is an object with the one key '{name}'.")
    return body[name]


def _named(entry: Any) -> str:
    if not isinstance(entry, dict) or "member_id" not in entry or not set(entry) <= {"member_id", "can_share"}:
        raise BadRequest("A membership has a 'member_id' and may have 'can_share'.")
    _check_share({key: value for key, value in entry.items() if key != "member_id"})
    return _project(entry["member_id"])


def _project(member: Any) -> str:
    if not isinstance(member, str) or not 0 < len(member) <= NAME_CHARACTERS:
        raise BadRequest(f"A member is a project's id of at most {NAME_CHARACTERS} characters.")
    return member


def _check_share(wish: Any) -> None:
    if not isinstance(wish, dict) or not set(wish) <= {"can_share"}:
        raise BadRequest("Of a member only 'can_share' can be said.")
    if not isinstance(wish.get("can_share", False), bool):
        raise BadRequest("'can_share' is true or false.")
    if wish.get("can_share"):
        raise NotSimulated(what="members that share an image on (can_share)")
