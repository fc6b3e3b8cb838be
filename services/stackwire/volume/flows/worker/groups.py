"""The worker's half of groups: they are rows, but for the copies of a source's volumes."""

from typing import Any

from stackwire.contracts.volume import VolumeNotFound
from stackwire.contracts.volume_workers import BuildGroup, BuildGroupFromSource, RemoveGroup, UpdateGroup
from stackwire.core.context import RequestContext
from stackwire.core.rules import Resource
from stackwire.db.pool import UnitOfWork
from stackwire.volume.db import glance_metadata, group_types, groups, quotas, snapshots, volumes
from stackwire.volume.domain import objects, travel
from stackwire.volume.domain.errors import InvalidGroup
from stackwire.volume.domain.group_model import Group
from stackwire.volume.domain.group_notifications import group_event
from stackwire.volume.domain.group_states import GroupStates
from stackwire.volume.domain.model import Volume
from stackwire.volume.domain.notifications import volume_event
from stackwire.volume.domain.size_checks import GIBIBYTE
from stackwire.volume.domain.states import VolumeStates
from stackwire.volume.flows.deps import Flow, VolumeDeps, log_failure, snapshot_file, volume_file
from stackwire.volume.flows.worker.delete import DeleteWorker


class GroupWorker(Flow):
    """``cinder/volume/manager.py: create_group, create_group_from_src, update_group, delete_group``."""

    def __init__(self, deps: VolumeDeps, deletion: DeleteWorker) -> None:
        super().__init__(deps)
        self._deletion = deletion

    async def on_create_group(self, ctx: RequestContext, message: BuildGroup) -> None:
        """``available``; ``error`` for a consistency group, which the back end cannot have."""
        group_id = objects.id_of(message.group)
        async with self._deps.hold(ctx, groups.TABLE, group_id, GroupStates.finish_create) as group:
            if group is None:
                return
            async with self._deps.database.work(ctx) as uow:
                uow.notify(group_event("create.start", group))
                consistency = group.group_type_id == await group_types.default_cgsnapshot_id(uow)
            if consistency:
                await self.fail(ctx, group)
                return
            async with self._deps.database.work(ctx) as uow:
                await self._finish(uow, group)

    async def on_create_group_from_src(self, ctx: RequestContext, message: BuildGroupFromSource) -> None:
        """``available`` with all of its volumes, or ``error`` with all of them."""
        group_id = objects.id_of(message.group)
        async with self._deps.hold(ctx, groups.TABLE, group_id, GroupStates.finish_create) as group:
            if group is None:
                return
            async with self._deps.database.work(ctx) as uow:
                members = await groups.members(uow, group.id)
                uow.notify(group_event("create.start", group))
                for volume in members:
                    uow.notify(volume_event("create.start", volume, uow.now, from_api=False))
            try:
                await self._copy(ctx, group, members)
            except Exception as error:
                log_failure("group %s could not be created", group.id, error)
                await self.fail(ctx, group)

    async def _copy(self, ctx: RequestContext, group: Group, members: list[Volume]) -> None:
        for volume in members:
            source = await self._source_file(volume)
            await self._deps.store(volume.host).copy(source, volume_file(volume), volume.size * GIBIBYTE)
        async with self._deps.database.work(ctx) as uow:
            if not await self._finish(uow, group):
                raise InvalidGroup(reason="it is not being created any more")
            for volume in members:
                changes: dict[str, Any] = {"created_at": uow.now, "bootable": await self._inherit(uow, volume)}
                created = await self._deps.transition(
                    uow, volumes.TABLE, VolumeStates.finish_create, volume.id, **changes
                )
                if created is None:
                    raise InvalidGroup(reason=f"volume {volume.id} is not being created any more")
                rows = await glance_metadata.rows(uow, "volume_id", volume.id)
                uow.notify(volume_event("create.end", created, uow.now, from_api=False, glance=rows))

    async def _source_file(self, volume: Volume) -> str:
        """VolumeNotFound."""
        if volume.snapshot_id is not None:
            return snapshot_file(volume.snapshot_id)
        async with self._deps.database.read() as session:
            origin = await volumes.TABLE.get(session, volume.source_volid)
        if origin is None:
            raise VolumeNotFound(volume_id=volume.source_volid)
        return volume_file(origin)

    async def _inherit(self, uow: UnitOfWork, volume: Volume) -> bool:
        """Writes the image metadata of the source; whether that is bootable."""
        snapshot = await snapshots.TABLE.get(uow, volume.snapshot_id) if volume.snapshot_id else None
        kind, source_id = ("snapshot", snapshot.id) if snapshot else ("volume", volume.source_volid or "")
        origin = await volumes.TABLE.get(uow, snapshot.volume_id if snapshot else source_id)
        bootable = origin is not None and origin.bootable
        rows = await glance_metadata.read(uow, "snapshot_id" if snapshot else "volume_id", source_id)
        ends = Resource(kind, source_id), Resource("volume", volume.id)
        inherited = uow.apply(travel.for_group_member, *ends, rows, source_bootable=bootable)
        await glance_metadata.replace(uow, "volume_id", volume.id, inherited)
        return bootable

    async def _finish(self, uow: UnitOfWork, group: Group) -> bool:
        """False when the group is not being created any more. Its creation dates from now, as in Cinder."""
        verb = GroupStates.finish_create
        created = await self._deps.transition(uow, groups.TABLE, verb, group.id, created_at=uow.now)
        if created is not None:
            uow.notify(group_event("create.end", created))
        return created is not None

    async def fail(self, ctx: RequestContext, group: Group) -> None:
        """To ``error``, and the volumes that were to be in it too."""
        async with self._deps.database.work(ctx) as uow:
            await self._deps.transition(uow, groups.TABLE, GroupStates.fail_create, group.id)
            members = await groups.members(uow, group.id)
            for volume in members:
                await self._deps.transition(uow, volumes.TABLE, VolumeStates.fail_create, volume.id)
        for volume in members:
            await self._deps.store(volume.host).discard(volume_file(volume))

    async def on_update_group(self, ctx: RequestContext, message: UpdateGroup) -> None:
        """Volumes into the group, and out of it."""
        group_id = objects.id_of(message.group)
        async with self._deps.hold(ctx, groups.TABLE, group_id, GroupStates.finish_update) as group:
            if group is None:
                return
            async with self._deps.database.work(ctx) as uow:
                uow.notify(group_event("update.start", group))
                await groups.move(uow, _ids(message.add_volumes), None, group.id)
                await groups.move(uow, _ids(message.remove_volumes), group.id, None)
                updated = await self._deps.transition(uow, groups.TABLE, GroupStates.finish_update, group.id)
                uow.notify(group_event("update.end", updated or group))

    async def fail_update(self, ctx: RequestContext, group: Group) -> None:
        """What was to be moved is only in the message, which is lost: to ``error``."""
        async with self._deps.database.work(ctx) as uow:
            await self._deps.transition(uow, groups.TABLE, GroupStates.fail_update, group.id)

    async def on_delete_group(self, ctx: RequestContext, message: RemoveGroup) -> None:
        """The group and its volumes."""
        group_id = objects.id_of(message.group)
        async with self._deps.hold(ctx, groups.TABLE, group_id, GroupStates.finish_delete) as group:
            if group is not None:
                await self.complete_delete(ctx, group)

    async def complete_delete(self, ctx: RequestContext, group: Group) -> None:
        """Ends the deletion of a group in ``deleting``, however far it has got."""
        async with self._deps.database.work(ctx) as uow:
            members = await groups.members(uow, group.id)
            uow.notify(group_event("delete.start", group))
        deleted_all = [await self._deletion.complete_volume(ctx, volume) for volume in members]
        async with self._deps.database.work(ctx) as uow:
            if not all(deleted_all):
                await self._deps.transition(uow, groups.TABLE, GroupStates.fail_delete, group.id)
                return
            deleted = await self._deps.transition(
                uow, groups.TABLE, GroupStates.finish_delete, group.id, deleted=True, deleted_at=uow.now
            )
            if deleted is not None:
                await quotas.release(uow, group.project_id, {"groups": 1})
                uow.notify(group_event("delete.end", group))


def _ids(given: str | None) -> list[str]:
    return [each for each in (given or "").split(",") if each]
