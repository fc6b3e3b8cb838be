"""The user's own pairs of a server (``instance_metadata``) and its tags."""

from collections.abc import Mapping, Sequence

from stackwire.db.pool import Session, UnitOfWork


async def of(session: Session, uuid: str) -> dict[str, str]:
    rows = await session.rows("SELECT key, value FROM instance_metadata WHERE instance_uuid = $1 ORDER BY id", uuid)
    return {row["key"]: row["value"] for row in rows}


async def merge(uow: UnitOfWork, uuid: str, pairs: Mapping[str, str]) -> None:
    """What is given is set, the rest stays."""
    await uow.many(
        "INSERT INTO instance_metadata (instance_uuid, key, value, created_at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (instance_uuid, key) DO UPDATE SET value = excluded.value, updated_at = excluded.created_at",
        [(uuid, key, value, uow.now) for key, value in pairs.items()],
    )


async def replace(uow: UnitOfWork, uuid: str, pairs: Mapping[str, str]) -> None:
    """What is given is all there is."""
    await uow.execute(
        "DELETE FROM instance_metadata WHERE instance_uuid = $1 AND key <> ALL($2::text[])", uuid, list(pairs)
    )
    await merge(uow, uuid, pairs)


async def delete(uow: UnitOfWork, uuid: str, key: str) -> bool:
    """False when there was no such key."""
    return bool(await uow.execute("DELETE FROM instance_metadata WHERE instance_uuid = $1 AND key = $2", uuid, key))


async def tags_of(session: Session, uuid: str) -> list[str]:
    rows = await session.rows("SELECT tag FROM tags WHERE instance_uuid = $1 ORDER BY tag", uuid)
    return [row["tag"] for row in rows]


async def replace_tags(uow: UnitOfWork, uuid: str, tags: Sequence[str]) -> None:
    await uow.execute("DELETE FROM tags WHERE instance_uuid = $1 AND tag <> ALL($2::text[])", uuid, list(tags))
    await add_tags(uow, uuid, tags)


async def add_tags(uow: UnitOfWork, uuid: str, tags: Sequence[str]) -> int:
    """How many of them are new."""
    return await uow.execute(
        "INSERT INTO tags (instance_uuid, tag) SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING", uuid, list(tags)
    )


async def delete_tag(uow: UnitOfWork, uuid: str, tag: str) -> bool:
    return bool(await uow.execute("DELETE FROM tags WHERE instance_uuid = $1 AND tag = $2", uuid, tag))
