"""An image's data in one store among several: taken out of it, or into it from another one (``copy-image``)."""

from collections.abc import Sequence

from stackwire.core.context import RequestContext
from stackwire.db.pool import Database
from stackwire.image.backends.stores import Stores
from stackwire.image.db import images as rows
from stackwire.image.db import locations
from stackwire.image.domain.errors import StoreAway
from stackwire.image.onion.port import Images


class Places:
    def __init__(self, database: Database, images: Images, stores: Stores) -> None:
        self._database = database
        self._images = images
        self._stores = stores

    async def leave(self, ctx: RequestContext, image_id: str, store: str) -> None:
        """Out of one store; another one still has it. Rows first, bytes after.

        Source: ``glance/api/v2/images.py: ImagesController.delete_from_store``.
        """
        if store not in self._stores.enabled:
            raise StoreAway(store=store[:200])
        async with self._database.work(ctx) as uow:
            await rows.hold(uow, image_id)
            image = await self._images.get(ctx, uow, image_id)
            await self._images.leave(ctx, uow, image, store)
        if image.object is not None:
            await clear(self._database, ctx, self._stores, image.object, [store])


async def clear(database: Database, ctx: RequestContext, files: Stores, name: str, stores: Sequence[str]) -> None:
    """Takes an object out of stores that no row names. The image is held: a copy that begins now waits."""
    async with database.work(ctx) as uow:
        await rows.hold(uow, name.partition(".")[0])
        kept = await locations.stores_of(uow, name)
        for store in stores:
            if store not in kept:
                await files.remove(name, [store])
