"""Which files of a back end are of volumes and snapshots."""

from stackwire.db.pool import Session
from stackwire.volume.db import snapshots, volumes
from stackwire.volume.flows.deps import snapshot_file, volume_file


async def volume_names(session: Session) -> dict[str, str]:
    """The volume's id by the name of its file."""
    return {volume_file(volume): volume.id for volume in await volumes.TABLE.find(session)}


async def snapshot_names(session: Session) -> dict[str, str]:
    """The snapshot's id by the name of its file."""
    return {snapshot_file(snapshot.id): snapshot.id for snapshot in await snapshots.TABLE.find(session)}
