"""What is in a group of volumes, what it is called, and its end."""

from typing import Any

from stackwire.contracts.volume import InvalidVolume
from stackwire.contracts.volume_workers import RemoveGroup, UpdateGroup
from stackwire.core.context import RequestContext
from stackwire.db.pool import UnitOfWork
from stackwire.db.transitions import transition
from stackwire.volume.db import group_snapshots, groups, quotas, snapshots, volumes
from stackwire.volume.domain.errors import InvalidGroup
from stackwire.volume.domain.group_model import Group
from stackwire.volume.domain.group_states import GroupStates
from stackwire.volume.domain.model import Volume
from stackwire.volume.domain.objects import group_object
from stackwire.volume.domain.requests import UpdateGroupRequest
from stackwire.volume.domain.states import VolumeStates
from stackwire.volume.flows.deps import to_backend
from stackwire.volume.flows.group_checks import GroupFlow
from stackwire.volume.flows.pools import require_not_frozen


class GroupChanges(GroupFlow):
    """``cinder/group/api.py: update, delete``. Each raises GroupNotFound."""

    async def update(self, ctx: RequestContext, group_id: str, request: UpdateGroupRequest) -> None:
        """Name and description at once, volumes by the worker. InvalidGroup, InvalidVolume."""
        async with self._deps.database.work(ctx) as uow:
            group = await groups.find(uow, ctx, group_id, lock=True)
            await self.check(uow, group)
            self._deps.require(ctx, "group:update", group.project_id)
            both = [each for each in request.add_volumes if each in request.remove_volumes]
            if both:
                raise InvalidVolume(reason=f"UUIDs {both} are in both add and remove volume list.")
            members = await groups.members(uow, group.id)
            adding = await _added(uow, group, members, request.add_volumes)
            removing = _removed(group, members, request.remove_volumes)
            changes = _changes(group, request)
            if not (changes or adding or removing):
                text = "because no valid name, description, add_volumes, or remove_volumes were provided."
                raise InvalidGroup(reason=f"Cannot update group {group.id} {text}")
            if not (adding or removing):
                await transition(uow, groups.TABLE, GroupStates.rename, group.id, **changes)
                return
            updating = await self._deps.transition(uow, groups.TABLE, GroupStates.begin_update, group.id, **changes)
            if updating is None:
                raise InvalidGroup(reason="Group status must be available.")
            lists = {"add_volumes": ",".join(adding), "remove_volumes": ",".join(removing)}
            to_backend(uow, UpdateGroup(group=group_object(updating), **lists), group.host)

    async def delete(self, ctx: RequestContext, group_id: str, *, delete_volumes: bool) -> None:
        """``delete_volumes``: what is in it too, whatever the group's status. InvalidGroup."""
        async with self._deps.database.work(ctx) as uow:
            group = await groups.find(uow, ctx, group_id, lock=True)
            await self.check(uow, group)
            self._deps.require(ctx, "group:delete", group.project_id)
            if group.host is None:  # nothing was created anywhere
                await self._deps.transition(
                    uow, groups.TABLE, GroupStates.delete_unscheduled, group.id, deleted=True, deleted_at=uow.now
                )
                await quotas.release(uow, group.project_id, {"groups": 1})
                return
            await require_not_frozen(uow, group.host)
            verb = GroupStates.delete_with_volumes if delete_volumes else GroupStates.begin_delete
            if not verb.allows(status=group.status):
                text = f"Group status must be available or error, but current status is: {group.status}"
                raise InvalidGroup(reason=text)
            await self._delete_members(uow, group, delete_volumes=delete_volumes)
            deleting = await self._deps.transition(uow, groups.TABLE, verb, group.id)
            if deleting is not None:
                to_backend(uow, RemoveGroup(group=group_object(deleting)), group.host)

    async def _delete_members(self, uow: UnitOfWork, group: Group, *, delete_volumes: bool) -> None:
        """InvalidGroup for a group that is still needed, or holds what is."""
        if await group_snapshots.TABLE.find(uow, group_id=group.id):
            raise InvalidGroup(reason="Group has existing snapshots.")
        members = await groups.members(uow, group.id)
        if members and not delete_volumes:
            text = f"Group {group.id} still contains volumes. The delete-volumes flag is required to delete it."
            raise InvalidGroup(reason=text)
        if await groups.is_source(uow, group_id=group.id):
            raise InvalidGroup(reason=f"Group {group.id} is the source of a group that is being created.")
        for volume in members:
            if volume.attach_status == "attached":
                raise InvalidGroup(reason=f"Volume in group {group.id} is attached. Need to detach first.")
            if await snapshots.of_volume(uow, volume.id):
                raise InvalidGroup(reason="Volume in group still has dependent snapshots.")
            await self._deps.transition(uow, volumes.TABLE, VolumeStates.force_delete, volume.id)


def _changes(group: Group, request: UpdateGroupRequest) -> dict[str, Any]:
    """What is called otherwise afterwards."""
    wanted = {"name": request.name, "description": request.description}
    return {key: value for key, value in wanted.items() if value is not None and value != getattr(group, key)}


async def _added(uow: UnitOfWork, group: Group, members: list[Volume], wanted: list[str]) -> list[str]:
    """The ids of these that are not in the group yet. InvalidVolume for one that does not fit in."""
    here = {volume.id for volume in members}
    added = [each for each in wanted if each not in here]
    found = await volumes.find_all(uow, uow.ctx, added)
    for volume_id in added:
        reason = _obstacle(group, found.get(volume_id))
        if reason is not None:
            raise InvalidVolume(reason=f"Cannot add volume {volume_id} to group {group.id} because {reason}")
    return added


def _obstacle(group: Group, volume: Volume | None) -> str | None:
    """Why the volume cannot be in the group; None when it can."""
    if volume is None:
        return "volume cannot be found."
    if volume.group_id is not None:
        return f"it is already in group {volume.group_id}."
    if volume.project_id != group.project_id:
        return "they belong to different projects."
    if volume.volume_type_id not in group.volume_type_ids:
        return f"volume type {volume.volume_type_id} is not supported by the group."
    if not VolumeStates.enter_group.allows(status=volume.status):
        return f"volume is in an invalid state: {volume.status}. Valid states are: available, in-use."
    if (volume.host or "").split("#")[0] != (group.host or "").split("#")[0]:
        return "volume is not local to this node."
    return None


def _removed(group: Group, members: list[Volume], wanted: list[str]) -> list[str]:
    """The ids of these. InvalidVolume for one that is not in the group, or busy."""
    here = {volume.id: volume for volume in members}
    for volume_id in wanted:
        start = f"Cannot remove volume {volume_id} from group {group.id} because"
        if volume_id not in here:
            raise InvalidVolume(reason=f"{start} it is not in the group.")
        status = here[volume_id].status
        if not VolumeStates.leave_group.allows(status=status):
            raise InvalidVolume(reason=f"{start} volume is in an invalid state: {status}.")
    return wanted
