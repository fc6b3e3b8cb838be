"""Snapshots of all the volumes of a group at once."""

from stackwire.contracts.volume_workers import RemoveGroupSnapshot, TakeGroupSnapshot
from stackwire.core.attributes import attributes
from stackwire.core.context import RequestContext
from stackwire.core.ids import new_id
from stackwire.volume.db import group_snapshots, groups, snapshots
from stackwire.volume.domain.errors import InvalidGroup, InvalidGroupSnapshot, InvalidGroupSnapshotStatus
from stackwire.volume.domain.group_model import GroupSnapshot
from stackwire.volume.domain.group_states import GroupSnapshotStates, GroupStates
from stackwire.volume.domain.listing import Listing
from stackwire.volume.domain.objects import group_snapshot_object
from stackwire.volume.domain.requests import CreateGroupSnapshotRequest, CreateSnapshotRequest
from stackwire.volume.domain.states import CREATING, SnapshotStates
from stackwire.volume.flows.api.snapshots import Snapshots
from stackwire.volume.flows.deps import VolumeDeps, to_backend
from stackwire.volume.flows.group_checks import GroupFlow, status_reset
from stackwire.volume.flows.pools import require_not_frozen


class GroupSnapshots(GroupFlow):
    """``cinder/group/api.py: create_group_snapshot, delete_group_snapshot``. Each raises GroupSnapshotNotFound."""

    def __init__(self, deps: VolumeDeps, members: Snapshots, *, any_type: bool = False) -> None:
        super().__init__(deps, any_type=any_type)
        self._members = members

    async def create(self, ctx: RequestContext, request: CreateGroupSnapshotRequest) -> GroupSnapshot:
        """A group snapshot in ``creating``. GroupNotFound, InvalidGroup, InvalidVolume, 413 for quotas."""
        async with self._deps.database.work(ctx) as uow:
            group = await groups.find(uow, ctx, request.group_id, lock=True)
            await self.check(uow, group)
            self._deps.require(ctx, "group:create_group_snapshot", group.project_id)
            volumes = await groups.members(uow, group.id)
            if not volumes or not GroupStates.snapshot.allows(status=group.status):
                text = "Source group cannot be empty or in 'creating' or 'updating' state. No group snapshot will be"
                raise InvalidGroup(reason=f"{text} created.")
            columns = {
                "id": new_id("group_snapshot"),
                "user_id": ctx.user_id,
                "project_id": ctx.project_id or group.project_id,
                "status": CREATING,
                **attributes(request, "group_id name description"),
                "group_type_id": group.group_type_id,
                "created_at": uow.now,
            }
            created = await group_snapshots.TABLE.insert(uow, columns)
            for volume in volumes:
                wanted = CreateSnapshotRequest(
                    volume_id=volume.id, name=request.name, description=request.description, force=True
                )
                await self._members.insert(uow, volume, wanted, group_snapshot_id=created.id)
            to_backend(uow, TakeGroupSnapshot(group_snapshot=group_snapshot_object(created, group)), group.host)
            return created

    async def get(self, ctx: RequestContext, snapshot_id: str) -> GroupSnapshot:
        """BadRequest for a snapshot of a consistency group."""
        async with self._deps.database.read() as session:
            found = await group_snapshots.find(session, ctx, snapshot_id)
            self._deps.require(ctx, "group:get_group_snapshot", found.project_id)
            await self.check(session, found)
            return found

    async def list_page(self, ctx: RequestContext, listing: Listing) -> list[GroupSnapshot]:
        """Without those of consistency groups. GroupSnapshotNotFound for a marker that is none of the caller's."""
        self._deps.require(ctx, "group:get_all_group_snapshots")
        async with self._deps.database.read() as session:
            if listing.marker is not None:
                await group_snapshots.find(session, ctx, listing.marker)
            return await group_snapshots.list_page(session, await self.visible(session, listing))

    async def delete(self, ctx: RequestContext, snapshot_id: str) -> None:
        """InvalidGroupSnapshot."""
        async with self._deps.database.work(ctx) as uow:
            found = await group_snapshots.find(uow, ctx, snapshot_id, lock=True)
            await self.check(uow, found)
            self._deps.require(ctx, "group:delete_group_snapshot", found.project_id)
            group = await groups.find(uow, ctx, found.group_id)
            await require_not_frozen(uow, group.host)
            verb = GroupSnapshotStates.begin_delete
            if await groups.is_source(uow, group_snapshot_id=found.id) or not verb.allows(status=found.status):
                text = "GroupSnapshot status must be available or error, and no Group can be currently using it as"
                raise InvalidGroupSnapshot(reason=f"{text} source for its creation.")
            deleting = await self._deps.transition(uow, group_snapshots.TABLE, verb, found.id)
            for member in await group_snapshots.members(uow, found.id):
                await self._deps.transition(uow, snapshots.TABLE, SnapshotStates.force_delete, member.id)
            message = RemoveGroupSnapshot(group_snapshot=group_snapshot_object(deleting or found, group))
            to_backend(uow, message, group.host)

    async def reset_status(self, ctx: RequestContext, snapshot_id: str, status: str) -> None:
        """Whatever the status is now. InvalidGroupSnapshotStatus for one that no group snapshot has."""
        status = status.lower()
        allowed = GroupSnapshotStates.reset_status.to["status"] or frozenset()
        if status not in allowed:
            names = ", ".join(sorted(map(str, allowed)))
            text = f"Group snapshot status: {status} is invalid, valid statuses are: {names}."
            raise InvalidGroupSnapshotStatus(reason=text)
        async with status_reset(self._deps, ctx, "groupsnapshots", snapshot_id, status) as uow:
            found = await group_snapshots.find(uow, ctx, snapshot_id)
            self._deps.require(ctx, "group:reset_group_snapshot_status", found.project_id)
            verb = GroupSnapshotStates.reset_status
            await self._deps.transition(uow, group_snapshots.TABLE, verb, found.id, status=status)
