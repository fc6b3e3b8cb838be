"""The images' rows. A status changes by a transition only; an update writes the difference only."""

from collections.abc import Hashable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson

from stackwire.core.states import Verb
from stackwire.db.last_change import LastChange
from stackwire.db.session import Session
from stackwire.db.table import Arguments, Table
from stackwire.db.transitions import transition
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.domain.errors import Duplicate, ImageNotFound, NotQueued, Outdated
from stackwire.image.domain.image import Difference, Image, ImageRow
from stackwire.image.domain.states import FORMATS_OPEN, QUEUED, UPDATE, ImageStates

TABLE = Table(ImageRow, "images", states=ImageStates, live="NOT deleted")
"""Not ``deleted_at IS NULL``, the condition of indexes: without statistics one of these would be walked for an id."""
DELETED_ROWS = Table(ImageRow, "images", states=ImageStates, live="deleted")
_IMAGES_KEPT = 1024
"""Some ten MiB, with what is shown of them."""
_OWN = TABLE.qualified("i")


def columns(project: str) -> str:
    """What ``image_of`` reads, from ``images i``; ``project`` is the placeholder of the caller's project."""
    return f"""{_OWN},
        (SELECT json_object_agg(p.name, p.value ORDER BY p.id) FROM image_properties p
          WHERE p.image_id = i.id AND p.deleted_at IS NULL)::text AS properties,
        (SELECT json_agg(t.value ORDER BY t.id) FROM image_tags t WHERE t.image_id = i.id)::text AS tags,
        (SELECT json_agg(json_build_object('id', l.id, 'store', l.store, 'object', l.value, 'url', l.url,
                                           'metadata', l.metadata) ORDER BY l.position, l.id)
           FROM image_locations l WHERE l.image_id = i.id AND l.status = 'active')::text AS locations,
        (SELECT m.status FROM image_members m
          WHERE m.image_id = i.id AND m.member = {project} AND m.deleted_at IS NULL) AS member_status,
        i.xmin AS version"""


@lru_cache(_IMAGES_KEPT)
def image_of(row: Hashable) -> Image:
    """The image of a row of ``columns``: of an equal row the same one, which is not made again."""
    values: dict[str, Any] = dict(row.items())  # type: ignore[attr-defined]  # what asyncpg gives is a mapping as well
    for part in ("properties", "tags", "locations"):
        if (text := values[part]) is None:
            del values[part]
        else:
            values[part] = orjson.loads(text)
    return Image(**values)


_GET_ANY = f"SELECT {columns('$2')} FROM images i WHERE i.id = $1"
GET = f"{_GET_ANY} AND NOT i.deleted"


async def get(session: Session, image_id: str, project_id: str | None, *, deleted: bool = False) -> Image | None:
    """One image with all that belongs to it, in one statement. ``deleted``: also one that is deleted."""
    found = await session.read(image_of, _GET_ANY if deleted else GET, image_id, project_id)
    return found[0] if found else None


async def must_get(session: Session, image_id: str, project_id: str | None) -> Image:
    """Raises ImageNotFound."""
    image = await get(session, image_id, project_id)
    if image is None:
        raise ImageNotFound(image_id=image_id)
    return image


_INSERT = """
touched AS (
    INSERT INTO images (id, name, status, visibility, protected, os_hidden, owner, disk_format, container_format,
                        min_disk, min_ram, size, checksum, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14) RETURNING id),
set_properties AS (
    INSERT INTO image_properties (image_id, name, value, created_at, updated_at, image_created_at)
    SELECT $1, name, value, $14, $14, $14 FROM unnest($15::text[], $16::text[]) WITH ORDINALITY AS p (name, value, at)
     ORDER BY at),
set_tags AS (
    INSERT INTO image_tags (image_id, value)
    SELECT $1, value FROM unnest($17::text[]) WITH ORDINALITY AS t (value, at) ORDER BY at)
"""
_INSERTED = tuple(
    name
    for name in TABLE.names
    if name not in ("virtual_size", "os_hash_algo", "os_hash_value", "created_at", "updated_at", "deleted_at")
    and name not in ("object", "staged")
)
"""In the order of the statement's first arguments."""


def insert(uow: UnitOfWork, image: Image) -> None:
    """A new image with properties and tags. Raises Duplicate for an id that was ever used, at the end at latest."""
    own = [getattr(image, name) for name in _INSERTED]
    parts = [list(image.properties), list(image.properties.values()), list(image.tags)]
    uow.end_with(LastChange(_INSERT, [*own, uow.now, *parts], Duplicate(image_id=image.id)))


async def update(uow: UnitOfWork, before: Image, change: Difference) -> None:
    """Writes the difference, in one statement unless the status changes.

    Raises ImageNotFound when the image was deleted meanwhile, NotQueued when its state no longer allows the change.
    """
    columns = change.columns
    if "status" in columns:
        verb = UPDATE.get((before.status, columns["status"]))
        if verb is None or await transition_from(uow, before, verb, **columns) is None:
            raise await refusal(uow, before.id, columns["status"])
        columns = {}
    parts, arguments = _difference(before, change, columns, uow)
    if not await uow.value(f"WITH {parts} SELECT count(*) FROM touched", *arguments):
        now = await must_get(uow, before.id, None)
        raise NotQueued(before=now.status, after=now.status)


