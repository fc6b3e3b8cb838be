"""Deleting volumes and snapshots in the back end: the bytes go first, then the row that names them."""

from stackwire.contracts.volume_workers import RemoveSnapshot, RemoveVolume
from stackwire.core.context import RequestContext
from stackwire.volume.db import attachments, glance_metadata, messages, quotas, snapshots, volumes
from stackwire.volume.domain import objects
from stackwire.volume.domain.model import Snapshot, Volume
from stackwire.volume.domain.notifications import volume_event
from stackwire.volume.domain.states import SnapshotStates, VolumeStates
from stackwire.volume.domain.user_messages import SNAPSHOT_DELETE_FAILED
from stackwire.volume.flows.deps import Flow, VolumeDeps, log_failure, snapshot_file, volume_file
from stackwire.volume.flows.worker.manage import ManageWorker
from stackwire.volume.flows.worker.snapshot_steps import begin_removal, end_removal


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

    async def complete_volume(self, ctx: RequestContext, volume: Volume) -> bool:
        """Ends the deletion of a volume in ``deleting`` and of its snapshots, however far it has got: False where the
        back end cannot delete one, which is in ``error_deleting`` then."""
        async with self._deps.database.read() as session:
            remaining = await snapshots.of_volume(session, volume.id)
        for snapshot in remaining:
            if not await self.complete_snapshot(ctx, snapshot):
                return await self._fail_volume(ctx, volume)
        async with self._deps.database.work(ctx) as uow:
            rows = await glance_metadata.rows(uow, "volume_id", volume.id)
            if not volume.is_copy:
                uow.notify(volume_event("delete.start", volume, uow.now, glance=rows))
        try:
            await self._deps.store(volume.host).remove(volume_file(volume))
        except OSError as error:
            log_failure("volume %s could not be deleted", volume.id, error)
            return await self._fail_volume(ctx, volume)
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
        return True

    async def _fail_volume(self, ctx: RequestContext, volume: Volume) -> bool:
        async with self._deps.database.work(ctx) as uow:
            await self._deps.transition(uow, volumes.TABLE, VolumeStates.fail_delete, volume.id)
        return False

    async def complete_snapshot(self, ctx: RequestContext, snapshot: Snapshot) -> bool:
        """Ends the deletion of a snapshot in ``deleting``: False where the back end cannot; the user is told."""
        async with self._deps.database.work(ctx) as uow:
            volume = await begin_removal(uow, snapshot)
        if volume is None:
            return True
        try:
            await self._deps.store(volume.host).remove(snapshot_file(snapshot.id))
        except OSError as error:
            log_failure("snapshot %s could not be deleted", snapshot.id, error)
            return await self._fail_snapshot(ctx, snapshot)
        async with self._deps.database.work(ctx) as uow:
            await end_removal(self._deps, uow, snapshot, volume, SnapshotStates.finish_delete)
        return True

    async def _fail_snapshot(self, ctx: RequestContext, snapshot: Snapshot) -> bool:
        async with self._deps.database.work(ctx) as uow:
            if await self._deps.transition(uow, snapshots.TABLE, SnapshotStates.fail_delete, snapshot.id):
                await messages.insert(uow, snapshot.project_id, snapshot.id, SNAPSHOT_DELETE_FAILED)
        return False
