"""/group_snapshots, from 3.14."""

from typing import Any

from aiohttp import web

from stackwire.core.attributes import attributes
from stackwire.core.errors import NotFound
from stackwire.http.request import CONTEXT, VERSION, body, read, respond
from stackwire.volume.domain.errors import NoSuchAction
from stackwire.volume.domain.group_model import GroupSnapshot
from stackwire.volume.domain.listable import GROUP_SNAPSHOTS
from stackwire.volume.domain.listing import Listing
from stackwire.volume.domain.notifications import naive
from stackwire.volume.http.action_body import named_action
from stackwire.volume.http.lists import ListHandlers, list_request
from stackwire.volume.http.schemas import groups as schemas
from stackwire.volume.http.views import next_links


class GroupSnapshotHandlers(ListHandlers):
    """``cinder/api/v3/group_snapshots.py: GroupSnapshotsController``."""

    async def show(self, request: web.Request) -> web.Response:
        found = await self._flows.group_snapshots.get(request[CONTEXT], _snapshot_id(request))
        return respond(200, {"group_snapshot": _view(request, found)})

    async def create(self, request: web.Request) -> web.Response:
        wanted = (await body(request, schemas.CreateGroupSnapshotBody)).group_snapshot.to_request()
        created = await self._flows.group_snapshots.create(request[CONTEXT], wanted)
        return respond(202, {"group_snapshot": attributes(created, "id name group_type_id")})

    async def delete(self, request: web.Request) -> web.Response:
        await self._flows.group_snapshots.delete(request[CONTEXT], _snapshot_id(request))
        return respond(202)

    async def update(self, request: web.Request) -> web.Response:
        """The original has the address, and nothing behind it."""
        raise NoSuchAction(name="update")

    async def action(self, request: web.Request) -> web.Response:
        name, argument = await named_action(request)
        if name != "reset_status":
            raise NoSuchAction(name=name[:100])
        if request[VERSION] < (3, 19):
            raise NotFound
        status = read(schemas.ResetStatusAction, argument).status
        await self._flows.group_snapshots.reset_status(request[CONTEXT], _snapshot_id(request), status)
        return respond(202)

    async def _list(self, request: web.Request, *, detail: bool) -> web.Response:
        if request[VERSION] >= (3, 29):
            listing = self._listing(request, GROUP_SNAPSHOTS)
        else:  # neither filters nor pages
            listing = Listing(project_id=request[CONTEXT].project_id or "", limit=self._max_limit)
        limit = list_request(request, self._max_limit).limit
        page = await self._flows.group_snapshots.list_page(request[CONTEXT], listing)
        views = [_view(request, found) if detail else attributes(found, "id name") for found in page]
        return respond(200, {"group_snapshots": views, **next_links(request, "group_snapshot", page, limit)})


def _snapshot_id(request: web.Request) -> str:
    return request.match_info["group_snapshot_id"]


def _view(request: web.Request, found: GroupSnapshot) -> dict[str, Any]:
    view = {
        **attributes(found, "id group_id group_type_id status name description"),
        "created_at": naive(found.created_at),
    }
    if request[VERSION] >= (3, 58) and request[CONTEXT].is_admin:
        view["project_id"] = found.project_id
    return view
