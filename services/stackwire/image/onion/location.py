"""Bytes: written, told apart, verified and counted on their way into the store; what failed leaves nothing behind."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime

from stackwire.core.clock import Clock
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.backends.certificates import Certificates
from stackwire.image.backends.port import Writer
from stackwire.image.backends.staging import Staging
from stackwire.image.backends.stores import Stores
from stackwire.image.db.images import Written
from stackwire.image.domain.errors import NotQueued
from stackwire.image.domain.image import Image
from stackwire.image.domain.imports import ImportWish, check_ready
from stackwire.image.domain.inspection import Inspection
from stackwire.image.domain.signatures import Verifier, signed
from stackwire.image.domain.states import IMAGE, UPLOADING
from stackwire.image.domain.tasks import Task
from stackwire.image.onion.port import Images, Layer, Ordered, Upload

BATCH = 4 * 1024**2  # bytes handed to the threads at once


class Location(Layer):
    """``match``: content must be of the declared format (``image_format.require_image_format_match``)."""

    def __init__(
        self,
        inner: Images,
        files: Stores,
        staging: Staging,
        certificates: Certificates,
        clock: Clock,
        *,
        match: bool,
    ) -> None:
        super().__init__(inner)
        self._files = files
        self._staging = staging
        self._certificates = certificates
        self._clock = clock
        self._match = match

    async def claim(self, ctx: RequestContext, uow: UnitOfWork, image: Image, wish: Upload) -> Image:
        """What is only staged need not say yet what it is."""
        if not IMAGE.allows(image.status, wish.into):
            raise NotQueued(before=image.status, after=wish.into)
        if wish.into == UPLOADING:
            return await self.inner.claim(ctx, uow, image, wish)
        for name in ("disk_format", "container_format"):
            if getattr(image, name) is None:
                raise BadRequest(f"Properties disk_format, container_format must be set prior to saving data: {name}.")
        return await self.inner.claim(ctx, uow, image, wish)

    async def order(
        self, ctx: RequestContext, uow: UnitOfWork, image: Image, wish: ImportWish, task: Task, forget_at: datetime
    ) -> Ordered:
        check_ready(image, wish.method)
        return await self.inner.order(ctx, uow, image, wish, task, forget_at)

    async def fill(self, ctx: RequestContext, image: Image, wish: Upload) -> int:
        """As they come: what they are is told when they are imported."""
        writer = self._staging.writer(wish.staged or "")
        await _write(writer, wish.chunks, lambda _: None, lambda: None)
        return writer.size

    async def store(self, ctx: RequestContext, image: Image, wish: Upload) -> Written:
        inspection = Inspection(image.disk_format or "", image.container_format or "", match=self._match)
        verifier = await self._verifier(ctx, image)
        writer = await self._files.writer(wish.store, wish.object_name, wish.announced)

        def eat(chunk: bytes) -> None:
            inspection.eat(chunk)
            if verifier is not None:
                verifier.eat(chunk)

        def finish() -> int | None:
            if verifier is not None:
                verifier.finish()
            return inspection.finish(writer.size)

        virtual_size = await _write(writer, wish.chunks, eat, finish)
        return Written(
            object=wish.object_name,
            stores=(wish.store or self._files.default,),
            size=writer.size,
            virtual_size=virtual_size,
            checksum=writer.checksum,
            os_hash_algo="sha512",
            os_hash_value=writer.os_hash_value,
        )

    async def _verifier(self, ctx: RequestContext, image: Image) -> Verifier | None:
        """For a signed image: before its first byte is kept it is known whom to believe."""
        wish = signed(image.properties)
        if wish is None:
            return None
        return Verifier(wish, await self._certificates.get(ctx, wish.certificate), self._clock.now())


async def _write(
    writer: Writer,
    chunks: AsyncIterator[bytes],
    eat: Callable[[bytes], None],
    finish: Callable[[], int | None],
) -> int | None:
    """All of them or none; the next are fetched while the last are written. Answers what ``finish`` does."""
    putting: asyncio.Task[None] | None = None
    try:
        async for batch in _batches(chunks):
            if putting is not None:
                await putting
            putting = asyncio.create_task(writer.put(batch, eat))
        if putting is not None:
            await putting
        told = await asyncio.to_thread(finish)
        await writer.complete()
    except BaseException:
        if putting is not None and not putting.done():
            putting.cancel()
        await asyncio.shield(writer.discard())
        raise
    return told


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
