"""Making a backup: its host begins, the volume's back end prepares what is copied, its host copies it."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, TypeGuard

from stackwire.contracts.volume import InvalidSnapshot, InvalidVolume, VolumeNotFound
from stackwire.contracts.volume_workers import HOST, ContinueBackup, CreateBackup, GetBackupDevice
from stackwire.core.context import RequestContext
from stackwire.core.rules import Resource
from stackwire.db.pool import UnitOfWork
from stackwire.db.table import Table
from stackwire.volume.backends.backup_chunks import Location, Objects
from stackwire.volume.db import attachments, backups, glance_metadata, messages, snapshots, volumes
from stackwire.volume.domain import backup_records, objects, travel
from stackwire.volume.domain.errors import InvalidBackup
from stackwire.volume.domain.model import Backup, Snapshot, Volume
from stackwire.volume.domain.notifications import backup_event, backup_progress
from stackwire.volume.domain.size_checks import GIBIBYTE
from stackwire.volume.domain.states import AVAILABLE, IN_USE, BackupStates, SnapshotStates, VolumeStates
from stackwire.volume.domain.user_messages import BACKUP_FAILED, BACKUP_NO_DEVICE, Failure
from stackwire.volume.flows.deps import (
    Flow,
    VolumeDeps,
    backup_file,
    log_failure,
    snapshot_file,
    to_backend,
    volume_file,
)


class CreateBackupWorker(Flow):
    """``cinder/backup/manager.py: create_backup, continue_backup``, ``cinder/volume/manager.py: get_backup_device``."""

    async def on_create_backup(self, ctx: RequestContext, message: CreateBackup) -> None:
        """Names the driver and the zone, and asks the back end for the device."""
        async with self._claimed(ctx, message.backup) as backup:
            if backup is None or backup.service is not None:  # delivered again: the back end has been asked
                return
            async with self._deps.database.work(ctx) as uow:
                uow.notify(backup_event("create.start", backup))
                volume = await volumes.TABLE.get(uow, backup.volume_id)
                started = await backups.TABLE.update(
                    uow,
                    backup.id,
                    host=HOST,
                    availability_zone=backup.availability_zone or self._deps.zone,
                    service=self._deps.backup_store.service,
                )
                device = GetBackupDevice(
                    backup=objects.backup_object(started or backup), want_objects=True, async_call=True
                )
                to_backend(uow, device, None if volume is None else volume.host)
                await self._deps.leases.revoke(uow, "backup", backup.id)  # it is the back end's turn

    async def on_get_backup_device(self, ctx: RequestContext, message: GetBackupDevice) -> None:
        """The snapshot, the volume, or of a volume in use a copy, which nobody writes to."""
        async with self._claimed(ctx, message.backup) as backup:
            if backup is None:
                return
            try:
                source = await self._source(ctx, backup)
                if _in_use(source):
                    store, size = self._deps.store(source.host), backup.size * GIBIBYTE
                    await store.copy(volume_file(source), backup_file(backup.id), size)
            except Exception as error:
                reason = log_failure("backup %s has no device", backup.id, error)
                await self.fail(ctx, backup, reason, BACKUP_NO_DEVICE)
                return
            async with self._deps.database.work(ctx) as uow:
                ready = objects.backup_device(source)
                uow.cast(ContinueBackup(backup=objects.backup_object(backup), backup_device=ready), server=HOST)
                await self._deps.leases.revoke(uow, "backup", backup.id)

    async def on_continue_backup(self, ctx: RequestContext, message: ContinueBackup) -> None:
        """``available``, or ``error`` with a message for the user; the volume or snapshot is as before either way."""
        async with self._claimed(ctx, message.backup) as backup:
            if backup is None:
                return
            table, key, verb = _source_of(backup)
            try:
                async with self._deps.hold(ctx, table, key, verb):
                    await self._copy(ctx, backup, await self._source(ctx, backup))
            except Exception as error:
                reason = log_failure("backup %s could not be made", backup.id, error)
                await self.fail(ctx, backup, reason, BACKUP_FAILED)

    async def fail(self, ctx: RequestContext, backup: Backup, reason: str, failure: Failure) -> None:
        """To ``error``, without bytes; the user may read the reason. The volume or snapshot is as before."""
        try:
            await self._clean_up(backup)
        except Exception as error:  # its deletion tries again
            log_failure("what backup %s has stored stays", backup.id, error)
        async with self._deps.database.work(ctx) as uow:
            failed = await self._deps.transition(
                uow, backups.TABLE, BackupStates.fail_create, backup.id, fail_reason=reason
            )
            await release_source(self._deps, uow, backup, "error_backing-up")
            if failed is not None:
                await messages.insert(uow, backup.project_id, backup.id, failure)

    def _claimed(self, ctx: RequestContext, received: dict[str, Any]) -> Any:
        return self._deps.hold(ctx, backups.TABLE, objects.id_of(received), BackupStates.finish_create)

    async def _source(self, ctx: RequestContext, backup: Backup) -> Volume | Snapshot:
        """What is backed up, in ``backing-up``. InvalidVolume, InvalidSnapshot."""
        table, key, verb = _source_of(backup)
        async with self._deps.database.read() as session:
            found: Volume | Snapshot | None = await table.get(session, key)
        if found is not None and verb.allows(status=found.status):
            return found
        error = InvalidVolume if backup.snapshot_id is None else InvalidSnapshot
        raise error(reason=f"expected status backing-up but got {found.status if found else 'deleted'}.")

    async def _copy(self, ctx: RequestContext, backup: Backup, source: Volume | Snapshot) -> None:
        parent = await self._parent(backup)
        async with self._deps.database.work(ctx) as uow:
            placed = await backups.TABLE.update(
                uow, backup.id, **backup_records.place(backup, uow.now, self._deps.backup_store.bucket)
            )
            if placed is None:
                return  # deleted by force meanwhile
            uow.notify(backup_progress(placed, [], 0.0))
        place = location(placed)
        known = None if parent is None else location(parent)
        async with self._local(placed, source) as path:
            stored = await self._deps.backup_store.write(place, path, known)
        async with self._deps.database.read() as session:
            volume = await volumes.TABLE.get(session, backup.volume_id)
            rows = await glance_metadata.read(session, "volume_id", backup.volume_id)
        if volume is None:
            raise InvalidVolume(reason="it was deleted while it was backed up.")
        await self._deps.backup_store.write_metadata(
            place, backup_records.metadata_object(placed, stored, volume, rows)
        )
        await remove_copies(self._deps, backup.id)
        async with self._deps.database.work(ctx) as uow:
            finished = await self._finish(uow, placed, stored, rows)
        if not finished:
            await self._clean_up(placed)  # deleted or reset by force meanwhile

    async def _parent(self, backup: Backup) -> Backup | None:
        """InvalidBackup for one that is gone, or smaller than the volume is now."""
        if backup.parent_id is None:
            return None
        async with self._deps.database.read() as session:
            parent = await backups.TABLE.get(session, backup.parent_id)
        if parent is None:
            raise InvalidBackup(reason="the backup that it continues is gone.")
        if backup.size > parent.size:
            raise InvalidBackup(reason="Volume size increased since the last backup. Do a full backup.")
        return parent

    @contextlib.asynccontextmanager
    async def _local(self, backup: Backup, source: Volume | Snapshot) -> AsyncIterator[Path]:
        """The bytes to be stored, as a file."""
        if isinstance(source, Volume):
            name, volume = backup_file(backup.id) if _in_use(source) else volume_file(source), source
        else:
            async with self._deps.database.read() as session:
                found = await volumes.TABLE.get(session, source.volume_id)
            if found is None:
                raise VolumeNotFound(volume_id=source.volume_id)
            name, volume = snapshot_file(source.id), found
        async with self._deps.store(volume.host).local(name) as path:
            yield path

    async def _finish(self, uow: UnitOfWork, backup: Backup, stored: Objects, rows: travel.Rows) -> bool:
        """States and events in one transaction; False when the backup is not being made any more."""
        await release_source(self._deps, uow, backup, "backing-up")
        created = await self._deps.transition(
            uow, backups.TABLE, BackupStates.finish_create, backup.id, object_count=len(stored)
        )
        if created is None:
            return False
        await backups.count_dependents(uow, backup.parent_id)
        uow.apply(travel.for_backup, Resource("volume", backup.volume_id), Resource("backup", backup.id), rows)
        uow.notify(backup_progress(backup, stored, 100))
        uow.notify(backup_event("create.end", created))
        return True

    async def _clean_up(self, backup: Backup) -> None:
        async with self._deps.database.read() as session:
            placed = await backups.TABLE.get(session, backup.id) or backup
        await remove_copies(self._deps, backup.id)
        if placed.container is not None and placed.service_metadata is not None:
            await self._deps.backup_store.remove(location(placed))


def _in_use(source: Volume | Snapshot) -> TypeGuard[Volume]:
    return isinstance(source, Volume) and source.previous_status == IN_USE


def _source_of(backup: Backup) -> tuple[Table[Any], str, Any]:
    """Where what is backed up is found, and the verb that ends its being backed up."""
    if backup.snapshot_id is not None:
        return snapshots.TABLE, backup.snapshot_id, SnapshotStates.finish_backup
    return volumes.TABLE, backup.volume_id, VolumeStates.finish_backup


async def remove_copies(deps: VolumeDeps, backup_id: str) -> None:
    """Removes the copy of a volume in use, on whichever back end it is."""
    for store in deps.stores.values():
        await store.remove(backup_file(backup_id))


def location(backup: Backup) -> Location:
    """Where the backup's objects are. InvalidBackup for one that never had any."""
    if backup.container is None or backup.service_metadata is None:
        raise InvalidBackup(reason="it has no data.")
    return Location(backup.container, backup.service_metadata)


async def release_source(deps: VolumeDeps, uow: UnitOfWork, backup: Backup, outcome: str) -> None:
    """Out of ``backing-up``. ``outcome``: what a volume remembers of it, as its previous status."""
    if backup.snapshot_id is not None:
        await deps.transition(uow, snapshots.TABLE, SnapshotStates.finish_backup, backup.snapshot_id)
    else:
        await release_volume(deps, uow, backup.volume_id, outcome)


async def release_volume(deps: VolumeDeps, uow: UnitOfWork, volume_id: str, outcome: str) -> None:
    """A volume out of ``backing-up``: in-use where something is attached, else available."""
    used = await attachments.of_volume(uow, volume_id)
    status = IN_USE if used else AVAILABLE
    verb = VolumeStates.finish_backup
    await deps.transition(uow, volumes.TABLE, verb, volume_id, status=status, previous_status=outcome)
