"""Extending a volume in the back end."""

from stackwire.contracts.compute import ExternalEvent, ServerExternalEvents
from stackwire.contracts.volume_workers import ExtendVolume
from stackwire.core.context import RequestContext
from stackwire.volume.db import attachments, glance_metadata, messages, quotas, volumes
from stackwire.volume.domain import objects
from stackwire.volume.domain.model import Volume
from stackwire.volume.domain.notifications import volume_event
from stackwire.volume.domain.size_checks import GIBIBYTE
from stackwire.volume.domain.states import AVAILABLE, IN_USE, VolumeStates
from stackwire.volume.domain.user_messages import EXTEND_FAILED
from stackwire.volume.flows.deps import Flow, log_failure, volume_file

EXTENDED_EVENT = "volume-extended"


class ExtendVolumeWorker(Flow):
    """``cinder/volume/manager.py: extend_volume``."""

    async def on_extend_volume(self, ctx: RequestContext, message: ExtendVolume) -> None:
        """In the state it had before, at the new size; or ``error_extending`` with a message for the user. Its servers
        are notified."""
        volume_id = objects.id_of(message.volume)
        async with self._deps.hold(ctx, volumes.TABLE, volume_id, VolumeStates.finish_extend) as volume:
            if volume is not None:
                await self._extend(ctx, volume, message.new_size)

    async def resume(self, ctx: RequestContext, volume: Volume) -> None:
        """Extends a volume that a dead worker left in ``extending``."""
        await self._extend(ctx, volume, volume.new_size or volume.size)

    async def _extend(self, ctx: RequestContext, volume: Volume, new_size: int) -> None:
        async with self._deps.database.work(ctx) as uow:
            used = await attachments.of_volume(uow, volume.id)
            rows = await glance_metadata.rows(uow, "volume_id", volume.id)
            uow.notify(volume_event("resize.start", volume, uow.now, attachments=used, glance=rows))
        try:
            await self._deps.store(volume.host).resize(volume_file(volume), new_size * GIBIBYTE)
            await self._finish(ctx, volume.id, new_size)
        except Exception as error:
            log_failure("volume %s could not be extended", volume.id, error)
            await self._fail(ctx, volume)

    async def _finish(self, ctx: RequestContext, volume_id: str, new_size: int) -> None:
        async with self._deps.database.work(ctx) as uow:
            used = await attachments.of_volume(uow, volume_id)
            extended = await self._deps.transition(
                uow,
                volumes.TABLE,
                VolumeStates.finish_extend,
                volume_id,
                status=IN_USE if used else AVAILABLE,
                size=new_size,
                new_size=None,
            )
            if extended is not None:
                rows = await glance_metadata.rows(uow, "volume_id", volume_id)
                uow.notify(volume_event("resize.end", extended, uow.now, attachments=used, glance=rows))
                events = [
                    ExternalEvent(name=EXTENDED_EVENT, server_uuid=each.instance_uuid, tag=volume_id)
                    for each in used
                    if each.instance_uuid is not None
                ]
                if events:
                    uow.cast(ServerExternalEvents(events=events))

    async def _fail(self, ctx: RequestContext, volume: Volume) -> None:
        """``error_extending``, at the size it had; the quota reserved for the growth is released."""
        growth = (volume.new_size or volume.size) - volume.size
        async with self._deps.database.work(ctx) as uow:
            failed = await self._deps.transition(uow, volumes.TABLE, VolumeStates.fail_extend, volume.id, new_size=None)
            if failed is not None:
                await quotas.release(uow, volume.project_id, {"gigabytes": growth})
                await messages.insert(uow, volume.project_id, volume.id, EXTEND_FAILED)
