"""Bytes: written, inspected, verified and counted on their way into a store; a failure leaves nothing behind."""

import asyncio
from collections.abc import AsyncIterator, Callable

from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.disk_image.signatures import Verifier, signed
from stackwire.image.backends.port import Writer
from stackwire.image.domain.errors import NotQueued
from stackwire.image.domain.image import Image
from stackwire.image.domain.imports import check_ready
from stackwire.image.domain.inspection import Inspection
from stackwire.image.domain.states import BEGIN, UPLOADING
from stackwire.image.domain.uploads import WrittenData
from stackwire.image.onion import port
from stackwire.image.onion.layer import Layer

BATCH_BYTES = 4 * 1024**2
"""Bytes handed to a thread at once."""


class ImageLocation(Layer[port.Images], port.Images):
    """Metadata moves no bytes: every verb passes. (Glance's layer sets the store's access lists here.)"""


class DataLocation(Layer[port.ImageData], port.ImageData):
    """Source: ``glance/location.py: ImageProxy.set_data``."""

    async def begin_upload(self, ctx: RequestContext, uow: UnitOfWork, upload: port.Upload) -> port.Upload:
        """An image that is only staged may have its formats set later."""
        image = upload.image
        if not BEGIN[upload.status].allows(status=image.status):
            raise NotQueued(before=image.status, after=upload.status)
        for name in ("disk_format", "container_format") if upload.status != UPLOADING else ():
            if getattr(image, name) is None:
                raise BadRequest(f"Properties disk_format, container_format must be set prior to saving data: {name}.")
        return await self.inner.begin_upload(ctx, uow, upload)

    async def write(self, ctx: RequestContext, upload: port.Upload) -> WrittenData:
        image, stores = upload.image, self.deps.stores
        inspection = Inspection(
            image.disk_format or "", image.container_format or "", match=self.deps.require_format_match
        )
        verifier = await self._verifier(ctx, image)
        writer = await stores.writer(upload.store, upload.object_name, upload.announced, image.owner)

        def inspect(chunk: bytes) -> None:
            inspection.update(chunk)
            if verifier is not None:
                verifier.update(chunk)

        def finish() -> int | None:
            if verifier is not None:
                verifier.finish()
            return inspection.finish(writer.size)

        virtual_size = await _write(writer, upload.read(), inspect, finish)
        return WrittenData(
            object=upload.object_name,
            stores=(upload.store or stores.default,),
            size=writer.size,
            virtual_size=virtual_size,
            checksum=writer.checksum,
            os_hash_algo="sha512",
            os_hash_value=writer.os_hash_value,
        )

    async def write_staging(self, ctx: RequestContext, upload: port.Upload) -> int:
        """The bytes as they are: they are inspected when they are imported."""
        writer = self.deps.staging.writer(upload.staged_name or "")
        await _write(writer, upload.read(), lambda _: None, lambda: None)
        return writer.size

    async def _verifier(self, ctx: RequestContext, image: Image) -> Verifier | None:
        """For a signed image: its certificate is checked before its first byte is kept."""
        signature = signed(image.properties)
        if signature is None:
            return None
        certificate = await self.deps.certificates.get(ctx, signature.certificate)
        return Verifier(signature, certificate, self.deps.clock.now())


class TaskLocation(Layer[port.ImageTasks], port.ImageTasks):
    """An import begins with an image in the state that its method needs."""

    async def create_import(self, ctx: RequestContext, uow: UnitOfWork, new: port.NewTask) -> port.TaskCreated:
        if new.request is not None:
            check_ready(new.image, new.request.method)
        return await self.inner.create_import(ctx, uow, new)


async def _write(
    writer: Writer, chunks: AsyncIterator[bytes], inspect: Callable[[bytes], None], finish: Callable[[], int | None]
) -> int | None:
    """Writes all chunks or none; a batch is collected while the last one is written. The result of ``finish``."""
    writing: asyncio.Task[None] | None = None
    try:
        async for batch in _batches(chunks):
            if writing is not None:
                await writing
            writing = asyncio.create_task(writer.put(batch, inspect))
        if writing is not None:
            await writing
        result = await asyncio.to_thread(finish)
        await writer.complete()
    except BaseException:
        if writing is not None and not writing.done():
            writing.cancel()
        await asyncio.shield(writer.discard())
        raise
    return result


async def _batches(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same bytes in pieces large enough for a thread."""
    collected: list[bytes] = []
    size = 0
    async for chunk in chunks:
        collected.append(chunk)
        size += len(chunk)
        if size >= BATCH_BYTES:
            yield b"".join(collected)
            collected, size = [], 0
    if collected:
        yield b"".join(collected)
