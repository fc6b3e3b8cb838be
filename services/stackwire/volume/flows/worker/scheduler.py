"""cinder-scheduler: there is one back end, which every message is forwarded to."""

from stackwire.contracts import volume_workers as workers
from stackwire.core.context import RequestContext
from stackwire.db.transitions import transition
from stackwire.volume.db import messages, snapshots, volume_types, volumes
from stackwire.volume.domain import objects
from stackwire.volume.domain.capabilities import CAPABILITIES, satisfies
from stackwire.volume.domain.states import SnapshotStates, VolumeStates
from stackwire.volume.domain.user_messages import NO_BACKEND, NO_VALID_BACKEND
from stackwire.volume.flows.deps import Flow


class Scheduler(Flow):
    """Each message is forwarded while its row still waits for it."""

    async def on_schedule_volume(self, ctx: RequestContext, message: workers.ScheduleVolume) -> None:
        """Writes the chosen pool down as the volume's host; ``error``, with a message for the user, where the back end
        has not what the volume's type asks for."""
        async with self._deps.database.work(ctx) as uow:
            waiting = await volumes.TABLE.get(uow, objects.id_of(message.volume))
            if waiting is None:
                return
            volume_type = await volume_types.by_id(uow, waiting.volume_type_id)
            if not satisfies(CAPABILITIES, volume_type.extra_specs):
                if await self._deps.transition(uow, volumes.TABLE, VolumeStates.fail_create, waiting.id):
                    await messages.insert(uow, waiting.project_id, waiting.id, NO_BACKEND, NO_VALID_BACKEND)
                return
            volume = await transition(
                uow, volumes.TABLE, VolumeStates.schedule, waiting.id, host=workers.POOL, scheduled_at=uow.now
            )
            if volume is None:
                return  # delivered twice, or deleted meanwhile
            retry = {"num_attempts": 1, "backends": [workers.POOL], "hosts": [workers.POOL]}
            uow.cast(
                workers.BuildVolume(
                    volume=objects.volume_object(volume, volume_type),
                    request_spec=message.request_spec,
                    filter_properties={**(message.filter_properties or {}), "retry": retry, "size": volume.size},
                    allow_reschedule=True,
                ),
                server=workers.HOST,
            )

    async def on_schedule_snapshot(self, ctx: RequestContext, message: workers.ScheduleSnapshot) -> None:
        """To the back end, while the snapshot is in ``creating``."""
        async with self._deps.database.work(ctx) as uow:
            snapshot = await snapshots.TABLE.get(uow, objects.id_of(message.snapshot))
            if snapshot is not None and SnapshotStates.schedule.allows(status=snapshot.status):
                uow.cast(workers.TakeSnapshot(snapshot=objects.snapshot_object(snapshot)), server=workers.HOST)

    async def on_schedule_extend(self, ctx: RequestContext, message: workers.ScheduleExtend) -> None:
        """To the back end, while the volume is in ``extending``."""
        async with self._deps.database.work(ctx) as uow:
            volume = await volumes.TABLE.get(uow, objects.id_of(message.volume))
            if volume is not None and VolumeStates.finish_extend.allows(status=volume.status):
                uow.cast(
                    workers.ExtendVolume(volume=objects.volume_object(volume), new_size=message.new_size),
                    server=workers.HOST,
                )
