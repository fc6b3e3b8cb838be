"""What an import writes beside the image's own row: the lock, and where the bytes are going."""

from collections.abc import Mapping, Sequence

from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.domain.imports import FAILED_AT, GOING_TO, LOCK
from stackwire.image.domain.states import IMPORTING, SAVING, UPLOADING


async def locked_by(db: Session, image_id: str) -> str | None:
    """The task that holds the image."""
    held: str | None = await db.value(
        "SELECT value FROM image_properties WHERE image_id = $1 AND name = $2 AND deleted_at IS NULL", image_id, LOCK
    )
    return held


async def lock(uow: UnitOfWork, image_id: str, task_id: str) -> None:
    await _set(uow, image_id, {LOCK: task_id})


async def unlock(uow: UnitOfWork, image_id: str, task_id: str) -> None:
    """Only this task's own lock."""
    await uow.execute(
        "UPDATE image_properties SET deleted_at = $4, updated_at = $4"
        " WHERE image_id = $1 AND name = $2 AND value = $3 AND deleted_at IS NULL",
        image_id, LOCK, task_id, uow.now,
    )  # fmt: skip


async def going(uow: UnitOfWork, image_id: str, to: Sequence[str], failed: Sequence[str] = ()) -> None:
    """The stores still to be filled, and those that could not be."""
    await _set(uow, image_id, {GOING_TO: ",".join(sorted(to)), FAILED_AT: ",".join(sorted(failed))})


async def _set(uow: UnitOfWork, image_id: str, properties: Mapping[str, str]) -> None:
    """Properties of an image that is still there."""
    await uow.execute(
        """
        INSERT INTO image_properties (image_id, name, value, created_at, updated_at, image_created_at)
        SELECT i.id, p.name, p.value, $2, $2, i.created_at
          FROM images i, unnest($3::text[], $4::text[]) AS p (name, value)
         WHERE i.id = $1 AND i.deleted_at IS NULL
        ON CONFLICT (image_id, name)
        DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at, deleted_at = NULL""",
        image_id, uow.now, list(properties), list(properties.values()),
    )  # fmt: skip


async def try_stage(uow: UnitOfWork, image_id: str, staged: str, size: int) -> bool:
    """The bytes are all there; False when the image is no longer this upload's."""
    touched = await uow.execute(
        "UPDATE images SET size = $3, worker = NULL, reserved = 0, updated_at = $4"
        " WHERE id = $1 AND staged = $2 AND status = $5 AND worker IS NOT NULL AND deleted_at IS NULL",
        image_id, staged, size, uow.now, UPLOADING,
    )  # fmt: skip
    return bool(touched)


async def still(db: Session, image_id: str, object_name: str, statuses: Sequence[str] = (SAVING, IMPORTING)) -> bool:
    """Whether the task that writes this object is still wanted."""
    return bool(
        await db.value(
            "SELECT true FROM images WHERE id = $1 AND coalesce(object, '') = $2 AND status = ANY($3)"
            " AND deleted_at IS NULL",
            image_id, object_name, list(statuses),
        )
    )  # fmt: skip
