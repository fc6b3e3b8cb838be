"""What an import writes beside the image's own row: the lock, and the stores that the bytes go to."""

from collections.abc import Mapping, Sequence

from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.domain.imports import FAILED_IMPORT, IMPORTING_TO, LOCK

_LOCKED_BY = "SELECT value FROM image_properties WHERE image_id = $1 AND name = $2 AND deleted_at IS NULL"
_UNLOCK = """
UPDATE image_properties SET deleted_at = $4, updated_at = $4
 WHERE image_id = $1 AND name = $2 AND value = $3 AND deleted_at IS NULL
"""
_SET_PROPERTIES = """
INSERT INTO image_properties (image_id, name, value, created_at, updated_at, image_created_at)
SELECT i.id, p.name, p.value, $2, $2, i.created_at FROM images i, unnest($3::text[], $4::text[]) AS p (name, value)
 WHERE i.id = $1 AND i.deleted_at IS NULL
ON CONFLICT (image_id, name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at, deleted_at = NULL
"""


async def locked_by(session: Session, image_id: str) -> str | None:
    """The id of the task that holds the image."""
    task_id: str | None = await session.value(_LOCKED_BY, image_id, LOCK)
    return task_id


async def lock(uow: UnitOfWork, image_id: str, task_id: str) -> None:
    """The image is the task's, whoever held it before."""
    await _set_properties(uow, image_id, {LOCK: task_id})


async def unlock(uow: UnitOfWork, image_id: str, task_id: str) -> None:
    """Removes this task's lock; another task's stays."""
    await uow.execute(_UNLOCK, image_id, LOCK, task_id, uow.now)


async def set_stores(uow: UnitOfWork, image_id: str, remaining: Sequence[str], failed: Sequence[str] = ()) -> None:
    """The stores still to be filled, and those that did not take the bytes, as the image shows them."""
    stores = {IMPORTING_TO: ",".join(sorted(remaining)), FAILED_IMPORT: ",".join(sorted(failed))}
    await _set_properties(uow, image_id, stores)


async def _set_properties(uow: UnitOfWork, image_id: str, properties: Mapping[str, str]) -> None:
    """Nothing when the image is deleted."""
    await uow.execute(_SET_PROPERTIES, image_id, uow.now, list(properties), list(properties.values()))
