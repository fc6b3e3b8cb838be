"""Accepting that a volume goes back to its latest snapshot."""

from stackwire.contracts.volume_moves import RevertToSnapshot
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, Conflict
from stackwire.db.pool import UnitOfWork
from stackwire.volume.db import snapshots, volumes
from stackwire.volume.domain import objects
from stackwire.volume.domain.model import Snapshot, Volume
from stackwire.volume.domain.states import SnapshotStates, VolumeStates
from stackwire.volume.flows.deps import Flow, to_backend


class RevertVolume(Flow):
    """``cinder/api/v3/volumes.py: revert``, ``cinder/volume/api.py: revert_to_snapshot``."""

    async def request_revert(self, ctx: RequestContext, volume_id: str, snapshot_id: str | None) -> None:
        """``reverting`` and ``restoring``. BadRequest for any snapshot but the latest; Conflict by status."""
        async with self._deps.database.work(ctx) as uow:
            volume = await volumes.find(uow, ctx, volume_id, lock=True)
            latest = await _latest(uow, volume, snapshot_id)
            self._deps.require(ctx, "volume:revert_to_snapshot", volume.project_id)
            reverting = await self._deps.transition(uow, volumes.TABLE, VolumeStates.begin_revert, volume.id)
            if reverting is None:
                raise Conflict(_not_available("volume", volume, latest))
            restoring = await self._deps.transition(uow, snapshots.TABLE, SnapshotStates.begin_revert, latest.id)
            if restoring is None:
                raise Conflict(_not_available("snapshot", volume, latest))
            message = RevertToSnapshot(
                volume=objects.volume_object(reverting), snapshot=objects.snapshot_object(restoring)
            )
            to_backend(uow, message, volume.host)


async def _latest(uow: UnitOfWork, volume: Volume, snapshot_id: str | None) -> Snapshot:
    """BadRequest unless it is the one that was requested, and as large as the volume."""
    existing = await snapshots.of_volume(uow, volume.id)
    if not existing:
        raise BadRequest(f"Volume {volume.id} has no snapshots.")
    if snapshot_id != existing[-1].id:
        raise BadRequest(
            f"Specified snapshot {(snapshot_id or 'None')[:255]} is None or not the latest one of volume {volume.id}."
        )
    if existing[-1].volume_size != volume.size:
        raise BadRequest(f"Volume {volume.id} has another size than its latest snapshot {snapshot_id}.")
    return existing[-1]


def _not_available(noun: str, volume: Volume, snapshot: Snapshot) -> str:
    return (
        f"Volume {volume.id} cannot be reverted to its latest snapshot {snapshot.id}: the status of the {noun} must be"
        " 'available'."
    )
