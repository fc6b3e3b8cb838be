"""Rows of ``migrations``: the moves of servers between hosts. Only ``transition`` changes ``status``."""

from collections.abc import Sequence

from stackwire.compute.domain.migration_states import LIVE_IN_PROGRESS, LIVE_MIGRATION, MOVING, MigrationStates
from stackwire.compute.domain.model import Migration
from stackwire.compute.domain.requests import ListMigrationsRequest
from stackwire.core.ids import new_id
from stackwire.db.pool import Session, UnitOfWork
from stackwire.db.query import Conditions
from stackwire.db.table import Table
from stackwire.db.transitions import transition

TABLE = Table(Migration, "migrations", key="uuid", live="NOT deleted", generated=("id",), states=MigrationStates)
_FILTERS = {
    **{
        name: f"{name} = {{0}}"
        for name in ("uuid", "status", "migration_type", "instance_uuid", "user_id", "project_id")
    },
    "source_compute": "source_compute = {0}",
    "host": "{0} IN (source_compute, dest_compute)",
    "node": "{0} IN (source_node, dest_node)",
}
UNFINISHED = (*MOVING.split(), "finished", "confirming")
"""What is on the source host may still be needed."""


async def insert(uow: UnitOfWork, **columns: object) -> Migration:
    """A new migration from these columns, of whoever asks for it."""
    owner = {"user_id": uow.ctx.user_id, "project_id": uow.ctx.project_id}
    return await TABLE.insert(uow, {"uuid": new_id("migration"), **owner, **columns, "created_at": uow.now})


async def latest(session: Session, instance_uuid: str, statuses: Sequence[str] = UNFINISHED) -> Migration | None:
    """The server's last migration in one of these states."""
    found = await TABLE.find(session, order="id DESC", instance_uuid=instance_uuid, status=list(statuses))
    return found[0] if found else None


async def list_page(session: Session, request: ListMigrationsRequest, marker: Migration | None) -> list[Migration]:
    """Newest first, those behind the marker; the oldest first where there are no pages."""
    conditions = Conditions("NOT deleted")
    for name, clause in _FILTERS.items():
        if name in request.filters and not (name == "source_compute" and "host" in request.filters):
            conditions.where(clause, request.filters[name])
    changed = "coalesce(updated_at, created_at)"
    for clause, moment in ((f"{changed} >= {{}}", request.since), (f"{changed} <= {{}}", request.before)):
        if moment is not None:
            conditions.where(clause, moment)
    if marker is not None:
        conditions.where("(created_at, id) < ({0}, {1})", marker.created_at, marker.id)
    paged = request.limit is not None
    order = f"created_at DESC, id DESC LIMIT {conditions.placeholder(request.limit)}" if paged else "id"
    sql = f"SELECT {TABLE.columns} FROM migrations WHERE {conditions.sql} ORDER BY {order}"
    return await session.all(Migration, sql, *conditions.values)


async def live_in_progress(session: Session, instance_uuid: str) -> list[Migration]:
    """The server's live migrations that have begun and not ended."""
    found = {"instance_uuid": instance_uuid, "migration_type": LIVE_MIGRATION, "status": list(LIVE_IN_PROGRESS)}
    return await TABLE.find(session, order="id", **found)


async def of_server(session: Session, instance_uuid: str, number: str) -> Migration | None:
    """The migration of that number, when it is the server's."""
    known = number.isascii() and number.isdigit() and len(number) < 19
    found = await TABLE.find(session, instance_uuid=instance_uuid, id=int(number)) if known else []
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


async def evacuated_from(session: Session, host: str) -> list[Migration]:
    """Servers that were built again elsewhere while the host was down; it has still to let go of them."""
    return await TABLE.find(session, order="id", source_compute=host, status="done")


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
