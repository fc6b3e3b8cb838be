"""Tags of servers."""

from collections.abc import Sequence

from stackwire.db.pool import UnitOfWork


async def replace(uow: UnitOfWork, uuid: str, tags: Sequence[str]) -> None:
    """These tags and no others."""
    await uow.execute("DELETE FROM tags WHERE instance_uuid = $1", uuid)
    await uow.execute("INSERT INTO tags SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING", uuid, list(tags))


async def add(uow: UnitOfWork, uuid: str, tag: str) -> bool:
    """False when the server has the tag already."""
    return bool(await uow.execute("INSERT INTO tags VALUES ($1, $2) ON CONFLICT DO NOTHING", uuid, tag))


async def delete(uow: UnitOfWork, uuid: str, tag: str) -> bool:
    """False when the server does not have the tag."""
    return bool(await uow.execute("DELETE FROM tags WHERE instance_uuid = $1 AND tag = $2", uuid, tag))
