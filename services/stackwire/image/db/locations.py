"""Where an image's data is: one row for each store that has the service's object, ``copying`` until all the bytes are
there, and one for each URI of external data.
"""

from collections.abc import Mapping, Sequence

from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.db.images import TABLE
from stackwire.image.domain.errors import DuplicateLocation
from stackwire.image.domain.locations import Location
from stackwire.image.domain.states import ACTIVE, DEACTIVATED

COPYING = "copying"
_BEGIN = """
INSERT INTO image_locations (image_id, value, created_at, store, status)
SELECT $1, $2, $3, unnest($4::text[]), $5 ON CONFLICT DO NOTHING
"""
_COMPLETE = """
UPDATE image_locations SET status = 'active' WHERE image_id = $1 AND store = ANY($2::text[]) AND status = $3
"""
_ABORT = """
DELETE FROM image_locations WHERE image_id = $1 AND status = $2 AND ($3::text[] IS NULL OR store = ANY($3))
"""
_ADD = """
INSERT INTO image_locations (image_id, url, metadata, store, position, created_at)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING
"""


async def begin(uow: UnitOfWork, image_id: str, object_name: str, stores: Sequence[str]) -> None:
    """The object is named before its first byte is there, so that the removal of orphans spares it."""
    await uow.execute(_BEGIN, image_id, object_name, uow.now, list(stores), COPYING)


async def complete(uow: UnitOfWork, image_id: str, stores: Sequence[str]) -> bool:
    """All the bytes are there; False when one of them was aborted meanwhile, or the image deleted."""
    return await uow.execute(_COMPLETE, image_id, list(stores), COPYING) == len(stores)


async def abort(uow: UnitOfWork, image_id: str, stores: Sequence[str] | None = None) -> None:
    """Removes unfinished copies: those into these stores, or all."""
    await uow.execute(_ABORT, image_id, COPYING, None if stores is None else list(stores))


async def remove(uow: UnitOfWork, image_id: str, store: str) -> None:
    """The image is not in this store any more."""
    await uow.execute("DELETE FROM image_locations WHERE image_id = $1 AND store = $2", image_id, store)


async def stores_of(session: Session, object_name: str) -> list[str]:
    """The stores that an object is in, or is being copied to."""
    rows = await session.rows("SELECT store FROM image_locations WHERE value = $1", object_name)
    return [row["store"] for row in rows]


async def save(uow: UnitOfWork, image_id: str, locations: Sequence[Location], before: Sequence[Location]) -> None:
    """The locations in their new order. The caller holds the image's row. Raises DuplicateLocation.

    Locations that somebody else added meanwhile stay; those that somebody else removed do not come back.
    """
    kept = {location.id for location in locations}
    removed = [location.id for location in before if location.id not in kept]
    await uow.execute("DELETE FROM image_locations WHERE image_id = $1 AND id = ANY($2::bigint[])", image_id, removed)
    for position, location in enumerate(locations):
        if location.id is not None:
            await uow.execute("UPDATE image_locations SET position = $2 WHERE id = $1", location.id, position)
        else:
            await add(uow, image_id, location, position)


async def add(uow: UnitOfWork, image_id: str, location: Location, position: int = 0) -> None:
    """An external location. Raises DuplicateLocation."""
    metadata = dict(location.metadata)
    if not await uow.execute(_ADD, image_id, location.url, metadata, location.store, position, uow.now):
        raise DuplicateLocation(url=location.url)


async def set_digests(uow: UnitOfWork, image_id: str, digests: Mapping[str, str]) -> bool:
    """The digests of an active image's bytes; False when it has some already, or is deleted."""
    where = {"status": (ACTIVE, DEACTIVATED), "os_hash_value": None}
    return await TABLE.update(uow, image_id, where=where, **digests) is not None


async def count(uow: UnitOfWork, image_id: str) -> int:
    """How many locations have all the bytes."""
    sql = "SELECT count(*) FROM image_locations WHERE image_id = $1 AND status = 'active'"
    return int(await uow.value(sql, image_id))