def end_with_update(uow: UnitOfWork, before: Image, change: Difference) -> None:
    """The same for a change of anything but the status, as the last one.

    Raises Outdated at the end, and writes nothing, when the row has changed since ``before`` was read.
    """
    parts, arguments = _difference(before, change, change.columns, uow, before.version)
    uow.end_with(LastChange(parts, arguments, Outdated(image_id=before.id)))


async def refusal(uow: UnitOfWork, image_id: str, status: str) -> NotQueued:
    """Why an image could not become ``status``. Raises ImageNotFound."""
    return NotQueued(before=(await must_get(uow, image_id, None)).status, after=status)


async def transition_from(uow: UnitOfWork, image: ImageRow, verb: Verb, **changes: Any) -> ImageRow | None:
    """The verb, from the state that the image was read in."""
    return await transition(uow, TABLE, verb, image.id, where={"status": image.status}, **changes)


_PARTS = {
    "set": """
        INSERT INTO image_properties (image_id, name, value, created_at, updated_at, image_created_at)
        SELECT touched.id, name, value, $2, $2, {0}
          FROM touched, unnest({1}::text[], {2}::text[]) WITH ORDINALITY AS p (name, value, at) ORDER BY at
        ON CONFLICT (image_id, name)
        DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at, deleted_at = NULL""",
    "removed": """
        UPDATE image_properties SET deleted_at = $2, updated_at = $2
         WHERE image_id = (SELECT id FROM touched) AND name = ANY({0}::text[]) AND deleted_at IS NULL""",
    "tags_added": """
        INSERT INTO image_tags (image_id, value) SELECT id, unnest({0}::text[]) FROM touched ON CONFLICT DO NOTHING""",
    "tags_removed": "DELETE FROM image_tags WHERE image_id = (SELECT id FROM touched) AND value = ANY({0}::text[])",
}
"""How each part of a difference is written: $2 is the time, {0} and on the part's own values."""


def _difference(
    before: Image, change: Difference, columns: Mapping[str, Any], uow: UnitOfWork, version: int | None = None
) -> tuple[str, list[Any]]:
    """The parts of the statement and its arguments. ``touched`` is empty, and they have written nothing, when the row
    is not as it has to be."""
    arguments = Arguments(before.id, uow.now)
    sets = ["updated_at = $2", *(f"{name} = {arguments.placeholder(value)}" for name, value in columns.items())]
    states = _states(columns)
    condition = "" if states is None else f" AND status = ANY({arguments.placeholder(states)}::text[])"
    if version is not None:
        condition += f" AND xmin = {arguments.placeholder(version)}::xid"
    touched = f"UPDATE images SET {', '.join(sets)} WHERE id = $1 AND NOT deleted{condition} RETURNING id"
    values: dict[str, list[Any]] = {
        "set": [before.created_at, list(change.set), list(change.set.values())],
        "removed": [list(change.removed)],
        "tags_added": [list(change.tags_added)],
        "tags_removed": [list(change.tags_removed)],
    }
    parts = [
        f", {part} AS ({_PARTS[part].format(*map(arguments.placeholder, own))})"
        for part, own in values.items()
        if getattr(change, part)
    ]
    return f"touched AS ({touched}){''.join(parts)}", arguments.values


def _states(columns: Mapping[str, Any]) -> Sequence[str] | None:
    """The states in which these columns may change; None for any."""
    if "disk_format" in columns or "container_format" in columns:
        return sorted(FORMATS_OPEN)
    return [QUEUED] if "size" in columns or "checksum" in columns else None


async def property_count(uow: UnitOfWork, image_id: str, *, own: bool = False) -> int:
    """Live properties; ``own``: with those of the service."""
    return int(
        await uow.value(
            "SELECT count(*) FROM image_properties"
            r" WHERE image_id = $1 AND deleted_at IS NULL AND ($2 OR name NOT LIKE 'os\_glance%')",
            image_id,
            own,
        )
    )


async def tag_count(uow: UnitOfWork, image_id: str) -> int:
    """How many tags the image has."""
    return int(await uow.value("SELECT count(*) FROM image_tags WHERE image_id = $1", image_id))


async def delete(uow: UnitOfWork, image: Image) -> bool:
    """Marks the image deleted; its tags and locations go. False when it has changed, or is protected.

    An upload under way keeps its names and reserved bytes until it has removed its bytes.
    """
    kept = {} if image.is_being_written else {"object": None, "staged": None}
    where = {"protected": False, "status": image.status}
    row = await transition(uow, TABLE, ImageStates.delete, image.id, where=where, deleted_at=uow.now, **kept)
    if row is None:
        return False
    await mark_parts_deleted(uow, image.id)
    await delete_parts(uow, image.id)
    return True


async def mark_parts_deleted(uow: UnitOfWork, image_id: str) -> None:
    """Properties and members are deleted at the same moment as their image, so that a restore finds them."""
    for table in ("image_properties", "image_members"):
        await uow.execute(
            f"UPDATE {table} SET deleted_at = $2, updated_at = $2 WHERE image_id = $1 AND deleted_at IS NULL",
            image_id,
            uow.now,
        )


async def delete_parts(uow: UnitOfWork, image_id: str) -> None:
    """The tags and locations."""
    for table in ("image_tags", "image_locations"):
        await uow.execute(f"DELETE FROM {table} WHERE image_id = $1", image_id)


async def lock(uow: UnitOfWork, image_id: str) -> None:
    """Nobody else changes the row until the transaction ends."""
    await uow.value("SELECT id FROM images WHERE id = $1 FOR UPDATE", image_id)
