"""Rows of ``volumes``. A status changes by compare-and-swap only: the table of states says from where."""

from dataclasses import dataclass, field, fields
from typing import Any

from stackwire.contracts.volume import VolumeNotFound
from stackwire.core.context import RequestContext
from stackwire.db.pool import Session, UnitOfWork
from stackwire.volume.domain.model import Shown, Volume
from stackwire.volume.domain.states import VOLUME

COLUMNS = ", ".join(f.name for f in fields(Volume))
_V = ", ".join(f"v.{f.name}" for f in fields(Volume))
_SHOWN = f"""
SELECT {_V}, t.name AS type_name,
       (SELECT json_agg(json_build_object('id', a.id, 'instance_uuid', a.instance_uuid,
                                          'attached_host', a.attached_host, 'mountpoint', a.mountpoint,
                                          'attach_time', a.attach_time,
                                          'attach_status', a.attach_status) ORDER BY a.created_at)
          FROM volume_attachment a WHERE a.volume_id = v.id AND NOT a.deleted) AS attachments,
       (SELECT json_object_agg(g.key, g.value ORDER BY g.id)
          FROM volume_glance_metadata g WHERE g.volume_id = v.id AND NOT g.deleted) AS glance
  FROM volumes v JOIN volume_types t ON t.id = v.volume_type_id
 WHERE NOT v.deleted"""


def scope(ctx: RequestContext) -> str | None:
    """The project whose rows the caller may see; None for an administrator, who sees all."""
    return None if ctx.is_admin else ctx.project_id or ""


async def find(session: Session, ctx: RequestContext, volume_id: str, *, lock: bool = False) -> Volume:
    """A volume the caller may see; VolumeNotFound otherwise."""
    found = await session.one(
        Volume,
        f"SELECT {COLUMNS} FROM volumes WHERE id = $1 AND NOT deleted AND ($2::text IS NULL OR project_id = $2)"
        + (" FOR UPDATE" if lock else ""),
        volume_id,
        scope(ctx),
    )
    if found is None:
        raise VolumeNotFound(volume_id=volume_id)
    return found


async def by_id(session: Session, volume_id: str) -> Volume | None:
    return await session.one(Volume, f"SELECT {COLUMNS} FROM volumes WHERE id = $1 AND NOT deleted", volume_id)


async def shown(session: Session, ctx: RequestContext, volume_id: str) -> Shown:
    """A volume with all that is shown of it; VolumeNotFound."""
    found = await session.one(
        Shown, f"{_SHOWN} AND v.id = $1 AND ($2::text IS NULL OR v.project_id = $2)", volume_id, scope(ctx)
    )
    if found is None:
        raise VolumeNotFound(volume_id=volume_id)
    return found


async def insert(uow: UnitOfWork, volume: Volume) -> Volume:
    names = [f.name for f in fields(Volume)]
    places = ", ".join(f"${n}" for n in range(1, len(names) + 1))
    made = await uow.one(
        Volume,
        f"INSERT INTO volumes ({COLUMNS}) VALUES ({places}) RETURNING {COLUMNS}",
        *(getattr(volume, name) for name in names),
    )
    assert made is not None
    return made


async def change(uow: UnitOfWork, volume_id: str, **changes: Any) -> Volume | None:
    """Columns that are no state; None when the volume is gone."""
    return await _update(uow, volume_id, "true", [], changes)


async def move(
    uow: UnitOfWork,
    volume_id: str,
    to: str,
    *,
    sources: tuple[str, ...] | None = None,
    keep_lease: bool = False,
    **changes: Any,
) -> Volume | None:
    """Compare and swap: None when the volume is in no state that leads to ``to`` (or in none of ``sources``).

    Whoever was at work on it is done with this move, unless ``keep_lease``.
    """
    if not keep_lease:
        changes |= {"worker": None, "worker_seen": None}
    allowed = list(sources) if sources is not None else VOLUME.sources(to)
    return await _update(uow, volume_id, "status = ANY($3)", [allowed], {"status": to, **changes})


