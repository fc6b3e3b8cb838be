"""A volume becomes an image: the API makes a queued image that inherits the volume's metadata, the worker fills it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from stackwire.contracts.image import CreateImage, ImageView
from stackwire.contracts.lineage import property_transfer
from stackwire.contracts.volume import InvalidVolume
from stackwire.contracts.volume_workers import HOST, CopyVolumeToImage
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, Conflict, NotSimulated, ServiceError
from stackwire.core.ids import new_id
from stackwire.db.pool import UnitOfWork
from stackwire.volume.backends.files import Digest
from stackwire.volume.db import attachments, glance_metadata, messages, types, volumes
from stackwire.volume.domain import travel
from stackwire.volume.domain.errors import ImageCopyFailure
from stackwire.volume.domain.model import Volume, VolumeType
from stackwire.volume.domain.states import AVAILABLE, IN_USE, UPLOADING
from stackwire.volume.flows.parts import Parts, log, volume_file

FAILED = "VOLUME_VOLUME_003_004"
ALGORITHM = "sha512"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageWish:
    name: str
    disk_format: str = "raw"
    container_format: str = "bare"
    visibility: str | None = "private"
    protected: bool = False


@dataclass(frozen=True, slots=True)
class Promise:
    volume: Volume
    type: VolumeType
    image: ImageView


class Upload:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def accept(self, ctx: RequestContext, volume_id: str, wish: ImageWish) -> Promise:
        """``available`` to ``uploading``, with a queued image. InvalidVolume; what the image service refuses is 400."""
        image_id = new_id()
        volume = await self._begin(ctx, volume_id, wish, image_id)
        try:
            async with self._parts.database.read() as session:
                rows = await glance_metadata.read(session, "volume_id", volume.id)
            inherited = travel.for_image(rows, {}, self._parts.behaviours)
            image = await self._parts.images.create(ctx, _wanted(wish, image_id, inherited))
        except asyncio.CancelledError:
            await asyncio.shield(self._settle(ctx, volume.id))
            raise
        except ServiceError as error:
            await self._settle(ctx, volume.id)
            raise error if error.status >= 500 else BadRequest(error.message) from error
        async with self._parts.database.work(ctx) as uow:
            uow.notify(
                property_transfer(
                    "volume", "volume.for_image", "volume", volume.id, "image", image.id, rows, image.properties,
                    source="cinder/volume/api.py: _merge_volume_image_meta",
                )
            )  # fmt: skip
            uow.cast(CopyVolumeToImage(volume_id=volume.id, image_meta=image_meta(image)), server=HOST)
            return Promise(volume, await types.by_id(uow, volume.volume_type_id), image)

    async def _begin(self, ctx: RequestContext, volume_id: str, wish: ImageWish, image_id: str) -> Volume:
        async with self._parts.database.work(ctx) as uow:
            volume = await volumes.find(uow, ctx, volume_id, lock=True)
            self._parts.require(ctx, "volume_extension:volume_actions:upload_image", volume.project_id)
            if wish.visibility == "public":
                self._parts.require(ctx, "volume_extension:volume_actions:upload_public", volume.project_id)
            if wish.disk_format != "raw" or wish.container_format == "compressed":
                raise NotSimulated(what=f"the upload of a volume as {wish.disk_format} in {wish.container_format}")
            moved = await volumes.move(
                uow, volume.id, UPLOADING, sources=(AVAILABLE,), previous_status=volume.status, upload_image=image_id
            )
            if moved is None:
                raise InvalidVolume(
                    reason=f"Volume {volume.id} status must be available, but current status is: {volume.status}."
                )
            return moved

    async def build(self, ctx: RequestContext, order: CopyVolumeToImage) -> None:
        """Served over the bus."""
        async with self._parts.working(ctx, "volumes", order.volume_id, (UPLOADING,)) as ours:
            if not ours:
                return
            image_id = str(order.image_meta["id"])
            try:
                await self._send(ctx, order.volume_id, image_id)
            except asyncio.CancelledError:
                raise
            except Exception as error:
                await self._fail(ctx, order.volume_id, image_id, error)
            else:
                await self._settle(ctx, order.volume_id)

    async def _send(self, ctx: RequestContext, volume_id: str, image_id: str) -> None:
        """The whole volume, and the proof that the image service has it byte for byte."""
        digest = Digest(ALGORITHM)
        try:
            await self._parts.images.upload(ctx, image_id, self._parts.store.read(volume_file(volume_id), digest))
        except Conflict:
            image = await self._parts.images.status(ctx, image_id)
            if image is not None and image.status == "active":
                return  # an earlier life of this order got it there
            raise
        image = await self._parts.images.status(ctx, image_id)
        if image is None or image.status != "active":
            raise ImageCopyFailure(reason=f"image {image_id} did not become active.")
        if image.os_hash_algo == ALGORITHM and image.os_hash_value != digest.hexdigest():
            raise ImageCopyFailure(reason=f"the {ALGORITHM} of image {image_id} is not the volume's.")

    async def _fail(self, ctx: RequestContext, volume_id: str, image_id: str, error: Exception) -> None:
        """The image goes, the volume is as before."""
        log.warning("volume %s was not uploaded: %s", volume_id, error, exc_info=not isinstance(error, ServiceError))
        reason = error.message if isinstance(error, ServiceError) else "Unexpected failure."
        try:
            await self._parts.images.discard(ctx, image_id)
        except ServiceError as left:
            log.warning("image %s is left behind: %s", image_id, left)
        await self._settle(ctx, volume_id, reason)

    async def _settle(self, ctx: RequestContext, volume_id: str, reason: str | None = None) -> None:
        async with self._parts.database.work(ctx) as uow:
            await settle(uow, volume_id, reason)

    async def abandon(self, ctx: RequestContext, volume_id: str) -> None:
        """After a crash: the half-made image goes, the volume is as before."""
        async with self._parts.database.read() as session:
            volume = await volumes.by_id(session, volume_id)
        if volume is None or volume.status != UPLOADING:
            return
        if volume.upload_image is not None:
            await self._parts.images.discard(ctx, volume.upload_image)
        await self._settle(ctx, volume_id, "The upload was interrupted.")


async def settle(uow: UnitOfWork, volume_id: str, reason: str | None = None) -> None:
    """Out of ``uploading``: in-use where something is attached, else available."""
    used = await attachments.of_volume(uow, volume_id)
    volume = await volumes.move(uow, volume_id, IN_USE if used else AVAILABLE, sources=(UPLOADING,), upload_image=None)
    if volume is not None and reason is not None:
        await messages.tell(uow, volume.project_id, "VOLUME", volume_id, FAILED, reason)


def _wanted(wish: ImageWish, image_id: str, inherited: Mapping[str, str]) -> CreateImage:
    return CreateImage(
        id=image_id,
        name=wish.name,
        visibility=wish.visibility,
        protected=wish.protected,
        disk_format=wish.disk_format,
        container_format=wish.container_format,
        properties=dict(inherited),
    )


def image_meta(image: ImageView) -> dict[str, object]:
    """An image as Cinder hands it around: attributes, and the properties in a map of their own."""
    return {**image.model_dump(mode="json"), "file": f"/v2/images/{image.id}/file"}
