"""Rows of ``volume_glance_metadata``: what volumes and snapshots know of their image. A key once for each of them."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Literal

from stackwire.db.pool import Session, UnitOfWork
from stackwire.volume.domain.model import GlanceRow
from stackwire.volume.domain.travel import Rows

Owner = Literal["volume_id", "snapshot_id"]
_COLUMNS = ", ".join(f.name for f in fields(GlanceRow))


async def rows(session: Session, owner: Owner, ident: str) -> list[GlanceRow]:
    """In the order in which they were written."""
    return await session.all(
        GlanceRow,
        f"SELECT {_COLUMNS} FROM volume_glance_metadata WHERE {owner} = $1 AND NOT deleted ORDER BY id",
        ident,
    )


async def read(session: Session, owner: Owner, ident: str) -> Rows:
    return {row.key: row.value for row in await rows(session, owner, ident)}


async def replace(uow: UnitOfWork, owner: Owner, ident: str, properties: Mapping[str, str]) -> None:
    """These and no others."""
    await drop(uow, owner, ident)
    await uow.execute(
        f"INSERT INTO volume_glance_metadata ({owner}, key, value, created_at)"
        " SELECT $1, p.key, p.value, $4"
        " FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS p(key, value, n) ORDER BY n",
        ident,
        list(properties),
        list(properties.values()),
        uow.now,
    )


async def upsert(uow: UnitOfWork, volume_id: str, properties: Mapping[str, str]) -> None:
    """These over what there is; nothing is taken away."""
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


async def drop(uow: UnitOfWork, owner: Owner, ident: str, key: str | None = None) -> int:
    """All of them, or one; how many there were."""
    return await uow.execute(
        "UPDATE volume_glance_metadata SET deleted = true, deleted_at = $2"
        f" WHERE {owner} = $1 AND NOT deleted AND ($3::text IS NULL OR key = $3)",
        ident,
        uow.now,
        key,
    )
