"""Accepting new backups, and what is done with those that there are."""

from collections.abc import Mapping
from typing import Any

from stackwire.contracts.volume import InvalidSnapshot, InvalidVolume
from stackwire.contracts.volume_workers import HOST, DeleteBackup, ResetBackupStatus, ScheduleBackup
from stackwire.core.attributes import attributes
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, NotSimulated
from stackwire.core.ids import new_id
from stackwire.db.pool import UnitOfWork
from stackwire.db.transitions import transition
from stackwire.volume.db import backups, encryption, snapshots, volumes
from stackwire.volume.domain import objects
from stackwire.volume.domain.errors import InvalidBackup
from stackwire.volume.domain.listing import Listing
from stackwire.volume.domain.model import Backup, Snapshot, Volume
from stackwire.volume.domain.notifications import backup_event
from stackwire.volume.domain.requests import CreateBackupRequest
from stackwire.volume.domain.states import CREATING, IN_USE, NOT_MIGRATING, BackupStates, SnapshotStates, VolumeStates
from stackwire.volume.flows.attachment_steps import check
from stackwire.volume.flows.backup_service import require_service
from stackwire.volume.flows.deps import Flow

_NO_PARENT = "No backups available to do an incremental backup."


class Backups(Flow):
    """``cinder/backup/api.py``. Each raises BackupNotFound for a backup the caller does not see."""

    async def get(self, ctx: RequestContext, backup_id: str) -> Backup:
        async with self._deps.database.read() as session:
            found = await backups.find(session, ctx, backup_id)
        self._deps.require(ctx, "backup:get", found.project_id)
        return found

    async def list_page(self, ctx: RequestContext, listing: Listing) -> list[Backup]:
        """BackupNotFound for a marker that is none of the caller's backups."""
        self._deps.require(ctx, "backup:get_all")
        async with self._deps.database.read() as session:
            if listing.marker is not None:
                await backups.find(session, ctx, listing.marker)
            return await backups.list_page(session, listing)

    async def count(self, listing: Listing) -> int:
        """How many backups the listing has on all of its pages; for a caller who has got one of them."""
        async with self._deps.database.read() as session:
            return await backups.count(session, listing)

    def shows_owner(self, ctx: RequestContext) -> bool:
        """Whether the caller sees whose a backup is."""
        return self._deps.policy.allows(ctx, "backup:backup_project_attribute", {"project_id": ctx.project_id or ""})

    async def request_backup(self, ctx: RequestContext, request: CreateBackupRequest) -> Backup:
        """A backup in ``creating``, its volume or snapshot in ``backing-up``.

        VolumeNotFound, SnapshotNotFound, InvalidVolume, InvalidSnapshot, InvalidBackup, 413 for quotas.
        """
        async with self._deps.database.work(ctx) as uow:
            volume = await volumes.find(uow, ctx, request.volume_id, lock=True)
            self._deps.require(ctx, "backup:create", volume.project_id)
            if not ctx.project_id:
                raise BadRequest("A backup needs a project to belong to.")
            if await encryption.encrypts(uow, volume.volume_type_id):
                raise NotSimulated(what="a backup of an encrypted volume")
            snapshot = await _check_source(uow, volume, request)
            await self._deps.reserve_quota(uow, ctx.project_id, backups=1, backup_gigabytes=volume.size)
            parent = await _parent(uow, volume, snapshot, ctx.project_id) if request.incremental else None
            await _begin(uow, volume, snapshot, force=request.force)
            backup = await backups.TABLE.insert(uow, _columns(uow, volume, snapshot, parent, request))
            uow.cast(ScheduleBackup(backup=objects.backup_object(backup, parent)))
            return backup

    async def update(self, ctx: RequestContext, backup_id: str, changes: Mapping[str, Any]) -> Backup:
        """``name``, ``description``, ``metadata``: what is given is set."""
        async with self._deps.database.work(ctx) as uow:
            backup = await backups.find(uow, ctx, backup_id, lock=True)
            self._deps.require(ctx, "backup:update", backup.project_id)
            return await backups.TABLE.update(uow, backup.id, **changes) or backup if changes else backup

    async def request_delete(self, ctx: RequestContext, backup_id: str, *, force: bool = False) -> None:
        """``force``: from any status, for administrators. InvalidBackup, also while other backups need this one."""
        async with self._deps.database.work(ctx) as uow:
            backup = await backups.find(uow, ctx, backup_id, lock=True)
            if force:
                rule = "volume_extension:backup_admin_actions:force_delete"
                self._deps.require(ctx, rule, backup.project_id)
            self._deps.require(ctx, "backup:delete", backup.project_id)
            verb = BackupStates.force_delete if force else BackupStates.begin_delete
            if not verb.allows(status=backup.status):
                raise InvalidBackup(reason="Backup status must be available or error")
            if await backups.children(uow, backup.id):
                raise InvalidBackup(reason="Incremental backups exist for this backup.")
            await require_service(uow)
            deleting = await self._deps.transition(uow, backups.TABLE, verb, backup.id, host=HOST)
            uow.cast(DeleteBackup(backup=objects.backup_object(deleting or backup)), server=HOST)

    async def request_reset(self, ctx: RequestContext, backup_id: str, status: str) -> None:
        """``status``: available or error. As in the original the backup's host does it."""
        async with self._deps.database.work(ctx) as uow:
            backup = await backups.find(uow, ctx, backup_id, lock=True)
            self._deps.require(ctx, "volume_extension:backup_admin_actions:reset_status", backup.project_id)
            await require_service(uow)
            uow.notify(backup_event("reset_status.start", backup))
            await backups.TABLE.update(uow, backup.id, host=HOST)
            uow.cast(ResetBackupStatus(backup=objects.backup_object(backup), status=status), server=HOST)


