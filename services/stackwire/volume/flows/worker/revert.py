"""Writing a snapshot's data over its volume: whole or not at all, so that it can be done again after a crash."""

from typing import Literal

from stackwire.contracts.volume_moves import RevertToSnapshot
from stackwire.core.context import RequestContext
from stackwire.core.rules import Resource
from stackwire.core.states import Verb
from stackwire.db.pool import UnitOfWork
from stackwire.volume.db import glance_metadata, snapshots, volumes
from stackwire.volume.domain import objects, travel
from stackwire.volume.domain.model import Snapshot, Volume
from stackwire.volume.domain.notifications import snapshot_event
from stackwire.volume.domain.size_checks import GIBIBYTE
from stackwire.volume.domain.states import SnapshotStates, VolumeStates
from stackwire.volume.flows.attachment_steps import notify_attachment_event
from stackwire.volume.flows.deps import Flow, log_failure, snapshot_file, volume_file

RevertAction = Literal["revert.start", "revert.end"]


class RevertWorker(Flow):
    """``cinder/volume/manager.py: revert_to_snapshot``."""

    async def on_revert_to_snapshot(self, ctx: RequestContext, message: RevertToSnapshot) -> None:
        """Both available; or the volume in ``error``, with the data it had."""
        volume_id = objects.id_of(message.volume)
        async with self._deps.hold(ctx, volumes.TABLE, volume_id, VolumeStates.finish_revert) as volume:
            if volume is not None:
                await self.resume(ctx, volume)

    async def resume(self, ctx: RequestContext, volume: Volume) -> None:
        """Reverts a volume in ``reverting``, however far it has got."""
        async with self._deps.database.work(ctx) as uow:
            restoring = await snapshots.TABLE.find(uow, volume_id=volume.id, status="restoring")
            await self._notify(uow, "revert.start", volume, restoring)
        try:
            for snapshot in restoring:
                store = self._deps.store(volume.host)
                await store.copy(snapshot_file(snapshot.id), volume_file(volume), volume.size * GIBIBYTE)
        except Exception as error:
            log_failure("volume %s could not be reverted", volume.id, error)
            await self._end(ctx, volume, restoring, VolumeStates.fail_revert)
        else:
            verb = VolumeStates.finish_revert if restoring else VolumeStates.fail_revert
            await self._end(ctx, volume, restoring, verb)

    async def release(self, ctx: RequestContext, snapshot: Snapshot) -> None:
        """A snapshot in ``restoring`` whose volume is not being reverted any more is available again."""
        async with self._deps.database.work(ctx) as uow:
            volume = await volumes.TABLE.get(uow, snapshot.volume_id)
            if volume is None or not VolumeStates.finish_revert.allows(status=volume.status):
                await self._deps.transition(uow, snapshots.TABLE, SnapshotStates.finish_revert, snapshot.id)

    async def _end(self, ctx: RequestContext, volume: Volume, restoring: list[Snapshot], verb: Verb) -> None:
        async with self._deps.database.work(ctx) as uow:
            ended = await self._deps.transition(uow, volumes.TABLE, verb, volume.id)
            for snapshot in restoring:
                await self._deps.transition(uow, snapshots.TABLE, SnapshotStates.finish_revert, snapshot.id)
            if ended is None:
                return
            if verb is VolumeStates.finish_revert:
                itself = Resource("volume", volume.id)
                rows = await glance_metadata.read(uow, "volume_id", volume.id)
                uow.apply(travel.at_revert, itself, itself, rows)
            await self._notify(uow, "revert.end", ended, restoring)

    async def _notify(self, uow: UnitOfWork, action: RevertAction, volume: Volume, restoring: list[Snapshot]) -> None:
        await notify_attachment_event(uow, action, volume)
        for snapshot in restoring:
            uow.notify(snapshot_event(action, await snapshots.TABLE.get(uow, snapshot.id) or snapshot, volume))
