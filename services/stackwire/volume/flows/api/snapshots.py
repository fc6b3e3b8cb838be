"""Accepting new snapshots and the deletion of snapshots."""

from typing import Any

from stackwire.contracts.volume import InvalidSnapshot, InvalidVolume, SnapshotNotFound
from stackwire.contracts.volume_workers import POOL, RemoveSnapshot, ScheduleSnapshot
from stackwire.core.attributes import attributes
from stackwire.core.context import RequestContext
from stackwire.core.ids import new_id
from stackwire.core.repeats import done_since
from stackwire.db.pool import UnitOfWork
from stackwire.volume.db import snapshots, volume_types, volumes
from stackwire.volume.domain import objects
from stackwire.volume.domain.model import Snapshot, Volume
from stackwire.volume.domain.requests import CreateSnapshotRequest
from stackwire.volume.domain.states import CREATING, NOT_MIGRATING, SnapshotStates, VolumeStates
from stackwire.volume.flows.attachment_steps import check
from stackwire.volume.flows.deps import Flow, to_backend
from stackwire.volume.flows.pools import require_not_frozen
from stackwire.volume.flows.type_quotas import check_type_limits


class Snapshots(Flow):
    """``cinder/volume/api.py: create_snapshot, delete_snapshot``."""

    async def request_snapshot(self, ctx: RequestContext, request: CreateSnapshotRequest) -> Snapshot:
        """A snapshot in ``creating``. VolumeNotFound, InvalidVolume, 413 for quotas."""
        async with self._deps.database.work(ctx) as uow:
            volume = await volumes.find(uow, ctx, request.volume_id, lock=True)
            self._deps.require(ctx, "volume:create_snapshot", volume.project_id)
            if request.snapshot_id is not None:
                existing = await snapshots.TABLE.get(uow, request.snapshot_id, volume_id=volume.id)
                if existing is not None:
                    return existing
            snapshot = await self.insert(uow, volume, request)
            uow.cast(
                ScheduleSnapshot(
                    volume=objects.volume_object(volume),
                    snapshot=objects.snapshot_object(snapshot),
                    backend=volume.host or POOL,
                    request_spec=objects.snapshot_request_spec(snapshot),
                )
            )
            return snapshot

    async def insert(
        self, uow: UnitOfWork, volume: Volume, request: CreateSnapshotRequest, *, group_snapshot_id: str | None = None
    ) -> Snapshot:
        """The row, and its share of the quota. InvalidVolume, 413 for quotas."""
        _check_source(volume, force=request.force)
        await require_not_frozen(uow, volume.host)
        await self._deps.reserve_quota(uow, volume.project_id, snapshots=1, gigabytes=volume.size)
        volume_type = await volume_types.by_id(uow, volume.volume_type_id)
        await check_type_limits(uow, volume.project_id, volume_type, snapshots=1, gigabytes=volume.size)
        columns = {**_columns(uow, volume, request), "group_snapshot_id": group_snapshot_id}
        return await snapshots.TABLE.insert(uow, columns)

    async def on_delete_snapshot(self, ctx: RequestContext, snapshot_id: str) -> None:
        """``request_delete`` for a service, whose call may be delivered twice: what is being deleted since it was made
        is the first one's doing."""
        try:
            await self.request_delete(ctx, snapshot_id)
        except (InvalidSnapshot, SnapshotNotFound):
            async with self._deps.database.read() as session:
                begun = await snapshots.deletion_begun_at(session, ctx, snapshot_id)
            if not done_since(ctx, begun, self._deps.database.clock):
                raise

    async def request_delete(self, ctx: RequestContext, snapshot_id: str, *, force: bool = False) -> None:
        """``force``: from any status, for administrators. SnapshotNotFound, InvalidSnapshot."""
        async with self._deps.database.work(ctx) as uow:
            snapshot = await snapshots.find(uow, ctx, snapshot_id, lock=True)
            self._deps.require(ctx, "volume:delete_snapshot", snapshot.project_id)
            if force:
                self._deps.require(ctx, "volume_extension:snapshot_admin_actions:force_delete", snapshot.project_id)
            volume = await volumes.TABLE.get(uow, snapshot.volume_id)
            assert volume is not None, "a volume goes after its snapshots"
            await require_not_frozen(uow, volume.host)
            verb = SnapshotStates.force_delete if force else SnapshotStates.begin_delete
            ungrouped = {"group_snapshot_id": None}
            deleting = await self._deps.transition(uow, snapshots.TABLE, verb, snapshot.id, where=ungrouped)
            if deleting is None:
                raise InvalidSnapshot(
                    reason="Snapshot status must be available or error and must not be part of a group."
                )
            to_backend(uow, RemoveSnapshot(snapshot=objects.snapshot_object(deleting)), volume.host)


def _check_source(volume: Volume, *, force: bool) -> None:
    """InvalidVolume unless a snapshot can be taken of the volume. ``cinder/volume/api.py: create_snapshot_in_db``."""
    if volume.host is None:
        raise InvalidVolume(reason="The snapshot cannot be created because volume has not been scheduled to any host.")
    if volume.migration_status not in NOT_MIGRATING:
        raise InvalidVolume(reason="Snapshot cannot be created while volume is migrating.")
    verb, expected = (
        (VolumeStates.create_snapshot_force, "available, in-use")
        if force
        else (VolumeStates.create_snapshot, "available")
    )
    check(verb, volume, f"Volume {volume.id} status must be {expected}, but current status is: {volume.status}.")


def _columns(uow: UnitOfWork, volume: Volume, request: CreateSnapshotRequest) -> dict[str, Any]:
    return {
        "id": request.snapshot_id or new_id("snapshot"),
        "volume_id": volume.id,
        "user_id": uow.ctx.user_id,
        "project_id": volume.project_id,
        "status": CREATING,
        "progress": "0%",
        "volume_size": volume.size,
        **attributes(request, "name description metadata"),
        "volume_type_id": volume.volume_type_id,
        "created_at": uow.now,
    }
