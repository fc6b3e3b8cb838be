"""The images' rows. Every move between states is one compare-and-swap; an update writes the difference only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stackwire.db.pool import UniqueViolation
from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.domain.errors import Duplicate, ImageNotFound, NotQueued
from stackwire.image.domain.image import Difference, Image
from stackwire.image.domain.states import ACTIVE, AFTER_A_CRASH, DELETED, FORMATS_OPEN, IMAGE, IMPORTING, QUEUED, SAVING
from stackwire.image.domain.usage import IN_TRANSIT, STAGED, Usage

_OWN = (
    "id", "name", "status", "visibility", "protected", "os_hidden", "owner", "disk_format", "container_format",
    "min_disk", "min_ram", "size", "virtual_size", "checksum", "os_hash_algo", "os_hash_value", "created_at",
    "updated_at", "deleted_at", "object", "staged",
)  # fmt: skip


def shown(asker: str) -> str:
    """The columns of an Image from ``images i``; ``asker`` is the placeholder of the asking project."""
    own = ", ".join(f"i.{column}" for column in _OWN)
    return f"""{own},
        coalesce((SELECT json_object_agg(p.name, p.value ORDER BY p.id) FROM image_properties p
                   WHERE p.image_id = i.id AND p.deleted_at IS NULL), '{{}}'::json) AS properties,
        ARRAY(SELECT t.value FROM image_tags t WHERE t.image_id = i.id ORDER BY t.id) AS tags,
        coalesce((SELECT json_agg(json_build_object('id', l.id, 'store', l.store, 'object', l.value, 'url', l.url,
                                                    'metadata', l.metadata) ORDER BY l.position, l.id)
                    FROM image_locations l WHERE l.image_id = i.id AND l.status = 'active'), '[]'::json) AS locations,
        (SELECT m.status FROM image_members m
          WHERE m.image_id = i.id AND m.member = {asker} AND m.deleted_at IS NULL) AS member_status"""


_GET_ANY = f"SELECT {shown('$2')} FROM images i WHERE i.id = $1"
_GET = f"{_GET_ANY} AND i.deleted_at IS NULL"


async def get(db: Session, image_id: str, asker: str | None, *, deleted: bool = False) -> Image | None:
    """One image with everything of it in one query; None when it is not there. ``deleted``: such a one too."""
    return await db.one(Image, _GET_ANY if deleted else _GET, image_id, asker)


async def must_get(db: Session, image_id: str, asker: str | None) -> Image:
    image = await get(db, image_id, asker)
    if image is None:
        raise ImageNotFound(image_id=image_id)
    return image


_INSERT = """
WITH made AS (
    INSERT INTO images (id, name, status, visibility, protected, os_hidden, owner, disk_format, container_format,
                        min_disk, min_ram, created_at, updated_at, size, checksum)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $16, $17)),
set_properties AS (
    INSERT INTO image_properties (image_id, name, value, created_at, updated_at, image_created_at)
    SELECT $1, name, value, $12, $12, $12 FROM unnest($13::text[], $14::text[]) WITH ORDINALITY AS p (name, value, at)
     ORDER BY at)
INSERT INTO image_tags (image_id, value)
SELECT $1, value FROM unnest($15::text[]) WITH ORDINALITY AS t (value, at) ORDER BY at
"""


async def insert(uow: UnitOfWork, image: Image) -> None:
    """Raises Duplicate for an id that is, or ever was, an image's."""
    try:
        await uow.execute(
            _INSERT,
            image.id, image.name, image.status, image.visibility, image.protected, image.os_hidden, image.owner,
            image.disk_format, image.container_format, image.min_disk, image.min_ram, uow.now,
            list(image.properties), list(image.properties.values()), list(image.tags), image.size, image.checksum,
        )  # fmt: skip
    except UniqueViolation as error:
        raise Duplicate(image_id=image.id) from error


async def update(uow: UnitOfWork, before: Image, change: Difference) -> None:
    """Writes the difference, in one statement. Raises ImageNotFound when it vanished, NotQueued when too late."""
    sql, *arguments = _difference(before, change, uow.now)
    if not await uow.value(sql, *arguments):
        now = await must_get(uow, before.id, None)
        raise NotQueued(before=now.status, after=change.columns.get("status", now.status))


