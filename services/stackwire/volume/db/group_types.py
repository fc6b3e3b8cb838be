"""Rows of ``group_types``."""

from stackwire.core.context import RequestContext
from stackwire.core.ids import canonical_uuid
from stackwire.db.pool import Session
from stackwire.db.table import Table
from stackwire.volume.db import listing as listings
from stackwire.volume.domain.errors import GroupTypeNotFound, GroupTypeNotFoundByName
from stackwire.volume.domain.listing import Listing
from stackwire.volume.domain.model import DEFAULT_CGSNAPSHOT_TYPE, GroupType

TABLE = Table(GroupType, "group_types")


async def find(session: Session, ctx: RequestContext, type_id: str) -> GroupType:
    """A type the caller may see: a public one, or any for an administrator; GroupTypeNotFound otherwise."""
    found = await TABLE.get(session, type_id)
    if found is None or not (found.is_public or ctx.is_admin):
        raise GroupTypeNotFound(group_type_id=type_id)
    return found


async def find_by_reference(session: Session, ctx: RequestContext, reference: str) -> GroupType:
    """The same, by id or by name."""
    named = [each for each in await TABLE.find(session, name=reference) if each.is_public or ctx.is_admin]
    if not named and canonical_uuid(reference) is None:
        raise GroupTypeNotFoundByName(group_type_name=reference)
    return named[0] if named else await find(session, ctx, reference)


async def default_cgsnapshot_id(session: Session) -> str:
    """The id of the type of consistency groups; empty when somebody has deleted it."""
    found = await TABLE.find(session, name=DEFAULT_CGSNAPSHOT_TYPE)
    return found[0].id if found else ""


async def in_use(session: Session, type_id: str) -> bool:
    """Whether groups of it exist."""
    found = await session.value(
        "SELECT EXISTS (SELECT 1 FROM groups WHERE group_type_id = $1 AND NOT deleted)", type_id
    )
    return bool(found)


async def list_page(session: Session, listing: Listing) -> list[GroupType]:
    """The page that the listing describes."""
    sql, values = listings.page(listing, TABLE.name, "t", kept=False)
    return await session.all(GroupType, f"SELECT {TABLE.qualified('t')} FROM {TABLE.name} t WHERE {sql}", *values)
