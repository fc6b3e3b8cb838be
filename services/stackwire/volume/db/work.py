"""Who is at work on a row: a lease that its worker renews. It keeps a message told twice from being acted on twice, and
tells the sweep which rows a dead worker left behind."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from stackwire.db.pool import Database, Session, UnitOfWork

PATIENCE = timedelta(minutes=2)
Table = Literal["volumes", "snapshots"]


async def claim(
    uow: UnitOfWork, table: Table, ident: str, statuses: Sequence[str], worker: str, lease: timedelta
) -> bool:
    """True when the row is in one of these states and nobody living is at work on it: it is ``worker``'s now.

    Whoever gave no sign of life for a ``lease`` is dead.
    """
    return bool(
        await uow.execute(
            f"UPDATE {table} SET worker = $3, worker_seen = $4::timestamptz"
            " WHERE id = $1 AND NOT deleted AND status = ANY($2)"
            " AND (worker IS NULL OR worker_seen < $4::timestamptz - $5::interval)",
            ident,
            list(statuses),
            worker,
            uow.now,
            lease,
        )
    )


async def beat(database: Database, table: Table, ident: str, worker: str) -> None:
    async with database.read() as session:
        await session.execute(
            f"UPDATE {table} SET worker_seen = $3 WHERE id = $1 AND worker = $2", ident, worker, database.clock.now()
        )


async def let_go(uow: UnitOfWork, table: Table, ident: str, worker: str) -> None:
    await uow.execute(
        f"UPDATE {table} SET worker = NULL, worker_seen = NULL WHERE id = $1 AND worker = $2", ident, worker
    )


async def abandoned(
    session: Session,
    table: Table,
    statuses: list[str],
    now: datetime,
    lease: timedelta,
    *,
    alone: str | None,
    lost_before: datetime | None,
) -> list[str]:
    """Ids of rows in these states at which nobody works any more.

    ``alone``: the only worker there can be (one process holds the whole service), so that every other one is dead.
    Rows nobody ever took up are left for a while, since their message may be waiting in a queue; those from before
    ``lost_before`` are not, since their message is known to be lost.
    """
    rows = await session.rows(
        f"SELECT id FROM {table} WHERE NOT deleted AND status = ANY($1) AND ("
        " (worker IS NOT NULL AND (worker_seen < $2::timestamptz - $3::interval OR NOT starts_with(worker, $4::text)))"
        " OR (worker IS NULL AND coalesce(updated_at, created_at)"
        " < greatest($2::timestamptz - $5::interval, $6::timestamptz)))"
        " ORDER BY created_at",
        statuses,
        now,
        lease,
        alone,
        PATIENCE,
        lost_before,
    )
    return [row["id"] for row in rows]


async def under_way(session: Session, table: Table, ident: str, statuses: Sequence[str]) -> str | None:
    """Who is at work on a row in one of these states; None when nobody is, or it is in another state by now."""
    found = await session.value(
        f"SELECT worker FROM {table} WHERE id = $1 AND NOT deleted AND status = ANY($2)", ident, list(statuses)
    )
    return None if found is None else str(found)
