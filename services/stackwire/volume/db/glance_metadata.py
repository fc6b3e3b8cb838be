"""Rows of ``volume_glance_metadata``: the image metadata of volumes and snapshots, each key once for each of them."""

from collections.abc import Mapping
from typing import Literal

from stackwire.db.pool import Session, UnitOfWork
from stackwire.db.table import Table
from stackwire.volume.domain.model import GlanceRow
from stackwire.volume.domain.travel import Rows

TABLE = Table(GlanceRow, "volume_glance_metadata", live="NOT deleted", generated=("id",))
Owner = Literal["volume_id", "snapshot_id"]


async def rows(session: Session, owner: Owner, owner_id: str) -> list[GlanceRow]:
    """In the order in which they were written."""
    return await TABLE.find(session, **{owner: owner_id})


async def read(session: Session, owner: Owner, owner_id: str) -> Rows:
    """The rows as one map."""
    return {row.key: row.value for row in await rows(session, owner, owner_id)}


async def replace(uow: UnitOfWork, owner: Owner, owner_id: str, properties: Mapping[str, str]) -> None:
    """These and no others."""
    await delete(uow, owner, owner_id)
    await uow.execute(
        f"INSERT INTO volume_glance_metadata ({owner}, key, value, created_at)"
        " SELECT $1, p.key, p.value, $4"
        " FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS p(key, value, n) ORDER BY n",
        owner_id,
        list(properties),
        list(properties.values()),
        uow.now,
    )


async def upsert(uow: UnitOfWork, volume_id: str, properties: Mapping[str, str]) -> None:
    """These over the existing ones; nothing is removed."""
    await uow.execute(
        "INSERT INTO volume_glance_metadata (volume_id, key, value, created_at)"
        " SELECT $1, p.key, p.value, $4 FROM unnest($2::text[], $3::text[]) AS p(key, value)"
        " ON CONFLICT (volume_id, key) WHERE NOT deleted AND volume_id IS NOT NULL"
        " DO UPDATE SET value = excluded.value, updated_at = $4",
        volume_id,
        list(properties),
        list(properties.values()),
        uow.now,
    )


async def delete(uow: UnitOfWork, owner: Owner, owner_id: str, key: str | None = None) -> int:
    """All of them, or one; how many there were."""
    return await uow.execute(
        "UPDATE volume_glance_metadata SET deleted = true, deleted_at = $2"
        f" WHERE {owner} = $1 AND NOT deleted AND ($3::text IS NULL OR key = $3)",
        owner_id,
        uow.now,
        key,
    )
