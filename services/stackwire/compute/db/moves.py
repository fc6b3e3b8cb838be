"""Rows of ``migrations``: the moves of servers between hosts. Only ``transition`` changes ``status``."""

from collections.abc import Sequence

from stackwire.compute.domain.migration_states import MOVING, MigrationStates
from stackwire.compute.domain.model import Migration
from stackwire.core.ids import new_id
from stackwire.db.pool import Session, UnitOfWork
from stackwire.db.table import Table
from stackwire.db.transitions import transition

TABLE = Table(Migration, "migrations", key="uuid", live="NOT deleted", generated=("id",), states=MigrationStates)
UNFINISHED = (*MOVING.split(), "finished", "confirming")
"""What is on the source host may still be needed."""


async def insert(uow: UnitOfWork, **columns: object) -> Migration:
    """A new migration from these columns, of whoever asks for it."""
    owner = {"user_id": uow.ctx.user_id, "project_id": uow.ctx.project_id}
    return await TABLE.insert(uow, {"uuid": new_id(), **owner, **columns, "created_at": uow.now})


async def latest(session: Session, instance_uuid: str, statuses: Sequence[str] = UNFINISHED) -> Migration | None:
    """The server's last migration in one of these states."""
    found = await TABLE.find(session, order="id DESC", instance_uuid=instance_uuid, status=list(statuses))
    return found[0] if found else None


async def unfinished_on(session: Session, host: str) -> list[Migration]:
    """Those that begin or end on the host and whose disks are still needed there."""
    return await session.all(
        Migration,
        f"SELECT {TABLE.columns} FROM migrations WHERE NOT deleted AND (source_compute = $1 OR dest_compute = $1)"
        " AND status = ANY($2) ORDER BY id",
        host,
        list(UNFINISHED),
    )


async def delete_all_of(uow: UnitOfWork, instance_uuid: str) -> None:
    """A deleted server's migrations are deleted with it (``nova/db/main/api.py: instance_destroy``)."""
    await uow.execute(
        "UPDATE migrations SET deleted = true, deleted_at = $2 WHERE instance_uuid = $1 AND NOT deleted",
        instance_uuid,
        uow.now,
    )


async def fail(uow: UnitOfWork, migration: Migration) -> None:
    """To ``error``, unless it ended otherwise meanwhile."""
    await transition(uow, TABLE, MigrationStates.fail, migration.uuid)
