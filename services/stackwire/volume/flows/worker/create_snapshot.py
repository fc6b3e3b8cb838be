"""Taking a snapshot in the back end."""

from stackwire.contracts.volume_workers import TakeSnapshot
from stackwire.core.context import RequestContext
from stackwire.core.rules import Resource
from stackwire.db.pool import UnitOfWork
from stackwire.volume.backends.files import FileStore
from stackwire.volume.db import glance_metadata, messages, snapshots, volumes
from stackwire.volume.domain import objects, travel
from stackwire.volume.domain.errors import GlanceMetadataNotFound
from stackwire.volume.domain.model import Snapshot, Volume
from stackwire.volume.domain.notifications import snapshot_event
from stackwire.volume.domain.size_checks import GIBIBYTE
from stackwire.volume.domain.states import SnapshotStates
from stackwire.volume.domain.user_messages import SNAPSHOT_FAILED, SNAPSHOT_METADATA_FAILED, Failure
from stackwire.volume.flows.deps import Flow, log_failure, snapshot_file, volume_file


class CreateSnapshotWorker(Flow):
    """``cinder/volume/manager.py: create_snapshot``."""

    async def on_create_snapshot(self, ctx: RequestContext, message: TakeSnapshot) -> None:
        """``available``, or ``error`` with a message for the user."""
        snapshot_id = objects.id_of(message.snapshot)
        async with self._deps.hold(ctx, snapshots.TABLE, snapshot_id, SnapshotStates.finish_create) as snapshot:
            if snapshot is None:
                return
            async with self._deps.database.work(ctx) as uow:
                volume = await volumes.TABLE.get(uow, snapshot.volume_id)
                if volume is None:
                    return
                uow.notify(snapshot_event("create.start", snapshot, volume))
            try:
                await self._create(ctx, snapshot, volume)
            except Exception as error:
                log_failure("snapshot %s could not be created", snapshot.id, error)
                of_metadata = isinstance(error, GlanceMetadataNotFound)
                await self.fail(ctx, snapshot, SNAPSHOT_METADATA_FAILED if of_metadata else SNAPSHOT_FAILED)

    async def fail(self, ctx: RequestContext, snapshot: Snapshot, failure: Failure) -> None:
        """To ``error``, without bytes and without rows; the user is told."""
        await (await self._store(snapshot)).discard(snapshot_file(snapshot.id))
        async with self._deps.database.work(ctx) as uow:
            failed = await self._deps.transition(uow, snapshots.TABLE, SnapshotStates.fail_create, snapshot.id)
            if failed is not None:
                await glance_metadata.delete(uow, "snapshot_id", snapshot.id)
                await messages.insert(uow, snapshot.project_id, snapshot.id, failure)

    async def _store(self, snapshot: Snapshot) -> FileStore:
        async with self._deps.database.read() as session:
            volume = await volumes.TABLE.get(session, snapshot.volume_id)
        return self._deps.store(volume.host if volume is not None else None)

    async def _create(self, ctx: RequestContext, snapshot: Snapshot, volume: Volume) -> None:
        name, store = snapshot_file(snapshot.id), self._deps.store(volume.host)
        await store.copy(volume_file(volume), name, snapshot.volume_size * GIBIBYTE)
        async with self._deps.database.work(ctx) as uow:
            if not await self._finish(uow, snapshot, volume):
                await store.remove(name)  # deleted by force meanwhile

    async def _finish(self, uow: UnitOfWork, snapshot: Snapshot, volume: Volume) -> bool:
        """Rows, state and events in one transaction; False when the snapshot is not being created any more."""
        created = await self._deps.transition(
            uow, snapshots.TABLE, SnapshotStates.finish_create, snapshot.id, progress="100%"
        )
        if created is None:
            return False
        now = await volumes.TABLE.get(uow, volume.id) or volume
        rows = await glance_metadata.read(uow, "volume_id", volume.id)
        if not travel.may_be_snapshotted(rows, self._deps.behaviours, volume_bootable=now.bootable):
            raise GlanceMetadataNotFound(id=volume.id)
        inherited = uow.apply(
            travel.for_snapshot,
            Resource("volume", volume.id),
            Resource("snapshot", snapshot.id),
            rows,
            volume_bootable=now.bootable,
        )
        await glance_metadata.replace(uow, "snapshot_id", snapshot.id, inherited)
        uow.notify(snapshot_event("create.end", created, now))
        return True
