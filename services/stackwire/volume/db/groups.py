"""Rows of ``groups``, and the volumes in them."""

from collections.abc import Sequence

from stackwire.core.context import RequestContext
from stackwire.db.pool import Session, UnitOfWork
from stackwire.db.table import Table
from stackwire.volume.db import listing as listings
from stackwire.volume.db import quotas, volumes
from stackwire.volume.domain.errors import GroupLimitExceeded, GroupNotFound
from stackwire.volume.domain.group_model import Group
from stackwire.volume.domain.group_states import GroupStates
from stackwire.volume.domain.listing import Listing
from stackwire.volume.domain.model import Volume

TABLE = Table(Group, "groups", live="NOT deleted", states=GroupStates)


async def find(session: Session, ctx: RequestContext, group_id: str, *, lock: bool = False) -> Group:
    """A group the caller may see; GroupNotFound otherwise."""
    found = await TABLE.get(session, group_id, lock=lock, **volumes.scope(ctx))
    if found is None:
        raise GroupNotFound(group_id=group_id)
    return found


async def members(session: Session, group_id: str) -> list[Volume]:
    """The volumes in a group, newest first."""
    return await volumes.TABLE.find(session, order="created_at DESC, id", group_id=group_id)


async def move(uow: UnitOfWork, volume_ids: Sequence[str], before: str | None, after: str | None) -> None:
    """These volumes, as far as they are in the group ``before``, are in ``after`` then."""
    await uow.execute(
        "UPDATE volumes SET group_id = $3, updated_at = $4"
        " WHERE id = ANY($1) AND group_id IS NOT DISTINCT FROM $2 AND NOT deleted",
        list(volume_ids),
        before,
        after,
        uow.now,
    )


async def member_ids(session: Session, group_ids: Sequence[str]) -> dict[str, list[str]]:
    """The ids of the volumes in each of these groups, newest first."""
    rows = await session.rows(
        "SELECT group_id, array_agg(id ORDER BY created_at DESC, id) AS ids FROM volumes"
        " WHERE group_id = ANY($1) AND NOT deleted GROUP BY group_id",
        list(group_ids),
    )
    return {row["group_id"]: row["ids"] for row in rows}


async def is_source(session: Session, *, group_id: str | None = None, group_snapshot_id: str | None = None) -> bool:
    """Whether a group is being created from it (``cinder/db/api.py: group_creating_from_src``)."""
    return bool(
        await TABLE.find(session, status="creating", source_group_id=group_id)
        if group_id
        else await TABLE.find(session, status="creating", group_snapshot_id=group_snapshot_id)
    )


async def list_page(session: Session, listing: Listing) -> list[Group]:
    """The page that the listing describes."""
    sql, values = listings.page(listing, TABLE.name, "g")
    return await session.all(Group, f"SELECT {TABLE.qualified('g')} FROM {TABLE.name} g WHERE {sql}", *values)


async def reserve_quota(uow: UnitOfWork, project: str) -> None:
    """Counts one group more. GroupLimitExceeded."""
    limits = await quotas.reserve(uow, project, {"groups": 1})
    if limits is not None:
        raise GroupLimitExceeded(allowed=limits["groups"])
