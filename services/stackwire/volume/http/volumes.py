"""/volumes: list, show, create, update, delete."""

from typing import Any

from aiohttp import web

from stackwire.contracts.volume import VolumeNotFound
from stackwire.http.request import CONTEXT, VERSION, body, flag, respond
from stackwire.volume.domain.listable import VOLUMES
from stackwire.volume.http.lists import ListHandlers, wants_count
from stackwire.volume.http.path_ids import volume_id
from stackwire.volume.http.schemas.volumes import CreateVolumeBody, UpdateVolumeBody
from stackwire.volume.http.views import next_links, volume_summary_view, volume_view


class VolumeHandlers(ListHandlers):
    """``cinder/api/v3/volumes.py: VolumeController``."""

    async def summary(self, request: web.Request) -> web.Response:
        if request[VERSION] < (3, 12):
            raise VolumeNotFound(volume_id="summary")
        totals = await self._flows.volumes.totals(request[CONTEXT], self._listing(request, VOLUMES))
        summary: dict[str, Any] = {"total_size": totals["size"], "total_count": totals["count"]}
        if request[VERSION] >= (3, 36):
            merged: dict[str, set[str]] = {}
            for metadata in totals["metadata"] or ():
                for key, value in metadata.items():
                    merged.setdefault(key, set()).add(value)
            summary["metadata"] = {key: sorted(values) for key, values in merged.items()}
        return respond(200, {"volume-summary": summary})

    async def show(self, request: web.Request) -> web.Response:
        volume = await self._flows.volumes.get(request[CONTEXT], volume_id(request))
        return respond(200, {"volume": volume_view(request, volume, full=True)})

    async def create(self, request: web.Request) -> web.Response:
        wanted = (await body(request, CreateVolumeBody)).to_request(request[VERSION])
        volume = await self._flows.create_volume.request_volume(request[CONTEXT], wanted)
        return respond(202, {"volume": volume_view(request, volume, full=False)})

    async def update(self, request: web.Request) -> web.Response:
        changes = (await body(request, UpdateVolumeBody)).changes(request[VERSION])
        volume = await self._flows.updates.update_volume(request[CONTEXT], volume_id(request), changes)
        return respond(200, {"volume": volume_view(request, volume, full=False)})

    async def delete(self, request: web.Request) -> web.Response:
        cascade = flag(request.query.get("cascade", "false"), "cascade")
        force = flag(request.query.get("force", "false"), "force") and request[VERSION] >= (3, 23)
        await self._flows.delete_volume.request_delete(
            request[CONTEXT], volume_id(request), cascade=cascade, force=force
        )
        return respond(202)

    async def _list(self, request: web.Request, *, detail: bool) -> web.Response:
        listing = self._listing(request, VOLUMES)
        page = await self._flows.volumes.list_page(request[CONTEXT], listing)
        views = [
            volume_view(request, volume, full=True) if detail else volume_summary_view(request, volume)
            for volume in page
        ]
        payload: dict[str, Any] = {"volumes": views, **next_links(request, "volumes", page, listing.limit)}
        if wants_count(request):
            payload["count"] = await self._flows.volumes.count(listing)
        return respond(200, payload)
