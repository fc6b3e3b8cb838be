"""Restoring a backup: the bytes of its whole chain, then the volume's rows, states and events in one transaction."""

from collections.abc import Sequence
from typing import Any

from stackwire.contracts.volume_workers import RestoreBackup
from stackwire.core.context import RequestContext
from stackwire.core.rules import Resource
from stackwire.db.pool import UnitOfWork
from stackwire.volume.db import backups, glance_metadata, messages, volumes
from stackwire.volume.domain import backup_records, objects, travel
from stackwire.volume.domain.model import Backup, Volume
from stackwire.volume.domain.notifications import backup_event
from stackwire.volume.domain.size_checks import GIBIBYTE
from stackwire.volume.domain.states import ERROR, ERROR_RESTORING, BackupStates, VolumeStates
from stackwire.volume.domain.user_messages import RESTORE_FAILED, RESTORE_REFUSED, Failure
from stackwire.volume.flows.deps import Flow, log, log_failure, volume_file
from stackwire.volume.flows.worker.create_backup import location


class RestoreBackupWorker(Flow):
    """``cinder/backup/manager.py: restore_backup``."""

    async def on_restore_backup(self, ctx: RequestContext, message: RestoreBackup) -> None:
        """The volume ``available``, or in ``error_restoring`` with a message for the user; the backup ``available``."""
        deps, backup_id = self._deps, objects.id_of(message.backup)
        async with deps.hold(ctx, backups.TABLE, backup_id, BackupStates.finish_restore) as backup:
            if backup is None or backup.restore_volume_id != message.volume_id:
                return  # delivered twice, or reset by force
            async with deps.hold(ctx, volumes.TABLE, message.volume_id, VolumeStates.finish_restore) as volume:
                async with deps.database.work(ctx) as uow:
                    uow.notify(backup_event("restore.start", backup))
                if volume is None:
                    log.warning("backup %s is not restored: its volume is in another state", backup.id)
                    await self.fail(ctx, backup, RESTORE_REFUSED, message.volume_id)
                    return
                try:
                    await self._restore(ctx, backup, volume, keep=not message.volume_is_new)
                except Exception as error:
                    log_failure("backup %s could not be restored", backup.id, error)
                    await self.fail(ctx, backup, RESTORE_FAILED)

    async def abandon(self, ctx: RequestContext, backup: Backup) -> None:
        """After a crash: the backup is as before, its volume in ``error_restoring``."""
        await self.fail(ctx, backup, RESTORE_FAILED.interrupted)

    async def abandon_volume(self, ctx: RequestContext, volume: Volume) -> None:
        """A volume that no backup is being restored to any more."""
        async with self._deps.database.work(ctx) as uow:
            await self._fail_volume(uow, volume.id, ERROR_RESTORING)

    async def fail(self, ctx: RequestContext, backup: Backup, failure: Failure, about: str | None = None) -> None:
        """The backup is available again, the volume in ``error_restoring``; the user is told ``about`` the backup, or
        the volume where that is the reason, as in the original."""
        async with self._deps.database.work(ctx) as uow:
            if backup.restore_volume_id is not None:
                await self._fail_volume(uow, backup.restore_volume_id, ERROR_RESTORING)
            freed = await self._deps.transition(uow, backups.TABLE, BackupStates.finish_restore, backup.id)
            if freed is not None:
                await messages.insert(uow, backup.project_id, about or backup.id, failure)

    async def _fail_volume(self, uow: UnitOfWork, volume_id: str, status: str) -> None:
        await self._deps.transition(uow, volumes.TABLE, VolumeStates.fail_restore, volume_id, status=status)

    async def _restore(self, ctx: RequestContext, backup: Backup, volume: Volume, *, keep: bool) -> None:
        """``keep``: what a larger volume has behind the backup's end stays as it is."""
        deps, name, store = self._deps, volume_file(volume), self._deps.store(volume.host)
        async with deps.database.read() as session:
            chain = [location(one) for one in await backups.chain(session, backup)]
        stored = [await deps.backup_store.read_metadata(one) for one in chain]
        async with store.incoming(name) as incoming:
            await deps.backup_store.restore(chain, incoming.path)
            await incoming.resize(volume.size * GIBIBYTE)
            if keep and volume.size > backup.size:
                await store.copy_rest(name, incoming, backup.size * GIBIBYTE)
        async with deps.database.work(ctx) as uow:
            await self._finish(uow, backup, volume, stored)

    async def _finish(self, uow: UnitOfWork, backup: Backup, volume: Volume, stored: Sequence[dict[str, Any]]) -> None:
        freed = await self._deps.transition(uow, backups.TABLE, BackupStates.finish_restore, backup.id)
        if freed is None:  # reset by force, by which the original too takes it for cancelled
            await self._fail_volume(uow, volume.id, ERROR)
            return
        kept = backup_records.kept_rows(stored)
        changes = backup_records.restored_columns(stored, backup, volume)
        restored = await self._deps.transition(
            uow,
            volumes.TABLE,
            VolumeStates.finish_restore,
            volume.id,
            launched_at=volume.launched_at or uow.now,
            bootable=bool(kept) or volume.bootable,
            **changes,
        )
        if restored is not None:
            rows = await glance_metadata.read(uow, "volume_id", volume.id)
            ends = Resource("backup", backup.id), Resource("volume", volume.id)
            after = uow.apply(travel.from_backup, *ends, kept, rows)
            if kept:
                await glance_metadata.replace(uow, "volume_id", volume.id, after)
        uow.notify(backup_event("restore.end", freed))
