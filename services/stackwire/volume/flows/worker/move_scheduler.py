"""cinder-scheduler: whether a volume may go, or be, where it is sent, and where one of another type is to be."""

from typing import Any

from stackwire.contracts import volume_moves as moves
from stackwire.core.context import RequestContext
from stackwire.db.pool import UnitOfWork
from stackwire.db.transitions import transition
from stackwire.volume.db import snapshots, volume_types, volumes
from stackwire.volume.domain import objects
from stackwire.volume.domain.model import Volume
from stackwire.volume.domain.scheduler_events import scheduling_failed
from stackwire.volume.domain.scheduling import NoValidBackend, Placement, PoolState
from stackwire.volume.domain.states import SnapshotStates, VolumeStates
from stackwire.volume.flows.deps import Flow, to_backend
from stackwire.volume.flows.move_steps import back_to_rest
from stackwire.volume.flows.pools import locked_pool_states


class MoveScheduler(Flow):
    """``cinder/scheduler/manager.py: retype, migrate_volume, manage_existing, manage_existing_snapshot``."""

    async def on_schedule_retype(self, ctx: RequestContext, message: moves.ScheduleRetype) -> None:
        """To where the volume is, if that will do for the new type; else to the best, if it may be migrated."""
        async with self._deps.database.work(ctx) as uow:
            volume = await volumes.TABLE.get(uow, objects.id_of(message.volume))
            if volume is None or not VolumeStates.finish_retype.allows(status=volume.status):
                return
            spec = message.request_spec
            policy, type_id = (
                str(spec.get("migration_policy") or "never"),
                str(objects.primitive(spec["volume_type"])["id"]),
            )
            try:
                pool = await self._for_type(uow, volume, type_id, policy, spec)
            except NoValidBackend as error:
                rested = await back_to_rest(self._deps, uow, volume)
                state = {"status": rested.status}
                named = {**spec, "operation": "retype_volume"}
                uow.notify(scheduling_failed("retype", named, error, state, volume_id=volume.id))
                return
            retype = moves.RetypeVolume(
                volume=objects.volume_object(volume),
                new_type_id=type_id,
                host=_destination(pool),
                migration_policy=policy,
                reservations=[],
                old_reservations=[],
            )
            to_backend(uow, retype, volume.host)

    async def _for_type(
        self, uow: UnitOfWork, volume: Volume, type_id: str, policy: str, spec: dict[str, Any]
    ) -> PoolState:
        """NoValidBackend. ``cinder/scheduler/filter_scheduler.py: find_retype_backend``."""
        new_type = await volume_types.by_id(uow, type_id)
        wanted = Placement(
            size=volume.size,
            extra_specs=new_type.extra_specs,
            zones=spec.get("availability_zones") or (),
            exists_on=volume.host,
        )
        found = self._deps.chooser.candidates(await locked_pool_states(self._deps, uow), wanted)
        if not found:
            raise NoValidBackend(reason=f"No valid backends for volume {volume.id} with type {new_type.name}")
        here = [pool for pool in found if pool.host == volume.host]
        if not here and policy == "never":
            reason = (
                f"Current backend not valid for volume {volume.id} with type {new_type.name}, migration not allowed"
            )
            raise NoValidBackend(reason=reason)
        return (here or found)[0]

    async def on_schedule_migration(self, ctx: RequestContext, message: moves.ScheduleMigration) -> None:
        """To the volume's back end, with the pool it is to go to; ``migration_status`` is ``error`` if it cannot."""
        async with self._deps.database.work(ctx) as uow:
            volume = await volumes.TABLE.get(uow, objects.id_of(message.volume), migration_status="starting")
            if volume is None:
                return
            specs = (await volume_types.by_id(uow, volume.volume_type_id)).extra_specs
            wanted = Placement(size=volume.size, extra_specs=specs, backend=message.backend)
            found = self._deps.chooser.candidates(await locked_pool_states(self._deps, uow), wanted)
            if not found:
                error = NoValidBackend(reason=f"Cannot place volume {volume.id} on {message.backend}")
                rested = await back_to_rest(self._deps, uow, volume, migration_status="error")
                state: dict[str, Any] = {"migration_status": "error"}
                if rested.status != volume.status:
                    state["status"] = rested.status
                spec = message.request_spec or {}
                uow.notify(scheduling_failed("migrate_volume_to_host", spec, error, state, volume_id=volume.id))
                return
            migrate = moves.MigrateVolume(
                volume=objects.volume_object(volume), host=_destination(found[0]), force_host_copy=message.force_copy
            )
            to_backend(uow, migrate, volume.host)

    async def on_schedule_manage(self, ctx: RequestContext, message: moves.ScheduleManage) -> None:
        """Writes the pool down; ``error_managing`` where there is none for the volume's type."""
        async with self._deps.database.work(ctx) as uow:
            volume = await volumes.TABLE.get(uow, objects.id_of(message.volume))
            if volume is None or not VolumeStates.schedule_managing.allows(status=volume.status):
                return
            specs = (await volume_types.by_id(uow, volume.volume_type_id)).extra_specs
            wanted = Placement(size=0, extra_specs=specs, backend=volume.host)
            found = self._deps.chooser.candidates(await locked_pool_states(self._deps, uow), wanted)
            if not found:
                error = NoValidBackend(reason=f"Cannot place volume {volume.id} on {volume.host}")
                await self._deps.transition(uow, volumes.TABLE, VolumeStates.fail_manage, volume.id)
                spec, state = message.request_spec, {"status": "error"}
                uow.notify(scheduling_failed("manage_existing", spec, error, state, volume_id=volume.id))
                return
            verb = VolumeStates.schedule_managing
            placed = await transition(uow, volumes.TABLE, verb, volume.id, host=found[0].host)
            if placed is not None:
                ref = dict(message.request_spec["ref"])
                manage = moves.ManageExisting(volume=objects.volume_object(placed), ref=ref)
                to_backend(uow, manage, placed.host)

    async def on_schedule_manage_snapshot(self, ctx: RequestContext, message: moves.ScheduleManageSnapshot) -> None:
        """To the back end of its volume; ``error`` where that is away."""
        async with self._deps.database.work(ctx) as uow:
            snapshot = await snapshots.TABLE.get(uow, objects.id_of(message.snapshot))
            volume = await volumes.TABLE.get(uow, objects.id_of(message.volume))
            if snapshot is None or volume is None or not SnapshotStates.schedule.allows(status=snapshot.status):
                return
            wanted = Placement(size=0, backend=volume.host)
            if self._deps.chooser.candidates(await locked_pool_states(self._deps, uow), wanted):
                manage = moves.ManageExistingSnapshot(snapshot=objects.snapshot_object(snapshot), ref=message.ref)
                to_backend(uow, manage, volume.host)
                return
            error = NoValidBackend(reason=f"Cannot place snapshot {snapshot.id} on {volume.host}")
            await self._deps.transition(uow, snapshots.TABLE, SnapshotStates.fail_create, snapshot.id)
            spec = message.request_spec
            uow.notify(scheduling_failed("manage_existing_snapshot", spec, error, "error", snapshot_id=snapshot.id))


def _destination(pool: PoolState) -> dict[str, Any]:
    return {"host": pool.host, "cluster_name": None, "capabilities": pool.reported()}
