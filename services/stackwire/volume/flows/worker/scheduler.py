"""cinder-scheduler: there is one back end, which every message is forwarded to."""

from collections.abc import Mapping
from typing import Any

from stackwire.contracts import volume_workers as workers
from stackwire.core.capabilities import satisfies
from stackwire.core.context import RequestContext
from stackwire.db.transitions import transition
from stackwire.volume.db import messages, snapshots, volume_types, volumes
from stackwire.volume.domain import objects
from stackwire.volume.domain.capabilities import CAPABILITIES
from stackwire.volume.domain.model import VolumeType
from stackwire.volume.domain.notifications import scheduling_failed
from stackwire.volume.domain.states import SnapshotStates, VolumeStates
from stackwire.volume.domain.user_messages import NO_BACKEND, NO_VALID_BACKEND
from stackwire.volume.flows.deps import Flow

MAX_ATTEMPTS = 3
"""cinder.conf: scheduler_max_attempts, its default."""


class Scheduler(Flow):
    """Each message is forwarded while its row still waits for it."""

    async def on_schedule_volume(self, ctx: RequestContext, message: workers.ScheduleVolume) -> None:
        """Writes the chosen pool down as the volume's host; ``error``, with an event and a message for the user, where
        the back end has not what the volume's type asks for, or failed too often."""
        async with self._deps.database.work(ctx) as uow:
            waiting = await volumes.TABLE.get(uow, objects.id_of(message.volume))
            if waiting is None:
                return
            volume_type = await volume_types.by_id(uow, waiting.volume_type_id)
            retry = _retry(message.filter_properties or {})
            reason = _refusal(waiting.id, volume_type, retry["num_attempts"])
            if reason is not None:
                if await self._deps.transition(uow, volumes.TABLE, VolumeStates.fail_create, waiting.id):
                    await messages.insert(uow, waiting.project_id, waiting.id, NO_BACKEND, NO_VALID_BACKEND)
                    uow.notify(scheduling_failed(waiting.id, objects.primitive(message.request_spec), reason))
                return
            volume = await transition(
                uow, volumes.TABLE, VolumeStates.schedule, waiting.id, host=workers.POOL, scheduled_at=uow.now
            )
            if volume is None:
                return  # delivered twice, or deleted meanwhile
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


def _retry(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The attempts at this volume, with the one that begins now (``FilterScheduler._populate_retry``)."""
    before = properties.get("retry") or {}
    tried = [*before.get("backends", ()), workers.POOL]
    return {"num_attempts": before.get("num_attempts", 0) + 1, "backends": tried, "hosts": tried}


def _refusal(volume_id: str, volume_type: VolumeType, attempt: int) -> str | None:
    """Why there is no back end for the volume; None when there is."""
    if attempt > MAX_ATTEMPTS:
        return f"Exceeded max scheduling attempts {MAX_ATTEMPTS} for resource {volume_id}"
    if not satisfies(CAPABILITIES, volume_type.extra_specs):
        return "No weighed backends available"
    return None
