"""Rows of ``image_volume_cache_entries``."""

from datetime import datetime

from stackwire.db.pool import Session, UnitOfWork
from stackwire.db.table import Table
from stackwire.volume.domain.model import CacheEntry

TABLE = Table(CacheEntry, "image_volume_cache_entries", key="volume_id", touch=None, generated=("id",))
_WHOLE = "EXISTS (SELECT FROM volumes v WHERE v.id = volume_id AND v.status = 'available' AND NOT v.deleted)"
"""Of entries whose volume is written, and not on its way out."""


async def use(uow: UnitOfWork, image_id: str, host: str) -> CacheEntry | None:
    """The image's entry on the host, which is used now; None where its volume is not whole."""
    return await uow.one(
        CacheEntry,
        f"UPDATE {TABLE.name} SET last_used = $3 WHERE image_id = $1 AND host = $2 AND {_WHOLE}"
        f" RETURNING {TABLE.columns}",
        image_id,
        host,
        uow.now,
    )


async def on_host(session: Session, host: str) -> list[CacheEntry]:
    """The one used last first."""
    return await TABLE.find(session, order="last_used DESC, id DESC", host=host)


async def of_image(session: Session, image_id: str, *, before: datetime | None = None) -> list[CacheEntry]:
    """The image's, on every host; ``before``: only of the image as it was before that time."""
    found = await TABLE.find(session, image_id=image_id)
    return [each for each in found if before is None or each.image_updated_at is None or each.image_updated_at < before]


async def forget_deleted(uow: UnitOfWork, image_id: str, host: str) -> None:
    """Removes the image's entry on the host if its volume is deleted, whoever did that."""
    await uow.execute(
        f"DELETE FROM {TABLE.name} e USING volumes v WHERE v.id = e.volume_id AND v.deleted AND e.image_id = $1"
        " AND e.host = $2",
        image_id,
        host,
    )
