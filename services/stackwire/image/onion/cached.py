"""Where there is a cache: an image that goes leaves no cache with its bytes."""

from stackwire.core.context import RequestContext
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.db import cache as rows
from stackwire.image.domain.image import Image
from stackwire.image.onion.port import Layer


class Cached(Layer):
    """Around the database: in the same transaction. The files follow with the sweep of their node."""

    async def delete(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image:
        gone = await self.inner.delete(ctx, uow, image)
        await rows.forget(uow, image.id)
        return gone
