"""``/os-volumes`` and ``/os-snapshots``, up to 2.35."""

from aiohttp import web

from stackwire.compute.http.schemas.volume_proxies import CreateSnapshot, CreateVolume
from stackwire.compute.http.unpack import (
    MAX_PAGE_ITEMS,
    PROXIES_UNTIL,
    ApiHandlers,
    page_limit,
    page_offset,
    require_version,
    unpack,
)
from stackwire.compute.http.views.volume_proxies import snapshot_view, volume_view
from stackwire.core.context import RequestContext
from stackwire.http.request import body, respond


class VolumeProxyHandlers(ApiHandlers):
    """``nova/api/openstack/compute/volumes.py: VolumeController``."""

    async def list(self, request: web.Request) -> web.Response:
        """``GET /os-volumes``, and ``/os-volumes/detail``, which is the same."""
        ctx = _unpack(request)
        found = await self._flows.volume_proxies.list_volumes(ctx, **_page(request))
        return respond(200, {"volumes": [volume_view(volume) for volume in found]})

    async def show(self, request: web.Request) -> web.Response:
        """``GET /os-volumes/{id}``"""
        ctx = _unpack(request)
        volume = await self._flows.volume_proxies.get_volume(ctx, request.match_info["volume"])
        return respond(200, {"volume": volume_view(volume)})

    async def create(self, request: web.Request) -> web.Response:
        """``POST /os-volumes``"""
        ctx = _unpack(request)
        wanted = (await body(request, CreateVolume)).volume
        volume = await self._flows.volume_proxies.create_volume(ctx, wanted.message())
        return respond(200, {"volume": volume_view(volume)}, {"Location": f"{request.url}/{volume.id}"})

    async def delete(self, request: web.Request) -> web.Response:
        """``DELETE /os-volumes/{id}``"""
        ctx = _unpack(request)
        await self._flows.volume_proxies.delete_volume(ctx, request.match_info["volume"])
        return respond(202)


class SnapshotProxyHandlers(ApiHandlers):
    """``nova/api/openstack/compute/snapshots.py: SnapshotController``."""

    async def list(self, request: web.Request) -> web.Response:
        """``GET /os-snapshots``, and ``/os-snapshots/detail``, which is the same."""
        ctx = _unpack(request)
        found = await self._flows.volume_proxies.list_snapshots(ctx, **_page(request))
        return respond(200, {"snapshots": [snapshot_view(snapshot) for snapshot in found]})

    async def show(self, request: web.Request) -> web.Response:
        """``GET /os-snapshots/{id}``"""
        ctx = _unpack(request)
        snapshot = await self._flows.volume_proxies.get_snapshot(ctx, request.match_info["snapshot"])
        return respond(200, {"snapshot": snapshot_view(snapshot)})

    async def create(self, request: web.Request) -> web.Response:
        """``POST /os-snapshots``"""
        ctx = _unpack(request)
        wanted = (await body(request, CreateSnapshot)).snapshot
        snapshot = await self._flows.volume_proxies.create_snapshot(ctx, wanted.message())
        return respond(200, {"snapshot": snapshot_view(snapshot)})

    async def delete(self, request: web.Request) -> web.Response:
        """``DELETE /os-snapshots/{id}``"""
        ctx = _unpack(request)
        await self._flows.volume_proxies.delete_snapshot(ctx, request.match_info["snapshot"])
        return respond(202)


def _unpack(request: web.Request) -> RequestContext:
    require_version(request, (2, 1), PROXIES_UNTIL)
    return unpack(request)[0]


def _page(request: web.Request) -> dict[str, int]:
    """``limit`` (0: the most there can be) and ``offset``."""
    return {"limit": page_limit(request) or MAX_PAGE_ITEMS, "offset": page_offset(request)}
