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
from stackwire.core.rules import Resource
from stackwire.db.pool import UnitOfWork
from stackwire.volume.db import attachments, glance_metadata, snapshots, volume_types, volumes
from stackwire.volume.domain import objects, travel
from stackwire.volume.domain.model import Volume
from stackwire.volume.domain.notifications import volume_event
from stackwire.volume.domain.size_checks import GIBIBYTE
from stackwire.volume.domain.states import MIGRATING, VolumeStates
from stackwire.volume.flows.deps import Flow, log, log_failure, to_backend, volume_file
from stackwire.volume.flows.move_steps import back_to_rest


class MoveWorker(Flow):
    """``cinder/volume/manager.py: retype, migrate_volume, migrate_volume_completion``."""

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
                fixed = await snapshots.of_volume(uow, volume.id) or await attachments.of_volume(uow, volume.id)
                if message.migration_policy == "never" or fixed:
                    log.warning("volume %s cannot be moved to be of another type", volume.id)
                    await back_to_rest(self._deps, uow, volume)
                    return
                await self._begin_copy(uow, volume, host, message.new_type_id)

    async def on_migrate_volume(self, ctx: RequestContext, message: MigrateVolume) -> None:
        """To another pool of its own back end at once, else by a copy."""
        volume_id, host = objects.id_of(message.volume), str(message.host["host"])
        async with self._deps.hold_where(ctx, volumes.TABLE, volume_id, migration_status="starting") as volume:
            if volume is None:
                return
            async with self._deps.database.work(ctx) as uow:
                if self._is_here(volume, host) and not message.force_host_copy:
                    await back_to_rest(self._deps, uow, volume, host=host, migration_status="success")
                    await _keep_rows(uow, volume, travel.at_migrate)
                else:
                    await self._begin_copy(uow, volume, host, message.new_type_id or volume.volume_type_id)

    async def on_complete_migration(self, ctx: RequestContext, message: CompleteMigration) -> str:
        """What Nova asks for when it has moved an attached volume's data; with ``error`` the copy goes."""
        volume_id = objects.id_of(message.volume)
        if message.error:
            async with self._deps.hold_where(ctx, volumes.TABLE, volume_id, migration_status=MIGRATING) as volume:
                if volume is not None:
                    await self._abort(ctx, volume)
        else:
            await self.resume(ctx, volume_id)
        return volume_id

    async def copy_ended(self, ctx: RequestContext, copy: Volume) -> None:
        """A copy was made, or could not be."""
        await self.resume(ctx, (copy.migration_status or "").removeprefix("target:"))

    async def recover(self, ctx: RequestContext, volume: Volume) -> None:
        """What a dead worker left ``retyping`` or in ``maintenance``: goes on, or is as before."""
        if volume.migration_status in MIGRATING:
            await self._proceed(ctx, volume)
        else:
            await self._abort(ctx, volume)

    async def resume(self, ctx: RequestContext, volume_id: str) -> None:
        """Goes on with a migration, however far it has got."""
        async with self._deps.hold_where(ctx, volumes.TABLE, volume_id, migration_status=MIGRATING) as volume:
            if volume is not None:
                await self._proceed(ctx, volume)

    async def _proceed(self, ctx: RequestContext, volume: Volume) -> None:
        async with self._deps.database.read() as session:
            copy = await volumes.copy_of(session, volume.id)
        if copy is not None and copy.status == "creating":
            return  # its worker goes on, or its own recovery
        if copy is None or copy.status != "available":
            await self._abort(ctx, volume)
            return
        try:
            store, origin = self._deps.store(copy.host), self._deps.store(volume.host)
            await store.copy(volume_file(volume), volume_file(copy), volume.size * GIBIBYTE, origin)
        except Exception as error:
            log_failure("volume %s could not be moved", volume.id, error)
            await self._abort(ctx, volume)
        else:
            async with self._deps.database.work(ctx) as uow:
                await self._swap(uow, volume, copy)

    def _is_here(self, volume: Volume, host: str) -> bool:
        """Pools of one back end are one folder."""
        return self._deps.backends.of(volume.host) is self._deps.backends.of(host)

    async def _retype_in_place(self, uow: UnitOfWork, volume: Volume, host: str, type_id: str) -> None:
        new_type = await volume_types.by_id(uow, type_id)
        changes = {"volume_type_id": type_id, "host": host, "multiattach": new_type.multiattach}
        retyped = await back_to_rest(self._deps, uow, volume, **changes)
        for snapshot in await snapshots.of_volume(uow, volume.id):
            await snapshots.TABLE.update(uow, snapshot.id, volume_type_id=type_id)
        await self._notify_retyped(uow, volume, retyped)

    async def _begin_copy(self, uow: UnitOfWork, volume: Volume, host: str, type_id: str) -> None:
        """The copy's row, and the message to its back end (``_migrate_volume_generic``)."""
        await volumes.TABLE.update(uow, volume.id, migration_status="migrating")
        new_type = await volume_types.by_id(uow, type_id)
        columns: dict[str, Any] = {
            **attributes(volume, "user_id project_id name description size bootable readonly metadata"),
            "id": new_id(),
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
        moved = await back_to_rest(self._deps, uow, volume, previous_status=volume.status, **changes)
        await attachments.move(uow, copy.id, volume.id)
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
        )
        if deleting is not None:
            to_backend(uow, RemoveVolume(volume=objects.volume_object(deleting)), deleting.host)
        await _keep_rows(uow, volume, travel.at_migrate)
        if volume.status == "retyping":
            await self._notify_retyped(uow, volume, moved)

    async def _notify_retyped(self, uow: UnitOfWork, before: Volume, volume: Volume) -> None:
        rows, used = await _keep_rows(uow, before, travel.at_retype), await attachments.of_volume(uow, volume.id)
        event = volume_event("retype", volume, uow.now, attachments=used, glance=rows, daemon=before.host)
        uow.notify(event)

    async def _abort(self, ctx: RequestContext, volume: Volume) -> None:
        """As before, without the copy; ``migration_status`` is ``error`` if it was being migrated."""
        async with self._deps.database.work(ctx) as uow:
            status = "error" if volume.migration_status in MIGRATING else volume.migration_status
            await back_to_rest(self._deps, uow, volume, migration_status=status)
            copy = await volumes.copy_of(uow, volume.id)
            if copy is None:
                return
            deleting = await self._deps.transition(uow, volumes.TABLE, VolumeStates.delete_copy, copy.id)
            if deleting is not None:
                to_backend(uow, RemoveVolume(volume=objects.volume_object(deleting)), deleting.host)


async def _keep_rows(uow: UnitOfWork, volume: Volume, rule: Any) -> list[Any]:
    """The volume's rows of image metadata, which stay: the rule says so."""
    itself = Resource("volume", volume.id)
    uow.apply(rule, itself, itself, await glance_metadata.read(uow, "volume_id", volume.id))
    return await glance_metadata.rows(uow, "volume_id", volume.id)
