"""Rows of ``group_types``."""

from stackwire.core.context import RequestContext
from stackwire.db.pool import Session
from stackwire.db.table import Table
from stackwire.volume.domain.errors import GroupTypeNotFound
from stackwire.volume.domain.model import GroupType

TABLE = Table(GroupType, "group_types")


async def find(session: Session, ctx: RequestContext, type_id: str) -> GroupType:
    """A type the caller may see: a public one, or any for an administrator; GroupTypeNotFound otherwise."""
    found = await TABLE.get(session, type_id)
    if found is None or not (found.is_public or ctx.is_admin):
        raise GroupTypeNotFound(group_type_id=type_id)
    return found


async def visible(session: Session, ctx: RequestContext, *, public: bool | None) -> list[GroupType]:
    """Newest first; ``public`` None: both."""
    where = {} if ctx.is_admin and public is None else {"is_public": public if ctx.is_admin else True}
    return await TABLE.find(session, order="created_at DESC, id", **where)
