"""Groups of volumes: created empty, read, listed, their status set."""

from collections.abc import Sequence
from typing import Any

from stackwire.contracts.volume import InvalidInput
from stackwire.contracts.volume_workers import ScheduleGroup
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest
from stackwire.core.ids import canonical_uuid, new_id
from stackwire.db.pool import UnitOfWork
from stackwire.volume.db import group_types, groups, qos_specs, volume_types
from stackwire.volume.domain.errors import InvalidGroupStatus, InvalidGroupType
from stackwire.volume.domain.group_model import Group
from stackwire.volume.domain.group_specs import group_spec, type_spec
from stackwire.volume.domain.group_states import GroupStates
from stackwire.volume.domain.listing import Listing
from stackwire.volume.domain.model import VolumeType
from stackwire.volume.domain.objects import group_object
from stackwire.volume.domain.requests import CreateGroupRequest
from stackwire.volume.domain.states import CREATING
from stackwire.volume.flows.group_checks import GroupFlow, status_reset


class Groups(GroupFlow):
    """``cinder/group/api.py``. Each raises GroupNotFound; BadRequest for what is a consistency group."""

    async def create(self, ctx: RequestContext, request: CreateGroupRequest) -> Group:
        """A group in ``creating``. GroupTypeNotFound, VolumeTypeNotFound, InvalidInput, GroupLimitExceeded."""
        self._deps.require(ctx, "group:create")
        if not ctx.project_id:
            raise BadRequest("A group needs a project to belong to.")
        async with self._deps.database.work(ctx) as uow:
            if canonical_uuid(request.group_type) is None:  # Cinder looks for a name first, and for an id last
                await group_types.find_by_reference(uow, ctx, request.group_type)
            types = {each.id: each for each in [await volume_types.find(uow, ctx, r) for r in request.volume_types]}
            group_type = await group_types.find_by_reference(uow, ctx, request.group_type)
            await self.check_type(uow, group_type.id)
            if request.availability_zone not in (None, self._deps.zone, *self._deps.backends.zones):
                raise InvalidInput(reason=f"Availability zone '{request.availability_zone}' is invalid.")
            await groups.reserve_quota(uow, ctx.project_id)
            group = await groups.TABLE.insert(
                uow,
                {
                    "id": new_id("group"),
                    "user_id": ctx.user_id,
                    "project_id": ctx.project_id,
                    "availability_zone": request.availability_zone or self._deps.zone,
                    "name": request.name,
                    "description": request.description,
                    "group_type_id": group_type.id,
                    "volume_type_ids": list(types),
                    "status": CREATING,
                    "created_at": uow.now,
                },
            )
            specs = [await _type_spec(uow, group, volume_type) for volume_type in types.values()]
            uow.cast(
                ScheduleGroup(
                    group=group_object(group),
                    group_spec=group_spec(group, group_type),
                    request_spec_list=specs,
                    group_filter_properties={},
                    filter_properties_list=[{} for _ in specs],
                )
            )
            return group

    async def get(self, ctx: RequestContext, group_id: str) -> Group:
        async with self._deps.database.read() as session:
            group = await groups.find(session, ctx, group_id)
            self._deps.require(ctx, "group:get", group.project_id)
            await self.check(session, group)
            return group

    async def get_volumes(self, ctx: RequestContext, listed: Sequence[Group]) -> dict[str, list[str]]:
        """The ids of the volumes in each of these groups, by the group's id."""
        async with self._deps.database.read() as session:
            return await groups.member_ids(session, [group.id for group in listed])

    async def list_page(self, ctx: RequestContext, listing: Listing) -> list[Group]:
        """Without consistency groups. GroupNotFound for a marker that is none of the caller's groups."""
        self._deps.require(ctx, "group:get_all")
        async with self._deps.database.read() as session:
            if listing.marker is not None:
                await groups.find(session, ctx, listing.marker)
            return await groups.list_page(session, await self.visible(session, listing))

    async def reset_status(self, ctx: RequestContext, group_id: str, status: str) -> None:
        """Whatever the status is now. InvalidGroupStatus for one that no group has."""
        status = status.lower()
        allowed = GroupStates.reset_status.to["status"] or frozenset()
        if status not in allowed:
            names = ", ".join(sorted(map(str, allowed)))
            raise InvalidGroupStatus(reason=f"Group status: {status} is invalid, valid status are: {names}.")
        async with status_reset(self._deps, ctx, "groups", group_id, status) as uow:
            group = await groups.find(uow, ctx, group_id)
            self._deps.require(ctx, "group:reset_status", group.project_id)
            await self._deps.transition(uow, groups.TABLE, GroupStates.reset_status, group.id, status=status)

    async def check_replication(self, ctx: RequestContext, group_id: str, action: str) -> None:
        """InvalidGroupType for every group: no back end replicates, so no group type does."""
        async with self._deps.database.read() as session:
            group = await groups.find(session, ctx, group_id)
            self._deps.require(ctx, f"group:{action}", group.project_id)
        raise InvalidGroupType(reason=f"Group {group.id} is not a replication group type.")


async def _type_spec(uow: UnitOfWork, group: Group, volume_type: VolumeType) -> dict[str, Any]:
    return type_spec(group, volume_type, await qos_specs.of_type(uow, volume_type.id))
