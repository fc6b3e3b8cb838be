"""Where an image's data is: one row for each store, ``copying`` until all the bytes are there."""

from collections.abc import Sequence

from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork

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
