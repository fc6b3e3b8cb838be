"""Records by which a backup is found in the store: exported here, imported by another cloud, or by this one again."""

from stackwire.contracts.volume_workers import HOST, ExportRecord, ImportRecord
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, Unavailable
from stackwire.volume.db import backups
from stackwire.volume.domain import objects
from stackwire.volume.domain.backup_records import IMPORTED_VOLUME, decode_record
from stackwire.volume.domain.errors import InvalidBackup
from stackwire.volume.domain.model import Backup
from stackwire.volume.domain.states import CREATING, BackupStates
from stackwire.volume.flows.backup_service import is_enabled, require_service
from stackwire.volume.flows.deps import Flow


class BackupRecords(Flow):
    """``cinder/backup/api.py: export_record, import_record``."""

    async def export_record(self, ctx: RequestContext, backup_id: str) -> dict[str, str]:
        """``backup_service`` and ``backup_url``. BackupNotFound, InvalidBackup."""
        async with self._deps.database.read() as session:
            backup = await backups.find(session, ctx, backup_id)
        self._deps.require(ctx, "backup:export-import", backup.project_id)
        if not BackupStates.copy.allows(status=backup.status):
            raise InvalidBackup(reason=f"Backup status must be available and not {backup.status}.")
        async with self._deps.database.read() as session:
            await require_service(session)
        return await self._deps.rpc.call(ctx, ExportRecord(backup=objects.backup_object(backup)), server=HOST)

    async def import_record(self, ctx: RequestContext, service: str, url: str) -> Backup:
        """A backup in ``creating`` with the record's id. InvalidInput, InvalidBackup, 413 for quotas."""
        self._deps.require(ctx, "backup:backup-import")
        if not ctx.project_id:
            raise BadRequest("A backup needs a project to belong to.")
        record = decode_record(url)
        async with self._deps.database.work(ctx) as uow:
            if not await is_enabled(uow):
                raise Unavailable(f"Service {service} could not be found.")
            await self._deps.reserve_quota(uow, ctx.project_id, backups=1, backup_gigabytes=record["size"])
            await backups.forget_deleted(uow, record["id"])
            columns = {
                "id": record["id"],
                "user_id": ctx.user_id,
                "project_id": ctx.project_id,
                "volume_id": IMPORTED_VOLUME,
                "status": CREATING,
                "size": record["size"],
                "created_at": uow.now,
            }
            backup = await backups.TABLE.try_insert(uow, columns)
            if backup is None:
                raise InvalidBackup(reason="Backup already exists in database.")
            uow.cast(
                ImportRecord(backup=objects.backup_object(backup), backup_service=service, backup_url=url), server=HOST
            )
            return backup
