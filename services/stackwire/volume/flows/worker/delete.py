"""Deleting volumes and snapshots in the back end: the bytes go first, then the row that names them."""

from stackwire.contracts.volume_workers import RemoveSnapshot, RemoveVolume
from stackwire.core.context import RequestContext
from stackwire.volume.db import attachments, glance_metadata, quotas, snapshots, volumes
from stackwire.volume.domain import objects
from stackwire.volume.domain.model import Snapshot, Volume
from stackwire.volume.domain.notifications import snapshot_event, volume_event
from stackwire.volume.domain.states import SnapshotStates, VolumeStates
from stackwire.volume.flows.deps import Flow, VolumeDeps, snapshot_file, volume_file
from stackwire.volume.flows.worker.manage import ManageWorker


class DeleteWorker(Flow):
    """``cinder/volume/manager.py: delete_volume, delete_snapshot``. ``manage``: for what stays on the back end."""

    def __init__(self, deps: VolumeDeps, manage: ManageWorker) -> None:
        super().__init__(deps)
        self._manage = manage

    async def on_delete_volume(self, ctx: RequestContext, message: RemoveVolume) -> None:
        """Deletes the bytes, the row, and the share of the quota; of its snapshots too."""
        volume_id = objects.id_of(message.volume)
        if message.unmanage_only:
            async with self._deps.hold(ctx, volumes.TABLE, volume_id, VolumeStates.finish_unmanage) as volume:
                if volume is not None:
                    await self._manage.complete_volume(ctx, volume)
            return
        async with self._deps.hold(ctx, volumes.TABLE, volume_id, VolumeStates.finish_delete) as volume:
            if volume is not None:
                await self.complete_volume(ctx, volume)

    async def on_delete_snapshot(self, ctx: RequestContext, message: RemoveSnapshot) -> None:
        """Deletes the bytes, the row, and the share of the quota."""
        snapshot_id = objects.id_of(message.snapshot)
        if message.unmanage_only:
            async with self._deps.hold(ctx, snapshots.TABLE, snapshot_id, SnapshotStates.finish_unmanage) as snapshot:
                if snapshot is not None:
                    await self._manage.complete_snapshot(ctx, snapshot)
            return
        async with self._deps.hold(ctx, snapshots.TABLE, snapshot_id, SnapshotStates.finish_delete) as snapshot:
            if snapshot is not None:
                await self.complete_snapshot(ctx, snapshot)

    async def complete_volume(self, ctx: RequestContext, volume: Volume) -> None:
        """Ends the deletion of a volume in ``deleting`` and of its snapshots, however far it has got."""
        async with self._deps.database.read() as session:
            remaining = await snapshots.of_volume(session, volume.id)
        for snapshot in remaining:
            await self.complete_snapshot(ctx, snapshot)
        async with self._deps.database.work(ctx) as uow:
            rows = await glance_metadata.rows(uow, "volume_id", volume.id)
            if not volume.is_copy:
                uow.notify(volume_event("delete.start", volume, uow.now, glance=rows))
        await self._deps.store(volume.host).remove(volume_file(volume))
        async with self._deps.database.work(ctx) as uow:
            await glance_metadata.delete(uow, "volume_id", volume.id)
            for attachment in await attachments.of_volume(uow, volume.id):
                await attachments.detach(uow, attachment.id)
            deleted = await self._deps.transition(
                uow,
                volumes.TABLE,
                VolumeStates.finish_delete,
                volume.id,
                deleted=True,
                deleted_at=uow.now,
                attach_status="deleted",
            )
            if deleted is not None and not deleted.is_copy:
                await quotas.release(uow, deleted.project_id, {"volumes": 1, "gigabytes": deleted.size})
                uow.notify(volume_event("delete.end", deleted, uow.now))

    async def complete_snapshot(self, ctx: RequestContext, snapshot: Snapshot) -> None:
        """Ends the deletion of a snapshot in ``deleting``."""
        async with self._deps.database.work(ctx) as uow:
            volume = await volumes.TABLE.get(uow, snapshot.volume_id)
            if volume is None:
                return
            uow.notify(snapshot_event("delete.start", snapshot, volume))
        await self._deps.store(volume.host).remove(snapshot_file(snapshot.id))
        async with self._deps.database.work(ctx) as uow:
            await glance_metadata.delete(uow, "snapshot_id", snapshot.id)
            deleted = await self._deps.transition(
                uow, snapshots.TABLE, SnapshotStates.finish_delete, snapshot.id, deleted=True, deleted_at=uow.now
            )
            if deleted is not None:
                await quotas.release(uow, deleted.project_id, {"snapshots": 1, "gigabytes": deleted.volume_size})
                uow.notify(snapshot_event("delete.end", deleted, volume))
