"""Where an image's data is: one row for each store that has our object, ``copying`` until all the bytes are there, and
one for each URI of what is not ours.
"""

from collections.abc import Mapping, Sequence

from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.domain.errors import DuplicateLocation
from stackwire.image.domain.locations import Location
from stackwire.image.domain.states import ACTIVE, DEACTIVATED, IMPORTING, QUEUED

COPYING = "copying"


async def begin(uow: UnitOfWork, image_id: str, object_name: str, stores: Sequence[str]) -> None:
    """Named before the first byte is there: the sweep leaves it alone."""
    await uow.execute(
        "INSERT INTO image_locations (image_id, value, created_at, store, status)"
        " SELECT $1, $2, $3, unnest($4::text[]), $5 ON CONFLICT DO NOTHING",
        image_id, object_name, uow.now, list(stores), COPYING,
    )  # fmt: skip


async def complete(uow: UnitOfWork, image_id: str, stores: Sequence[str]) -> bool:
    """All the bytes are there; False when one of them was given up meanwhile, or the image is gone."""
    touched = await uow.execute(
        "UPDATE image_locations SET status = 'active' WHERE image_id = $1 AND store = ANY($2::text[]) AND status = $3",
        image_id, list(stores), COPYING,
    )  # fmt: skip
    return touched == len(stores)


async def give_up(uow: UnitOfWork, image_id: str, stores: Sequence[str] | None = None) -> None:
    """Copies that came to nothing: those into these stores, or all."""
    await uow.execute(
        "DELETE FROM image_locations WHERE image_id = $1 AND status = $2 AND ($3::text[] IS NULL OR store = ANY($3))",
        image_id, COPYING, None if stores is None else list(stores),
    )  # fmt: skip


async def drop(uow: UnitOfWork, image_id: str, stores: Sequence[str]) -> None:
    await uow.execute(
        "DELETE FROM image_locations WHERE image_id = $1 AND store = ANY($2::text[])", image_id, list(stores)
    )


async def stores_of(db: Session, object_name: str) -> list[str]:
    """Where an object is, or is being copied to."""
    return [row["store"] for row in await db.rows("SELECT store FROM image_locations WHERE value = $1", object_name)]


async def save(uow: UnitOfWork, image_id: str, places: Sequence[Location], before: Sequence[Location]) -> None:
    """The locations in their new order. The caller holds the image's row. Raises DuplicateLocation.

    What somebody else added meanwhile stays; what somebody else took away does not come back.
    """
    kept = {place.id for place in places}
    gone = [place.id for place in before if place.id not in kept]
    await uow.execute("DELETE FROM image_locations WHERE image_id = $1 AND id = ANY($2::bigint[])", image_id, gone)
    for at, place in enumerate(places):
        if place.id is not None:
            await uow.execute("UPDATE image_locations SET position = $2 WHERE id = $1", place.id, at)
        else:
            await add(uow, image_id, place, at)


async def add(uow: UnitOfWork, image_id: str, place: Location, position: int = 0) -> None:
    """One that is not ours. Raises DuplicateLocation."""
    added = await uow.execute(
        "INSERT INTO image_locations (image_id, url, metadata, store, position, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
        image_id, place.url, dict(place.metadata), place.store, position, uow.now,
    )  # fmt: skip
    if not added:
        raise DuplicateLocation(url=place.url)


async def undo(uow: UnitOfWork, image_id: str) -> bool:
    """An image that was to have its data elsewhere is queued again, as it was; False when it has gone on."""
    touched = await uow.execute(
        "UPDATE images SET status = $2, size = NULL, checksum = NULL, os_hash_algo = NULL, os_hash_value = NULL,"
        " updated_at = $3 WHERE id = $1 AND status = $4 AND worker IS NULL AND deleted_at IS NULL",
        image_id, QUEUED, uow.now, IMPORTING,
    )  # fmt: skip
    if touched:
        await uow.execute("DELETE FROM image_locations WHERE image_id = $1", image_id)
    return bool(touched)


async def try_digest(uow: UnitOfWork, image_id: str, digests: Mapping[str, str]) -> bool:
    """What the bytes of an active image are; False when that is known, or the image is gone."""
    touched = await uow.execute(
        "UPDATE images SET checksum = $2, os_hash_algo = $3, os_hash_value = $4, updated_at = $5"
        " WHERE id = $1 AND status = ANY($6) AND os_hash_value IS NULL AND deleted_at IS NULL",
        image_id, digests["checksum"], digests["os_hash_algo"], digests["os_hash_value"], uow.now,
        [ACTIVE, DEACTIVATED],
    )  # fmt: skip
    return bool(touched)


async def count(uow: UnitOfWork, image_id: str) -> int:
    """Those with all the bytes."""
    return int(
        await uow.value("SELECT count(*) FROM image_locations WHERE image_id = $1 AND status = 'active'", image_id)
    )
