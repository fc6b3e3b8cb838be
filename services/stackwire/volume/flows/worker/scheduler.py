"""cinder-scheduler: which back end a volume goes to, and whether one has the place for a snapshot or for more."""

from collections.abc import Mapping
from typing import Any

from stackwire.contracts import volume_workers as workers
from stackwire.core.context import RequestContext
from stackwire.db.pool import UnitOfWork
from stackwire.db.transitions import transition
from stackwire.volume.db import backups, messages, quotas, snapshots, volume_types, volumes
from stackwire.volume.domain import objects
from stackwire.volume.domain.model import Backup, Volume, VolumeType
from stackwire.volume.domain.scheduler_events import scheduling_failed
from stackwire.volume.domain.scheduling import NoValidBackend, Placement, PoolState, named_volumes
from stackwire.volume.domain.states import BackupStates, SnapshotStates, VolumeStates
from stackwire.volume.domain.user_messages import BACKUP_UNSCHEDULED, EXTEND_NOT_PLACED, NO_BACKEND
from stackwire.volume.flows.backup_service import is_enabled
from stackwire.volume.flows.deps import Flow, to_backend
from stackwire.volume.flows.pools import locked_pool_states
from stackwire.volume.flows.worker.create_backup import release_source

MAX_ATTEMPTS = 3
"""cinder.conf: scheduler_max_attempts, its default."""


