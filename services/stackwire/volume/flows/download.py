"""An image's bytes into a file of the back end, with the proof that they are the image's."""

from dataclasses import dataclass
from pathlib import Path

from stackwire.contracts.image import ImageView
from stackwire.core.context import RequestContext
from stackwire.volume.backends import formats
from stackwire.volume.backends.files import Incoming, Written
from stackwire.volume.backends.images import Images
from stackwire.volume.domain import sizes, travel
from stackwire.volume.domain.errors import ImageCopyFailure, ImageUnacceptable
from stackwire.volume.flows.parts import Parts


@dataclass(frozen=True, slots=True)
class Source:
    """The image as it was when its bytes were taken. ``signature_verified`` as the row of that name."""

    image: ImageView
    signature_verified: bool


class Downloads:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._images: Images = parts.images

    async def fill(self, ctx: RequestContext, image_id: str, name: str, size: int) -> Source:
        """The file ``name`` of ``size`` bytes holds the image. ImageCopyFailure, ImageUnacceptable, TooManyBytes, ...;
        then what was there before is there still."""
        image = await self._images.get(ctx, image_id)
        sizes.check_image(image, size // sizes.GIBIBYTE)
        verified = travel.signature_verdict(image.properties)
        if verified is None:
            raise ImageUnacceptable(
                image_id=image.id, reason="it is signed, and the verification of signatures is not simulated."
            )
        async with self._parts.store.incoming(name) as incoming:
            await self._take(ctx, image, incoming, self._parts.store.packed(name), size)
            await incoming.resize(size)
        return Source(image, verified)

    async def _take(self, ctx: RequestContext, image: ImageView, incoming: Incoming, beside: Path, size: int) -> None:
        declared = image.disk_format or "raw"
        if formats.is_raw(declared):
            await self._checked(ctx, image, incoming, size)
            await formats.inspected(incoming.path, image.id, declared, size)
            return
        packed = Incoming(beside)
        try:
            await self._checked(ctx, image, packed, size)
            await formats.inspected(packed.path, image.id, declared, size)
            await formats.convert(packed.path, incoming.path, image.id, declared, size)
        finally:
            packed.path.unlink(missing_ok=True)

    async def _checked(self, ctx: RequestContext, image: ImageView, incoming: Incoming, limit: int) -> Written:
        """The digest of what arrived must be the one the image service computed when it took the image in."""
        algorithm, expected = ("md5", image.checksum)
        if image.os_hash_algo and image.os_hash_value:
            algorithm, expected = image.os_hash_algo, image.os_hash_value
        written = await incoming.fill(self._images.data(ctx, image.id), algorithm, limit)
        if image.size is not None and written.size != image.size:
            raise ImageCopyFailure(reason=f"{written.size} bytes arrived, the image has {image.size}.")
        if expected is not None and written.digest != expected:
            raise ImageCopyFailure(reason=f"the {algorithm} of the bytes that arrived is not the image's.")
        return written
