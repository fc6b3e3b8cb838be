"""Rows of ``messages``: what became of a request after it was accepted."""

from datetime import timedelta

from stackwire.core.context import RequestContext
from stackwire.core.ids import new_id
from stackwire.db.pool import Session, UnitOfWork
from stackwire.db.table import Table
from stackwire.volume.db import listing as listings
from stackwire.volume.db.volumes import scope
from stackwire.volume.domain.errors import MessageNotFound
from stackwire.volume.domain.listing import Listing
from stackwire.volume.domain.model import UserMessage
from stackwire.volume.domain.user_messages import Failure

TABLE = Table(UserMessage, "messages", touch=None)
RETENTION = timedelta(days=30)


async def insert(uow: UnitOfWork, project_id: str, resource_id: str, failure: Failure) -> None:
    """For the users of the project."""
    await TABLE.insert(
        uow,
        UserMessage(
            id=new_id("message"),
            project_id=project_id,
            request_id=uow.ctx.request_id,
            resource_type=failure.resource_type,
            resource_uuid=resource_id,
            event_id=failure.event_id,
            message_level="ERROR",
            user_message=failure.text,
            created_at=uow.now,
            guaranteed_until=uow.now + RETENTION,
        ),
    )


async def find(session: Session, ctx: RequestContext, message_id: str) -> UserMessage:
    """A message the caller may see; MessageNotFound otherwise."""
    found = await TABLE.get(session, message_id, **scope(ctx))
    if found is None:
        raise MessageNotFound(message_id=message_id)
    return found


async def list_page(session: Session, listing: Listing) -> list[UserMessage]:
    """The page that the listing describes."""
    sql, values = listings.page(listing, "messages", "m", kept=False)
    return await session.all(UserMessage, f"SELECT {TABLE.qualified('m')} FROM messages m WHERE {sql}", *values)
