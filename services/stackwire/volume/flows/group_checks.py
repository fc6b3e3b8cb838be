"""What the requests about groups and about their snapshots have in common."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, NotFound
from stackwire.db.pool import Session, UnitOfWork
from stackwire.volume.db import group_types
from stackwire.volume.domain.group_model import Group, GroupSnapshot
from stackwire.volume.domain.group_notifications import reset_event
from stackwire.volume.domain.listing import Filter, Listing
from stackwire.volume.flows.deps import Flow, VolumeDeps


class GroupFlow(Flow):
    """``any_type``: by the addresses of consistency groups, which show other groups too."""

    def __init__(self, deps: VolumeDeps, *, any_type: bool = False) -> None:
        super().__init__(deps)
        self._any_type = any_type

    async def check(self, session: Session, found: Group | GroupSnapshot) -> None:
        """BadRequest for a consistency group, or the snapshot of one: those have addresses of their own."""
        await self.check_type(session, found.group_type_id)

    async def check_type(self, session: Session, type_id: str) -> None:
        """BadRequest for the type of consistency groups."""
        if not self._any_type and type_id == await group_types.default_cgsnapshot_id(session):
            text = "is reserved for migrating CGs to groups. Migrated group can only be operated by CG APIs."
            raise BadRequest(f"Group_type {type_id} {text}")

    async def visible(self, session: Session, listing: Listing) -> Listing:
        """The listing without consistency groups."""
        if self._any_type:
            return listing
        kept = Filter("group_type_id", await group_types.default_cgsnapshot_id(session), "<>")
        return replace(listing, filters=(*listing.filters, kept))


@contextlib.asynccontextmanager
async def status_reset(
    deps: VolumeDeps, ctx: RequestContext, noun: str, resource_id: str, status: str
) -> AsyncIterator[UnitOfWork]:
    """The transaction of an administrator who sets a status, between the two events; the third is for what is not
    there. ``noun``: groups or groupsnapshots."""
    async with deps.database.work(ctx) as uow:
        uow.notify(reset_event(noun, "start", resource_id, update=status))
    try:
        async with deps.database.work(ctx) as uow:
            yield uow
            uow.notify(reset_event(noun, "end", resource_id, update=status))
    except NotFound as error:
        async with deps.database.work(ctx) as uow:
            uow.notify(reset_event(noun, "", resource_id, error_message=error.message))
        raise