class Scheduler(Flow):
    """Each message is forwarded while its row still waits for it."""

    async def on_schedule_volume(self, ctx: RequestContext, message: workers.ScheduleVolume) -> None:
        """Writes the chosen pool down as the volume's host; ``error``, with an event and a message for the user, where
        no back end has what is asked for, or they failed too often."""
        async with self._deps.database.work(ctx) as uow:
            waiting = await volumes.TABLE.get(uow, objects.id_of(message.volume))
            if waiting is None or not VolumeStates.schedule.allows(status=waiting.status):
                return  # delivered twice, or deleted meanwhile
            volume_type = await volume_types.by_id(uow, waiting.volume_type_id)
            retry = _retry(message.filter_properties or {})
            try:
                pool = await self._choose(uow, waiting, volume_type, message, retry)
            except NoValidBackend as error:
                if await self._deps.transition(uow, volumes.TABLE, VolumeStates.fail_create, waiting.id):
                    await messages.insert(uow, waiting.project_id, waiting.id, NO_BACKEND)
                    uow.notify(
                        scheduling_failed("create_volume", message.request_spec, error, "error", volume_id=waiting.id)
                    )
                return
            await self._place(uow, waiting, volume_type, message, retry, pool)

    async def _choose(
        self,
        uow: UnitOfWork,
        volume: Volume,
        volume_type: VolumeType,
        message: workers.ScheduleVolume,
        retry: Mapping[str, Any],
    ) -> PoolState:
        """The best pool. NoValidBackend."""
        if retry["num_attempts"] > MAX_ATTEMPTS:
            raise NoValidBackend(reason=f"Exceeded max scheduling attempts {MAX_ATTEMPTS} for resource {volume.id}")
        spec = objects.primitive(message.request_spec)
        hints = (message.filter_properties or {}).get("scheduler_hints") or {}
        wanted = Placement(
            size=volume.size,
            extra_specs=volume_type.extra_specs,
            zones=spec.get("availability_zones") or (),
            backend=spec.get("resource_backend"),
            tried=retry["backends"],
            hints=hints,
            hosts=await _hosts_of(uow, volume.project_id, hints),
        )
        found = self._deps.chooser.candidates(await locked_pool_states(self._deps, uow), wanted)
        if not found:
            raise NoValidBackend(reason="No weighed backends available")
        return found[0]

    async def _place(
        self,
        uow: UnitOfWork,
        waiting: Volume,
        volume_type: VolumeType,
        message: workers.ScheduleVolume,
        retry: dict[str, Any],
        pool: PoolState,
    ) -> None:
        volume = await transition(
            uow,
            volumes.TABLE,
            VolumeStates.schedule,
            waiting.id,
            host=pool.host,
            availability_zone=pool.zone,
            scheduled_at=uow.now,
        )
        if volume is None:
            return
        tried = [*retry["backends"], pool.host]
        retry |= {"backends": tried, "hosts": tried}
        build = workers.BuildVolume(
            volume=objects.volume_object(volume, volume_type),
            request_spec=message.request_spec,
            filter_properties={**(message.filter_properties or {}), "retry": retry, "size": volume.size},
            allow_reschedule=True,
        )
        to_backend(uow, build, volume.host)

    async def on_schedule_snapshot(self, ctx: RequestContext, message: workers.ScheduleSnapshot) -> None:
        """To the back end, while the snapshot is in ``creating``; ``error`` where it has no place for it."""
        async with self._deps.database.work(ctx) as uow:
            snapshot = await snapshots.TABLE.get(uow, objects.id_of(message.snapshot))
            if snapshot is None or not SnapshotStates.schedule.allows(status=snapshot.status):
                return
            try:
                wanted = Placement(size=snapshot.volume_size, backend=message.backend)
                await self._check_place(uow, "snapshot", snapshot.id, wanted)
            except NoValidBackend as error:
                if await self._deps.transition(uow, snapshots.TABLE, SnapshotStates.fail_create, snapshot.id):
                    spec = message.request_spec or {}
                    uow.notify(scheduling_failed("create_snapshot", spec, error, "error", snapshot_id=snapshot.id))
                return
            to_backend(uow, workers.TakeSnapshot(snapshot=objects.snapshot_object(snapshot)), message.backend)

    async def on_schedule_backup(self, ctx: RequestContext, message: workers.ScheduleBackup) -> None:
        """To the one host, which is written down as the backup's; ``error``, with a message for the user, where it is
        disabled, or in another zone than was asked for."""
        async with self._deps.database.work(ctx) as uow:
            waiting = await backups.TABLE.get(uow, objects.id_of(message.backup))
            if waiting is None:
                return
            if waiting.availability_zone not in (None, self._deps.zone) or not await is_enabled(uow):
                await self._refuse_backup(uow, waiting)
                return
            backup = await transition(uow, backups.TABLE, BackupStates.schedule, waiting.id, host=workers.HOST)
            if backup is not None:
                parent = await backups.TABLE.get(uow, backup.parent_id) if backup.parent_id is not None else None
                uow.cast(workers.CreateBackup(backup=objects.backup_object(backup, parent)), server=workers.HOST)

    async def _refuse_backup(self, uow: UnitOfWork, backup: Backup) -> None:
        verb, reason = BackupStates.fail_create, "Service not found for creating backup."
        if await self._deps.transition(uow, backups.TABLE, verb, backup.id, fail_reason=reason) is not None:
            await release_source(self._deps, uow, backup, "backing-up")
            await messages.insert(uow, backup.project_id, backup.id, BACKUP_UNSCHEDULED)

    async def on_schedule_extend(self, ctx: RequestContext, message: workers.ScheduleExtend) -> None:
        """To the back end, while the volume is in ``extending``; as before where it has no place for it."""
        async with self._deps.database.work(ctx) as uow:
            volume = await volumes.TABLE.get(uow, objects.id_of(message.volume))
            if volume is None or not VolumeStates.finish_extend.allows(status=volume.status):
                return
            growth = message.new_size - volume.size
            try:
                volume_type = await volume_types.by_id(uow, volume.volume_type_id)
                wanted = Placement(
                    size=growth,
                    extra_specs=volume_type.extra_specs,
                    online=volume.attach_status != "detached",
                    backend=volume.host or workers.POOL,
                )
                await self._check_place(uow, "volume", volume.id, wanted)
            except NoValidBackend as error:
                before = volume.previous_status or "available"
                kept: dict[str, Any] = {"status": before, "new_size": None, "previous_status": None}
                verb = VolumeStates.finish_extend
                if await self._deps.transition(uow, volumes.TABLE, verb, volume.id, **kept):
                    await quotas.release(uow, volume.project_id, {"gigabytes": growth})
                    await messages.insert(uow, volume.project_id, volume.id, EXTEND_NOT_PLACED)
                    state = {"status": before, "previous_status": None}
                    spec = message.request_spec or {}
                    uow.notify(scheduling_failed("extend_volume", spec, error, state, volume_id=volume.id))
                return
            extend = workers.ExtendVolume(volume=objects.volume_object(volume), new_size=message.new_size)
            to_backend(uow, extend, volume.host)

    async def _check_place(self, uow: UnitOfWork, what: str, resource_id: str, wanted: Placement) -> None:
        """NoValidBackend unless its back end is there, and has room (``backend_passes_filters``)."""
        if not self._deps.chooser.candidates(await locked_pool_states(self._deps, uow), wanted):
            raise NoValidBackend(reason=f"Cannot place {what} {resource_id} on {wanted.backend}")


async def _hosts_of(uow: UnitOfWork, project_id: str, hints: Mapping[str, Any]) -> dict[str, str | None]:
    """Where the volumes are that hints name, of those of the project."""
    named = [each for hint in ("same_host", "different_host") for each in named_volumes(hints.get(hint, [])) or ()]
    found = await volumes.TABLE.find(uow, id=named, project_id=project_id) if named else []
    return {volume.id: volume.host for volume in found}


def _retry(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The attempts at this volume, with the one that begins now (``FilterScheduler._populate_retry``)."""
    before = properties.get("retry") or {}
    return {"num_attempts": before.get("num_attempts", 0) + 1, "backends": list(before.get("backends", ()))}
