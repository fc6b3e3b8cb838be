"""Rows of ``volume_attachment``."""

from dataclasses import fields
from typing import Any

from stackwire.contracts.volume import AttachmentNotFound
from stackwire.core.context import RequestContext
from stackwire.db.pool import Session, UnitOfWork
from stackwire.volume.db.volumes import Query, scope, tail
from stackwire.volume.domain.model import Attachment

COLUMNS = ", ".join(f.name for f in fields(Attachment))


async def find(session: Session, ctx: RequestContext, attachment_id: str, *, lock: bool = False) -> Attachment:
    """An attachment the caller may see; AttachmentNotFound otherwise."""
    found = await session.one(
        Attachment,
        f"SELECT {COLUMNS} FROM volume_attachment WHERE id = $1 AND NOT deleted"
        " AND ($2::text IS NULL OR project_id = $2)" + (" FOR UPDATE" if lock else ""),
        attachment_id,
        scope(ctx),
    )
    if found is None:
        raise AttachmentNotFound(attachment_id=attachment_id)
    return found


async def of_volume(session: Session, volume_id: str) -> list[Attachment]:
    return await session.all(
        Attachment,
        f"SELECT {COLUMNS} FROM volume_attachment WHERE volume_id = $1 AND NOT deleted ORDER BY created_at",
        volume_id,
    )


async def insert(uow: UnitOfWork, attachment: Attachment) -> Attachment:
    names = [f.name for f in fields(Attachment)]
    places = ", ".join(f"${n}" for n in range(1, len(names) + 1))
    made = await uow.one(
        Attachment,
        f"INSERT INTO volume_attachment ({COLUMNS}) VALUES ({places}) RETURNING {COLUMNS}",
        *(getattr(attachment, name) for name in names),
    )
    assert made is not None
    return made


async def change(uow: UnitOfWork, attachment_id: str, **changes: Any) -> Attachment | None:
    """None when it is gone."""
    values: list[Any] = [attachment_id, uow.now]
    sets = ["updated_at = $2"]
    for name, value in changes.items():
        values.append(value)
        sets.append(f"{name} = ${len(values)}")
    return await uow.one(
        Attachment,
        f"UPDATE volume_attachment SET {', '.join(sets)} WHERE id = $1 AND NOT deleted RETURNING {COLUMNS}",
        *values,
    )


async def remove(uow: UnitOfWork, attachment_id: str) -> Attachment | None:
    """None when it was gone already."""
    return await change(
        uow, attachment_id, attach_status="detached", detach_time=uow.now, deleted=True, deleted_at=uow.now
    )


async def listed(session: Session, query: Query) -> list[Attachment]:
    columns = ", ".join(f"a.{f.name}" for f in fields(Attachment))
    sql = f"SELECT {columns} FROM volume_attachment a WHERE NOT a.deleted" + tail(query, "volume_attachment", "a")
    return await session.all(Attachment, sql, *query.args)
