"""Rows of ``volume_attachment``."""

from datetime import datetime

from stackwire.contracts.volume import AttachmentNotFound
from stackwire.core.context import RequestContext
from stackwire.db.pool import Session, UnitOfWork
from stackwire.db.table import Table
from stackwire.db.transitions import transition
from stackwire.volume.db import listing as listings
from stackwire.volume.db.volumes import scope
from stackwire.volume.domain.listing import Listing
from stackwire.volume.domain.model import Attachment
from stackwire.volume.domain.states import AttachmentStates

TABLE = Table(Attachment, "volume_attachment", live="NOT deleted", states=AttachmentStates)


async def find(session: Session, ctx: RequestContext, attachment_id: str, *, lock: bool = False) -> Attachment:
    """An attachment the caller may see; AttachmentNotFound otherwise."""
    found = await TABLE.get(session, attachment_id, lock=lock, **scope(ctx))
    if found is None:
        raise AttachmentNotFound(attachment_id=attachment_id)
    return found


async def of_volume(session: Session, volume_id: str) -> list[Attachment]:
    """Every attachment of a volume, oldest first."""
    return await TABLE.find(session, order="created_at", volume_id=volume_id)


async def deleted_at(session: Session, ctx: RequestContext, attachment_id: str) -> datetime | None:
    """When an attachment of the caller's was deleted; None when it was not, or never was one."""
    moment: datetime | None = await session.value(
        "SELECT deleted_at FROM volume_attachment WHERE id = $1 AND ($2::text IS NULL OR project_id = $2)",
        attachment_id,
        scope(ctx).get("project_id"),
    )
    return moment


async def detach(uow: UnitOfWork, attachment_id: str) -> Attachment | None:
    """Detached and deleted; None when it was deleted already."""
    return await transition(
        uow, TABLE, AttachmentStates.detach, attachment_id, detach_time=uow.now, deleted=True, deleted_at=uow.now
    )


async def move(uow: UnitOfWork, volume_id: str, to_volume_id: str) -> None:
    """All of one volume's attachments are another's."""
    await uow.execute(
        "UPDATE volume_attachment SET volume_id = $2, updated_at = $3 WHERE volume_id = $1 AND NOT deleted",
        volume_id,
        to_volume_id,
        uow.now,
    )


async def list_page(session: Session, listing: Listing) -> list[Attachment]:
    """The page that the listing describes."""
    sql, values = listings.page(listing, "volume_attachment", "a")
    return await session.all(Attachment, f"SELECT {TABLE.qualified('a')} FROM volume_attachment a WHERE {sql}", *values)
