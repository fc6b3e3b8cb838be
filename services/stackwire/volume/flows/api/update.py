"""Names, descriptions and metadata of volumes and snapshots."""

from collections.abc import Mapping
from typing import Any

from stackwire.core.context import RequestContext
from stackwire.volume.db import attachments, glance_metadata, snapshots, volumes
from stackwire.volume.domain.model import Snapshot, VolumeDetails
from stackwire.volume.domain.notifications import snapshot_event, volume_event
from stackwire.volume.domain.states import VolumeStates
from stackwire.volume.flows.attachment_steps import check
from stackwire.volume.flows.deps import Flow


class Updates(Flow):
    """``cinder/api/v3/volumes.py: update``, ``cinder/api/v2/snapshots.py: update``."""

    async def update_volume(self, ctx: RequestContext, volume_id: str, changes: Mapping[str, Any]) -> VolumeDetails:
        """``name``, ``description``, ``metadata``: what is given is set. Emits update.start and update.end."""
        async with self._deps.database.work(ctx) as uow:
            volume = await volumes.find(uow, ctx, volume_id, lock=True)
            self._deps.require(ctx, "volume:update", volume.project_id)
            check(VolumeStates.update, volume, "The volume cannot be updated during maintenance.")
            used = await attachments.of_volume(uow, volume.id)
            rows = await glance_metadata.rows(uow, "volume_id", volume.id)
            uow.notify(volume_event("update.start", volume, uow.now, attachments=used, glance=rows))
            updated = await volumes.TABLE.update(uow, volume.id, **changes) or volume
            uow.notify(volume_event("update.end", updated, uow.now, attachments=used, glance=rows))
            return await volumes.details(uow, ctx, volume.id)

    async def update_snapshot(self, ctx: RequestContext, snapshot_id: str, changes: Mapping[str, Any]) -> Snapshot:
        """``name``, ``description``, ``metadata``: what is given is set. Emits update.start and update.end."""
        async with self._deps.database.work(ctx) as uow:
            snapshot = await snapshots.find(uow, ctx, snapshot_id, lock=True)
            self._deps.require(ctx, "volume:update_snapshot", snapshot.project_id)
            volume = await volumes.TABLE.get(uow, snapshot.volume_id)
            updated = await snapshots.TABLE.update(uow, snapshot.id, **changes) or snapshot
            if volume is not None:
                uow.notify(snapshot_event("update.start", snapshot, volume))
                uow.notify(snapshot_event("update.end", updated, volume))
            return updated