async def _update(
    uow: UnitOfWork, volume_id: str, condition: str, args: list[Any], changes: dict[str, Any]
) -> Volume | None:
    values = [volume_id, uow.now, *args]
    sets = ["updated_at = $2"]
    for name, value in changes.items():
        values.append(value)
        sets.append(f"{name} = ${len(values)}")
    return await uow.one(
        Volume,
        f"UPDATE volumes SET {', '.join(sets)} WHERE id = $1 AND NOT deleted AND {condition} RETURNING {COLUMNS}",
        *values,
    )


@dataclass(slots=True)
class Query:
    """Which volumes, in which order, and from where. Column names come from tables of ours, never from a request."""

    project: str | None = None
    conditions: list[str] = field(default_factory=list)
    args: list[Any] = field(default_factory=list)
    order: list[tuple[str, bool]] = field(default_factory=lambda: [("created_at", True), ("id", True)])
    limit: int = 1000
    offset: int = 0
    marker: str | None = None

    def where(self, sql: str, *args: Any) -> None:
        """Adds a condition; ``{}`` stands for its arguments in their order."""
        places = [f"${len(self.args) + n}" for n in range(1, len(args) + 1)]
        self.args += args
        self.conditions.append(sql.format(*places))


def _filtered(query: Query, alias: str) -> str:
    if query.project is not None:
        query.where(f"{alias}.project_id = {{}}", query.project)
        query.project = None
    return "".join(f" AND {condition}" for condition in query.conditions)


def tail(query: Query, table: str, alias: str) -> str:
    """Filters, the place after the marker, order, limit: for any table with an id and a created_at."""
    sql = _filtered(query, alias)
    if query.marker is not None:
        query.args.append(query.marker)
        sql += f" AND {_after(query, table, alias, f'${len(query.args)}')}"
    order = ", ".join(
        f"{alias}.{column} {'DESC NULLS LAST' if down else 'ASC NULLS FIRST'}" for column, down in query.order
    )
    return f"{sql} ORDER BY {order} LIMIT {query.limit} OFFSET {query.offset}"


def _after(query: Query, table: str, alias: str, place: str) -> str:
    """Rows that come after the marker in this order: the lexicographic comparison, column by column, nulls lowest."""
    either = []
    equal: list[str] = []
    for column, down in query.order:
        mine, its = f"{alias}.{column}", f"(SELECT {column} FROM {table} WHERE id = {place})"
        beyond = (
            f"({mine} < {its} OR ({mine} IS NULL AND {its} IS NOT NULL))"
            if down
            else f"({mine} > {its} OR ({its} IS NULL AND {mine} IS NOT NULL))"
        )
        either.append(" AND ".join([*equal, beyond]))
        equal.append(f"{mine} IS NOT DISTINCT FROM {its}")
    return "(" + " OR ".join(f"({part})" for part in either) + ")"


async def listed(session: Session, query: Query) -> list[Shown]:
    sql = _SHOWN + tail(query, "volumes", "v")
    return await session.all(Shown, sql, *query.args)


async def counted(session: Session, query: Query) -> int:
    return int(
        await session.value(f"SELECT count(*) FROM volumes v WHERE NOT v.deleted{_filtered(query, 'v')}", *query.args)
    )


async def summed(session: Session, query: Query) -> list[dict[str, Any]]:
    """One row: count, GiB, and every metadata there is."""
    return await session.rows(
        "SELECT count(*) AS count, coalesce(sum(size), 0)::bigint AS size, json_agg(v.metadata) AS metadata"
        f" FROM volumes v WHERE NOT v.deleted{_filtered(query, 'v')}",
        *query.args,
    )


async def exists(session: Session, ctx: RequestContext, volume_id: str) -> bool:
    return bool(
        await session.value(
            "SELECT true FROM volumes WHERE id = $1 AND NOT deleted AND ($2::text IS NULL OR project_id = $2)",
            volume_id,
            scope(ctx),
        )
    )
