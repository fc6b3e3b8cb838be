"""The v1 API's members: the projects an image is shared with, and the images shared with a project.

Source: ``glance/api/v1/members.py``. To whoever may not share an image it answers 404, as Glance's v1 does, where v2
answers 403.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

from stackwire.core.errors import Forbidden, NotFound
from stackwire.http.request import CONTEXT, respond
from stackwire.image.flows.api.v1_members import V1Memberships
from stackwire.image.http.bodies import body_of, check_no_body
from stackwire.image.http.schemas import check_v1_member, check_v1_project, read_v1_memberships


class V1MemberHandlers:
    """``/v1/images/{image_id}/members`` and ``/v1/shared-images``."""

    def __init__(self, members: V1Memberships) -> None:
        self._members = members

    async def index(self, request: web.Request) -> web.Response:
        rows = await self._members.list_for_image(request[CONTEXT], request.match_info["image_id"])
        return respond(200, {"members": [{"member_id": row.member, "can_share": False} for row in rows]})

    async def replace(self, request: web.Request) -> web.Response:
        """All members at once: those who are not named are removed."""
        members = read_v1_memberships(await body_of(request))
        with _forbidden_as_not_found():
            await self._members.replace_all(request[CONTEXT], request.match_info["image_id"], members)
        return web.Response(status=204)

    async def add(self, request: web.Request) -> web.Response:
        """Adding a member again is no error."""
        if request.body_exists and request.content_length != 0:
            check_v1_member(await body_of(request))
        member = check_v1_project(request.match_info["member"])
        with _forbidden_as_not_found():
            await self._members.ensure(request[CONTEXT], request.match_info["image_id"], member)
        return web.Response(status=204)

    async def remove(self, request: web.Request) -> web.Response:
        check_no_body(request)
        with _forbidden_as_not_found():
            await self._members.remove(request[CONTEXT], request.match_info["image_id"], request.match_info["member"])
        return web.Response(status=204)

    async def shared(self, request: web.Request) -> web.Response:
        """The images shared with a project."""
        rows = await self._members.list_for_project(request[CONTEXT], request.match_info["member"])
        return respond(200, {"shared_images": [{"image_id": row.image_id, "can_share": False} for row in rows]})


@contextmanager
def _forbidden_as_not_found() -> Iterator[None]:
    try:
        yield
    except Forbidden as refused:
        raise NotFound(refused.message) from refused
