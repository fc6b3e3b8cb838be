"""The worker's half of group snapshots."""

from stackwire.contracts.events_groups import GroupSnapshotAction
from stackwire.contracts.volume_workers import RemoveGroupSnapshot, TakeGroupSnapshot
from stackwire.core.context import RequestContext
from stackwire.core.rules import Resource
from stackwire.db.pool import UnitOfWork
from stackwire.db.transitions import transition
from stackwire.volume.db import glance_metadata, group_snapshots, groups, snapshots, volumes
from stackwire.volume.domain import objects, travel
from stackwire.volume.domain.errors import InvalidGroupSnapshot
from stackwire.volume.domain.group_model import GroupSnapshot
from stackwire.volume.domain.group_notifications import group_snapshot_event
from stackwire.volume.domain.group_states import GroupSnapshotStates
from stackwire.volume.domain.model import Snapshot, Volume
from stackwire.volume.domain.notifications import snapshot_event
from stackwire.volume.domain.size_checks import GIBIBYTE
from stackwire.volume.domain.states import SnapshotStates
from stackwire.volume.flows.deps import Flow, VolumeDeps, log_failure, snapshot_file, volume_file
from stackwire.volume.flows.worker.delete import DeleteWorker

Members = list[tuple[Snapshot, Volume]]


class GroupSnapshotWorker(Flow):
    """``cinder/volume/manager.py: create_group_snapshot, delete_group_snapshot``."""

    def __init__(self, deps: VolumeDeps, deletion: DeleteWorker) -> None:
        super().__init__(deps)
        self._deletion = deletion

    async def on_create_group_snapshot(self, ctx: RequestContext, message: TakeGroupSnapshot) -> None:
        """``available`` with all its snapshots, or ``error`` with all of them."""
        key = objects.id_of(message.group_snapshot)
        async with self._deps.hold(ctx, group_snapshots.TABLE, key, GroupSnapshotStates.finish_create) as found:
            if found is None:
                return
            async with self._deps.database.work(ctx) as uow:
                await transition(uow, group_snapshots.TABLE, GroupSnapshotStates.begin_create, key)
                members = await _members(uow, found)
                await _notify(uow, "create.start", found)
                for snapshot, volume in members:
                    uow.notify(snapshot_event("create.start", snapshot, volume))
            try:
                await self._create(ctx, found, members)
            except Exception as error:
                log_failure("group snapshot %s could not be created", found.id, error)
                await self.fail(ctx, found)

    async def _create(self, ctx: RequestContext, found: GroupSnapshot, members: Members) -> None:
        for snapshot, volume in members:
            size = snapshot.volume_size * GIBIBYTE
            await self._deps.store(volume.host).copy(volume_file(volume), snapshot_file(snapshot.id), size)
        async with self._deps.database.work(ctx) as uow:
            verb = GroupSnapshotStates.finish_create
            created = await self._deps.transition(uow, group_snapshots.TABLE, verb, found.id)
            if created is None:
                raise InvalidGroupSnapshot(reason="it is not being created any more")
            await _notify(uow, "create.end", created)
            for snapshot, volume in members:
                await self._finish(uow, snapshot, volume)

    async def _finish(self, uow: UnitOfWork, snapshot: Snapshot, volume: Volume) -> None:
        """Rows, state and event of one snapshot."""
        created = await self._deps.transition(
            uow, snapshots.TABLE, SnapshotStates.finish_create, snapshot.id, progress="100%"
        )
        if created is None:
            return  # reset by an administrator meanwhile
        now = await volumes.TABLE.get(uow, volume.id) or volume
        ends = Resource("volume", volume.id), Resource("snapshot", snapshot.id)
        rows = await glance_metadata.read(uow, "volume_id", volume.id)
        inherited = uow.apply(travel.for_group_snapshot, *ends, rows, volume_bootable=now.bootable)
        await glance_metadata.replace(uow, "snapshot_id", snapshot.id, inherited)
        uow.notify(snapshot_event("create.end", created, now))

    async def fail(self, ctx: RequestContext, found: GroupSnapshot) -> None:
        """To ``error``, and its snapshots too."""
        async with self._deps.database.work(ctx) as uow:
            await self._deps.transition(uow, group_snapshots.TABLE, GroupSnapshotStates.fail_create, found.id)
            members = await _members(uow, found)
            for snapshot, _ in members:
                await self._deps.transition(uow, snapshots.TABLE, SnapshotStates.fail_create, snapshot.id)
        for snapshot, volume in members:
            await self._deps.store(volume.host).discard(snapshot_file(snapshot.id))

    async def on_delete_group_snapshot(self, ctx: RequestContext, message: RemoveGroupSnapshot) -> None:
        """With all its snapshots."""
        key = objects.id_of(message.group_snapshot)
        async with self._deps.hold(ctx, group_snapshots.TABLE, key, GroupSnapshotStates.finish_delete) as found:
            if found is not None:
                await self.complete_delete(ctx, found)

    async def complete_delete(self, ctx: RequestContext, found: GroupSnapshot) -> None:
        """Ends the deletion of a group snapshot in ``deleting``, however far it has got."""
        async with self._deps.database.work(ctx) as uow:
            members = await group_snapshots.members(uow, found.id)
            await _notify(uow, "delete.start", found)
        deleted_all = [await self._deletion.complete_snapshot(ctx, snapshot) for snapshot in members]
        async with self._deps.database.work(ctx) as uow:
            if not all(deleted_all):
                await self._deps.transition(uow, group_snapshots.TABLE, GroupSnapshotStates.fail_delete, found.id)
                return
            deleted = await self._deps.transition(
                uow,
                group_snapshots.TABLE,
                GroupSnapshotStates.finish_delete,
                found.id,
                deleted=True,
                deleted_at=uow.now,
            )
            if deleted is not None:
                await _notify(uow, "delete.end", deleted)


async def _notify(uow: UnitOfWork, action: GroupSnapshotAction, found: GroupSnapshot) -> None:
    uow.notify(group_snapshot_event(action, found, await groups.TABLE.get(uow, found.group_id)))


async def _members(uow: UnitOfWork, found: GroupSnapshot) -> Members:
    pairs = [
        (snapshot, await volumes.TABLE.get(uow, snapshot.volume_id))
        for snapshot in await group_snapshots.members(uow, found.id)
    ]
    return [(snapshot, volume) for snapshot, volume in pairs if volume is not None]
