"""Rows of ``snapshots``."""

from dataclasses import fields
from typing import Any

from stackwire.contracts.volume import SnapshotNotFound
from stackwire.core.context import RequestContext
from stackwire.db.pool import Session, UnitOfWork
from stackwire.volume.db.volumes import Query, scope, tail
from stackwire.volume.domain.model import Snapshot
from stackwire.volume.domain.states import SNAPSHOT

COLUMNS = ", ".join(f.name for f in fields(Snapshot))


async def find(session: Session, ctx: RequestContext, snapshot_id: str, *, lock: bool = False) -> Snapshot:
    """A snapshot the caller may see; SnapshotNotFound otherwise."""
    found = await session.one(
        Snapshot,
        f"SELECT {COLUMNS} FROM snapshots WHERE id = $1 AND NOT deleted AND ($2::text IS NULL OR project_id = $2)"
        + (" FOR UPDATE" if lock else ""),
        snapshot_id,
        scope(ctx),
    )
    if found is None:
        raise SnapshotNotFound(snapshot_id=snapshot_id)
    return found


async def by_id(session: Session, snapshot_id: str) -> Snapshot | None:
    return await session.one(Snapshot, f"SELECT {COLUMNS} FROM snapshots WHERE id = $1 AND NOT deleted", snapshot_id)


async def of_volume(session: Session, volume_id: str) -> list[Snapshot]:
    """Every snapshot of a volume, oldest first."""
    return await session.all(
        Snapshot, f"SELECT {COLUMNS} FROM snapshots WHERE volume_id = $1 AND NOT deleted ORDER BY created_at", volume_id
    )


async def insert(uow: UnitOfWork, snapshot: Snapshot) -> Snapshot:
    names = [f.name for f in fields(Snapshot)]
    places = ", ".join(f"${n}" for n in range(1, len(names) + 1))
    made = await uow.one(
        Snapshot,
        f"INSERT INTO snapshots ({COLUMNS}) VALUES ({places}) RETURNING {COLUMNS}",
        *(getattr(snapshot, name) for name in names),
    )
    assert made is not None
    return made


async def change(uow: UnitOfWork, snapshot_id: str, **changes: Any) -> Snapshot | None:
    return await _update(uow, snapshot_id, "true", [], changes)


async def move(
    uow: UnitOfWork, snapshot_id: str, to: str, *, sources: tuple[str, ...] | None = None, **changes: Any
) -> Snapshot | None:
    """Compare and swap: None when the snapshot is in no state that leads to ``to`` (or in none of ``sources``).

    Whoever was at work on it is done with this move.
    """
    changes |= {"worker": None, "worker_seen": None}
    allowed = list(sources) if sources is not None else SNAPSHOT.sources(to)
    return await _update(uow, snapshot_id, "status = ANY($3)", [allowed], {"status": to, **changes})


async def _update(
    uow: UnitOfWork, snapshot_id: str, condition: str, args: list[Any], changes: dict[str, Any]
) -> Snapshot | None:
    values = [snapshot_id, uow.now, *args]
    sets = ["updated_at = $2"]
    for name, value in changes.items():
        values.append(value)
        sets.append(f"{name} = ${len(values)}")
    return await uow.one(
        Snapshot,
        f"UPDATE snapshots SET {', '.join(sets)} WHERE id = $1 AND NOT deleted AND {condition} RETURNING {COLUMNS}",
        *values,
    )


async def listed(session: Session, query: Query) -> list[Snapshot]:
    columns = ", ".join(f"s.{f.name}" for f in fields(Snapshot))
    sql = f"SELECT {columns} FROM snapshots s WHERE NOT s.deleted" + tail(query, "snapshots", "s")
    return await session.all(Snapshot, sql, *query.args)


async def counted(session: Session, query: Query) -> int:
    sql = "SELECT count(*) FROM snapshots s WHERE NOT s.deleted"
    if query.project is not None:
        query.where("s.project_id = {}", query.project)
    sql += "".join(f" AND {condition}" for condition in query.conditions)
    return int(await session.value(sql, *query.args))
