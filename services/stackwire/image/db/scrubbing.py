"""Deleted images whose data is still there: they wait, and are given back or scrubbed.

A location that waits is ``pending_delete`` as its image is, and ``scrubbing`` from before its first byte is removed:
from then on there is no way back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.db import images, locations
from stackwire.image.domain.imports import GOING_TO, LOCK
from stackwire.image.domain.states import ACTIVE, DELETED, IMAGE, PENDING_DELETE

SCRUBBING = "scrubbing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """``stores`` may have the object; ``scrubbing``: some of its data may be gone already."""

    id: str
    status: str
    object: str | None
    deleted_at: datetime | None
    stores: Sequence[str]
    scrubbing: bool


async def try_postpone(uow: UnitOfWork, image_id: str) -> bool:
    """Deleted to everybody, with all that would give it back; False when it vanished or is protected."""
    touched = await uow.execute(
        "UPDATE images SET status = $2, deleted_at = $4, updated_at = $4"
        " WHERE id = $1 AND status = ANY($3) AND deleted_at IS NULL AND NOT protected",
        image_id, PENDING_DELETE, IMAGE.sources(PENDING_DELETE), uow.now,
    )  # fmt: skip
    if not touched:
        return False
    await images.mark_parts(uow, image_id)
    await uow.execute(
        "UPDATE image_locations SET status = $2 WHERE image_id = $1 AND status = 'active'", image_id, PENDING_DELETE
    )
    return True


async def due(db: Session, before: datetime) -> list[str]:
    """Those deleted at that moment at the latest, the first first."""
    rows = await db.rows(
        "SELECT id FROM images WHERE status = $1 AND deleted_at <= $2 ORDER BY deleted_at, id", PENDING_DELETE, before
    )
    return [row["id"] for row in rows]


async def hold(uow: UnitOfWork, image_id: str) -> Waiting | None:
    """Any image, deleted or not; nobody else changes it until the transaction ends. None when there never was one."""
    await images.hold(uow, image_id)
    return await uow.one(
        Waiting,
        "SELECT i.id, i.status, i.object, i.deleted_at,"
        " ARRAY(SELECT l.store FROM image_locations l WHERE l.image_id = i.id AND l.value = i.object) AS stores,"
        " EXISTS (SELECT FROM image_locations l WHERE l.image_id = i.id AND l.status = $2) AS scrubbing"
        " FROM images i WHERE i.id = $1",
        image_id, SCRUBBING,
    )  # fmt: skip


async def begin(uow: UnitOfWork, image_id: str) -> None:
    """The caller holds the image."""
    await uow.execute("UPDATE image_locations SET status = $2 WHERE image_id = $1", image_id, SCRUBBING)


async def finish(uow: UnitOfWork, image_id: str) -> bool:
    """All its bytes are gone; False when somebody else has said so."""
    touched = await uow.execute(
        "UPDATE images SET status = $2, object = NULL, updated_at = $3 WHERE id = $1 AND status = $4",
        image_id, DELETED, uow.now, PENDING_DELETE,
    )  # fmt: skip
    if touched:
        await images.drop_parts(uow, image_id)
    return bool(touched)


async def restore(uow: UnitOfWork, image: Waiting) -> None:
    """As it was, with what went at the same moment; but no task works on it any more. The caller holds the image."""
    await uow.execute(
        "UPDATE images SET status = $2, deleted_at = NULL, updated_at = $3 WHERE id = $1 AND status = $4",
        image.id, ACTIVE, uow.now, PENDING_DELETE,
    )  # fmt: skip
    await uow.execute(
        "UPDATE image_properties SET deleted_at = NULL, updated_at = $3,"
        " value = CASE WHEN name = $4 THEN '' ELSE value END"
        " WHERE image_id = $1 AND deleted_at = $2 AND name <> $5",
        image.id, image.deleted_at, uow.now, GOING_TO, LOCK,
    )  # fmt: skip
    await uow.execute(
        "UPDATE image_members SET deleted_at = NULL, updated_at = $3 WHERE image_id = $1 AND deleted_at = $2",
        image.id, image.deleted_at, uow.now,
    )  # fmt: skip
    await locations.give_up(uow, image.id)
    await uow.execute(
        "UPDATE image_locations SET status = 'active' WHERE image_id = $1 AND status = $2", image.id, PENDING_DELETE
    )
