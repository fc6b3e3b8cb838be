"""Uploads, staging and imports in the rows of their images."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from stackwire.core.states import Verb
from stackwire.db.session import Session
from stackwire.db.transitions import transition
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.db import locations
from stackwire.image.db.images import DELETED_ROWS, TABLE, transition_from
from stackwire.image.domain.image import Image, ImageRow
from stackwire.image.domain.states import DELETED, IMPORTING, QUEUED, SAVING, UPLOADING, ImageStates
from stackwire.image.domain.uploads import WrittenData

_FACTS: Final = ("size", "virtual_size", "checksum", "os_hash_algo", "os_hash_value")


async def begin_upload(
    uow: UnitOfWork, image: Image, verb: Verb, *, object_name: str | None, staged: str | None, reserved: int
) -> bool:
    """From the image's state to that of the upload; False when somebody else was first.

    ``object_name`` and ``staged`` are the names that will be written; bytes that are staged already stay. A size or
    checksum that the v1 API registered for a queued image is no longer valid.
    """
    changes: dict[str, Any] = {"object": object_name, "reserved": reserved}
    if staged is not None:
        changes["staged"] = staged
    if image.status == QUEUED:
        changes |= {"size": None, "checksum": None}
    return await transition_from(uow, image, verb, **changes) is not None


async def finish_staging(uow: UnitOfWork, image_id: str, staged: str, size: int) -> bool:
    """All the bytes are there; False when the image is no longer this upload's."""
    where = {"staged": staged, "size": None}
    row = await transition(uow, TABLE, ImageStates.finish_staging, image_id, where=where, size=size, reserved=0)
    return row is not None


async def finish_upload(uow: UnitOfWork, image: Image, written: WrittenData) -> bool:
    """To active, with the data's facts; False when the image is no longer this upload's, or has other formats now.

    The formats are those that the bytes were inspected by: during an import a client may still change them.
    """
    row = await transition(
        uow,
        TABLE,
        ImageStates.finish_upload,
        image.id,
        where={"object": written.object, "disk_format": image.disk_format, "container_format": image.container_format},
        **_facts(written),
        staged=None,
        reserved=0,
    )
    if row is not None:
        await uow.execute(
            "INSERT INTO image_locations (image_id, value, created_at, store) SELECT $1, $2, $3, unnest($4::text[])",
            image.id,
            written.object,
            uow.now,
            list(written.stores),
        )
    return row is not None


def _facts(written: WrittenData) -> dict[str, Any]:
    return {name: getattr(written, name) for name in _FACTS}


async def set_facts_elsewhere(uow: UnitOfWork, image_id: str, facts: Mapping[str, Any]) -> bool:
    """What another Glance knows of the data that it is writing; False when the image does not wait for it."""
    where = {"status": SAVING, "object": None}
    return await TABLE.update(uow, image_id, where=where, **facts) is not None


async def finish_elsewhere(uow: UnitOfWork, image_id: str, written: WrittenData) -> bool:
    """To active, with data that another Glance has written; False when the image does not wait for it."""
    where = {"object": None, "status": SAVING}
    row = await transition(
        uow, TABLE, ImageStates.finish_upload, image_id, where=where, **_facts(written), staged=None, reserved=0
    )
    if row is not None:
        for position, location in enumerate(written.elsewhere):
            await locations.add(uow, image_id, location, position)
    return row is not None


async def abort_elsewhere(uow: UnitOfWork, image: ImageRow, verb: Verb) -> bool:
    """Ends an upload by another Glance without data; False when there is none."""
    nothing: dict[str, Any] = {"reserved": 0, "size": None, "virtual_size": None, "checksum": None}
    where = {"object": None, "staged": None, "status": image.status}
    return await transition(uow, TABLE, verb, image.id, where=where, **nothing) is not None


async def abort(uow: UnitOfWork, image: ImageRow, verb: Verb) -> bool:
    """Ends an upload, staging or import without data; False when it is not, or no longer, this image's.

    ``image`` is what the upload claimed. Of an image deleted meanwhile only the names and the reserved bytes go.
    """
    if image.object is None and image.staged is None:
        return False
    nothing: dict[str, Any] = {"object": None, "staged": None, "reserved": 0, "size": None, "virtual_size": None}
    where: dict[str, Any] = {"object": image.object}
    if image.object is None:
        where["staged"] = image.staged
    if image.status == UPLOADING:
        where["size"] = None
    if await transition(uow, TABLE, verb, image.id, where=where, **nothing) is not None:
        return True
    where |= {"status": DELETED}
    where.pop("size", None)
    return await DELETED_ROWS.update(uow, image.id, where=where, **nothing) is not None


async def abort_location_import(uow: UnitOfWork, image_id: str) -> bool:
    """An image that was to have external data is queued again, without it; False when it is active or deleted."""
    row = await transition(
        uow,
        TABLE,
        ImageStates.abort_location_import,
        image_id,
        where={"object": None, "staged": None},
        size=None,
        checksum=None,
        os_hash_algo=None,
        os_hash_value=None,
    )
    if row is not None:
        await uow.execute("DELETE FROM image_locations WHERE image_id = $1", image_id)
    return row is not None


async def is_written_by(
    session: Session, image_id: str, object_name: str, statuses: Sequence[str] = (SAVING, IMPORTING)
) -> bool:
    """Whether the image still waits for this object, in one of these states."""
    return bool(
        await session.value(
            "SELECT true FROM images WHERE id = $1 AND coalesce(object, '') = $2 AND status = ANY($3)"
            " AND deleted_at IS NULL",
            image_id,
            object_name,
            list(statuses),
        )
    )
