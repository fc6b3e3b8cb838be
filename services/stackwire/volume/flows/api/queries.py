"""Reading volumes, snapshots and what is counted of them."""

from dataclasses import replace
from typing import Any

from stackwire.core.context import RequestContext
from stackwire.core.errors import NotFound
from stackwire.volume.db import snapshots, volumes
from stackwire.volume.domain.listing import Listing
from stackwire.volume.domain.model import Snapshot, VolumeDetails
from stackwire.volume.flows.deps import Flow


class MarkerNotFound(NotFound):
    """marker [{marker}] could not be found."""


class VolumeQueries(Flow):
    """``cinder/volume/api.py: get, get_all, get_volume_summary``."""

    async def get(self, ctx: RequestContext, volume_id: str) -> VolumeDetails:
        """VolumeNotFound."""
        async with self._deps.database.read() as session:
            found = await volumes.details(session, ctx, volume_id)
        self._deps.require(ctx, "volume:get", found.project_id)
        return found

    async def list_page(self, ctx: RequestContext, listing: Listing) -> list[VolumeDetails]:
        """MarkerNotFound for a marker that is none of the caller's volumes."""
        self._deps.require(ctx, "volume:get_all")
        async with self._deps.database.read() as session:
            if listing.marker is not None and not await volumes.TABLE.get(
                session, listing.marker, **volumes.scope(ctx)
            ):
                raise MarkerNotFound(marker=listing.marker)
            found = await volumes.list_page(session, listing)
        if not self._deps.behaviours.has("lists-show-image-metadata"):
            return [replace(volume, glance=None) for volume in found]
        if not self._deps.behaviours.has("lists-leave-out-empty-image-metadata"):
            return [replace(volume, glance=volume.glance or {}) for volume in found]
        return found

    async def count(self, listing: Listing) -> int:
        """How many volumes the listing has on all of its pages; for a caller who has got one of them."""
        async with self._deps.database.read() as session:
            return await volumes.count(session, listing)

    async def totals(self, ctx: RequestContext, listing: Listing) -> dict[str, Any]:
        """``count``, ``size`` in GiB, and the ``metadata`` of each."""
        self._deps.require(ctx, "volume:get_all")
        async with self._deps.database.read() as session:
            return await volumes.totals(session, listing)


class SnapshotQueries(Flow):
    """``cinder/volume/api.py: get_snapshot, get_all_snapshots``."""

    async def get(self, ctx: RequestContext, snapshot_id: str) -> Snapshot:
        """SnapshotNotFound."""
        async with self._deps.database.read() as session:
            found = await snapshots.find(session, ctx, snapshot_id)
        self._deps.require(ctx, "volume:get_snapshot", found.project_id)
        return found

    async def list_page(self, ctx: RequestContext, listing: Listing) -> list[Snapshot]:
        """SnapshotNotFound for a marker that is none of the caller's snapshots."""
        self._deps.require(ctx, "volume:get_all_snapshots")
        async with self._deps.database.read() as session:
            if listing.marker is not None:
                await snapshots.find(session, ctx, listing.marker)
            return await snapshots.list_page(session, listing)

    async def count(self, listing: Listing) -> int:
        """How many snapshots the listing has on all of its pages; for a caller who has got one of them."""
        async with self._deps.database.read() as session:
            return await snapshots.count(session, listing)