_PARTS = {
    "set": """
        INSERT INTO image_properties (image_id, name, value, created_at, updated_at, image_created_at)
        SELECT $1, name, value, $2, $2, {0}
          FROM unnest({1}::text[], {2}::text[]) WITH ORDINALITY AS p (name, value, at) ORDER BY at
        ON CONFLICT (image_id, name)
        DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at, deleted_at = NULL""",
    "removed": """
        UPDATE image_properties SET deleted_at = $2, updated_at = $2
         WHERE image_id = $1 AND name = ANY({0}::text[]) AND deleted_at IS NULL""",
    "tags_added": "INSERT INTO image_tags (image_id, value) SELECT $1, unnest({0}::text[]) ON CONFLICT DO NOTHING",
    "tags_removed": "DELETE FROM image_tags WHERE image_id = $1 AND value = ANY({0}::text[])",
}
"""How each part of a difference is written: $1 is the image, $2 now, {0} and on what the part brings."""


def _difference(before: Image, change: Difference, now: datetime) -> list[Any]:
    """The statement and its arguments. It answers how many images it touched; at none it is rolled back."""
    arguments: list[Any] = [before.id, now]

    def placed(value: Any) -> str:
        arguments.append(value)
        return f"${len(arguments)}"

    sets = ["updated_at = $2", *(f"{name} = {placed(value)}" for name, value in change.columns.items())]
    sources = _sources(before, change.columns)
    only = "" if sources is None else f" AND status = ANY({placed(sources)}::text[])"
    touched = f"UPDATE images SET {', '.join(sets)} WHERE id = $1 AND deleted_at IS NULL{only} RETURNING id"
    brought: dict[str, list[Any]] = {
        "set": [before.created_at, list(change.set), list(change.set.values())],
        "removed": [list(change.removed)],
        "tags_added": [list(change.tags_added)],
        "tags_removed": [list(change.tags_removed)],
    }
    parts = [
        f", {part} AS ({_PARTS[part].format(*(placed(value) for value in values))})"
        for part, values in brought.items()
        if getattr(change, part)
    ]
    return [f"WITH touched AS ({touched}){''.join(parts)} SELECT count(*) FROM touched", *arguments]


def _sources(before: Image, columns: Mapping[str, Any]) -> Sequence[str] | None:
    """The states in which these columns may change; None for any."""
    if "status" in columns:
        return [before.status]
    if "disk_format" in columns or "container_format" in columns:
        return sorted(FORMATS_OPEN)
    return [QUEUED] if "size" in columns or "checksum" in columns else None


async def property_count(uow: UnitOfWork, image_id: str) -> int:
    """Live properties, the service's own left out."""
    return int(
        await uow.value(
            "SELECT count(*) FROM image_properties"
            r" WHERE image_id = $1 AND deleted_at IS NULL AND name NOT LIKE 'os\_glance%'",
            image_id,
        )
    )


async def tag_count(uow: UnitOfWork, image_id: str) -> int:
    return int(await uow.value("SELECT count(*) FROM image_tags WHERE image_id = $1", image_id))