async def _check_source(uow: UnitOfWork, volume: Volume, request: CreateBackupRequest) -> Snapshot | None:
    """The snapshot that is to be backed up, if it is one. InvalidVolume, InvalidSnapshot, SnapshotNotFound."""
    if volume.migration_status not in NOT_MIGRATING:
        raise InvalidVolume(reason="Backups cannot be created while the volume is migrating.")
    if request.snapshot_id is not None:
        snapshot = await snapshots.find(uow, uow.ctx, request.snapshot_id, lock=True)
        if snapshot.volume_id != volume.id:
            raise InvalidVolume(
                reason=f"Volume {volume.id} does not match with snapshot.volume_id {snapshot.volume_id}."
            )
        if not SnapshotStates.begin_backup.allows(status=snapshot.status):
            raise InvalidSnapshot(
                reason=f'Snapshot to be backed up must be available, but the current status is "{snapshot.status}".'
            )
        return snapshot
    reason = f'Volume to be backed up must be available or in-use, but the current status is "{volume.status}".'
    check(VolumeStates.begin_backup_attached, volume, reason)
    if volume.status == IN_USE and not request.force:
        raise InvalidVolume(reason="Backing up an in-use volume must use the force flag.")
    return None


async def _parent(uow: UnitOfWork, volume: Volume, snapshot: Snapshot | None, project_id: str) -> Backup:
    """The available backup with the latest bytes, of those older than the snapshot; InvalidBackup where there is none.

    As in the original the newest backup takes its place when all are younger than the snapshot. It stays while this
    transaction lasts, so that nobody deletes it meanwhile.
    """
    found = await backups.of_volume(uow, volume.id, project_id)
    if not found:
        raise InvalidBackup(reason=_NO_PARENT)
    fit = [
        backup
        for backup in found
        if BackupStates.copy.allows(status=backup.status)
        and backup.data_timestamp is not None
        and (snapshot is None or backup.data_timestamp < snapshot.created_at)
    ]
    chosen = max(fit, key=lambda backup: backup.data_timestamp or backup.created_at, default=found[0])
    parent = await backups.TABLE.get(uow, chosen.id, lock=True)
    if parent is None or not BackupStates.copy.allows(status=parent.status):
        raise InvalidBackup(reason=_NO_PARENT)
    return parent


async def _begin(uow: UnitOfWork, volume: Volume, snapshot: Snapshot | None, *, force: bool) -> None:
    if snapshot is not None:
        await transition(uow, snapshots.TABLE, SnapshotStates.begin_backup, snapshot.id)
        return
    verb = VolumeStates.begin_backup_attached if force else VolumeStates.begin_backup
    await transition(uow, volumes.TABLE, verb, volume.id, previous_status=volume.status)


def _columns(
    uow: UnitOfWork, volume: Volume, snapshot: Snapshot | None, parent: Backup | None, request: CreateBackupRequest
) -> dict[str, Any]:
    return {
        "id": new_id("backup"),
        "user_id": uow.ctx.user_id,
        "project_id": uow.ctx.project_id,
        "volume_id": volume.id,
        "snapshot_id": None if snapshot is None else snapshot.id,
        "parent_id": None if parent is None else parent.id,
        "host": None if parent is None else parent.host,
        "status": CREATING,
        "size": volume.size,
        **attributes(request, "name description container availability_zone metadata"),
        "data_timestamp": uow.now if snapshot is None else snapshot.created_at,
        "created_at": uow.now,
    }
