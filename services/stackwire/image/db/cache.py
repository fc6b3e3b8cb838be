"""The images in the cache of each node, and those it is to fetch."""

from typing import Final

from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.domain.cache import CachedImage
from stackwire.image.domain.image import Image

_COLUMNS: Final = "image_id, object, size, checksum, hits, last_accessed, last_modified"
_HIT: Final = """
UPDATE cached_images SET hits = hits + 1, last_accessed = $4 WHERE node = $1 AND image_id = $2 AND object = $3
"""
_ADD: Final = """
INSERT INTO cached_images (node, image_id, object, size, checksum, last_accessed, last_modified)
SELECT $1::varchar, id, object, size, checksum, $4::timestamptz, $4::timestamptz FROM images
 WHERE id = $2 AND object = $3 AND status = 'active' AND deleted_at IS NULL FOR SHARE ON CONFLICT DO NOTHING
"""
_REMOVE: Final = """
DELETE FROM cached_images WHERE node = $1 AND ($2::text IS NULL OR image_id = $2) RETURNING object
"""
_QUEUE: Final = """
INSERT INTO cache_queue (node, image_id, queued_at) SELECT $1::varchar, $2::varchar, $3::timestamptz
 WHERE NOT EXISTS (SELECT FROM cached_images WHERE node = $1 AND image_id = $2) ON CONFLICT DO NOTHING
"""
_UNQUEUE: Final = "DELETE FROM cache_queue WHERE node = $1 AND ($2::text IS NULL OR image_id = $2)"
_TABLES: Final = ("cached_images", "cache_queue")


async def lock(uow: UnitOfWork, node: str) -> None:
    """Additions and removals happen one after the other, so that the sum of sizes stays true."""
    await uow.value("SELECT pg_advisory_xact_lock(hashtextextended($1, 1))", f"image-cache-{node}")


async def hit(uow: UnitOfWork, node: str, image: Image) -> bool:
    """Whether the node has the image's bytes; if so, this is their last access."""
    return bool(await uow.execute(_HIT, node, image.id, image.object, uow.now))


async def entries(session: Session, node: str) -> list[CachedImage]:
    """The images cached on the node, oldest first."""
    sql = f"SELECT {_COLUMNS} FROM cached_images WHERE node = $1 ORDER BY last_modified, image_id"
    return await session.all(CachedImage, sql, node)


async def has(session: Session, node: str, image_id: str) -> bool:
    """Whether the node has the image's bytes."""
    return bool(await session.value("SELECT 1 FROM cached_images WHERE node = $1 AND image_id = $2", node, image_id))


async def nodes(session: Session, image_id: str) -> list[str]:
    """The nodes that have the image's bytes."""
    rows = await session.rows("SELECT node FROM cached_images WHERE image_id = $1 ORDER BY node", image_id)
    return [row["node"] for row in rows]


async def add(uow: UnitOfWork, node: str, image: Image) -> bool:
    """True when the image is still as it was read, and not cached yet. It leaves the queue either way."""
    await uow.execute("DELETE FROM cache_queue WHERE node = $1 AND image_id = $2", node, image.id)
    return bool(await uow.execute(_ADD, node, image.id, image.object, uow.now))


async def remove(uow: UnitOfWork, node: str, image_id: str | None = None) -> list[str]:
    """Forgets one image, or all; the names of their objects."""
    return [row["object"] for row in await uow.rows(_REMOVE, node, image_id)]


async def forget_deleted(uow: UnitOfWork, node: str) -> None:
    """Images that were deleted while the cache was off."""
    for table in _TABLES:
        await uow.execute(
            f"DELETE FROM {table} c USING images i WHERE c.node = $1 AND i.id = c.image_id"
            " AND i.deleted_at IS NOT NULL",
            node,
        )


async def forget_nodes(uow: UnitOfWork, nodes: list[str]) -> None:
    """Nodes that do not exist any more."""
    for table in _TABLES:
        await uow.execute(f"DELETE FROM {table} WHERE node = ANY($1)", nodes)


async def forget(uow: UnitOfWork, image_id: str) -> None:
    """The image is deleted: no node has it, or is to fetch it."""
    for table in _TABLES:
        await uow.execute(f"DELETE FROM {table} WHERE image_id = $1", image_id)


async def queue(uow: UnitOfWork, node: str, image_id: str) -> None:
    """Once; an image that is cached is not queued."""
    await uow.execute(_QUEUE, node, image_id, uow.now)


async def queued(session: Session, node: str) -> list[str]:
    """The queued images' ids, in order."""
    sql = "SELECT image_id FROM cache_queue WHERE node = $1 ORDER BY queued_at, image_id"
    return [row["image_id"] for row in await session.rows(sql, node)]


async def unqueue(uow: UnitOfWork, node: str, image_id: str | None = None) -> int:
    """Takes one image, or all, from the queue; how many."""
    return await uow.execute(_UNQUEUE, node, image_id)
