"""Rows of ``volume_types``."""

from dataclasses import fields

from stackwire.contracts.volume import VolumeTypeNotFound
from stackwire.core.context import RequestContext
from stackwire.db.pool import Session, UniqueViolation, UnitOfWork
from stackwire.volume.db.volumes import Query, scope, tail
from stackwire.volume.domain.errors import VolumeTypeExists
from stackwire.volume.domain.model import VolumeType

DEFAULT = "__DEFAULT__"
COLUMNS = ", ".join(f.name for f in fields(VolumeType))
_VISIBLE = "NOT deleted AND ($2::text IS NULL OR is_public OR $2 = ANY(projects))"


async def find(session: Session, ctx: RequestContext, name: str, *, by_name: bool = True) -> VolumeType:
    """By id, or by name; VolumeTypeNotFound when it is not there or not for the caller's project."""
    found = await session.one(
        VolumeType,
        f"SELECT {COLUMNS} FROM volume_types WHERE (id = $1 OR ($3 AND name = $1)) AND {_VISIBLE}"
        " ORDER BY (id = $1) DESC LIMIT 1",
        name,
        scope(ctx),
        by_name,
    )
    if found is None:
        raise VolumeTypeNotFound(volume_type_id=name)
    return found


async def by_id(session: Session, type_id: str) -> VolumeType:
    """The type of a volume that exists, whether or not the caller may see it in a list."""
    found = await session.one(VolumeType, f"SELECT {COLUMNS} FROM volume_types WHERE id = $1", type_id)
    if found is None:
        raise VolumeTypeNotFound(volume_type_id=type_id)
    return found


async def listed(session: Session, ctx: RequestContext, query: Query) -> list[VolumeType]:
    """Those the caller may see: an administrator all, others the public ones and those their project was given."""
    columns = ", ".join(f"t.{f.name}" for f in fields(VolumeType))
    project = scope(ctx)
    if project is not None:
        query.where("(t.is_public OR {} = ANY(t.projects))", project)
    sql = f"SELECT {columns} FROM volume_types t WHERE NOT t.deleted" + tail(query, "volume_types", "t")
    return await session.all(VolumeType, sql, *query.args)


async def insert(uow: UnitOfWork, volume_type: VolumeType) -> None:
    try:
        await uow.execute(
            "INSERT INTO volume_types (id, name, description, is_public, extra_specs, created_at)"
            " VALUES ($1, $2, $3, $4, $5, $6)",
            volume_type.id,
            volume_type.name,
            volume_type.description,
            volume_type.is_public,
            volume_type.extra_specs,
            uow.now,
        )
    except UniqueViolation as taken:
        raise VolumeTypeExists(name=volume_type.name) from taken


async def save(uow: UnitOfWork, volume_type: VolumeType) -> None:
    """Everything that may change of it."""
    try:
        await uow.execute(
            "UPDATE volume_types SET name = $2, description = $3, is_public = $4, extra_specs = $5, projects = $6,"
            " updated_at = $7 WHERE id = $1 AND NOT deleted",
            volume_type.id,
            volume_type.name,
            volume_type.description,
            volume_type.is_public,
            volume_type.extra_specs,
            volume_type.projects,
            uow.now,
        )
    except UniqueViolation as taken:
        raise VolumeTypeExists(name=volume_type.name) from taken


async def remove(uow: UnitOfWork, type_id: str) -> bool:
    """False when volumes of it exist."""
    return bool(
        await uow.execute(
            "UPDATE volume_types SET deleted = true, updated_at = $2 WHERE id = $1 AND NOT EXISTS"
            " (SELECT 1 FROM volumes v WHERE v.volume_type_id = $1 AND NOT v.deleted)",
            type_id,
            uow.now,
        )
    )
