"""Rows of ``flavors``. A server keeps the flavor it was made with, so these may go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from stackwire.compute.domain.model import Flavor
from stackwire.core.context import RequestContext
from stackwire.db.pool import Session, UnitOfWork

COLUMNS = ", ".join(f.name for f in fields(Flavor))
_VISIBLE = "($2::bool OR is_public OR $3 = ANY(projects))"


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    projects: list[str]


async def get(session: Session, ctx: RequestContext, flavorid: str) -> Flavor | None:
    """A flavor the caller may use."""
    return await session.one(
        Flavor,
        f"SELECT {COLUMNS} FROM flavors WHERE flavorid = $1 AND {_VISIBLE}",
        flavorid,
        ctx.is_admin,
        ctx.project_id,
    )


async def page(
    session: Session,
    ctx: RequestContext,
    *,
    is_public: bool | None,
    min_ram: int,
    min_disk: int,
    name: str | None,
    sort_key: str,
    descending: bool,
    limit: int,
    marker: str | None,
) -> list[Flavor]:
    """At most ``limit`` flavors after ``marker``; ``sort_key`` is a column's name, checked by the caller."""
    way, compare = ("DESC", "<") if descending else ("ASC", ">")
    key = f"coalesce({sort_key}::text, '')" if sort_key in ("description", "updated_at") else sort_key
    return await session.all(
        Flavor,
        f"SELECT {COLUMNS} FROM flavors WHERE memory_mb >= $1 AND {_VISIBLE} AND root_gb >= $4"
        " AND ($5::bool IS NULL OR is_public = $5) AND ($6::text IS NULL OR name = $6)"
        f" AND ($7::text IS NULL OR ({key}, id) {compare} (SELECT {key}, id FROM flavors WHERE flavorid = $7))"
        f" ORDER BY {key} {way}, id {way} LIMIT $8",
        min_ram,
        ctx.is_admin,
        ctx.project_id,
        min_disk,
        is_public,
        name,
        marker,
        limit,
    )


async def insert(uow: UnitOfWork, columns: Mapping[str, object], project_id: str | None) -> Flavor:
    """UniqueViolation when the name or the id is taken. A private flavor is the project's that makes it."""
    given = dict(columns) | {"created_at": uow.now, "projects": [project_id] if project_id else []}
    places = ", ".join(f"${n}" for n in range(1, len(given) + 1))
    made = await uow.one(
        Flavor, f"INSERT INTO flavors ({', '.join(given)}) VALUES ({places}) RETURNING {COLUMNS}", *given.values()
    )
    assert made is not None
    return made


async def describe(uow: UnitOfWork, flavorid: str, description: str | None) -> Flavor | None:
    return await uow.one(
        Flavor,
        f"UPDATE flavors SET description = $2, updated_at = $3 WHERE flavorid = $1 RETURNING {COLUMNS}",
        flavorid,
        description,
        uow.now,
    )


async def delete(uow: UnitOfWork, flavorid: str) -> bool:
    return bool(await uow.execute("DELETE FROM flavors WHERE flavorid = $1", flavorid))


async def put_specs(uow: UnitOfWork, flavorid: str, specs: Mapping[str, str], drop: Sequence[str] = ()) -> bool:
    return bool(
        await uow.execute(
            "UPDATE flavors SET extra_specs = ((extra_specs::jsonb || $2::jsonb) - $3::text[])::json, updated_at = $4"
            " WHERE flavorid = $1",
            flavorid,
            dict(specs),
            list(drop),
            uow.now,
        )
    )


async def projects(session: Session, flavorid: str) -> list[str] | None:
    """Who may use a private flavor; None for a public one, or none."""
    row = await session.one(Owned, "SELECT projects FROM flavors WHERE flavorid = $1 AND NOT is_public", flavorid)
    return None if row is None else sorted(row.projects)


async def set_projects(uow: UnitOfWork, flavorid: str, names: Sequence[str]) -> None:
    await uow.execute("UPDATE flavors SET projects = $2 WHERE flavorid = $1", flavorid, list(names))
