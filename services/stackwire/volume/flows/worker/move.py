"""Giving a volume another type, and moving it to another back end: by a copy whose place it takes under its own id.

The copy is a volume of its own while it is made (``migration_status`` is ``target:<id>``); whoever has made it goes on
with the data. Each step finds in the rows how far the one before has got, so that it can be done again after a crash.
"""

from typing import Any

from stackwire.contracts.volume_moves import CompleteMigration, MigrateVolume, RetypeVolume
from stackwire.contracts.volume_workers import BuildVolume, RemoveVolume
from stackwire.core.attributes import attributes
from stackwire.core.context import RequestContext
from stackwire.core.ids import new_id
from stackwire.db.pool import UnitOfWork
from stackwire.volume.db import attachments, snapshots, volume_types, volumes
from stackwire.volume.domain import objects, travel
from stackwire.volume.domain.model import Volume
from stackwire.volume.domain.states import IN_USE, MIGRATING, VolumeStates
from stackwire.volume.flows.deps import Flow, VolumeDeps, log, log_failure, to_backend
from stackwire.volume.flows.move_steps import (
    back_to_rest,
    copy_data,
    is_attached,
    keep_rows,
    notify_retyped,
    release_copy,
)
from stackwire.volume.flows.worker.move_attached import AttachedMove, HostMove

_READY = ("available", "reserved", "attaching", "in-use")
"""Of a copy that there is: a server may have it already."""


