"""A group that is created from another group, or from the snapshot of one."""

from collections.abc import Mapping, Sequence

from stackwire.contracts.volume_workers import BuildGroupFromSource
from stackwire.core.attributes import attributes
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest
from stackwire.core.ids import new_id
from stackwire.db.pool import UnitOfWork
from stackwire.volume.db import group_snapshots, groups
from stackwire.volume.domain.errors import InvalidGroup
from stackwire.volume.domain.group_model import Group
from stackwire.volume.domain.objects import group_object, group_snapshot_object
from stackwire.volume.domain.requests import CreateGroupFromSourceRequest, CreateVolumeRequest
from stackwire.volume.domain.states import CREATING
from stackwire.volume.flows.api.create_volume import CreateVolume
from stackwire.volume.flows.deps import VolumeDeps, to_backend
from stackwire.volume.flows.group_checks import GroupFlow
from stackwire.volume.flows.pools import require_not_frozen


class GroupSources(GroupFlow):
    """``cinder/group/api.py: create_from_src``."""

    def __init__(self, deps: VolumeDeps, members: CreateVolume, *, any_type: bool = False) -> None:
        super().__init__(deps, any_type=any_type)
        self._members = members

    async def create(self, ctx: RequestContext, request: CreateGroupFromSourceRequest) -> Group:
        """A group in ``creating``, with a volume for each of the source's. GroupNotFound, GroupSnapshotNotFound,
        InvalidGroup for an empty source, 400 for what in it is busy, 413 for quotas."""
        self._deps.require(ctx, "group:create")
        if not ctx.project_id:
            raise BadRequest("A group needs a project to belong to.")
        async with self._deps.database.work(ctx) as uow:
            if request.group_snapshot_id is not None:
                snapshot = await group_snapshots.find(uow, ctx, request.group_snapshot_id, lock=True)
                await self.check(uow, snapshot)
                origin = await groups.find(uow, ctx, snapshot.group_id, lock=True)
                taken = await group_snapshots.members(uow, snapshot.id)
                wanted = [CreateVolumeRequest(snapshot_id=each.id) for each in taken]
                source = {"group_snapshot": group_snapshot_object(snapshot)}
            else:
                origin = await groups.find(uow, ctx, request.source_group_id or "", lock=True)
                await self.check(uow, origin)
                volumes = await groups.members(uow, origin.id)
                wanted = [CreateVolumeRequest(source_volid=each.id) for each in reversed(volumes)]
                source = {"source_group": group_object(origin)}
            if not wanted:
                kind = "Group snapshot" if request.group_snapshot_id else "Source Group"
                raise InvalidGroup(reason=f"{kind} is empty. No group will be created.")
            return await self._create(uow, request, origin, wanted, source)

    async def _create(
        self,
        uow: UnitOfWork,
        request: CreateGroupFromSourceRequest,
        origin: Group,
        wanted: Sequence[CreateVolumeRequest],
        source: Mapping[str, dict[str, object]],
    ) -> Group:
        project = uow.ctx.project_id or ""
        await require_not_frozen(uow, origin.host)
        await groups.reserve_quota(uow, project)
        columns = {
            "id": new_id("volume"),
            "user_id": uow.ctx.user_id,
            "project_id": project,
            "status": CREATING,
            **attributes(request, "name description group_snapshot_id source_group_id"),
            **attributes(origin, "host availability_zone group_type_id volume_type_ids"),
            "created_at": uow.now,
        }
        group = await groups.TABLE.insert(uow, columns)
        for each in wanted:
            await self._members.insert_member(uow, each, group)
        to_backend(uow, BuildGroupFromSource(group=group_object(group), **source), group.host)
        return group
