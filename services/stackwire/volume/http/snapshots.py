"""/snapshots: list, show, create, update, delete, actions."""

from typing import Any

from aiohttp import web

from stackwire.http.request import CONTEXT, VERSION, body, read, respond
from stackwire.volume.domain.errors import NoSuchAction
from stackwire.volume.domain.listable import SNAPSHOTS
from stackwire.volume.http.action_body import named_action
from stackwire.volume.http.lists import ListHandlers, wants_count
from stackwire.volume.http.path_ids import snapshot_id
from stackwire.volume.http.schemas.snapshots import (
    CreateSnapshotBody,
    ResetSnapshotStatusAction,
    UpdateSnapshotBody,
    UpdateSnapshotStatusAction,
)
from stackwire.volume.http.views import next_links, snapshot_view


class SnapshotHandlers(ListHandlers):
    """``cinder/api/v3/snapshots.py: SnapshotsController``."""

    async def show(self, request: web.Request) -> web.Response:
        snapshot = await self._flows.snapshot_queries.get(request[CONTEXT], snapshot_id(request))
        return respond(200, {"snapshot": snapshot_view(request, snapshot, extended=True)})

    async def create(self, request: web.Request) -> web.Response:
        wanted = (await body(request, CreateSnapshotBody)).snapshot.to_request(request[VERSION])
        snapshot = await self._flows.snapshots.request_snapshot(request[CONTEXT], wanted)
        return respond(202, {"snapshot": snapshot_view(request, snapshot, extended=False)})

    async def update(self, request: web.Request) -> web.Response:
        changes = (await body(request, UpdateSnapshotBody)).snapshot.changes()
        snapshot = await self._flows.updates.update_snapshot(request[CONTEXT], snapshot_id(request), changes)
        return respond(200, {"snapshot": snapshot_view(request, snapshot, extended=False)})

    async def delete(self, request: web.Request) -> web.Response:
        await self._flows.snapshots.request_delete(request[CONTEXT], snapshot_id(request))
        return respond(202)

    async def action(self, request: web.Request) -> web.Response:
        name, value = await named_action(request)
        target = snapshot_id(request)
        if name == "os-force_delete":
            await self._flows.snapshots.request_delete(request[CONTEXT], target, force=True)
        elif name == "os-reset_status":
            status = read(ResetSnapshotStatusAction, value).status
            await self._flows.status.reset_snapshot(request[CONTEXT], target, status)
        elif name == "os-update_snapshot_status":
            given = read(UpdateSnapshotStatusAction, value)
            await self._flows.status.update_snapshot(request[CONTEXT], target, given.status, given.progress)
        elif name == "os-unmanage":
            await self._flows.manage.unmanage_snapshot(request[CONTEXT], target)
        else:
            raise NoSuchAction(name=name[:100])
        return respond(202)

    async def _list(self, request: web.Request, *, detail: bool) -> web.Response:
        listing = self._listing(request, SNAPSHOTS)
        page = await self._flows.snapshot_queries.list_page(request[CONTEXT], listing)
        views = [snapshot_view(request, snapshot, extended=detail, summary=not detail) for snapshot in page]
        payload: dict[str, Any] = {"snapshots": views, **next_links(request, "snapshots", page, listing.limit)}
        if wants_count(request):
            payload["count"] = await self._flows.snapshot_queries.count(listing)
        return respond(200, payload)
