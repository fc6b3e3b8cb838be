"""Bytes: written, told apart and counted on their way into the store; what failed leaves nothing behind."""

import asyncio
from collections.abc import AsyncIterator

from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, NotSimulated
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.backends.files import FileStore
from stackwire.image.db.images import Written
from stackwire.image.domain.errors import NotQueued
from stackwire.image.domain.image import Image
from stackwire.image.domain.inspection import Inspection
from stackwire.image.domain.states import IMAGE, SAVING
from stackwire.image.onion.port import Images, Layer, Upload

BATCH = 1024**2  # bytes handed to the threads at once
SIGNATURE = frozenset({
    "img_signature", "img_signature_hash_method", "img_signature_key_type", "img_signature_certificate_uuid",
})  # fmt: skip


class Location(Layer):
    """``match``: content must be of the declared format (``image_format.require_image_format_match``)."""

    def __init__(self, inner: Images, files: FileStore, *, match: bool) -> None:
        super().__init__(inner)
        self._files = files
        self._match = match

    async def claim(self, ctx: RequestContext, uow: UnitOfWork, image: Image, wish: Upload) -> Image:
        if not IMAGE.allows(image.status, SAVING):
            raise NotQueued(before=image.status, after=SAVING)
        for name in ("disk_format", "container_format"):
            if getattr(image, name) is None:
                raise BadRequest(f"Properties disk_format, container_format must be set prior to saving data: {name}.")
        if image.properties.keys() >= SIGNATURE:
            raise NotSimulated(what="the verification of image signatures on upload")
        return await self.inner.claim(ctx, uow, image, wish)

    async def store(self, ctx: RequestContext, image: Image, wish: Upload) -> Written:
        inspection = Inspection(image.disk_format or "", image.container_format or "", match=self._match)
        writer = self._files.writer(wish.object_name)
        putting: asyncio.Task[None] | None = None
        try:
            async for batch in _batches(wish.chunks):
                if putting is not None:
                    await putting
                putting = asyncio.create_task(writer.put(batch, inspection.eat))
            if putting is not None:
                await putting
            virtual_size = inspection.finish(writer.size)
            await writer.complete()
        except BaseException:
            if putting is not None and not putting.done():
                putting.cancel()
            await asyncio.shield(writer.discard())
            raise
        return Written(
            object=wish.object_name,
            size=writer.size,
            virtual_size=virtual_size,
            checksum=writer.checksum,
            os_hash_algo="sha512",
            os_hash_value=writer.os_hash_value,
        )


async def _batches(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same bytes in pieces worth a thread's while."""
    gathered: list[bytes] = []
    size = 0
    async for chunk in chunks:
        gathered.append(chunk)
        size += len(chunk)
        if size >= BATCH:
            yield b"".join(gathered)
            gathered, size = [], 0
    if gathered:
        yield b"".join(gathered)
