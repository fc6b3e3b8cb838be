"""What is in the cache of each node, and what it shall fetch."""

from typing import Final

from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.domain.cache import CachedImage
from stackwire.image.domain.image import Image

_SHOWN: Final = "image_id, object, size, checksum, hits, last_accessed, last_modified"


async def lock(uow: UnitOfWork, node: str) -> None:
    """What is added and pruned comes one after the other, so that the sum stays true."""
    await uow.value("SELECT pg_advisory_xact_lock(hashtextextended($1, 1))", f"image-cache-{node}")


async def hit(uow: UnitOfWork, node: str, image: Image) -> bool:
    """Whether the node has the image's bytes; if so they were asked for now."""
    return bool(
        await uow.execute(
            "UPDATE cached_images SET hits = hits + 1, last_accessed = $4"
            " WHERE node = $1 AND image_id = $2 AND object = $3",
            node, image.id, image.object, uow.now,
        )
    )  # fmt: skip


async def entries(db: Session, node: str) -> list[CachedImage]:
    """Of the node, as they came."""
    return await db.all(
        CachedImage, f"SELECT {_SHOWN} FROM cached_images WHERE node = $1 ORDER BY last_modified, image_id", node
    )


async def has(db: Session, node: str, image_id: str) -> bool:
    return bool(await db.value("SELECT 1 FROM cached_images WHERE node = $1 AND image_id = $2", node, image_id))


async def nodes(db: Session, image_id: str) -> list[str]:
    rows = await db.rows("SELECT node FROM cached_images WHERE image_id = $1 ORDER BY node", image_id)
    return [row["node"] for row in rows]


async def try_add(uow: UnitOfWork, node: str, image: Image) -> bool:
    """True when the image is still there as it was read, and not cached yet. It is not queued any more either way."""
    await uow.execute("DELETE FROM cache_queue WHERE node = $1 AND image_id = $2", node, image.id)
    return bool(
        await uow.execute(
            "INSERT INTO cached_images (node, image_id, object, size, checksum, last_accessed, last_modified)"
            " SELECT $1::varchar, id, object, size, checksum, $4::timestamptz, $4::timestamptz"
            " FROM images WHERE id = $2 AND object = $3"
            " AND status = 'active' AND deleted_at IS NULL FOR SHARE ON CONFLICT DO NOTHING",
            node, image.id, image.object, uow.now,
        )
    )  # fmt: skip


async def remove(uow: UnitOfWork, node: str, image_id: str | None = None) -> list[str]:
    """The names of the bytes nobody needs now; without an id, of all."""
    rows = await uow.rows(
        "DELETE FROM cached_images WHERE node = $1 AND ($2::text IS NULL OR image_id = $2) RETURNING object",
        node, image_id,
    )  # fmt: skip
    return [row["object"] for row in rows]


async def forget_deleted(uow: UnitOfWork, node: str) -> None:
    """Of images deleted while there was no cache to mind it."""
    for table in ("cached_images", "cache_queue"):
        await uow.execute(
            f"DELETE FROM {table} c USING images i WHERE c.node = $1 AND i.id = c.image_id"
            " AND i.deleted_at IS NOT NULL",
            node,
        )


async def forget_nodes(uow: UnitOfWork, nodes: list[str]) -> None:
    """They live no more."""
    for table in ("cached_images", "cache_queue"):
        await uow.execute(f"DELETE FROM {table} WHERE node = ANY($1)", nodes)


async def forget(uow: UnitOfWork, image_id: str) -> None:
    """The image is gone: no node has it, or shall fetch it."""
    await uow.execute("DELETE FROM cached_images WHERE image_id = $1", image_id)
    await uow.execute("DELETE FROM cache_queue WHERE image_id = $1", image_id)


async def queue(uow: UnitOfWork, node: str, image_id: str) -> None:
    """Once; what is cached is not queued."""
    await uow.execute(
        "INSERT INTO cache_queue (node, image_id, queued_at) SELECT $1::varchar, $2::varchar, $3::timestamptz"
        " WHERE NOT EXISTS (SELECT 1 FROM cached_images WHERE node = $1 AND image_id = $2) ON CONFLICT DO NOTHING",
        node, image_id, uow.now,
    )  # fmt: skip


async def queued(db: Session, node: str) -> list[str]:
    """The images' ids, in order."""
    rows = await db.rows("SELECT image_id FROM cache_queue WHERE node = $1 ORDER BY queued_at, image_id", node)
    return [row["image_id"] for row in rows]


async def unqueue(uow: UnitOfWork, node: str, image_id: str | None = None) -> int:
    """How many; without an id, all."""
    return await uow.execute(
        "DELETE FROM cache_queue WHERE node = $1 AND ($2::text IS NULL OR image_id = $2)", node, image_id
    )
