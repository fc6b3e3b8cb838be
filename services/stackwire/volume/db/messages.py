"""Rows of ``messages``: what became of a request after it was accepted."""

from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from stackwire.core.context import RequestContext
from stackwire.core.ids import new_id
from stackwire.db.pool import Session, UnitOfWork
from stackwire.volume.db.volumes import scope

KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class UserMessage:
    id: str
    project_id: str
    request_id: str | None
    resource_type: str
    resource_uuid: str
    event_id: str
    message_level: str
    user_message: str
    created_at: datetime
    guaranteed_until: datetime


_COLUMNS = ", ".join(f.name for f in fields(UserMessage))


async def tell(uow: UnitOfWork, project_id: str, resource_type: str, resource: str, event: str, text: str) -> None:
    """``event``: action and detail in the form of Cinder's ids, ``VOLUME_VOLUME_001_002``."""
    await uow.execute(
        f"INSERT INTO messages ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, 'ERROR', $7, $8, $9)",
        new_id(),
        project_id,
        uow.ctx.request_id,
        resource_type,
        resource,
        event,
        text,
        uow.now,
        uow.now + KEPT,
    )


async def listed(session: Session, ctx: RequestContext, message_id: str | None = None) -> list[UserMessage]:
    """The caller's, newest first; or the one with this id."""
    return await session.all(
        UserMessage,
        f"SELECT {_COLUMNS} FROM messages WHERE ($1::text IS NULL OR project_id = $1)"
        " AND ($2::text IS NULL OR id = $2) ORDER BY created_at DESC, id LIMIT 1000",
        scope(ctx),
        message_id,
    )


async def remove(uow: UnitOfWork, message_id: str) -> int:
    return await uow.execute(
        "DELETE FROM messages WHERE id = $1 AND ($2::text IS NULL OR project_id = $2)", message_id, scope(uow.ctx)
    )
