"""An image's bytes into a file of the back end, verified to be the image's, and its signer's."""

import asyncio
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from stackwire.contracts.image import ImageView
from stackwire.core.context import RequestContext
from stackwire.disk_image.signatures import SignatureRefused, Verifier, signed
from stackwire.disk_image.sparse_files import BytesMissing
from stackwire.volume.backends import formats
from stackwire.volume.backends.files import IncomingFile
from stackwire.volume.db import encryption, volumes
from stackwire.volume.domain import size_checks, travel
from stackwire.volume.domain.errors import (
    ImageCopyFailure,
    ImageSignatureVerificationFailed,
    ImageUnacceptable,
    InvalidSignatureImage,
)
from stackwire.volume.domain.model import Volume
from stackwire.volume.flows.deps import Flow, volume_file

VERIFY_CHUNK_BYTES = 4 * 1024**2


@dataclass(frozen=True, slots=True)
class ImageSource:
    """The image as it was when it was downloaded. ``signature_verified`` as the row of that name, None for a copy that
    nobody verified; ``virtual_size`` in bytes, 0 for a copy."""

    image: ImageView
    signature_verified: bool | None
    virtual_size: int = 0


class ImageDownloads(Flow):
    """``cinder/image/image_utils.py: fetch_to_raw``."""

    async def fill(
        self, ctx: RequestContext, image_id: str, volume: Volume, size: int, *, verify: bool = True
    ) -> ImageSource:
        """The volume's file of ``size`` bytes holds the image. ImageCopyFailure, ImageUnacceptable, TooManyBytes, ...;
        then its former content is unchanged. ``verify``: its signature, if it has one; a reimage does not.
        """
        image = await self._deps.images.get(ctx, image_id)
        size_checks.check_image(image, size // size_checks.GIBIBYTE)
        store, name = self._deps.store(volume.host), volume_file(volume)
        if verify and await self._clone(ctx, image, volume, size):
            return ImageSource(image, signature_verified=None)
        async with store.incoming(name) as incoming:
            received = incoming if formats.is_raw(image.disk_format) else IncomingFile(store.packed(name))
            try:
                await self._fetch(ctx, image, received, size)
                verified = verify and await self._verify(ctx, image, received.path)
                await self._to_raw(image, received.path, incoming.path, size)
            finally:
                if received is not incoming:
                    received.path.unlink(missing_ok=True)
            virtual_size = incoming.path.stat().st_size
            await incoming.resize(size)
        return ImageSource(image, verified, virtual_size)

    async def _clone(self, ctx: RequestContext, image: ImageView, volume: Volume, size: int) -> bool:
        """Whether the volume is a clone of the image where that lies: no byte is sent, none is looked at.

        Source: ``cinder/volume/flows/manager/create_volume.py: CreateVolumeFromSpecTask._create_from_image``.
        """
        if not formats.is_raw(image.disk_format) or image.container_format == "compressed":
            return False
        store, name = self._deps.store(volume.host), volume_file(volume)
        if store.clones_images:
            return await store.clone_image(await self._deps.images.locations(ctx, image.id), name, size)
        origin = await self._image_volume(ctx, image, volume)
        if origin is None:
            return False
        try:
            await store.copy(volume_file(origin), name, size)
        except BytesMissing:  # deleted meanwhile: the image may lie elsewhere, too
            return False
        return True

    async def _image_volume(self, ctx: RequestContext, image: ImageView, volume: Volume) -> Volume | None:
        """The volume in the same pool that the image's data lies in, of an image of the same project or of one whose
        owner the image's volume names (``_clone_image_volume``)."""
        if image.container_format != "bare" or not (ids := await self._deps.images.volume_ids(ctx, image.id)):
            return None
        async with self._deps.database.read() as session:
            if await encryption.encrypts(session, volume.volume_type_id):
                return None
            for volume_id in ids:
                found = await volumes.TABLE.get(session, volume_id, host=volume.host)
                if found is not None and image.owner in (volume.project_id, found.metadata.get("image_owner")):
                    return found
        return None

    @staticmethod
    async def _to_raw(image: ImageView, received: Path, goal: Path, size: int) -> None:
        """Inspected, and converted unless it is raw. ImageUnacceptable, also for what is compressed, as Cinder does."""
        if image.container_format == "compressed":
            reason = "Image compression disallowed, but container_format is compressed."
            raise ImageUnacceptable(image_id=image.id, reason=reason)
        declared = image.disk_format or "raw"
        await formats.inspect(received, image.id, declared, size)
        if received != goal:
            await formats.convert(received, goal, image.id, declared, size)

    async def _fetch(self, ctx: RequestContext, image: ImageView, incoming: IncomingFile, limit: int) -> None:
        """The digest of the received bytes must be the one the image service computed at the image's upload. Where the
        data may be read directly nobody receives it, and its size alone is compared."""
        path = await self._deps.images.file(ctx, image.id)
        if path is not None:
            _check_size(image, await incoming.copy_from(path, limit))
            return
        algorithm, expected = ("md5", image.checksum)
        if image.os_hash_algo and image.os_hash_value:
            algorithm, expected = image.os_hash_algo, image.os_hash_value
        written = await incoming.fill(partial(self._deps.images.data, ctx, image.id), algorithm, limit)
        _check_size(image, written.size)
        if expected is not None and written.digest != expected:
            raise ImageCopyFailure(reason=f"the {algorithm} of the bytes that arrived is not the image's.")

    async def _verify(self, ctx: RequestContext, image: ImageView, path: Path) -> bool:
        """False for an image that is not signed (``verify_glance_image_signature``). InvalidSignatureImage,
        ImageSignatureVerificationFailed."""
        if travel.signature_outcome(image.properties) is False:
            return False
        try:
            declared = signed(image.properties)
            if declared is None:
                raise InvalidSignatureImage(image_id=image.id)
            certificate = await self._deps.certificates.get(ctx, declared.certificate)
            verifier = Verifier(declared, certificate, self._deps.database.clock.now())
            await asyncio.to_thread(_verify_file, verifier, path)
        except SignatureRefused as error:
            raise ImageSignatureVerificationFailed(reason=error.message) from error
        return True


def _check_size(image: ImageView, size: int) -> None:
    """ImageCopyFailure."""
    if image.size is not None and size != image.size:
        raise ImageCopyFailure(reason=f"{size} bytes arrived, the image has {image.size}.")


def _verify_file(verifier: Verifier, path: Path) -> None:
    with path.open("rb") as file:
        while chunk := file.read(VERIFY_CHUNK_BYTES):
            verifier.update(chunk)
    verifier.finish()
