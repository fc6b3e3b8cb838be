"""Deleted images whose data is still there: they wait, and are restored or scrubbed.

A location that waits is ``pending_delete`` as its image is, and ``scrubbing`` from before its first byte is removed:
from then on the image cannot be restored.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from stackwire.db.session import Session
from stackwire.db.transitions import transition
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.db import images, locations
from stackwire.image.domain.image import Image
from stackwire.image.domain.imports import IMPORTING_TO, LOCK
from stackwire.image.domain.states import PENDING_DELETE, ImageStates

SCRUBBING = "scrubbing"
_DUE = "SELECT id FROM images WHERE status = $1 AND deleted_at <= $2 ORDER BY deleted_at, id"
_LOCKED = """
SELECT i.id, i.status, i.object, i.deleted_at,
       ARRAY(SELECT l.store FROM image_locations l WHERE l.image_id = i.id AND l.value = i.object) AS stores,
       EXISTS (SELECT FROM image_locations l WHERE l.image_id = i.id AND l.status = $2) AS scrubbing
  FROM images i WHERE i.id = $1
"""
_RESTORE_PROPERTIES = """
UPDATE image_properties SET deleted_at = NULL, updated_at = $3, value = CASE WHEN name = $4 THEN '' ELSE value END
 WHERE image_id = $1 AND deleted_at = $2 AND name <> $5
"""
_RESTORE_MEMBERS = """
UPDATE image_members SET deleted_at = NULL, updated_at = $3 WHERE image_id = $1 AND deleted_at = $2
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedImage:
    """``stores`` may have the object; ``scrubbing``: some of its data may be removed already."""

    id: str
    status: str
    object: str | None
    deleted_at: datetime | None
    stores: Sequence[str]
    scrubbing: bool


async def postpone(uow: UnitOfWork, image: Image) -> bool:
    """Marks the image deleted with all that a restore needs; False when it has changed, or is protected."""
    where = {"protected": False}
    verb = ImageStates.postpone_delete
    if await transition(uow, images.TABLE, verb, image.id, where=where, deleted_at=uow.now) is None:
        return False
    await images.mark_parts_deleted(uow, image.id)
    await uow.execute(
        "UPDATE image_locations SET status = $2 WHERE image_id = $1 AND status = 'active'", image.id, PENDING_DELETE
    )
    return True


async def due(session: Session, before: datetime) -> list[str]:
    """The ids of images deleted at that moment at the latest, the first first."""
    return [row["id"] for row in await session.rows(_DUE, PENDING_DELETE, before)]


async def lock(uow: UnitOfWork, image_id: str) -> DeletedImage | None:
    """Any image, deleted or not; nobody else changes it until the transaction ends. None when there never was one."""
    await images.lock(uow, image_id)
    return await uow.one(DeletedImage, _LOCKED, image_id, SCRUBBING)


async def begin(uow: UnitOfWork, image_id: str) -> None:
    """From now on the image cannot be restored. The caller holds its row."""
    await uow.execute("UPDATE image_locations SET status = $2 WHERE image_id = $1", image_id, SCRUBBING)


async def finish(uow: UnitOfWork, image_id: str) -> bool:
    """All its bytes are removed; False when it was scrubbed already."""
    verb = ImageStates.finish_scrub
    if await transition(uow, images.DELETED_ROWS, verb, image_id, object=None) is None:
        return False
    await images.delete_parts(uow, image_id)
    return True


async def restore(uow: UnitOfWork, image: DeletedImage) -> None:
    """As it was, with all that was deleted at the same moment, but for its lock. The caller holds its row."""
    await transition(uow, images.DELETED_ROWS, ImageStates.restore, image.id, deleted_at=None)
    await uow.execute(_RESTORE_PROPERTIES, image.id, image.deleted_at, uow.now, IMPORTING_TO, LOCK)
    await uow.execute(_RESTORE_MEMBERS, image.id, image.deleted_at, uow.now)
    await locations.abort(uow, image.id)
    await uow.execute(
        "UPDATE image_locations SET status = 'active' WHERE image_id = $1 AND status = $2", image.id, PENDING_DELETE
    )
