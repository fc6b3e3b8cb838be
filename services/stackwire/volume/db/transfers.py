"""Rows of ``transfers``: there while nobody has accepted the volume."""

from typing import Any

from stackwire.core.context import RequestContext
from stackwire.db.pool import Session
from stackwire.db.table import Table
from stackwire.volume.domain.errors import TransferNotFound
from stackwire.volume.domain.model import Transfer

TABLE = Table(Transfer, "transfers", touch=None)


async def find(session: Session, transfer_id: str, ctx: RequestContext | None = None) -> Transfer:
    """The transfer of a volume of the caller's project, for an administrator any; None: anybody's. TransferNotFound."""
    where: dict[str, Any] = {} if ctx is None or ctx.is_admin else {"source_project_id": ctx.project_id or ""}
    found = await TABLE.get(session, transfer_id, **where)
    if found is None:
        raise TransferNotFound(transfer_id=transfer_id)
    return found


async def list_visible(session: Session, project_id: str | None) -> list[Transfer]:
    """A project's, or everybody's, oldest first."""
    where: dict[str, Any] = {} if project_id is None else {"source_project_id": project_id}
    return await TABLE.find(session, order="created_at, id", **where)