class MoveWorker(Flow):
    """``cinder/volume/manager.py: retype, migrate_volume, migrate_volume_completion``."""

    def __init__(self, deps: VolumeDeps) -> None:
        super().__init__(deps)
        self._attached = AttachedMove(deps)

    async def on_retype(self, ctx: RequestContext, message: RetypeVolume) -> None:
        """In place on its own back end; else by a copy, unless that is not allowed or cannot be: then as before."""
        volume_id, host = objects.id_of(message.volume), str(message.host["host"])
        async with self._deps.hold(ctx, volumes.TABLE, volume_id, VolumeStates.finish_retype) as volume:
            if volume is None or volume.migration_status in MIGRATING:
                return
            if self._is_here(volume, host):
                async with self._deps.database.work(ctx) as uow:
                    await self._retype_in_place(uow, volume, host, message.new_type_id)
                return
            async with self._deps.database.work(ctx) as uow:
                if message.migration_policy == "never" or await snapshots.of_volume(uow, volume.id):
                    log.warning("volume %s cannot be moved to be of another type", volume.id)
                    await back_to_rest(self._deps, uow, volume)
                    return
                await self._begin_copy(uow, volume, host, message.new_type_id)

    async def on_migrate_volume(self, ctx: RequestContext, message: MigrateVolume) -> None:
        """To another pool of its own back end at once, else by a copy; one that is attached always by a copy."""
        volume_id, host = objects.id_of(message.volume), str(message.host["host"])
        async with self._deps.hold_where(ctx, volumes.TABLE, volume_id, migration_status="starting") as volume:
            if volume is None:
                return
            async with self._deps.database.work(ctx) as uow:
                used = await attachments.of_volume(uow, volume.id)
                if self._is_here(volume, host) and not message.force_host_copy and not used:
                    await back_to_rest(self._deps, uow, volume, host=host, migration_status="success")
                    await keep_rows(uow, volume, travel.at_migrate)
                else:
                    await self._begin_copy(uow, volume, host, message.new_type_id or volume.volume_type_id)

    async def on_complete_migration(self, ctx: RequestContext, message: CompleteMigration) -> str:
        """What Nova asks for when it has moved an attached volume's data; with ``error`` the copy goes."""
        volume_id = objects.id_of(message.volume)
        if message.error:
            await self._give_up(ctx, volume_id, objects.id_of(message.new_volume))
        else:
            await self.resume(ctx, volume_id)
        return volume_id

    async def copy_ended(self, ctx: RequestContext, copy: Volume) -> None:
        """A copy was made, or could not be."""
        await self.resume(ctx, (copy.migration_status or "").removeprefix("target:"))

    async def recover(self, ctx: RequestContext, volume: Volume) -> None:
        """What a dead worker left ``retyping`` or in ``maintenance``: goes on, or is as before.

        Where a host has to go on, it is asked when the migration itself is found without a worker.
        """
        if volume.migration_status in MIGRATING:
            await self._proceed(ctx, volume)
        else:
            await self._abort(ctx, volume)

    async def resume(self, ctx: RequestContext, volume_id: str) -> None:
        """Goes on with a migration, however far it has got."""
        async with self._deps.hold_where(ctx, volumes.TABLE, volume_id, migration_status=MIGRATING) as volume:
            move = await self._proceed(ctx, volume) if volume is not None else None
        # The host completes the migration meanwhile, so that nobody may hold the volume.
        if move is not None and not await self._attached.request(ctx, move):
            await self._give_up(ctx, volume_id)

    async def _give_up(self, ctx: RequestContext, volume_id: str, copy_id: str | None = None) -> None:
        """``copy_id``: only the migration that made this copy, where the message may be late and mean an earlier."""
        async with self._deps.hold_where(ctx, volumes.TABLE, volume_id, migration_status=MIGRATING) as volume:
            if volume is None:
                return
            async with self._deps.database.read() as session:
                copy = await volumes.copy_of(session, volume_id)
            if copy_id is None or (copy is not None and copy.id == copy_id):
                await self._abort(ctx, volume)

    async def _proceed(self, ctx: RequestContext, volume: Volume) -> HostMove | None:
        """As far as the volume service goes alone; what the compute service is to be asked for next, if anything."""
        async with self._deps.database.read() as session:
            copy = await volumes.copy_of(session, volume.id)
            used = await attachments.of_volume(session, volume.id)
            taken = await attachments.of_volume(session, copy.id) if copy is not None else []
        if copy is not None and copy.status == "creating":
            return None  # its worker goes on, or its own recovery
        if copy is None or copy.status not in _READY:
            await self._abort(ctx, volume)
            return None
        try:
            if used:
                return await self._attached.prepare(ctx, volume, copy, used, taken)
            if not is_attached(taken):
                await copy_data(self._deps, volume, copy)
        except Exception as error:
            log_failure("volume %s could not be moved", volume.id, error)
            await self._abort(ctx, volume)
        else:
            async with self._deps.database.work(ctx) as uow:
                await self._swap(uow, volume, copy)
        return None

    def _is_here(self, volume: Volume, host: str) -> bool:
        """Pools of one back end are one folder."""
        return self._deps.backends.of(volume.host) is self._deps.backends.of(host)

    async def _retype_in_place(self, uow: UnitOfWork, volume: Volume, host: str, type_id: str) -> None:
        new_type = await volume_types.by_id(uow, type_id)
        changes = {"volume_type_id": type_id, "host": host, "multiattach": new_type.multiattach}
        retyped = await back_to_rest(self._deps, uow, volume, **changes)
        for snapshot in await snapshots.of_volume(uow, volume.id):
            await snapshots.TABLE.update(uow, snapshot.id, volume_type_id=type_id)
        await notify_retyped(uow, volume, retyped)

    async def _begin_copy(self, uow: UnitOfWork, volume: Volume, host: str, type_id: str) -> None:
        """The copy's row, and the message to its back end (``_migrate_volume_generic``)."""
        await volumes.TABLE.update(uow, volume.id, migration_status="migrating")
        new_type = await volume_types.by_id(uow, type_id)
        columns: dict[str, Any] = {
            **attributes(volume, "user_id project_id name description size bootable readonly metadata"),
            "id": new_id("volume"),
            "status": "creating",
            "migration_status": f"target:{volume.id}",
            "host": host,
            "availability_zone": self._deps.backends.of(host).zone,
            "volume_type_id": type_id,
            "multiattach": new_type.multiattach,
            "created_at": volume.created_at,
        }
        copy = await volumes.TABLE.insert(uow, columns)
        build = BuildVolume(volume=objects.volume_object(copy, new_type), allow_reschedule=False)
        to_backend(uow, build, host)

    async def _swap(self, uow: UnitOfWork, volume: Volume, copy: Volume) -> None:
        """The volume has the copy's data and place, the copy the volume's old ones, with which it goes.

        ``cinder/objects/volume.py: finish_volume_migration``.
        """
        taken = attributes(copy, "host availability_zone service_uuid volume_type_id multiattach launched_at")
        changes = {**taken, "name_id": copy.name_id or copy.id, "migration_status": "success"}
        if is_attached(await attachments.of_volume(uow, copy.id)):
            await attachments.move(uow, copy.id, volume.id)
            changes["attach_status"] = "attached"
        moved = await back_to_rest(self._deps, uow, volume, previous_status=volume.status, **changes)
        await release_copy(uow, copy.id)
        deleting = await self._deps.transition(
            uow,
            volumes.TABLE,
            VolumeStates.delete_copy,
            copy.id,
            **attributes(volume, "host availability_zone service_uuid"),
            name_id=volume.name_id or volume.id,
            description=f"migration src for {volume.id}",
            migration_status="deleting",
            terminated_at=uow.now,
            attach_status="detached",
        )
        if deleting is not None:
            to_backend(uow, RemoveVolume(volume=objects.volume_object(deleting)), deleting.host)
        await keep_rows(uow, volume, travel.at_migrate)
        if volume.status == "retyping" and volume.previous_status != IN_USE:  # of those in use it was notified before
            await notify_retyped(uow, volume, moved)

    async def _abort(self, ctx: RequestContext, volume: Volume) -> None:
        """As before, without the copy; ``migration_status`` is ``error`` if it was being migrated.

        Not when a server has the copy: then the migration goes on.
        """
        async with self._deps.database.work(ctx) as uow:
            copy = await volumes.copy_of(uow, volume.id)
            if copy is not None and not await release_copy(uow, copy.id):
                return
            status = "error" if volume.migration_status in MIGRATING else volume.migration_status
            await back_to_rest(self._deps, uow, volume, migration_status=status)
            if copy is None:
                return
            deleting = await self._deps.transition(uow, volumes.TABLE, VolumeStates.delete_copy, copy.id)
            if deleting is not None:
                to_backend(uow, RemoveVolume(volume=objects.volume_object(deleting)), deleting.host)