async def try_claim(
    uow: UnitOfWork, image: Image, *, to: str, worker: str, object_name: str | None, staged: str | None, reserved: int
) -> bool:
    """From where ``image`` is to saving, uploading or importing, with the claimant's name; False when it has moved.

    ``object_name`` and ``staged`` are what the claimant will write; what is staged already stays. What a queued image
    was said to become (the v1 API lets its size and checksum be told) is no fact any more.
    """
    touched = await uow.execute(
        "UPDATE images SET status = $2, worker = $4, object = $5, staged = coalesce($6, staged), reserved = $7,"
        " size = CASE WHEN status = $9 THEN NULL ELSE size END,"
        " checksum = CASE WHEN status = $9 THEN NULL ELSE checksum END,"
        " updated_at = $8 WHERE id = $1 AND status = $3 AND deleted_at IS NULL AND worker IS NULL",
        image.id, to, image.status, worker, object_name, staged, reserved, uow.now, QUEUED,
    )  # fmt: skip
    return bool(touched)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What an upload brought, and into which stores, or not (``failed``), or not yet (``left``).

    Sizes in bytes, digests in hex.
    """

    object: str
    stores: Sequence[str]
    size: int
    virtual_size: int | None
    checksum: str
    os_hash_algo: str
    os_hash_value: str
    failed: Sequence[str] = ()
    left: Sequence[str] = ()


async def try_activate(uow: UnitOfWork, image: Image, written: Written) -> bool:
    """To active, with the data's facts; False when the image is no longer this upload's, or no longer of its formats.

    The formats are what the bytes were told apart by: during an import a client may still change them.
    """
    touched = await uow.execute(
        "UPDATE images SET status = $2, size = $4, virtual_size = $5, checksum = $6, os_hash_algo = $7,"
        " os_hash_value = $8, worker = NULL, staged = NULL, reserved = 0, updated_at = $9"
        " WHERE id = $1 AND status = ANY($10) AND object = $3 AND disk_format = $11 AND container_format = $12"
        " AND deleted_at IS NULL",
        image.id, ACTIVE, written.object, written.size, written.virtual_size, written.checksum,
        written.os_hash_algo, written.os_hash_value, uow.now, [SAVING, IMPORTING],
        image.disk_format, image.container_format,
    )  # fmt: skip
    if not touched:
        return False
    await uow.execute(
        "INSERT INTO image_locations (image_id, value, created_at, store) SELECT $1, $2, $3, unnest($4::text[])",
        image.id, written.object, uow.now, list(written.stores),
    )  # fmt: skip
    return True


async def release(uow: UnitOfWork, image_id: str, written: str, to: str) -> bool:
    """An upload, staging or import gave up: back to queued (or ``to``), unless the image was deleted meanwhile.

    ``written``: what it wrote, in the store or in staging. What was staged is given up too, and so is the hold on the
    quota.
    """
    touched = await uow.execute(
        "UPDATE images SET status = CASE WHEN status = ANY($3) AND deleted_at IS NULL THEN $4 ELSE status END,"
        " worker = NULL, object = NULL, staged = NULL, reserved = 0, size = NULL, virtual_size = NULL, updated_at = $5"
        " WHERE id = $1 AND coalesce(object, staged) = $2 AND worker IS NOT NULL",
        image_id, written, list(AFTER_A_CRASH), to, uow.now,
    )  # fmt: skip
    return bool(touched)


async def try_delete(uow: UnitOfWork, image_id: str) -> bool:
    """Rows that show what was stay, marked; what only leads to data goes. False when it vanished or is protected.

    An upload under way keeps its hold (worker, object, reserved) until it has taken its bytes away.
    """
    touched = await uow.execute(
        "UPDATE images SET status = $2, deleted_at = $4, updated_at = $4,"
        " object = CASE WHEN worker IS NULL THEN NULL ELSE object END,"
        " staged = CASE WHEN worker IS NULL THEN NULL ELSE staged END"
        " WHERE id = $1 AND status = ANY($3) AND deleted_at IS NULL AND NOT protected",
        image_id, DELETED, IMAGE.sources(DELETED), uow.now,
    )  # fmt: skip
    if not touched:
        return False
    await mark_parts(uow, image_id)
    await drop_parts(uow, image_id)
    return True


async def mark_parts(uow: UnitOfWork, image_id: str) -> None:
    """What shows what was goes at the moment its image does."""
    for table in ("image_properties", "image_members"):
        await uow.execute(
            f"UPDATE {table} SET deleted_at = $2, updated_at = $2 WHERE image_id = $1 AND deleted_at IS NULL",
            image_id, uow.now,
        )  # fmt: skip


async def drop_parts(uow: UnitOfWork, image_id: str) -> None:
    for table in ("image_tags", "image_locations"):
        await uow.execute(f"DELETE FROM {table} WHERE image_id = $1", image_id)


async def hold(uow: UnitOfWork, image_id: str) -> None:
    """Nobody else changes the row until the transaction ends."""
    await uow.value("SELECT id FROM images WHERE id = $1 FOR UPDATE", image_id)


async def lock_owner(uow: UnitOfWork, owner: str | None) -> None:
    """One at a time for each owner, until the transaction ends: what is counted stays true."""
    await uow.value("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"image-owner-{owner}")


async def usage(db: Session, owner: str | None, but: str | None = None) -> Usage:
    """What the owner has, without the image ``but``: each image once for each of its locations, or while it is staged.

    What uploads hold of deleted images counts until they stop. Source: ``_image_get_disk_usage_by_owner``.
    """
    found = await db.one(
        Usage,
        "SELECT coalesce(sum(bytes) FILTER (WHERE NOT staged), 0)::bigint AS size,"
        " coalesce(sum(bytes) FILTER (WHERE staged), 0)::bigint AS staged,"
        " count(*) FILTER (WHERE here) AS images, count(*) FILTER (WHERE here AND status = ANY($4)) AS uploading"
        " FROM (SELECT status, deleted_at IS NULL AS here, status = ANY($3) AS staged,"
        " CASE WHEN deleted_at IS NOT NULL OR size IS NULL THEN 0 WHEN status = ANY($3) THEN size ELSE size *"
        "  (SELECT count(*) FROM image_locations l WHERE l.image_id = images.id AND l.status = 'active') END"
        " + reserved AS bytes FROM images WHERE owner IS NOT DISTINCT FROM $1 AND id IS DISTINCT FROM $2) AS had",
        owner, but, STAGED, IN_TRANSIT,
    )  # fmt: skip
    assert found is not None  # a sum has a row
    return found
