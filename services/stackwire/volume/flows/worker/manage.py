"""Making what lies on a back end a volume or snapshot, and leaving there what is one no more.

A file gets its new name beside the one it had, which goes after the commit: whatever happens in between, it is there.
"""

from typing import Any

from stackwire.contracts import volume_moves as moves
from stackwire.contracts.volume import InvalidSnapshot, InvalidVolume
from stackwire.core.context import RequestContext
from stackwire.core.rules import Resource
from stackwire.volume.db import glance_metadata, quotas, snapshots, volume_types, volumes
from stackwire.volume.domain import manageable, objects, travel
from stackwire.volume.domain.model import Snapshot, Volume
from stackwire.volume.domain.notifications import snapshot_event, volume_event
from stackwire.volume.domain.size_checks import GIBIBYTE, gibibytes
from stackwire.volume.domain.states import SnapshotStates, VolumeStates
from stackwire.volume.flows.deps import Flow, log_failure, snapshot_file, volume_file
from stackwire.volume.flows.managed_names import snapshot_names, volume_names
from stackwire.volume.flows.type_quotas import check_type_limits
from stackwire.volume.flows.worker.snapshot_steps import begin_removal, end_removal


class ManageWorker(Flow):
    """``cinder/volume/flows/manager/manage_existing.py``, ``manage_existing_snapshot.py``."""

    async def on_manage_existing(self, ctx: RequestContext, message: moves.ManageExisting) -> None:
        """``available``, as large as what was there; or ``error_managing``."""
        volume_id = objects.id_of(message.volume)
        async with self._deps.hold(ctx, volumes.TABLE, volume_id, VolumeStates.finish_manage) as volume:
            if volume is None:
                return
            async with self._deps.database.work(ctx) as uow:
                uow.notify(volume_event("manage_existing.start", volume, uow.now))
            try:
                found = await self._named(message.ref)
                size = await self._manage(ctx, volume, found)
            except Exception as error:
                log_failure("volume %s could not be managed", volume.id, error)
                await self.fail(ctx, volume)
            else:
                store = self._deps.store(volume.host)
                await store.remove(found)
                await store.resize(volume_file(volume), size * GIBIBYTE)

    async def fail(self, ctx: RequestContext, volume: Volume) -> None:
        """``error_managing``; what was there is as it was."""
        await self._deps.store(volume.host).discard(volume_file(volume))
        async with self._deps.database.work(ctx) as uow:
            await self._deps.transition(uow, volumes.TABLE, VolumeStates.fail_manage, volume.id)

    async def _manage(self, ctx: RequestContext, volume: Volume, found: str) -> int:
        """The size in GiB of the file, which is the volume's from the commit on."""
        store = self._deps.store(volume.host)
        size = max(1, gibibytes(await store.size(found)))
        await store.adopt(found, volume_file(volume))
        async with self._deps.database.work(ctx) as uow:
            await self._deps.reserve_quota(uow, volume.project_id, gigabytes=size)
            volume_type = await volume_types.by_id(uow, volume.volume_type_id)
            await check_type_limits(uow, volume.project_id, volume_type, gigabytes=size)
            managed = await self._deps.transition(
                uow,
                volumes.TABLE,
                VolumeStates.finish_manage,
                volume.id,
                size=size,
                launched_at=uow.now,
                service_uuid=self._deps.service_uuid(volume.host),
                shared_targets=False,
            )
            if managed is None:
                raise InvalidVolume(reason="it is not being managed any more.")
            uow.apply(travel.at_manage, Resource("volume", volume.id), Resource("volume", volume.id), {})
            uow.notify(volume_event("manage_existing.end", managed, uow.now))
        return size

    async def _named(self, ref: dict[str, Any]) -> str:
        """InvalidReference."""
        async with self._deps.database.read() as session:
            managed = {**await volume_names(session), **await snapshot_names(session)}
        return manageable.source_name(ref, managed)

    async def on_manage_existing_snapshot(self, ctx: RequestContext, message: moves.ManageExistingSnapshot) -> None:
        """``available``, as large as what was there; or ``error``."""
        snapshot_id = objects.id_of(message.snapshot)
        async with self._deps.hold(ctx, snapshots.TABLE, snapshot_id, SnapshotStates.finish_create) as snapshot:
            if snapshot is None:
                return
            async with self._deps.database.work(ctx) as uow:
                volume = await volumes.TABLE.get(uow, snapshot.volume_id)
                if volume is None:
                    return
                uow.notify(snapshot_event("manage_existing_snapshot.start", snapshot, volume))
            try:
                found = await self._named(message.ref)
                await self._manage_snapshot(ctx, snapshot, volume, found)
            except Exception as error:
                log_failure("snapshot %s could not be managed", snapshot.id, error)
                await self._deps.store(volume.host).discard(snapshot_file(snapshot.id))
                async with self._deps.database.work(ctx) as uow:
                    await self._deps.transition(uow, snapshots.TABLE, SnapshotStates.fail_create, snapshot.id)
            else:
                await self._deps.store(volume.host).remove(found)

    async def _manage_snapshot(self, ctx: RequestContext, snapshot: Snapshot, volume: Volume, found: str) -> None:
        store = self._deps.store(volume.host)
        size = max(1, gibibytes(await store.size(found)))
        await store.adopt(found, snapshot_file(snapshot.id))
        async with self._deps.database.work(ctx) as uow:
            growth = size - snapshot.volume_size
            if growth > 0:
                await self._deps.reserve_quota(uow, snapshot.project_id, gigabytes=growth, snapshots=0)
            else:
                await quotas.release(uow, snapshot.project_id, {"gigabytes": -growth})
            managed = await self._deps.transition(
                uow, snapshots.TABLE, SnapshotStates.finish_create, snapshot.id, volume_size=size, progress="100%"
            )
            if managed is None:
                raise InvalidSnapshot(reason="it is not being managed any more.")
            uow.apply(travel.at_manage, Resource("volume", volume.id), Resource("snapshot", snapshot.id), {})
            uow.notify(snapshot_event("manage_existing_snapshot.end", managed, volume))

    async def complete_volume(self, ctx: RequestContext, volume: Volume) -> None:
        """Ends that a volume in ``unmanaging`` is one; its file stays as it is."""
        async with self._deps.database.work(ctx) as uow:
            rows = await glance_metadata.rows(uow, "volume_id", volume.id)
            uow.notify(volume_event("unmanage.start", volume, uow.now, glance=rows))
            itself = Resource("volume", volume.id)
            uow.apply(travel.at_unmanage, itself, itself, {row.key: row.value for row in rows})
            await glance_metadata.delete(uow, "volume_id", volume.id)
            goal: dict[str, Any] = {"deleted": True, "deleted_at": uow.now, "attach_status": "deleted"}
            verb = VolumeStates.finish_unmanage
            unmanaged = await self._deps.transition(uow, volumes.TABLE, verb, volume.id, **goal)
            if unmanaged is not None:
                await quotas.release(uow, unmanaged.project_id, {"volumes": 1, "gigabytes": unmanaged.size})
                uow.notify(volume_event("unmanage.end", unmanaged, uow.now))

    async def complete_snapshot(self, ctx: RequestContext, snapshot: Snapshot) -> None:
        """Ends that a snapshot in ``unmanaging`` is one; its file stays as it is."""
        async with self._deps.database.work(ctx) as uow:
            volume = await begin_removal(uow, snapshot)
            if volume is None:
                return
            itself = Resource("snapshot", snapshot.id)
            rows = await glance_metadata.read(uow, "snapshot_id", snapshot.id)
            uow.apply(travel.at_unmanage, itself, itself, rows)
            await end_removal(self._deps, uow, snapshot, volume, SnapshotStates.finish_unmanage)

    async def get_volumes(
        self, ctx: RequestContext, message: moves.GetManageableVolumes, backend: str
    ) -> list[dict[str, Any]]:
        """Of one back end. InvalidInput."""
        return await self._list(message, backend, of_snapshots=False)

    async def get_snapshots(
        self, ctx: RequestContext, message: moves.GetManageableSnapshots, backend: str
    ) -> list[dict[str, Any]]:
        """Of one back end, each with the volume it is of, where that is known. InvalidInput."""
        found = await self._list(message, backend, of_snapshots=True)
        async with self._deps.database.read() as session:
            origins = {one.id: one.volume_id for one in await snapshots.TABLE.find(session)}
            names = {ident: name for name, ident in (await volume_names(session)).items()}
        for entry in found:
            origin = names.get(origins.get(entry["cinder_id"], ""))
            entry["source_reference"] = {"source-name": origin} if origin else {}
        return found

    async def _list(
        self, message: moves.GetManageableVolumes | moves.GetManageableSnapshots, backend: str, *, of_snapshots: bool
    ) -> list[dict[str, Any]]:
        async with self._deps.database.read() as session:
            of_volumes, taken = await volume_names(session), await snapshot_names(session)
        managed, others = (taken, of_volumes) if of_snapshots else (of_volumes, taken)
        found = manageable.entries(await self._deps.stores[backend].names(), managed, others)
        order = list(zip(message.sort_keys, message.sort_dirs, strict=False))
        return manageable.page(found, message.marker, message.limit, message.offset, order)
