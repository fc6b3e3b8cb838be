"""Snapshots of volumes: promised, placed, taken, deleted."""

import asyncio

from stackwire.contracts.lineage import property_transfer
from stackwire.contracts.volume import InvalidSnapshot, InvalidVolume
from stackwire.contracts.volume_workers import HOST, POOL, RemoveSnapshot, ScheduleSnapshot, TakeSnapshot
from stackwire.core.context import RequestContext
from stackwire.core.errors import ServiceError
from stackwire.core.ids import new_id
from stackwire.db.pool import UnitOfWork
from stackwire.volume.db import glance_metadata, messages, snapshots, volumes
from stackwire.volume.domain import objects, travel
from stackwire.volume.domain.errors import GlanceMetadataNotFound
from stackwire.volume.domain.model import Snapshot, Volume
from stackwire.volume.domain.payloads import snapshot_event
from stackwire.volume.domain.sizes import GIBIBYTE
from stackwire.volume.domain.states import AVAILABLE, CREATING, DELETING, ERROR, IN_USE, SNAPSHOT_DELETABLE
from stackwire.volume.flows.delete import Delete
from stackwire.volume.flows.parts import Parts, log, snapshot_file, volume_file

FAILED = "VOLUME_SNAPSHOT_009_014"


class Snapshots:
    def __init__(self, parts: Parts, delete: Delete) -> None:
        self._parts = parts
        self._delete = delete

    async def accept(
        self,
        ctx: RequestContext,
        volume_id: str,
        *,
        name: str | None = None,
        description: str | None = None,
        metadata: dict[str, str] | None = None,
        force: bool = False,
        snapshot_id: str | None = None,
    ) -> Snapshot:
        """``force``: of a volume in use too. ``snapshot_id``: the id it gets, or has. 404, InvalidVolume, 413."""
        async with self._parts.database.work(ctx) as uow:
            volume = await volumes.find(uow, ctx, volume_id, lock=True)
            self._parts.require(ctx, "volume:create_snapshot", volume.project_id)
            known = await snapshots.by_id(uow, snapshot_id) if snapshot_id is not None else None
            if known is not None and known.volume_id == volume.id:
                return known
            if volume.status not in ((AVAILABLE, IN_USE) if force else (AVAILABLE,)):
                raise InvalidVolume(
                    reason=f"Volume {volume.id} status must be {'available or in-use' if force else 'available'},"
                    f" but current status is: {volume.status}."
                )
            await self._parts.reserve(uow, volume.project_id, snapshots=1, gigabytes=volume.size)
            snapshot = await snapshots.insert(
                uow, _new(ctx, volume, snapshot_id or new_id(), name, description, metadata or {}, uow)
            )
            uow.cast(
                ScheduleSnapshot(
                    volume=objects.volume_object(volume),
                    snapshot=objects.snapshot_object(snapshot),
                    backend=volume.host or POOL,
                    request_spec=objects.snapshot_request_spec(snapshot),
                )
            )
            return snapshot

    async def schedule(self, ctx: RequestContext, order: ScheduleSnapshot) -> None:
        async with self._parts.database.work(ctx) as uow:
            snapshot = await snapshots.by_id(uow, objects.id_of(order.snapshot))
            if snapshot is not None and snapshot.status == CREATING:
                uow.cast(TakeSnapshot(snapshot=objects.snapshot_object(snapshot)), server=HOST)

    async def build(self, ctx: RequestContext, order: TakeSnapshot) -> None:
        """Served over the bus."""
        snapshot_id = objects.id_of(order.snapshot)
        async with self._parts.working(ctx, "snapshots", snapshot_id, (CREATING,)) as ours:
            if not ours:
                return
            async with self._parts.database.work(ctx) as uow:
                snapshot = await snapshots.by_id(uow, snapshot_id)
                volume = await volumes.by_id(uow, snapshot.volume_id) if snapshot is not None else None
                if snapshot is None or volume is None:
                    return
                uow.notify(snapshot_event("create.start", snapshot, volume))
            try:
                await self._take(ctx, snapshot, volume)
            except asyncio.CancelledError:
                raise
            except Exception as error:
                await self._fail(ctx, snapshot, error)

    async def _take(self, ctx: RequestContext, snapshot: Snapshot, volume: Volume) -> None:
        name = snapshot_file(snapshot.id)
        await self._parts.store.copy(volume_file(volume.id), name, snapshot.volume_size * GIBIBYTE)
        async with self._parts.database.work(ctx) as uow:
            done = await snapshots.move(uow, snapshot.id, AVAILABLE, sources=(CREATING,), progress="100%")
            if done is None:
                await self._parts.store.remove(name)
                return
            now = await volumes.by_id(uow, volume.id) or volume
            before = await glance_metadata.read(uow, "volume_id", volume.id)
            if not travel.may_be_snapshotted(before, self._parts.behaviours, volume_bootable=now.bootable):
                raise GlanceMetadataNotFound(id=volume.id)
            rows = travel.for_snapshot(before, volume_bootable=now.bootable)
            await glance_metadata.replace(uow, "snapshot_id", snapshot.id, rows)
            uow.notify(
                property_transfer(
                    "volume", "volume.for_snapshot", "volume", volume.id, "snapshot", snapshot.id, before, rows,
                    source="cinder/volume/manager.py: create_snapshot",
                )
            )  # fmt: skip
            uow.notify(snapshot_event("create.end", done, now))

    async def _fail(self, ctx: RequestContext, snapshot: Snapshot, error: Exception) -> None:
        log.warning("snapshot %s failed: %s", snapshot.id, error, exc_info=not isinstance(error, ServiceError))
        reason = error.message if isinstance(error, ServiceError) else "Unexpected failure."
        await self._parts.store.remove(snapshot_file(snapshot.id))
        async with self._parts.database.work(ctx) as uow:
            if await snapshots.move(uow, snapshot.id, ERROR, sources=(CREATING,)) is not None:
                await glance_metadata.drop(uow, "snapshot_id", snapshot.id)
                await messages.tell(uow, snapshot.project_id, "VOLUME_SNAPSHOT", snapshot.id, FAILED, reason)

    async def delete(self, ctx: RequestContext, snapshot_id: str, *, force: bool = False) -> None:
        """SnapshotNotFound, InvalidSnapshot (busy)."""
        async with self._parts.database.work(ctx) as uow:
            snapshot = await snapshots.find(uow, ctx, snapshot_id, lock=True)
            self._parts.require(ctx, "volume:delete_snapshot", snapshot.project_id)
            if force:
                self._parts.require(ctx, "volume_extension:snapshot_admin_actions:force_delete", snapshot.project_id)
            sources = (snapshot.status,) if force else (*SNAPSHOT_DELETABLE,)
            moved = await snapshots.move(uow, snapshot.id, DELETING, sources=sources)
            if moved is None:
                raise InvalidSnapshot(
                    reason=f"Snapshot status must be available or error, and must not be part of a group;"
                    f" it is {snapshot.status}."
                )
            uow.cast(RemoveSnapshot(snapshot=objects.snapshot_object(moved)), server=HOST)

    async def remove(self, ctx: RequestContext, order: RemoveSnapshot) -> None:
        """Served over the bus."""
        await self.finish(ctx, objects.id_of(order.snapshot))

    async def finish(self, ctx: RequestContext, snapshot_id: str) -> None:
        """Ends a deletion that was promised, however far it came before."""
        async with self._parts.working(ctx, "snapshots", snapshot_id, (DELETING,)) as ours:
            if not ours:
                return
            async with self._parts.database.read() as session:
                snapshot = await snapshots.by_id(session, snapshot_id)
            if snapshot is not None:
                await self._delete.finish_snapshot(ctx, snapshot)


def _new(
    ctx: RequestContext,
    volume: Volume,
    snapshot_id: str,
    name: str | None,
    description: str | None,
    metadata: dict[str, str],
    uow: UnitOfWork,
) -> Snapshot:
    return Snapshot(
        id=snapshot_id, volume_id=volume.id, user_id=ctx.user_id, project_id=volume.project_id, status=CREATING,
        progress="0%", volume_size=volume.size, name=name, description=description,
        volume_type_id=volume.volume_type_id, metadata=metadata, created_at=uow.now, updated_at=None, deleted_at=None,
        deleted=False, worker=None, worker_seen=None,
    )  # fmt: skip
