"""Rows of ``flavors``. A server keeps the flavor it was created with, so these may be deleted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stackwire.compute.domain.model import Flavor
from stackwire.compute.domain.requests import ListFlavorsRequest
from stackwire.core.context import RequestContext
from stackwire.db.pool import Session, UnitOfWork
from stackwire.db.table import Table

TABLE = Table(Flavor, "flavors", key="flavorid")
_VISIBLE = "($2::bool OR is_public OR $3 = ANY(projects))"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The projects that may use a flavor."""

    projects: list[str]


async def get(session: Session, ctx: RequestContext, flavorid: str) -> Flavor | None:
    """A flavor the caller may use."""
    return await session.one(
        Flavor,
        f"SELECT {TABLE.columns} FROM flavors WHERE flavorid = $1 AND {_VISIBLE}",
        flavorid,
        ctx.is_admin,
        ctx.project_id,
    )


async def list_page(session: Session, ctx: RequestContext, request: ListFlavorsRequest) -> list[Flavor]:
    """After the marker; the sort key is checked by the caller."""
    direction, compare = ("DESC", "<") if request.descending else ("ASC", ">")
    key = request.sort_key
    if key in ("description", "updated_at"):
        key = f"coalesce({key}::text, '')"
    return await session.all(
        Flavor,
        f"SELECT {TABLE.columns} FROM flavors WHERE memory_mb >= $1 AND {_VISIBLE} AND root_gb >= $4"
        " AND ($5::bool IS NULL OR is_public = $5) AND ($6::text IS NULL OR name = $6)"
        f" AND ($7::text IS NULL OR ({key}, id) {compare} (SELECT {key}, id FROM flavors WHERE flavorid = $7))"
        f" ORDER BY {key} {direction}, id {direction} LIMIT $8",
        request.min_ram,
        ctx.is_admin,
        ctx.project_id,
        request.min_disk,
        request.is_public if ctx.is_admin else None,
        request.name,
        request.marker,
        request.limit,
    )


async def insert(uow: UnitOfWork, columns: Mapping[str, object]) -> Flavor:
    """UniqueViolation when the name or the id is taken. A private flavor is at first nobody's."""
    return await TABLE.insert(uow, {**columns, "created_at": uow.now, "projects": []})


async def describe(uow: UnitOfWork, flavorid: str, description: str | None) -> Flavor | None:
    """None when there is no such flavor."""
    return await TABLE.update(uow, flavorid, description=description)


async def delete(uow: UnitOfWork, flavorid: str) -> bool:
    """False when there is no such flavor."""
    return await TABLE.delete(uow, flavorid)


async def update_specs(uow: UnitOfWork, flavorid: str, specs: Mapping[str, str], drop: Sequence[str] = ()) -> bool:
    """Sets extra specs and deletes those in ``drop``; False when there is no such flavor."""
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
    """The projects that may use a private flavor; None for a public one, or when there is none."""
    row = await session.one(Access, "SELECT projects FROM flavors WHERE flavorid = $1 AND NOT is_public", flavorid)
    return None if row is None else sorted(row.projects)


async def set_projects(uow: UnitOfWork, flavorid: str, names: Sequence[str]) -> None:
    """Which projects may use a private flavor."""
    await uow.execute("UPDATE flavors SET projects = $2 WHERE flavorid = $1", flavorid, list(names))
