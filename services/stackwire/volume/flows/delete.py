"""Deleting volumes: promised by the API, done by the worker; the bytes go first, then the row that names them."""

from stackwire.contracts.volume_workers import HOST, RemoveVolume
from stackwire.core.context import RequestContext
from stackwire.db.pool import UnitOfWork
from stackwire.volume.db import attachments, glance_metadata, quotas, snapshots, volumes
from stackwire.volume.domain import objects
from stackwire.volume.domain.errors import NotDeletable
from stackwire.volume.domain.model import Snapshot, Volume
from stackwire.volume.domain.payloads import snapshot_event, volume_event
from stackwire.volume.domain.states import DELETABLE, DELETED, DELETING, SNAPSHOT_DELETABLE
from stackwire.volume.flows.parts import Parts, snapshot_file, volume_file


class Delete:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def accept(self, ctx: RequestContext, volume_id: str, *, cascade: bool = False, force: bool = False) -> None:
        """``force``: from any status, for administrators; never an attached one. NotDeletable, VolumeNotFound."""
        async with self._parts.database.work(ctx) as uow:
            volume = await volumes.find(uow, ctx, volume_id, lock=True)
            self._parts.require(ctx, "volume:delete", volume.project_id)
            if force:
                self._parts.require(ctx, "volume:force_delete", volume.project_id)
            if await attachments.of_volume(uow, volume.id) or volume.attach_status == "attached":
                raise NotDeletable
            await self._check_snapshots(uow, volume, cascade)
            sources = (volume.status,) if force else DELETABLE
            moved = await volumes.move(uow, volume.id, DELETING, sources=sources, terminated_at=uow.now)
            if moved is None:
                raise NotDeletable
            uow.cast(RemoveVolume(volume=objects.volume_object(moved), cascade=cascade), server=HOST)

    async def _check_snapshots(self, uow: UnitOfWork, volume: Volume, cascade: bool) -> None:
        taken = await snapshots.of_volume(uow, volume.id)
        if taken and not cascade:
            raise NotDeletable
        if any(snapshot.status not in (*SNAPSHOT_DELETABLE, "error_deleting", DELETING) for snapshot in taken):
            raise NotDeletable
        for snapshot in taken:
            await snapshots.move(uow, snapshot.id, DELETING, sources=(snapshot.status,))

    async def build(self, ctx: RequestContext, order: RemoveVolume) -> None:
        """Served over the bus."""
        await self.finish(ctx, objects.id_of(order.volume))

    async def finish(self, ctx: RequestContext, volume_id: str) -> None:
        """Ends a deletion that was promised, however far it came before."""
        async with self._parts.working(ctx, "volumes", volume_id, (DELETING,)) as ours:
            if not ours:
                return
            async with self._parts.database.read() as session:
                taken = await snapshots.of_volume(session, volume_id)
            for snapshot in taken:
                await self.finish_snapshot(ctx, snapshot)
            async with self._parts.database.work(ctx) as uow:
                volume = await volumes.by_id(uow, volume_id)
                if volume is None:
                    return
                rows = await glance_metadata.rows(uow, "volume_id", volume_id)
                uow.notify(volume_event("delete.start", volume, uow.now, glance=rows))
            await self._parts.store.remove(volume_file(volume_id))
            async with self._parts.database.work(ctx) as uow:
                await self._forget(uow, volume_id)

    async def _forget(self, uow: UnitOfWork, volume_id: str) -> None:
        await glance_metadata.drop(uow, "volume_id", volume_id)
        gone = await volumes.move(
            uow, volume_id, DELETED, sources=(DELETING,), deleted=True, deleted_at=uow.now, attach_status="deleted"
        )
        if gone is not None:
            await quotas.give_back(uow, gone.project_id, {"volumes": 1, "gigabytes": gone.size})
            uow.notify(volume_event("delete.end", gone, uow.now))

    async def finish_snapshot(self, ctx: RequestContext, snapshot: Snapshot) -> None:
        """Ends the deletion of a snapshot that is in ``deleting``."""
        async with self._parts.database.work(ctx) as uow:
            volume = await volumes.by_id(uow, snapshot.volume_id)
            if volume is None:
                return
            uow.notify(snapshot_event("delete.start", snapshot, volume))
        await self._parts.store.remove(snapshot_file(snapshot.id))
        async with self._parts.database.work(ctx) as uow:
            await glance_metadata.drop(uow, "snapshot_id", snapshot.id)
            gone = await snapshots.move(
                uow, snapshot.id, DELETED, sources=(DELETING,), deleted=True, deleted_at=uow.now
            )
            if gone is not None:
                await quotas.give_back(uow, gone.project_id, {"snapshots": 1, "gigabytes": gone.volume_size})
                uow.notify(snapshot_event("delete.end", gone, volume))
