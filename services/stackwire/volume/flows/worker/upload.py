"""Filling an image with the bytes of a volume."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from stackwire.contracts.volume_workers import CopyVolumeToImage
from stackwire.core.context import RequestContext
from stackwire.core.errors import Conflict, ServiceError, TooLarge, Unavailable
from stackwire.volume.backends import formats
from stackwire.volume.db import attachments, messages, volumes
from stackwire.volume.domain.errors import ImageCopyFailure
from stackwire.volume.domain.model import Volume
from stackwire.volume.domain.size_checks import GIBIBYTE
from stackwire.volume.domain.states import AVAILABLE, IN_USE, VolumeStates
from stackwire.volume.domain.user_messages import UPLOAD_FAILED, UPLOAD_OVER_QUOTA, Failure
from stackwire.volume.flows.deps import Flow, VolumeDeps, log, log_failure, volume_file

UNFINISHED_IMAGE = "unfinished image"
"""The noun of a lease on an image that the image service may create yet, and that nobody knows of."""


@dataclass(frozen=True, slots=True)
class Content:
    """An image's bytes, and how many there are."""

    chunks: AsyncIterator[bytes]
    size: int


class UploadWorker(Flow):
    """``cinder/volume/manager.py: copy_volume_to_image``."""

    async def on_copy_volume_to_image(self, ctx: RequestContext, message: CopyVolumeToImage) -> None:
        """The image is active, or deleted again with a message for the user; the volume is as before either way."""
        image_id, disk_format = str(message.image_meta["id"]), str(message.image_meta["disk_format"])
        async with self._deps.hold(ctx, volumes.TABLE, message.volume_id, VolumeStates.finish_upload) as volume:
            if volume is None:
                return
            try:
                async with self._content(volume, image_id, disk_format) as content:
                    await self._upload(ctx, image_id, content)
            except Exception as error:
                log_failure("volume %s could not be uploaded", volume.id, error)
                await self._delete_image(ctx, image_id)
                failure = UPLOAD_OVER_QUOTA if isinstance(error, TooLarge) else UPLOAD_FAILED
                await finish_upload(self._deps, ctx, volume.id, failure)
            else:
                await finish_upload(self._deps, ctx, volume.id)

    async def abandon(self, ctx: RequestContext, volume: Volume) -> None:
        """After a crash: the unfinished image is deleted, the volume is as before."""
        await self._deps.store(volume.host).delete_partial(volume_file(volume))
        if volume.upload_image is not None:
            await self._deps.images.delete_unfinished(ctx, volume.upload_image)
        await finish_upload(self._deps, ctx, volume.id, UPLOAD_FAILED.interrupted)

    async def discard_unfinished(self, ctx: RequestContext) -> None:
        """Deletes the images that were asked for in vain. What cannot be deleted now is left for the next round."""
        async with self._deps.database.read() as session:
            image_ids = await self._deps.leases.expired(session, UNFINISHED_IMAGE)
        for image_id in image_ids:
            try:
                await self._delete_image(ctx, image_id)
            except Unavailable:
                return
            async with self._deps.database.work(ctx) as uow:
                await self._deps.leases.revoke(uow, UNFINISHED_IMAGE, image_id)

    @asynccontextmanager
    async def _content(self, volume: Volume, image_id: str, disk_format: str) -> AsyncIterator[Content]:
        """That of the volume itself, or of a file in another format, removed again."""
        store, name = self._deps.store(volume.host), volume_file(volume)
        if formats.is_raw(disk_format):
            yield Content(store.read(name), await store.size(name))
            return
        packed = store.packed(name)
        try:
            async with store.local(name) as path:
                await formats.pack(path, packed, image_id, disk_format, volume.size * GIBIBYTE)
            yield Content(store.read_packed(name), packed.stat().st_size)
        finally:
            await asyncio.to_thread(packed.unlink, missing_ok=True)

    async def _upload(self, ctx: RequestContext, image_id: str, content: Content) -> None:
        """All the bytes, which are hashed where they arrive, and nowhere else."""
        images = self._deps.images
        try:
            await images.upload(ctx, image_id, content.chunks, content.size)
        except Conflict:
            image = await images.get_or_none(ctx, image_id)
            if image is not None and image.status == "active":
                return  # uploaded by a worker that died before it could write so
            raise
        image = await images.get_or_none(ctx, image_id)
        if image is None or image.status != "active":
            raise ImageCopyFailure(reason=f"image {image_id} did not become active.")
        if image.size != content.size:
            raise ImageCopyFailure(reason=f"image {image_id} has {image.size} bytes of {content.size}.")

    async def _delete_image(self, ctx: RequestContext, image_id: str) -> None:
        """Unavailable: it is tried again, with the message or in the next round."""
        try:
            await self._deps.images.delete_unfinished(ctx, image_id)
        except Unavailable:
            raise
        except ServiceError as error:
            log.warning("image %s is not deleted: %s", image_id, error)


async def finish_upload(
    deps: VolumeDeps,
    ctx: RequestContext,
    volume_id: str,
    failure: Failure | None = None,
    *,
    unfinished: str | None = None,
) -> None:
    """Out of ``uploading``: in-use where something is attached, else available. ``failure``: there is no image.

    ``unfinished``: the id of one that may be created yet, and is deleted then.
    """
    async with deps.database.work(ctx) as uow:
        used = await attachments.of_volume(uow, volume_id)
        volume = await deps.transition(
            uow,
            volumes.TABLE,
            VolumeStates.finish_upload,
            volume_id,
            status=IN_USE if used else AVAILABLE,
            upload_image=None,
        )
        if unfinished is not None:
            await deps.leases.claim(uow, UNFINISHED_IMAGE, unfinished)
        if volume is not None and failure is not None:
            await messages.insert(uow, volume.project_id, volume_id, failure)
