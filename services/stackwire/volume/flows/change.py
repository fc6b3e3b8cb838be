"""Names and descriptions of volumes and snapshots."""

from collections.abc import Mapping
from typing import Any

from stackwire.core.context import RequestContext
from stackwire.volume.db import glance_metadata, snapshots, volumes
from stackwire.volume.db.attachments import of_volume
from stackwire.volume.domain.model import Shown, Snapshot
from stackwire.volume.domain.payloads import snapshot_event, volume_event
from stackwire.volume.flows.parts import Parts


class Change:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def volume(self, ctx: RequestContext, volume_id: str, changes: Mapping[str, Any]) -> Shown:
        """``name``, ``description``, ``metadata``: what is given is set. Says update.start and update.end."""
        async with self._parts.database.work(ctx) as uow:
            volume = await volumes.find(uow, ctx, volume_id, lock=True)
            self._parts.require(ctx, "volume:update", volume.project_id)
            used = await of_volume(uow, volume.id)
            rows = await glance_metadata.rows(uow, "volume_id", volume.id)
            uow.notify(volume_event("update.start", volume, uow.now, attachments=used, glance=rows))
            changed = await volumes.change(uow, volume.id, **changes) or volume
            uow.notify(volume_event("update.end", changed, uow.now, attachments=used, glance=rows))
            return await volumes.shown(uow, ctx, volume.id)

    async def snapshot(self, ctx: RequestContext, snapshot_id: str, changes: Mapping[str, Any]) -> Snapshot:
        async with self._parts.database.work(ctx) as uow:
            snapshot = await snapshots.find(uow, ctx, snapshot_id, lock=True)
            self._parts.require(ctx, "volume:update_snapshot", snapshot.project_id)
            volume = await volumes.by_id(uow, snapshot.volume_id)
            changed = await snapshots.change(uow, snapshot.id, **changes) or snapshot
            if volume is not None:
                uow.notify(snapshot_event("update.start", snapshot, volume))
                uow.notify(snapshot_event("update.end", changed, volume))
            return changed
