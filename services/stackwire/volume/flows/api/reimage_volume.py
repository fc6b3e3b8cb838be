"""Accepting another image for a volume that stays the same volume."""

from stackwire.contracts import volume as calls
from stackwire.contracts.image import ImageView
from stackwire.contracts.volume_workers import Reimage
from stackwire.core.context import RequestContext
from stackwire.core.errors import NotSimulated, ServiceError
from stackwire.core.repeats import done_since
from stackwire.db.pool import UnitOfWork
from stackwire.volume.db import attachments, glance_metadata, volumes
from stackwire.volume.domain import ids, objects, size_checks
from stackwire.volume.domain.errors import InvalidImage, NotReimageable, ReimageSourceNotFound
from stackwire.volume.domain.model import Volume
from stackwire.volume.domain.states import DOWNLOADING, ERROR, VolumeStates
from stackwire.volume.flows.deps import Flow, to_backend


class ReimageVolume(Flow):
    """``cinder/volume/api.py: reimage``."""

    async def on_reimage_volume(self, ctx: RequestContext, message: calls.ReimageVolume) -> None:
        """The same for a service, whose call may be delivered twice: the image is written once."""
        volume_id = ids.volume_id(message.volume_id)
        await self.request_reimage(ctx, volume_id, message.image_id, reserved=message.reimage_reserved, by_service=True)

    async def request_reimage(
        self, ctx: RequestContext, volume_id: str, image_id: str, *, reserved: bool, by_service: bool = False
    ) -> None:
        """``reserved``: a volume that a server has reserved, too. InvalidVolume, InvalidImage, NotReimageable."""
        async with self._deps.database.read() as session:
            volume = await volumes.find(session, ctx, volume_id)
        self._deps.require(ctx, "volume:reimage", volume.project_id)
        if reserved:
            self._deps.require(ctx, "volume:reimage_reserved", volume.project_id)
        try:
            image = await self._deps.images.get(ctx, image_id)
        except InvalidImage as error:
            raise ReimageSourceNotFound(image_id=image_id) from error
        if image.properties.get("block_device_mapping"):
            raise NotSimulated(what="reimaging from an image of volume snapshots")
        unfit = self._unfit(image, volume.size)
        verb = VolumeStates.begin_reimage_reserved if reserved else VolumeStates.begin_reimage
        async with self._deps.database.work(ctx) as uow:
            if len(await attachments.of_volume(uow, volume.id)) > 1:
                raise NotReimageable(volume_id=volume.id)
            volume = await volumes.find(uow, ctx, volume.id, lock=True)
            if by_service and await self._is_requested(uow, volume, image_id):
                return
            reimaging = await self._deps.transition(uow, volumes.TABLE, verb, volume.id, previous_status=volume.status)
            if reimaging is None:
                sources = "available or error or reserved" if reserved else "available or error"
                raise calls.InvalidVolume(
                    reason=f"Volume {volume.id} status must be {sources}, but current status is: {volume.status}."
                )
            message = Reimage(volume=objects.volume_object(reimaging), image_meta=objects.image_meta(image))
            if unfit is None:
                to_backend(uow, message, volume.host)
        if unfit is not None:
            raise unfit

    async def _is_requested(self, uow: UnitOfWork, volume: Volume, image_id: str) -> bool:
        """Whether the image was requested since this call was made: is being written, is there, or could not be."""
        if not done_since(uow.ctx, volume.updated_at, self._deps.database.clock):
            return False
        if volume.status == DOWNLOADING or (volume.status, volume.previous_status) == (ERROR, DOWNLOADING):
            return True
        rows = await glance_metadata.rows(uow, "volume_id", volume.id)
        written = next((row.created_at for row in rows if (row.key, row.value) == ("image_id", image_id)), None)
        return done_since(uow.ctx, written, self._deps.database.clock)

    def _unfit(self, image: ImageView, size: int) -> ServiceError | None:
        """Why the volume cannot take the image, where that was found out too late: until lp-2036994 was mended, when
        it had the status downloading already."""
        try:
            size_checks.check_image(image, size)
        except ServiceError as error:
            if self._deps.behaviours.has("refused-reimage-restores-status"):
                raise
            return error
        return None
