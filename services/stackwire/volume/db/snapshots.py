"""Rows of ``snapshots``."""

from datetime import datetime

from stackwire.contracts.volume import SnapshotNotFound
from stackwire.core.context import RequestContext
from stackwire.db.pool import Session, UnitOfWork
from stackwire.db.table import Table
from stackwire.volume.db import listing as listings
from stackwire.volume.db.volumes import scope
from stackwire.volume.domain.listing import Listing
from stackwire.volume.domain.model import Snapshot
from stackwire.volume.domain.states import SnapshotStates

TABLE = Table(Snapshot, "snapshots", live="NOT deleted", states=SnapshotStates)


async def find(session: Session, ctx: RequestContext, snapshot_id: str, *, lock: bool = False) -> Snapshot:
    """A snapshot the caller may see; SnapshotNotFound otherwise."""
    found = await TABLE.get(session, snapshot_id, lock=lock, **scope(ctx))
    if found is None:
        raise SnapshotNotFound(snapshot_id=snapshot_id)
    return found


async def deletion_begun_at(session: Session, ctx: RequestContext, snapshot_id: str) -> datetime | None:
    """When a snapshot of the caller's began to be deleted, or was last heard of in that; None otherwise."""
    moment: datetime | None = await session.value(
        "SELECT coalesce(deleted_at, updated_at) FROM snapshots"
        " WHERE id = $1 AND status IN ('deleting', 'deleted', 'error_deleting')"
        " AND ($2::text IS NULL OR project_id = $2)",
        snapshot_id,
        scope(ctx).get("project_id"),
    )
    return moment


async def of_volume(session: Session, volume_id: str) -> list[Snapshot]:
    """Every snapshot of a volume, oldest first."""
    return await TABLE.find(session, order="created_at", volume_id=volume_id)


async def change_owner(uow: UnitOfWork, volume_id: str, project_id: str, user_id: str | None) -> None:
    """Gives every snapshot of a volume away with it."""
    await uow.execute(
        "UPDATE snapshots SET project_id = $2, user_id = $3, updated_at = $4 WHERE volume_id = $1 AND NOT deleted",
        volume_id,
        project_id,
        user_id,
        uow.now,
    )


async def list_page(session: Session, listing: Listing) -> list[Snapshot]:
    """The page that the listing describes."""
    sql, values = listings.page(listing, "snapshots", "s")
    return await session.all(Snapshot, f"SELECT {TABLE.qualified('s')} FROM snapshots s WHERE {sql}", *values)


async def count(session: Session, listing: Listing) -> int:
    """How many snapshots the listing has on all of its pages."""
    conditions = listings.conditions(listing, "s")
    return int(await session.value(f"SELECT count(*) FROM snapshots s WHERE {conditions.sql}", *conditions.values))
