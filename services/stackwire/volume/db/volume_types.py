"""Rows of ``volume_types``."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from stackwire.contracts.volume import VolumeTypeNotFound, VolumeTypeNotFoundByName
from stackwire.core.context import RequestContext
from stackwire.core.ids import canonical_uuid
from stackwire.db.errors import UniqueViolation
from stackwire.db.pool import Session, UnitOfWork
from stackwire.db.table import Table
from stackwire.volume.db import listing as listings
from stackwire.volume.db.volumes import scope
from stackwire.volume.domain.errors import VolumeTypeExists
from stackwire.volume.domain.listing import Listing
from stackwire.volume.domain.model import VolumeType

TABLE = Table(VolumeType, "volume_types", live="NOT deleted")


async def find(session: Session, ctx: RequestContext, reference: str, *, by_name: bool = True) -> VolumeType:
    """By id, or by name; VolumeTypeNotFound when it does not exist or the caller's project has no access to it."""
    found = await session.one(
        VolumeType,
        f"SELECT {TABLE.columns} FROM volume_types WHERE (id = $1 OR ($3 AND name = $1)) AND NOT deleted"
        " AND ($2::text IS NULL OR is_public OR $2 = ANY(projects)) ORDER BY (id = $1) DESC LIMIT 1",
        reference,
        scope(ctx).get("project_id"),
        by_name,
    )
    if found is None and by_name and canonical_uuid(reference) is None:
        raise VolumeTypeNotFoundByName(volume_type_name=reference)
    if found is None:
        raise VolumeTypeNotFound(volume_type_id=reference)
    return found


async def by_id(session: Session, type_id: str) -> VolumeType:
    """The type of an existing volume, whether or not the caller has access to it; deleted ones too."""
    found = await session.one(VolumeType, f"SELECT {TABLE.columns} FROM volume_types WHERE id = $1", type_id)
    if found is None:
        raise VolumeTypeNotFound(volume_type_id=type_id)
    return found


async def list_page(session: Session, listing: Listing) -> list[VolumeType]:
    """The page that the listing describes."""
    sql, values = listings.page(listing, "volume_types", "t")
    return await session.all(VolumeType, f"SELECT {TABLE.qualified('t')} FROM volume_types t WHERE {sql}", *values)


async def insert(uow: UnitOfWork, volume_type: VolumeType) -> VolumeType:
    """VolumeTypeExists when another type has the name."""
    with _unique(volume_type.name):
        return await TABLE.insert(uow, volume_type)


async def update(uow: UnitOfWork, volume_type: VolumeType, **changes: Any) -> VolumeType:
    """The type with these changes; VolumeTypeExists when another type has the new name."""
    with _unique(changes.get("name", volume_type.name)):
        return await TABLE.update(uow, volume_type.id, **changes) or volume_type


async def in_use(session: Session, type_id: str) -> bool:
    """Whether volumes of it exist."""
    found = await session.value(
        "SELECT EXISTS (SELECT 1 FROM volumes WHERE volume_type_id = $1 AND NOT deleted)", type_id
    )
    return bool(found)


async def delete(uow: UnitOfWork, type_id: str) -> bool:
    """False when volumes of it exist."""
    return bool(
        await uow.execute(
            "UPDATE volume_types SET deleted = true, updated_at = $2 WHERE id = $1 AND NOT EXISTS"
            " (SELECT 1 FROM volumes v WHERE v.volume_type_id = $1 AND NOT v.deleted)",
            type_id,
            uow.now,
        )
    )


@contextmanager
def _unique(name: str) -> Iterator[None]:
    try:
        yield
    except UniqueViolation as taken:
        raise VolumeTypeExists(name=name) from taken
