"""Accepting the restoration of a backup, to a volume that there is or to a new one."""

import asyncio
from dataclasses import dataclass

from stackwire.contracts.volume import InvalidVolume
from stackwire.contracts.volume_workers import HOST, RestoreBackup
from stackwire.core.context import RequestContext
from stackwire.db.transitions import transition
from stackwire.volume.db import backups, volumes
from stackwire.volume.domain import objects
from stackwire.volume.domain.errors import InvalidBackup
from stackwire.volume.domain.model import Backup, Volume
from stackwire.volume.domain.requests import CreateVolumeRequest
from stackwire.volume.domain.states import CREATING, NOT_MIGRATING, BackupStates, VolumeStates
from stackwire.volume.flows.api.create_volume import CreateVolume
from stackwire.volume.flows.attachment_steps import check
from stackwire.volume.flows.backup_service import require_service
from stackwire.volume.flows.deps import Flow, VolumeDeps

_NOT_AVAILABLE = "Backup status must be available"
NEW_VOLUME_POLL_SECONDS = 0.1
MAX_WAIT_SECONDS = 60.0
"""How long a request waits for its new volume; the original waits for ever."""


@dataclass(frozen=True, slots=True)
class Restoring:
    """What is restored to which volume."""

    backup_id: str
    volume_id: str
    volume_name: str | None


class RestoreBackups(Flow):
    """``cinder/backup/api.py: restore``."""

    def __init__(self, deps: VolumeDeps, create_volume: CreateVolume) -> None:
        super().__init__(deps)
        self._create_volume = create_volume

    async def request_restore(
        self, ctx: RequestContext, backup_id: str, volume_id: str | None, name: str | None
    ) -> Restoring:
        """The backup in ``restoring``, the volume in ``restoring-backup``; None: a new volume, of this name.

        BackupNotFound, VolumeNotFound, InvalidBackup, InvalidVolume, 413 for quotas.
        """
        async with self._deps.database.read() as session:
            backup = await backups.find(session, ctx, backup_id)
        self._deps.require(ctx, "backup:restore", backup.project_id)
        if not BackupStates.begin_restore.allows(status=backup.status):
            raise InvalidBackup(reason=_NOT_AVAILABLE)
        target = volume_id or await self._new_volume(ctx, backup, name)
        async with self._deps.database.work(ctx) as uow:
            volume = await volumes.find(uow, ctx, target, lock=True)
            check(VolumeStates.begin_restore, volume, "Volume to be restored to must be available")
            if volume.migration_status not in NOT_MIGRATING:
                raise InvalidVolume(reason="A backup cannot be restored to a volume that is migrating.")
            if backup.size > volume.size:
                raise InvalidVolume(
                    reason=f"volume size {volume.size} is too small to restore backup of size {backup.size}."
                )
            await require_service(uow)
            restoring = await self._deps.transition(
                uow, backups.TABLE, BackupStates.begin_restore, backup.id, restore_volume_id=volume.id, host=HOST
            )
            if restoring is None:
                raise InvalidBackup(reason=_NOT_AVAILABLE)
            await transition(uow, volumes.TABLE, VolumeStates.begin_restore, volume.id)
            uow.cast(
                RestoreBackup(
                    backup=objects.backup_object(restoring), volume_id=volume.id, volume_is_new=volume_id is None
                ),
                server=HOST,
            )
            return Restoring(backup.id, volume.id, volume.name)

    async def _new_volume(self, ctx: RequestContext, backup: Backup, name: str | None) -> str:
        """The id of a volume that has been created; InvalidVolume when it could not be."""
        request = CreateVolumeRequest(
            size=backup.size,
            name=f"restore_backup_{backup.id}" if name is None else name,
            description="auto-created_from_restore_from_backup",
        )
        created: Volume = await self._create_volume.request_volume(ctx, request)
        deadline = asyncio.get_running_loop().time() + MAX_WAIT_SECONDS
        while created.status == CREATING and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(NEW_VOLUME_POLL_SECONDS)
            async with self._deps.database.read() as session:
                created = await volumes.find(session, ctx, created.id)
        if created.status == "error":
            raise InvalidVolume(reason=f"Error while creating volume {created.id} for restoring backup {backup.id}.")
        return created.id
