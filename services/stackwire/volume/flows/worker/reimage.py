"""Writing another image over a volume: bytes, rows and state change together."""

from typing import Literal

from stackwire.contracts.compute import ExternalEvent, ServerExternalEvents
from stackwire.contracts.volume_workers import Reimage
from stackwire.core.context import RequestContext
from stackwire.core.rules import Resource
from stackwire.db.pool import UnitOfWork
from stackwire.volume.db import attachments, glance_metadata, messages, volumes
from stackwire.volume.domain import objects, travel
from stackwire.volume.domain.errors import ImageConversionNotAllowed
from stackwire.volume.domain.model import Volume
from stackwire.volume.domain.size_checks import GIBIBYTE
from stackwire.volume.domain.states import AVAILABLE, DOWNLOADING, RESERVED, VolumeStates
from stackwire.volume.domain.user_messages import REIMAGE_FAILED, REIMAGE_FORMAT_REFUSED, Failure
from stackwire.volume.flows.deps import Flow, log_failure, volume_file
from stackwire.volume.flows.worker.download import ImageDownloads, ImageSource

REIMAGED_EVENT = "volume-reimaged"


class ReimageWorker(Flow):
    """``cinder/volume/manager.py: reimage``."""

    async def on_reimage(self, ctx: RequestContext, message: Reimage) -> None:
        """In the state it had before, with the new image; or in ``error`` with the old one. Its server is notified."""
        volume_id, image_id = objects.id_of(message.volume), str(message.image_meta["id"])
        async with self._deps.hold(ctx, volumes.TABLE, volume_id, VolumeStates.finish_reimage) as volume:
            if volume is None:
                return
            try:
                source = await ImageDownloads(self._deps).fill(
                    ctx, image_id, volume, volume.size * GIBIBYTE, verify=False
                )
                async with self._deps.database.work(ctx) as uow:
                    await self._finish(uow, volume, source)
            except Exception as error:
                reason = log_failure("volume %s could not be reimaged", volume.id, error)
                refused = isinstance(error, ImageConversionNotAllowed)
                await self._fail(ctx, volume, REIMAGE_FORMAT_REFUSED if refused else REIMAGE_FAILED.for_reason(reason))

    async def abandon(self, ctx: RequestContext, volume: Volume) -> None:
        """After a crash: the unfinished download is deleted, the volume is in ``error``."""
        await self._deps.store(volume.host).delete_partial(volume_file(volume))
        await self._fail(ctx, volume, REIMAGE_FAILED.interrupted)

    async def _finish(self, uow: UnitOfWork, volume: Volume, source: ImageSource) -> None:
        previous = volume.previous_status or AVAILABLE
        reimaged = await self._deps.transition(
            uow, volumes.TABLE, VolumeStates.finish_reimage, volume.id, status=previous, bootable=True
        )
        if reimaged is None:
            return
        image = source.image
        rows = uow.apply(travel.recapture, Resource("image", image.id), Resource("volume", volume.id), image)
        await glance_metadata.replace(uow, "volume_id", volume.id, rows)
        await _notify_servers(uow, volume.id, previous, "completed")

    async def _fail(self, ctx: RequestContext, volume: Volume, failure: Failure) -> None:
        """``error``; the old bytes and rows are still there, since new ones are written whole or not at all."""
        async with self._deps.database.work(ctx) as uow:
            failed = await self._deps.transition(
                uow, volumes.TABLE, VolumeStates.fail_reimage, volume.id, previous_status=DOWNLOADING
            )
            if failed is not None:
                await messages.insert(uow, volume.project_id, volume.id, failure)
                await _notify_servers(uow, volume.id, volume.previous_status or "", "failed")


async def _notify_servers(
    uow: UnitOfWork, volume_id: str, previous_status: str, status: Literal["completed", "failed"]
) -> None:
    """A server that reserved the volume waits for this event."""
    if previous_status != RESERVED:
        return
    events = [
        ExternalEvent(name=REIMAGED_EVENT, server_uuid=attachment.instance_uuid, tag=volume_id, status=status)
        for attachment in await attachments.of_volume(uow, volume_id)
        if attachment.instance_uuid is not None
    ]
    if events:
        uow.cast(ServerExternalEvents(events=events))
