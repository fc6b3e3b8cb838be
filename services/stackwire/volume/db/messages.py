"""Rows of ``messages``: what became of a request after it was accepted."""

from datetime import timedelta

from stackwire.core.context import RequestContext
from stackwire.core.ids import new_id
from stackwire.db.pool import Session, UnitOfWork
from stackwire.db.table import Table
from stackwire.volume.db.volumes import scope
from stackwire.volume.domain.model import UserMessage

TABLE = Table(UserMessage, "messages", touch=None)
RETENTION = timedelta(days=30)


async def insert(
    uow: UnitOfWork, project_id: str, resource_id: str, event_id: str, text: str, *, resource_type: str = "VOLUME"
) -> None:
    """``event_id``: one of ``domain.user_messages``."""
    await TABLE.insert(
        uow,
        UserMessage(
            id=new_id(),
            project_id=project_id,
            request_id=uow.ctx.request_id,
            resource_type=resource_type,
            resource_uuid=resource_id,
            event_id=event_id,
            message_level="ERROR",
            user_message=text,
            created_at=uow.now,
            guaranteed_until=uow.now + RETENTION,
        ),
    )


async def list_visible(session: Session, ctx: RequestContext) -> list[UserMessage]:
    """The caller's, newest first, at most 1000."""
    return await TABLE.find(session, order="created_at DESC, id LIMIT 1000", **scope(ctx))
