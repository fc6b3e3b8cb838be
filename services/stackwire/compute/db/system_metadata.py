"""What a server keeps of its image and of who booted it (``instance_system_metadata``)."""

from collections.abc import Mapping

from stackwire.db.pool import Session, UnitOfWork


async def of(session: Session, uuid: str) -> dict[str, str]:
    rows = await session.rows(
        "SELECT key, value FROM instance_system_metadata WHERE instance_uuid = $1 ORDER BY id", uuid
    )
    return {row["key"]: row["value"] for row in rows if row["value"] is not None}


async def merge(uow: UnitOfWork, uuid: str, rows: Mapping[str, str]) -> None:
    """What is given is set, the rest stays."""
    await uow.many(
        "INSERT INTO instance_system_metadata (instance_uuid, key, value, created_at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (instance_uuid, key) DO UPDATE SET value = excluded.value, updated_at = excluded.created_at"
        " WHERE instance_system_metadata.value IS DISTINCT FROM excluded.value",
        [(uuid, key, value, uow.now) for key, value in rows.items()],
    )


async def replace(uow: UnitOfWork, uuid: str, rows: Mapping[str, str]) -> None:
    """What is given is all there is."""
    await uow.execute(
        "DELETE FROM instance_system_metadata WHERE instance_uuid = $1 AND key <> ALL($2::text[])", uuid, list(rows)
    )
    await merge(uow, uuid, rows)


async def delete(uow: UnitOfWork, uuid: str, key: str) -> bool:
    return bool(
        await uow.execute("DELETE FROM instance_system_metadata WHERE instance_uuid = $1 AND key = $2", uuid, key)
    )
