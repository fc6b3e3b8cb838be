"""Accepting another image for a volume that stays the same volume."""

from stackwire.contracts.image import ImageView
from stackwire.contracts.volume import InvalidVolume
from stackwire.contracts.volume_workers import Reimage
from stackwire.core.context import RequestContext
from stackwire.core.errors import NotSimulated, ServiceError
from stackwire.volume.db import attachments, volumes
from stackwire.volume.domain import objects, size_checks
from stackwire.volume.domain.errors import InvalidImage, NotReimageable, ReimageSourceNotFound
from stackwire.volume.domain.states import VolumeStates
from stackwire.volume.flows.deps import Flow, to_backend


class ReimageVolume(Flow):
    """``cinder/volume/api.py: reimage``."""

    async def request_reimage(self, ctx: RequestContext, volume_id: str, image_id: str, *, reserved: bool) -> None:
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
            reimaging = await self._deps.transition(uow, volumes.TABLE, verb, volume.id, previous_status=volume.status)
            if reimaging is None:
                sources = "available or error or reserved" if reserved else "available or error"
                raise InvalidVolume(
                    reason=f"Volume {volume.id} status must be {sources}, but current status is: {volume.status}."
                )
            message = Reimage(volume=objects.volume_object(reimaging), image_meta=objects.image_meta(image))
            if unfit is None:
                to_backend(uow, message, volume.host)
        if unfit is not None:
            raise unfit

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
