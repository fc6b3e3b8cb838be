"""An image's bytes, in and out. Never inside a transaction: an upload commits before them and after them."""

import asyncio
import logging
from collections.abc import AsyncIterator
from secrets import token_hex

from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, ServiceError
from stackwire.db.pool import Database
from stackwire.image.backends.staging import Staging
from stackwire.image.backends.stores import Stores
from stackwire.image.domain.errors import ImageNotFound, Vanished
from stackwire.image.domain.image import Image
from stackwire.image.domain.states import QUEUED, UPLOADING
from stackwire.image.flows.hands import Hands
from stackwire.image.onion.port import Images, Upload

log = logging.getLogger(__name__)


class Data:
    """``worker`` names this process: its uploads are given up for it when it is gone."""

    def __init__(
        self, database: Database, images: Images, files: Stores, staging: Staging, hands: Hands, worker: str
    ) -> None:
        self._database = database
        self._images = images
        self._files = files
        self._staging = staging
        self._hands = hands
        self._worker = worker

    async def upload(
        self,
        ctx: RequestContext,
        image_id: str,
        chunks: AsyncIterator[bytes],
        announced: int | None,
        *,
        checksum: str | None = None,
        store: str | None = None,
        failed: str = QUEUED,
    ) -> Image:
        """From queued over saving to active; whatever goes wrong, cancellation included, leads to ``failed``.

        ``checksum``: what the client says the data's MD5 is; ``store``: where to, unless the default.
        Raises StoreUnknown; Vanished when the image was deleted meanwhile.
        """
        if store is not None:
            self._files.known(store)
        mark = token_hex(8)
        wish = Upload(chunks, announced, worker=self._worker, object_name=f"{image_id}.{mark}", store=store)
        with self._hands.holding(mark):
            saving = await self._claim(ctx, image_id, wish)
            try:
                written = await self._images.store(ctx, saving, wish)
                if checksum is not None and written.checksum != checksum:
                    raise BadRequest(f"The data's checksum is {written.checksum}; {checksum} was announced.")
                async with self._database.work(ctx) as uow:
                    return await self._images.activate(ctx, uow, saving, written)
            except BaseException as error:
                await asyncio.shield(self._give_up(ctx, saving, wish, error, failed))
                raise

    async def stage(
        self, ctx: RequestContext, image_id: str, chunks: AsyncIterator[bytes], announced: int | None
    ) -> None:
        """From queued to uploading, where the image stays until it is imported; whatever goes wrong leads back."""
        mark = token_hex(8)
        wish = Upload(chunks, announced, worker=self._worker, staged=f"{image_id}.{mark}", into=UPLOADING)
        with self._hands.holding(mark):
            uploading = await self._claim(ctx, image_id, wish)
            try:
                size = await self._images.fill(ctx, uploading, wish)
                async with self._database.work(ctx) as uow:
                    await self._images.staged(ctx, uow, uploading, size)
            except BaseException as error:
                await asyncio.shield(self._give_up(ctx, uploading, wish, error))
                raise

    async def _claim(self, ctx: RequestContext, image_id: str, wish: Upload) -> Image:
        async with self._database.work(ctx) as uow:
            image = await self._images.get(ctx, uow, image_id)
            return await self._images.claim(ctx, uow, image, wish)

    async def _give_up(
        self, ctx: RequestContext, saving: Image, wish: Upload, error: BaseException, to: str = QUEUED
    ) -> None:
        """Asks the row whose it is first: a commit whose answer was lost may have happened, and then the bytes stay.

        What cannot be told to the database now is left to the sweep.
        """
        why = error.message if isinstance(error, ServiceError) else "The upload was cut off."
        try:
            async with self._database.work(ctx) as uow:
                ours = await self._images.release(ctx, uow, saving, why, to)
            if ours or isinstance(error, Vanished | ImageNotFound):
                if wish.staged is None:
                    await self._files.remove(wish.object_name, [wish.store or self._files.default])
                else:
                    await self._staging.remove(wish.staged)
        except ServiceError as second:
            log.warning("the upload of %s could not be given up yet: %s", saving.id, second)

    async def download(self, ctx: RequestContext, image_id: str) -> Image:
        """The image whose bytes the caller may have."""
        async with self._database.read() as db:
            return await self._images.download(ctx, db, image_id)

    async def sent(self, ctx: RequestContext, image: Image, sent: int, expected: int) -> None:
        """Says how many bytes a reader got."""
        async with self._database.work(ctx) as uow:
            await self._images.sent(ctx, uow, image, sent, expected)
