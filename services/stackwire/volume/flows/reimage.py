"""Another image over a volume that stays the same volume: bytes, rows and state change together."""

import asyncio
from typing import Literal

from stackwire.contracts.compute import ExternalEvent, ServerExternalEvents
from stackwire.contracts.image import ImageView
from stackwire.contracts.lineage import property_transfer
from stackwire.contracts.volume import InvalidVolume
from stackwire.contracts.volume_workers import HOST, Reimage
from stackwire.core.context import RequestContext
from stackwire.core.errors import NotSimulated, ServiceError
from stackwire.db.pool import UnitOfWork
from stackwire.volume.db import attachments, glance_metadata, messages, volumes
from stackwire.volume.domain import objects, sizes, travel
from stackwire.volume.domain.errors import NotReimageable
from stackwire.volume.domain.model import Volume
from stackwire.volume.domain.sizes import GIBIBYTE
from stackwire.volume.domain.states import AVAILABLE, DOWNLOADING, ERROR, RESERVED
from stackwire.volume.flows.download import Downloads, Source
from stackwire.volume.flows.parts import Parts, log, volume_file
from stackwire.volume.flows.upload import image_meta

FAILED = "VOLUME_VOLUME_014_026"
EVENT = "volume-reimaged"


class Reimages:
    def __init__(self, parts: Parts, downloads: Downloads) -> None:
        self._parts = parts
        self._downloads = downloads

    async def accept(self, ctx: RequestContext, volume_id: str, image_id: str, *, reserved: bool) -> None:
        """``reserved``: a volume a server has reserved, too. InvalidVolume, InvalidImage, NotReimageable."""
        async with self._parts.database.read() as session:
            volume = await volumes.find(session, ctx, volume_id)
        self._parts.require(ctx, "volume:reimage", volume.project_id)
        if reserved:
            self._parts.require(ctx, "volume:reimage_reserved", volume.project_id)
        image = await self._parts.images.get(ctx, image_id)
        if image.properties.get("block_device_mapping"):
            raise NotSimulated(what="reimaging from an image of volume snapshots")
        sizes.check_image(image, volume.size)
        async with self._parts.database.work(ctx) as uow:
            await self._begin(uow, volume, image, (AVAILABLE, ERROR, RESERVED) if reserved else (AVAILABLE, ERROR))

    async def _begin(self, uow: UnitOfWork, volume: Volume, image: ImageView, sources: tuple[str, ...]) -> None:
        if len(await attachments.of_volume(uow, volume.id)) > 1:
            raise NotReimageable(volume_id=volume.id)
        was = await volumes.find(uow, uow.ctx, volume.id, lock=True)
        moved = await volumes.move(uow, volume.id, DOWNLOADING, sources=sources, previous_status=was.status)
        if moved is None:
            raise InvalidVolume(
                reason=f"Volume {volume.id} status must be {' or '.join(sources)}, but current status is: {was.status}."
            )
        uow.cast(Reimage(volume=objects.volume_object(moved), image_meta=image_meta(image)), server=HOST)

    async def build(self, ctx: RequestContext, order: Reimage) -> None:
        """Served over the bus."""
        volume_id = objects.id_of(order.volume)
        async with self._parts.working(ctx, "volumes", volume_id, (DOWNLOADING,)) as ours:
            if not ours:
                return
            async with self._parts.database.read() as session:
                volume = await volumes.by_id(session, volume_id)
            if volume is None:
                return
            try:
                source = await self._downloads.fill(
                    ctx, str(order.image_meta["id"]), volume_file(volume_id), volume.size * GIBIBYTE
                )
                async with self._parts.database.work(ctx) as uow:
                    await self._finish(uow, volume, source)
            except asyncio.CancelledError:
                raise
            except Exception as error:
                await self._fail(ctx, volume, error)

    async def _finish(self, uow: UnitOfWork, volume: Volume, source: Source) -> None:
        back = volume.previous_status or AVAILABLE
        done = await volumes.move(uow, volume.id, back, sources=(DOWNLOADING,), bootable=True)
        if done is None:
            return
        rows = travel.capture(source.image)  # the verdict of this download is not written: so it is recorded
        await glance_metadata.replace(uow, "volume_id", volume.id, rows)
        uow.notify(
            property_transfer(
                "volume", "volume.capture", "image", source.image.id, "volume", volume.id, source.image.flat(), rows,
                source="cinder/volume/manager.py: _refresh_volume_glance_meta",
            )
        )  # fmt: skip
        await tell_servers(uow, volume.id, back, "completed")

    async def _fail(self, ctx: RequestContext, volume: Volume, error: Exception) -> None:
        log.warning("volume %s was not reimaged: %s", volume.id, error, exc_info=not isinstance(error, ServiceError))
        reason = error.message if isinstance(error, ServiceError) else "Unexpected failure."
        async with self._parts.database.work(ctx) as uow:
            await gave_up(uow, volume, reason)


async def gave_up(uow: UnitOfWork, volume: Volume, reason: str) -> None:
    """``error``; the old bytes and rows are still there, since new ones come in whole or not at all."""
    if await volumes.move(uow, volume.id, ERROR, sources=(DOWNLOADING,), previous_status=DOWNLOADING) is not None:
        await messages.tell(uow, volume.project_id, "VOLUME", volume.id, FAILED, reason)
        await tell_servers(uow, volume.id, volume.previous_status or "", "failed")


async def tell_servers(uow: UnitOfWork, volume_id: str, was: str, status: Literal["completed", "failed"]) -> None:
    """A server that reserved the volume waits for this word."""
    if was != RESERVED:
        return
    events = [
        ExternalEvent(name=EVENT, server_uuid=attachment.instance_uuid, tag=volume_id, status=status)
        for attachment in await attachments.of_volume(uow, volume_id)
        if attachment.instance_uuid is not None
    ]
    if events:
        uow.cast(ServerExternalEvents(events=events))
