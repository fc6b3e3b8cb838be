"""Rows of ``backups``."""

from stackwire.core.context import RequestContext
from stackwire.db.pool import Session, UnitOfWork
from stackwire.db.table import Table
from stackwire.volume.db import listing as listings
from stackwire.volume.db.volumes import scope
from stackwire.volume.domain.errors import BackupNotFound
from stackwire.volume.domain.listing import Listing
from stackwire.volume.domain.model import Backup
from stackwire.volume.domain.states import BackupStates

TABLE = Table(Backup, "backups", live="NOT deleted", states=BackupStates)


async def find(session: Session, ctx: RequestContext, backup_id: str, *, lock: bool = False) -> Backup:
    """A backup the caller may see; BackupNotFound otherwise."""
    found = await TABLE.get(session, backup_id, lock=lock, **scope(ctx))
    if found is None:
        raise BackupNotFound(backup_id=backup_id)
    return found


async def of_volume(uow: UnitOfWork, volume_id: str, project_id: str) -> list[Backup]:
    """A project's backups of a volume, newest first."""
    return await TABLE.find(uow, order="created_at DESC, id DESC", volume_id=volume_id, project_id=project_id)


async def children(session: Session, backup_id: str) -> list[Backup]:
    """The incremental backups that need this one."""
    return await TABLE.find(session, parent_id=backup_id)


async def chain(session: Session, backup: Backup) -> list[Backup]:
    """The backup and all that it needs, the full one first. BackupNotFound where one of them is missing."""
    found = [backup]
    while (parent_id := found[-1].parent_id) is not None:
        parent = await TABLE.get(session, parent_id)
        if parent is None or parent in found:
            raise BackupNotFound(backup_id=parent_id)
        found.append(parent)
    return found[::-1]


async def count_dependents(uow: UnitOfWork, backup_id: str | None) -> None:
    """Writes down how many backups need this one; nothing for None."""
    await uow.execute(
        "UPDATE backups SET num_dependent_backups = (SELECT count(*) FROM backups c"
        " WHERE c.parent_id = $1 AND NOT c.deleted AND c.status NOT IN ('creating', 'error')) WHERE id = $1",
        backup_id,
    )


async def forget_deleted(uow: UnitOfWork, backup_id: str) -> None:
    """Removes the row of a deleted backup, whose id is needed again."""
    await uow.execute("DELETE FROM backups WHERE id = $1 AND deleted", backup_id)


async def list_page(session: Session, listing: Listing) -> list[Backup]:
    """The page that the listing describes."""
    sql, values = listings.page(listing, "backups", "b")
    return await session.all(Backup, f"SELECT {TABLE.qualified('b')} FROM backups b WHERE {sql}", *values)


async def count(session: Session, listing: Listing) -> int:
    """How many backups the listing has on all of its pages."""
    conditions = listings.conditions(listing, "b")
    return int(await session.value(f"SELECT count(*) FROM backups b WHERE {conditions.sql}", *conditions.values))
