"""Accepting that a volume becomes an image: a queued image is created, which inherits the volume's image metadata."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from stackwire.contracts.image import CreateImage, ImageView
from stackwire.contracts.volume import InvalidVolume
from stackwire.contracts.volume_workers import CopyVolumeToImage
from stackwire.core.attributes import attributes
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, NotSimulated, ServiceError, Unavailable
from stackwire.core.ids import new_id
from stackwire.core.rules import Resource
from stackwire.disk_image import qemu_img
from stackwire.volume.db import encryption, glance_metadata, volume_types, volumes
from stackwire.volume.domain import travel
from stackwire.volume.domain.errors import ImageCompressionNotAllowed
from stackwire.volume.domain.model import Volume, VolumeType
from stackwire.volume.domain.objects import image_meta
from stackwire.volume.domain.requests import UploadImageRequest
from stackwire.volume.domain.states import VolumeStates
from stackwire.volume.flows.deps import Flow, to_backend
from stackwire.volume.flows.worker.upload import finish_upload

ENCRYPTED_AS_RAW = (
    "An encrypted volume uploaded as an image must use 'raw' disk_format and 'bare' container_format, which are the"
    " defaults for these options."
)


@dataclass(frozen=True, slots=True)
class UploadAccepted:
    """What the answer to an upload shows: the volume in ``uploading`` with its type, and the queued image."""

    request: UploadImageRequest
    volume: Volume
    volume_type: VolumeType
    image: ImageView


class UploadVolume(Flow):
    """``cinder/volume/api.py: copy_volume_to_image``."""

    async def request_upload(self, ctx: RequestContext, volume_id: str, request: UploadImageRequest) -> UploadAccepted:
        """``available`` to ``uploading``, with a queued image. InvalidVolume; a refusal of the image service is 400."""
        image_id = new_id("uploaded_image")
        volume, key = await self._begin(ctx, volume_id, request, image_id)
        async with self._deps.leases.keep("volume", volume.id) as lease:
            rows, image = await self._create_image(ctx, volume, request, image_id, key)
            async with self._deps.database.work(ctx) as uow:
                ends = Resource("volume", volume.id), Resource("image", image.id)
                uow.apply(travel.for_image, *ends, rows, key, self._deps.behaviours)
                to_backend(uow, CopyVolumeToImage(volume_id=volume.id, image_meta=image_meta(image)), volume.host)
                await lease.release(uow)
                return UploadAccepted(request, volume, await volume_types.by_id(uow, volume.volume_type_id), image)

    async def _create_image(
        self, ctx: RequestContext, volume: Volume, request: UploadImageRequest, image_id: str, key: Mapping[str, str]
    ) -> tuple[travel.Rows, ImageView]:
        """What the volume has of its image, and the queued image; the volume is released where there is none.

        Who did not answer in time may create it even so.
        """
        try:
            async with self._deps.database.read() as session:
                rows = await glance_metadata.read(session, "volume_id", volume.id)
            if unknown := sorted(rows.keys() & travel.NEVER_UPLOADED):
                raise BadRequest(f"An image of this volume cannot have the properties {', '.join(unknown)}.")
            return rows, await self._deps.images.create(ctx, self._image(request, image_id, rows, key))
        except asyncio.CancelledError:
            await asyncio.shield(finish_upload(self._deps, ctx, volume.id, unfinished=image_id))
            raise
        except ServiceError as error:
            unfinished = image_id if isinstance(error, Unavailable) else None
            await finish_upload(self._deps, ctx, volume.id, unfinished=unfinished)
            raise error if error.status >= 500 else BadRequest(error.message) from error

    async def _begin(
        self, ctx: RequestContext, volume_id: str, request: UploadImageRequest, image_id: str
    ) -> tuple[Volume, Mapping[str, str]]:
        """The volume in ``uploading``, and what its image has beside where the volume is encrypted."""
        async with self._deps.database.work(ctx) as uow:
            volume = await volumes.find(uow, ctx, volume_id, lock=True)
            self._deps.require(ctx, "volume_extension:volume_actions:upload_image", volume.project_id)
            if request.visibility == "public":
                self._deps.require(ctx, "volume_extension:volume_actions:upload_public", volume.project_id)
            encrypted = await encryption.encrypts(uow, volume.volume_type_id)
            if encrypted and not request.is_plain:
                raise BadRequest(ENCRYPTED_AS_RAW)
            if request.container_format == "compressed":
                raise ImageCompressionNotAllowed
            if request.disk_format not in qemu_img.FORMATS:
                raise NotSimulated(what=f"the upload of a volume as {request.disk_format}")
            uploading = await self._deps.transition(
                uow,
                volumes.TABLE,
                VolumeStates.begin_upload,
                volume.id,
                previous_status=volume.status,
                upload_image=image_id,
            )
            if uploading is None:
                raise InvalidVolume(reason=f"Volume {volume.id} status must be available")
            await self._deps.leases.claim(uow, "volume", volume.id)  # until the worker has its message
            return uploading, travel.KEY_OF_AN_IMAGE if encrypted else {}

    def _image(
        self, request: UploadImageRequest, image_id: str, rows: travel.Rows, key: Mapping[str, str]
    ) -> CreateImage:
        return CreateImage(
            id=image_id,
            **attributes(request, "name visibility protected disk_format container_format"),
            properties={**travel.for_image(rows, key, self._deps.behaviours), **key},
        )
