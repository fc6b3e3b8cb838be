"""An image's bytes, in and out. Never inside a transaction: an upload commits before them and after them."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace

from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, ServiceError
from stackwire.image.domain.errors import ImageNotFound, Vanished
from stackwire.image.domain.image import Image
from stackwire.image.domain.states import QUEUED, UPLOADING
from stackwire.image.domain.uploads import Chunk
from stackwire.image.flows.deps import FlowDeps
from stackwire.image.flows.stored_objects import new_object_name
from stackwire.image.onion.port import Upload

log = logging.getLogger(__name__)


class DataTransfers:
    """Source: ``glance/api/v2/image_data.py: ImageDataController``."""

    def __init__(self, deps: FlowDeps) -> None:
        self._deps = deps
        self._data = deps.onion.data
        self._images = deps.onion.images
        self._transactions = deps.images

    async def upload(
        self,
        ctx: RequestContext,
        image_id: str,
        chunks: AsyncIterator[Chunk],
        announced: int | None,
        *,
        checksum: str | None = None,
        store: str | None = None,
        status_on_failure: str = QUEUED,
    ) -> Image:
        """From queued over saving to active; a failure, cancellation included, leads to ``status_on_failure``.

        ``checksum``: the data's MD5 by the client; ``store``: None is the default.

        Raises StoreUnknown; Vanished when the image was deleted meanwhile.
        """
        if store is not None:
            self._deps.stores.known(store)
        image = Image(id=image_id)
        name = new_object_name(image_id)
        upload = Upload(image=image, chunks=chunks, announced=announced, object_name=name, store=store)
        upload = await self._begin(ctx, upload)
        async with self._deps.leases.keep("image", upload.image.id):
            try:
                written = await self._data.write(ctx, upload)
                if checksum is not None and written.checksum != checksum:
                    raise BadRequest(f"The data's checksum is {written.checksum}; {checksum} was announced.")
                async with self._transactions.work(ctx) as uow:
                    return await self._data.finish_upload(ctx, uow, upload.image, written)
            except BaseException as error:
                await asyncio.shield(self._abort(ctx, upload, error, status_on_failure))
                raise

    async def stage(
        self, ctx: RequestContext, image_id: str, chunks: AsyncIterator[Chunk], announced: int | None
    ) -> None:
        """From queued to uploading, where the image stays until it is imported; a failure leads back to queued."""
        image = Image(id=image_id)
        name = new_object_name(image_id)
        upload = Upload(image=image, chunks=chunks, announced=announced, staged_name=name, status=UPLOADING)
        upload = await self._begin(ctx, upload)
        async with self._deps.leases.keep("image", upload.image.id):
            try:
                size = await self._data.write_staging(ctx, upload)
                async with self._transactions.work(ctx) as uow:
                    await self._data.finish_staging(ctx, uow, upload.image, size)
            except BaseException as error:
                await asyncio.shield(self._abort(ctx, upload, error))
                raise

    async def _begin(self, ctx: RequestContext, upload: Upload) -> Upload:
        async with self._transactions.work(ctx) as uow:
            image = await self._images.get(ctx, uow, upload.image.id)
            return await self._data.begin_upload(ctx, uow, replace(upload, image=image))

    async def _abort(self, ctx: RequestContext, upload: Upload, error: BaseException, status: str = QUEUED) -> None:
        """Asks the row first: a commit whose answer was lost may have happened, and then the bytes stay.

        While the database is away nothing is aborted: recovery does it when the lease has run out.
        """
        reason = error.message if isinstance(error, ServiceError) else "The upload was cut off."
        try:
            async with self._transactions.work(ctx) as uow:
                aborted = await self._data.abort(ctx, uow, upload.image, reason, status)
            if aborted or isinstance(error, Vanished | ImageNotFound):
                if upload.staged_name is None:
                    store = upload.store or self._deps.stores.default
                    await self._deps.stores.remove(upload.object_name, [store])
                else:
                    await self._deps.staging.remove(upload.staged_name)
        except ServiceError as second:
            log.warning("the upload of %s could not be aborted yet: %s", upload.image.id, second)

    async def get_for_download(self, ctx: RequestContext, image_id: str) -> Image:
        """The image, when the caller may read its bytes."""
        async with self._transactions.read() as session:
            return await self._data.get_for_download(ctx, session, image_id)

    async def record_download(self, ctx: RequestContext, image: Image, sent: int, expected: int) -> None:
        """Emits how many bytes a client got."""
        async with self._deps.database.work(ctx) as uow:
            await self._data.record_download(ctx, uow, image, sent, expected)
