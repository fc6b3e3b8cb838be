"""What a crash left: images that nobody writes any more, and the objects that rows have a use for."""

from stackwire.db.leases import Leases
from stackwire.db.session import Session
from stackwire.db.table import Arguments
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.db.images import TABLE
from stackwire.image.domain.image import ImageRow
from stackwire.image.domain.states import DELETED, IMPORTING, SAVING, UPLOADING

_ORPHANS = f"""
SELECT {TABLE.columns} FROM images
 WHERE coalesce(object, staged) IS NOT NULL
   AND (status IN ('{SAVING}', '{IMPORTING}', '{DELETED}') OR (status = '{UPLOADING}' AND size IS NULL))
"""
_OBJECTS = """
SELECT object FROM images WHERE object IS NOT NULL
 UNION SELECT value FROM image_locations WHERE value IS NOT NULL
 UNION SELECT staged FROM images WHERE staged IS NOT NULL
"""
_STORES = """
SELECT l.value, array_agg(l.store) AS stores FROM image_locations l JOIN images i ON i.id = l.image_id
 WHERE i.status <> ALL($1) AND l.value IS NOT NULL GROUP BY l.value
"""


async def lock_orphans(uow: UnitOfWork, leases: Leases) -> list[ImageRow]:
    """Images that were being written, also those deleted meanwhile, that no living worker holds; locked."""
    arguments = Arguments()
    sql = f"{_ORPHANS} AND NOT {leases.held(arguments, 'image', 'images.id')} FOR UPDATE OF images SKIP LOCKED"
    return await uow.all(ImageRow, sql, *arguments.values)


async def named_objects(session: Session) -> set[str]:
    """Every object in the store or in staging that an image, or an upload under way, has a use for."""
    return {row["object"] for row in await session.rows(_OBJECTS)}


async def named_stores(session: Session) -> dict[str, list[str]]:
    """The stores that each object belongs into, but for objects that are being written."""
    return {row["value"]: list(row["stores"]) for row in await session.rows(_STORES, [SAVING, IMPORTING])}
