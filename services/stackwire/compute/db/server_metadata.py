"""Metadata of servers, the user's and the system's: rows of ``instance_metadata``, ``instance_system_metadata``."""

from collections.abc import Mapping
from typing import Literal

from stackwire.db.pool import UnitOfWork

Metadata = Literal["instance_metadata", "instance_system_metadata"]


async def replace(uow: UnitOfWork, table: Metadata, uuid: str, rows: Mapping[str, str]) -> None:
    """These rows and no others; a row that is there already keeps its place."""
    await uow.execute(f"DELETE FROM {table} WHERE instance_uuid = $1 AND NOT key = ANY($2)", uuid, list(rows))
    await upsert(uow, table, uuid, rows)


async def upsert(uow: UnitOfWork, table: Metadata, uuid: str, rows: Mapping[str, str]) -> None:
    """These rows, beside the others."""
    if not rows:
        return
    await uow.execute(
        f"INSERT INTO {table} (instance_uuid, key, value, created_at)"
        " SELECT $1, k, v, $4 FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS r(k, v, n) ORDER BY n"
        " ON CONFLICT (instance_uuid, key) DO UPDATE SET value = excluded.value, updated_at = excluded.created_at",
        uuid,
        list(rows.keys()),
        list(rows.values()),
        uow.now,
    )


async def delete(uow: UnitOfWork, table: Metadata, uuid: str, key: str) -> bool:
    """False when the server has no such row."""
    return bool(await uow.execute(f"DELETE FROM {table} WHERE instance_uuid = $1 AND key = $2", uuid, key))
