"""Rows of ``group_snapshots``, and the snapshots in them."""

from stackwire.core.context import RequestContext
from stackwire.db.pool import Session
from stackwire.db.table import Table
from stackwire.volume.db import listing as listings
from stackwire.volume.db import snapshots, volumes
from stackwire.volume.domain.errors import GroupSnapshotNotFound
from stackwire.volume.domain.group_model import GroupSnapshot
from stackwire.volume.domain.group_states import GroupSnapshotStates
from stackwire.volume.domain.listing import Listing
from stackwire.volume.domain.model import Snapshot

TABLE = Table(GroupSnapshot, "group_snapshots", live="NOT deleted", states=GroupSnapshotStates)


async def find(session: Session, ctx: RequestContext, snapshot_id: str, *, lock: bool = False) -> GroupSnapshot:
    """A group snapshot the caller may see; GroupSnapshotNotFound otherwise."""
    found = await TABLE.get(session, snapshot_id, lock=lock, **volumes.scope(ctx))
    if found is None:
        raise GroupSnapshotNotFound(group_snapshot_id=snapshot_id)
    return found


async def members(session: Session, group_snapshot_id: str) -> list[Snapshot]:
    """The snapshots of the group's volumes, oldest first."""
    return await snapshots.TABLE.find(session, order="created_at, id", group_snapshot_id=group_snapshot_id)


async def list_page(session: Session, listing: Listing) -> list[GroupSnapshot]:
    """The page that the listing describes."""
    sql, values = listings.page(listing, TABLE.name, "g")
    return await session.all(GroupSnapshot, f"SELECT {TABLE.qualified('g')} FROM {TABLE.name} g WHERE {sql}", *values)
