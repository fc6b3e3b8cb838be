"""An image's bytes into a file of the back end, verified to be the image's."""

from dataclasses import dataclass
from pathlib import Path

from stackwire.contracts.image import ImageView
from stackwire.core.context import RequestContext
from stackwire.volume.backends import formats
from stackwire.volume.backends.files import IncomingFile, Written
from stackwire.volume.domain import size_checks, travel
from stackwire.volume.domain.errors import ImageCopyFailure, ImageUnacceptable
from stackwire.volume.flows.deps import Flow


@dataclass(frozen=True, slots=True)
class ImageSource:
    """The image as it was when it was downloaded. ``signature_verified`` as the row of that name."""

    image: ImageView
    signature_verified: bool


class ImageDownloads(Flow):
    """``cinder/image/image_utils.py: fetch_to_raw``."""

    async def fill(self, ctx: RequestContext, image_id: str, name: str, size: int) -> ImageSource:
        """The file ``name`` of ``size`` bytes holds the image. ImageCopyFailure, ImageUnacceptable, TooManyBytes, ...;
        then its former content is unchanged."""
        image = await self._deps.images.get(ctx, image_id)
        size_checks.check_image(image, size // size_checks.GIBIBYTE)
        verified = travel.signature_outcome(image.properties)
        if verified is None:
            raise ImageUnacceptable(
                image_id=image.id, reason="it is signed, and the verification of signatures is not simulated."
            )
        async with self._deps.store.incoming(name) as incoming:
            await self._fetch_to_raw(ctx, image, incoming, self._deps.store.packed(name), size)
            await incoming.resize(size)
        return ImageSource(image, verified)

    async def _fetch_to_raw(
        self, ctx: RequestContext, image: ImageView, incoming: IncomingFile, packed_path: Path, size: int
    ) -> None:
        declared = image.disk_format or "raw"
        if formats.is_raw(declared):
            await self._fetch(ctx, image, incoming, size)
            await formats.inspect(incoming.path, image.id, declared, size)
            return
        packed = IncomingFile(packed_path)
        try:
            await self._fetch(ctx, image, packed, size)
            await formats.inspect(packed.path, image.id, declared, size)
            await formats.convert(packed.path, incoming.path, image.id, declared, size)
        finally:
            packed.path.unlink(missing_ok=True)

    async def _fetch(self, ctx: RequestContext, image: ImageView, incoming: IncomingFile, limit: int) -> Written:
        """The digest of the received bytes must be the one the image service computed at the image's upload."""
        algorithm, expected = ("md5", image.checksum)
        if image.os_hash_algo and image.os_hash_value:
            algorithm, expected = image.os_hash_algo, image.os_hash_value
        written = await incoming.fill(self._deps.images.data(ctx, image.id), algorithm, limit)
        if image.size is not None and written.size != image.size:
            raise ImageCopyFailure(reason=f"{written.size} bytes arrived, the image has {image.size}.")
        if expected is not None and written.digest != expected:
            raise ImageCopyFailure(reason=f"the {algorithm} of the bytes that arrived is not the image's.")
        return written
