"""Rows of ``transfers``: there while nobody has accepted the volume."""

from typing import Any

from stackwire.core.context import RequestContext
from stackwire.db.pool import Session
from stackwire.db.table import Table
from stackwire.volume.db import listing as listings
from stackwire.volume.domain.errors import TransferNotFound
from stackwire.volume.domain.listing import Listing
from stackwire.volume.domain.model import Transfer

TABLE = Table(Transfer, "transfers", touch=None)


async def find(session: Session, transfer_id: str, ctx: RequestContext | None = None) -> Transfer:
    """The transfer of a volume of the caller's project, for an administrator any; None: anybody's. TransferNotFound."""
    where: dict[str, Any] = {} if ctx is None or ctx.is_admin else {"source_project_id": ctx.project_id or ""}
    found = await TABLE.get(session, transfer_id, **where)
    if found is None:
        raise TransferNotFound(transfer_id=transfer_id)
    return found


async def list_page(session: Session, listing: Listing) -> list[Transfer]:
    """The page that the listing describes."""
    sql, values = listings.page(listing, TABLE.name, "t", kept=False)
    return await session.all(Transfer, f"SELECT {TABLE.qualified('t')} FROM {TABLE.name} t WHERE {sql}", *values)
