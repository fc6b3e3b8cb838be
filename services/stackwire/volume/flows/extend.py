"""A volume grows."""

import asyncio

from stackwire.contracts.volume import InvalidInput, InvalidVolume
from stackwire.contracts.volume_workers import HOST, ExtendVolume, ScheduleExtend
from stackwire.core.context import RequestContext
from stackwire.core.errors import ServiceError
from stackwire.db.pool import UnitOfWork
from stackwire.volume.db import attachments, glance_metadata, messages, quotas, volumes
from stackwire.volume.domain import objects
from stackwire.volume.domain.model import Volume
from stackwire.volume.domain.payloads import volume_event
from stackwire.volume.domain.sizes import GIBIBYTE
from stackwire.volume.domain.states import AVAILABLE, ERROR_EXTENDING, EXTENDING, IN_USE
from stackwire.volume.flows.parts import Parts, log, volume_file

FAILED = "VOLUME_VOLUME_007_008"


class Extend:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def accept(self, ctx: RequestContext, volume_id: str, new_size: int, *, attached: bool) -> None:
        """``new_size`` in GiB; ``attached``: volumes in use too (3.42 on). InvalidInput, InvalidVolume, 413."""
        async with self._parts.database.work(ctx) as uow:
            volume = await volumes.find(uow, ctx, volume_id, lock=True)
            self._parts.require(ctx, "volume:extend", volume.project_id)
            allowed = (AVAILABLE, IN_USE) if attached else (AVAILABLE,)
            if volume.status not in allowed:
                raise InvalidVolume(
                    reason=f"Volume {volume.id} status must be '{' or '.join(allowed)}' to extend,"
                    f" currently {volume.status}."
                )
            if new_size <= volume.size:
                raise InvalidInput(
                    reason=f"New size for extend must be greater than current size."
                    f" (current: {volume.size}, extended: {new_size})."
                )
            await self._parts.reserve(uow, volume.project_id, gigabytes=new_size - volume.size)
            moved = await volumes.move(
                uow, volume.id, EXTENDING, sources=(volume.status,), previous_status=volume.status, new_size=new_size
            )
            if moved is None:
                raise InvalidVolume(reason=f"Volume {volume.id} is busy.")
            uow.cast(
                ScheduleExtend(
                    volume=objects.volume_object(moved), new_size=new_size, request_spec=objects.size_spec(moved)
                )
            )

    async def schedule(self, ctx: RequestContext, order: ScheduleExtend) -> None:
        async with self._parts.database.work(ctx) as uow:
            volume = await volumes.by_id(uow, objects.id_of(order.volume))
            if volume is not None and volume.status == EXTENDING:
                uow.cast(ExtendVolume(volume=objects.volume_object(volume), new_size=order.new_size), server=HOST)

    async def build(self, ctx: RequestContext, order: ExtendVolume) -> None:
        """Served over the bus."""
        volume_id = objects.id_of(order.volume)
        async with self._parts.working(ctx, "volumes", volume_id, (EXTENDING,)) as ours:
            if not ours:
                return
            async with self._parts.database.work(ctx) as uow:
                volume = await volumes.by_id(uow, volume_id)
                if volume is None:
                    return
                uow.notify(
                    volume_event(
                        "resize.start",
                        volume,
                        uow.now,
                        attachments=await attachments.of_volume(uow, volume_id),
                        glance=await glance_metadata.rows(uow, "volume_id", volume_id),
                    )
                )
            try:
                await self._parts.store.resize(volume_file(volume_id), order.new_size * GIBIBYTE)
                await self._finish(ctx, volume_id, order.new_size)
            except asyncio.CancelledError:
                raise
            except Exception as error:
                log.warning("volume %s was not extended: %s", volume_id, error)
                reason = error.message if isinstance(error, ServiceError) else "Unexpected failure."
                async with self._parts.database.work(ctx) as uow:
                    await gave_up(uow, volume, reason)

    async def _finish(self, ctx: RequestContext, volume_id: str, new_size: int) -> None:
        async with self._parts.database.work(ctx) as uow:
            used = await attachments.of_volume(uow, volume_id)
            done = await volumes.move(
                uow, volume_id, IN_USE if used else AVAILABLE, sources=(EXTENDING,), size=new_size, new_size=None
            )
            if done is not None:
                rows = await glance_metadata.rows(uow, "volume_id", volume_id)
                uow.notify(volume_event("resize.end", done, uow.now, attachments=used, glance=rows))


async def gave_up(uow: UnitOfWork, volume: Volume, reason: str) -> None:
    """``error_extending``, at the size it had."""
    if await volumes.move(uow, volume.id, ERROR_EXTENDING, sources=(EXTENDING,), new_size=None) is not None:
        await quotas.give_back(uow, volume.project_id, {"gigabytes": (volume.new_size or volume.size) - volume.size})
        await messages.tell(uow, volume.project_id, "VOLUME", volume.id, FAILED, reason)
