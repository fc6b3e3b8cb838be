"""What deleting and unmanaging a snapshot have in common."""

from stackwire.core.states import Verb
from stackwire.db.pool import UnitOfWork
from stackwire.volume.db import glance_metadata, quotas, snapshots, volumes
from stackwire.volume.domain.model import Snapshot, Volume
from stackwire.volume.domain.notifications import snapshot_event
from stackwire.volume.flows.deps import VolumeDeps


async def begin_removal(uow: UnitOfWork, snapshot: Snapshot) -> Volume | None:
    """Its volume; nothing is left to do where that is gone."""
    volume = await volumes.TABLE.get(uow, snapshot.volume_id)
    if volume is not None:
        uow.notify(snapshot_event("delete.start", snapshot, volume))
    return volume


async def end_removal(deps: VolumeDeps, uow: UnitOfWork, snapshot: Snapshot, volume: Volume, verb: Verb) -> None:
    """The rows, and the share of the quota."""
    await glance_metadata.delete(uow, "snapshot_id", snapshot.id)
    deleted = await deps.transition(uow, snapshots.TABLE, verb, snapshot.id, deleted=True, deleted_at=uow.now)
    if deleted is not None:
        await quotas.release(uow, deleted.project_id, {"snapshots": 1, "gigabytes": deleted.volume_size})
        uow.notify(snapshot_event("delete.end", deleted, volume))
