"""What a dead worker left half done is finished or failed, as the state tables say (``on_crash``)."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from stackwire.core.backlog import Backlog
from stackwire.core.context import RequestContext, system_context
from stackwire.core.errors import ServiceError
from stackwire.core.states import Verb
from stackwire.db.table import Table
from stackwire.volume.db import backups, group_snapshots, groups, snapshots, volumes
from stackwire.volume.domain.group_states import GroupSnapshotStates, GroupStates
from stackwire.volume.domain.model import Backup, Snapshot, Volume
from stackwire.volume.domain.states import BackupStates, SnapshotStates, VolumeStates
from stackwire.volume.domain.user_messages import BACKUP_FAILED, CREATE_FAILED, INTERRUPTED, SNAPSHOT_FAILED
from stackwire.volume.flows.deps import VolumeDeps, log
from stackwire.volume.flows.registry import WorkerFlows
from stackwire.volume.flows.worker.create_backup import release_volume

MESSAGE_TIMEOUT = timedelta(minutes=2)
"""How long the message for a row that nobody has claimed may wait in a queue."""

LONG_AGO = datetime.min.replace(tzinfo=UTC)

REQUEST_AGAIN_AFTER = timedelta(seconds=5)
"""When the compute service is asked again to move a server to the copy of its volume."""

_TABLES: tuple[Table[Any], ...] = (backups.TABLE, groups.TABLE, group_snapshots.TABLE, volumes.TABLE, snapshots.TABLE)
"""Groups first: they take their members with them."""

Action = Callable[[RequestContext, Any], Awaitable[object]]


class Recovery:
    """Safe to run at any time, in any number of processes."""

    def __init__(self, deps: VolumeDeps, worker: WorkerFlows) -> None:
        self._deps = deps
        self._worker = worker
        self._ctx = system_context("volume")
        self._backlog = Backlog(deps.database.clock)
        self._actions: Mapping[Verb, Action] = {
            VolumeStates.fail_create: self._fail_volume,
            VolumeStates.fail_reimage: worker.reimage.abandon,
            VolumeStates.finish_upload: worker.upload.abandon,
            VolumeStates.finish_extend: worker.extend_volume.resume,
            VolumeStates.fail_manage: worker.manage.fail,
            VolumeStates.finish_unmanage: worker.manage.complete_volume,
            VolumeStates.finish_retype: worker.move.recover,
            VolumeStates.finish_migration: worker.move.recover,
            VolumeStates.finish_revert: worker.revert.resume,
            VolumeStates.finish_delete: worker.delete.complete_volume,
            SnapshotStates.fail_create: self._fail_snapshot,
            SnapshotStates.finish_unmanage: worker.manage.complete_snapshot,
            SnapshotStates.finish_revert: worker.revert.release,
            SnapshotStates.finish_delete: worker.delete.complete_snapshot,
            VolumeStates.finish_backup: self._release_volume,
            VolumeStates.fail_restore: worker.restore_backup.abandon_volume,
            SnapshotStates.finish_backup: self._release_snapshot,
            BackupStates.fail_create: self._fail_backup,
            BackupStates.finish_restore: worker.restore_backup.abandon,
            BackupStates.finish_delete: worker.backups.complete_delete,
            GroupStates.fail_create: worker.groups.fail,
            GroupStates.fail_update: worker.groups.fail_update,
            GroupStates.finish_delete: worker.groups.complete_delete,
            GroupSnapshotStates.fail_create: worker.group_snapshots.fail,
            GroupSnapshotStates.finish_delete: worker.group_snapshots.complete_delete,
        }

    async def run(self) -> None:
        """Recovers every row that no living worker holds."""
        for table in _TABLES:
            await self._recover_all(table)
        await self._recover_migrations()
        await self._worker.upload.discard_unfinished(self._ctx)

    async def _recover_migrations(self) -> None:
        """Of volumes that are available while they are migrated, or in use, so that no state is left to be ended."""
        before = await self._unclaimed_before()
        again = self._deps.database.clock.earlier(REQUEST_AGAIN_AFTER)
        async with self._deps.database.read() as session:
            orphans = [
                key
                for states, unclaimed in ((("starting",), before), (("migrating", "completing"), again))
                for key in await self._deps.leases.orphans(
                    session, volumes.TABLE, states, column="migration_status", unclaimed_before=unclaimed
                )
            ]
        for key in orphans:
            log.warning("the migration of volume %s was interrupted", key)
            await self._worker.move.resume(self._ctx, key)

    async def _recover_all(self, table: Table[Any]) -> None:
        assert table.states is not None
        unclaimed_before = await self._unclaimed_before()
        async with self._deps.database.read() as session:
            orphans = await self._deps.leases.orphans(
                session, table, table.states.transient(), unclaimed_before=unclaimed_before
            )
        for key in orphans:
            try:
                await self._recover(table, key)
            except ServiceError as error:
                log.warning("%s %s is not recovered yet: %s", table.states.noun, key, error)

    async def _recover(self, table: Table[Any], key: str) -> None:
        """Does what the state table says, unless another process did it meanwhile."""
        assert table.states is not None
        async with self._deps.database.read() as session:
            row = await table.get(session, key)
        verb = table.states.after_crash(row) if row is not None else None
        if not isinstance(verb, Verb):
            return
        async with self._deps.hold(self._ctx, table, key, verb) as row:
            if row is not None and table.states.after_crash(row) is verb:
                log.warning("%s %s was left in %s", table.states.noun, key, row.status)
                await self._actions[verb](self._ctx, row)

    async def _unclaimed_before(self) -> datetime:
        deps, clock = self._deps, self._deps.database.clock
        if not self._backlog.is_received:
            return LONG_AGO
        before = clock.earlier(MESSAGE_TIMEOUT)
        # A bus in memory ends with its process; what it had is sent again, and the rest will never arrive.
        if deps.single_process and await deps.database.unhandled() == 0:
            return max(before, self._backlog.started_at)
        return before

    async def _fail_volume(self, ctx: RequestContext, volume: Volume) -> None:
        if not await self._worker.image_volume_cache.is_discarded(ctx, volume):
            await self._worker.create_volume.fail(ctx, volume, CREATE_FAILED.interrupted)

    async def _fail_snapshot(self, ctx: RequestContext, snapshot: Snapshot) -> None:
        await self._worker.create_snapshot.fail(ctx, snapshot, SNAPSHOT_FAILED.interrupted)

    async def _fail_backup(self, ctx: RequestContext, backup: Backup) -> None:
        await self._worker.create_backup.fail(ctx, backup, INTERRUPTED, BACKUP_FAILED.interrupted)

    async def _release_volume(self, ctx: RequestContext, volume: Volume) -> None:
        async with self._deps.database.work(ctx) as uow:
            await release_volume(self._deps, uow, volume.id, "error_backing-up")

    async def _release_snapshot(self, ctx: RequestContext, snapshot: Snapshot) -> None:
        async with self._deps.database.work(ctx) as uow:
            await self._deps.transition(uow, snapshots.TABLE, SnapshotStates.finish_backup, snapshot.id)
