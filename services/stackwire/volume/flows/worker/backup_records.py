"""What a backup's host does with one that exists: delete it, reset its status, write and read its record."""

from stackwire.contracts.volume_workers import (
    HOST,
    DeleteBackup,
    ExportRecord,
    ImportRecord,
    ResetBackupStatus,
    SupportsForceDelete,
)
from stackwire.core.context import RequestContext
from stackwire.core.errors import ServiceError
from stackwire.volume.db import backups, messages, quotas
from stackwire.volume.domain import backup_records, objects
from stackwire.volume.domain.errors import BackupNotFound, InvalidBackup
from stackwire.volume.domain.model import Backup
from stackwire.volume.domain.notifications import backup_event
from stackwire.volume.domain.states import BackupStates
from stackwire.volume.domain.user_messages import BACKUP_DELETE_FAILED
from stackwire.volume.flows.deps import Flow, log_failure
from stackwire.volume.flows.worker.create_backup import location, remove_copies


class BackupWorker(Flow):
    """``cinder/backup/manager.py: delete_backup, reset_status, export_record, import_record``."""

    async def on_delete_backup(self, ctx: RequestContext, message: DeleteBackup) -> None:
        """Deletes the objects, the row, and the share of the quota; or ``error`` with a message for the user."""
        backup_id = objects.id_of(message.backup)
        async with self._deps.hold(ctx, backups.TABLE, backup_id, BackupStates.finish_delete) as backup:
            if backup is None:
                return
            async with self._deps.database.work(ctx) as uow:
                uow.notify(backup_event("delete.start", backup))
            await self.complete_delete(ctx, backup)

    async def complete_delete(self, ctx: RequestContext, backup: Backup) -> None:
        """Ends the deletion of a backup in ``deleting``, however far it has got."""
        try:
            await self._delete(ctx, backup)
        except Exception as error:
            await self._fail_delete(ctx, backup, log_failure("backup %s could not be deleted", backup.id, error))

    async def _delete(self, ctx: RequestContext, backup: Backup) -> None:
        await remove_copies(self._deps, backup.id)
        if backup.container is not None and backup.service_metadata is not None:
            await self._deps.backup_store.remove(location(backup))
        async with self._deps.database.work(ctx) as uow:
            deleted = await self._deps.transition(
                uow, backups.TABLE, BackupStates.finish_delete, backup.id, deleted=True, deleted_at=uow.now
            )
            if deleted is not None:
                await quotas.release(uow, deleted.project_id, {"backups": 1, "backup_gigabytes": deleted.size})
                await backups.count_dependents(uow, deleted.parent_id)
                uow.notify(backup_event("delete.end", deleted))

    async def on_reset_status(self, ctx: RequestContext, message: ResetBackupStatus) -> None:
        """As in the original a backup that no driver has begun stays as it is."""
        async with self._deps.database.work(ctx) as uow:
            backup = await backups.TABLE.get(uow, objects.id_of(message.backup), lock=True)
            if backup is None or backup.service is None:
                return
            verb = BackupStates.reset_status
            reset = await self._deps.transition(uow, backups.TABLE, verb, backup.id, status=message.status)
            uow.notify(backup_event("reset_status.end", reset or backup))

    async def on_export_record(self, ctx: RequestContext, message: ExportRecord) -> dict[str, str]:
        """``backup_service`` and ``backup_url``. BackupNotFound, InvalidBackup."""
        backup_id = objects.id_of(message.backup)
        async with self._deps.database.read() as session:
            backup = await backups.TABLE.get(session, backup_id)
        if backup is None:
            raise BackupNotFound(backup_id=backup_id)
        if not BackupStates.copy.allows(status=backup.status):
            raise InvalidBackup(reason=f"expected backup status available but got {backup.status}.")
        return {"backup_service": backup.service or "", "backup_url": backup_records.encode_record(backup)}

    async def on_import_record(self, ctx: RequestContext, message: ImportRecord) -> None:
        """``available`` with what the record says, or ``error`` with the reason."""
        backup_id = objects.id_of(message.backup)
        async with self._deps.hold(ctx, backups.TABLE, backup_id, BackupStates.finish_create) as backup:
            if backup is None:
                return
            try:
                await self._import(ctx, backup, message)
            except ServiceError as error:
                log_failure("record of backup %s could not be imported", backup.id, error)
                async with self._deps.database.work(ctx) as uow:
                    await self._deps.transition(
                        uow, backups.TABLE, BackupStates.fail_create, backup.id, fail_reason=error.message
                    )

    async def on_check_support(self, ctx: RequestContext, message: SupportsForceDelete) -> bool:
        """The store deletes what is being written too."""
        return True

    async def _import(self, ctx: RequestContext, backup: Backup, message: ImportRecord) -> None:
        if not self._deps.backup_store.service.startswith(message.backup_service):
            raise InvalidBackup(reason=f"no backup service here is {message.backup_service}.")
        columns = backup_records.imported_columns(backup.id, backup_records.decode_record(message.backup_url))
        async with self._deps.database.work(ctx) as uow:
            await self._deps.transition(
                uow,
                backups.TABLE,
                BackupStates.finish_create,
                backup.id,
                **columns,
                service=self._deps.backup_store.service,
                availability_zone=self._deps.zone,
                host=HOST,
            )
            await backups.count_dependents(uow, backup.id)
            await backups.count_dependents(uow, columns.get("parent_id"))

    async def _fail_delete(self, ctx: RequestContext, backup: Backup, reason: str) -> None:
        async with self._deps.database.work(ctx) as uow:
            failed = await self._deps.transition(
                uow, backups.TABLE, BackupStates.fail_delete, backup.id, fail_reason=reason
            )
            if failed is not None:
                await messages.insert(uow, backup.project_id, backup.id, BACKUP_DELETE_FAILED)
