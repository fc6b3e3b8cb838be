"""Counts what a project has, where it would get more. What it had too much already does not hinder other changes."""

from collections.abc import AsyncIterator

from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.db import images as rows
from stackwire.image.db import members as member_rows
from stackwire.image.db.images import Written
from stackwire.image.domain import quota
from stackwire.image.domain.errors import ImageTooBig, StorageFull
from stackwire.image.domain.image import Image, difference
from stackwire.image.domain.members import Member
from stackwire.image.onion.port import Images, Layer, Upload


class Quota(Layer):
    def __init__(self, inner: Images, limits: quota.Limits) -> None:
        super().__init__(inner)
        self._limits = limits

    async def create(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image:
        quota.check_properties(self._limits, image.properties)
        quota.check_count("tags", len(image.tags), self._limits.tags)
        if self._limits.images > 0:
            await rows.lock_owner(uow, image.owner)
            quota.check_images(self._limits, await rows.owned(uow, image.owner) + 1)
        return await self.inner.create(ctx, uow, image)

    async def update(self, ctx: RequestContext, uow: UnitOfWork, before: Image, after: Image) -> Image:
        """Counted in the database, after the change and under the row's lock: others may have added meanwhile."""
        change = difference(before, after)
        saved = await self.inner.update(ctx, uow, before, after)
        if change.new:
            quota.check_count("properties", await rows.property_count(uow, before.id), self._limits.properties)
        if change.tags_added:
            quota.check_count("tags", await rows.tag_count(uow, before.id), self._limits.tags)
        return saved

    async def claim(self, ctx: RequestContext, uow: UnitOfWork, image: Image, wish: Upload) -> Image:
        used = 0
        if self._limits.storage > 0:
            await rows.lock_owner(uow, image.owner)
            used = await rows.stored(uow, image.owner, image.id)
            wish.reserved = wish.announced or 0
        wish.allowance = quota.allowance(self._limits, used, wish.announced)
        return await self.inner.claim(ctx, uow, image, wish)

    async def store(self, ctx: RequestContext, image: Image, wish: Upload) -> Written:
        wish.chunks = self._limited(wish.chunks, wish)
        written = await self.inner.store(ctx, image, wish)
        if wish.announced is not None and written.size != wish.announced:
            raise BadRequest(f"{wish.announced} bytes were announced, and {written.size} came.")
        return written

    async def activate(self, ctx: RequestContext, uow: UnitOfWork, image: Image, written: Written) -> Image:
        if self._limits.storage > 0:
            await rows.lock_owner(uow, image.owner)
            if await rows.stored(uow, image.owner, image.id) + written.size > self._limits.storage:
                raise StorageFull(
                    f"The size of the data would exceed the storage quota of {self._limits.storage} bytes."
                )
        return await self.inner.activate(ctx, uow, image, written)

    async def add_member(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str) -> Member:
        await member_rows.lock_image(uow, image.id)
        added = await self.inner.add_member(ctx, uow, image, member)
        quota.check_count("members", await member_rows.count(uow, image.id), self._limits.members)
        return added

    async def _limited(self, chunks: AsyncIterator[bytes], wish: Upload) -> AsyncIterator[bytes]:
        """Stops at the first byte too many, however many were announced."""
        came = 0
        async for chunk in chunks:
            came += len(chunk)
            if came > wish.allowance:
                if 0 <= self._limits.size < came:
                    raise ImageTooBig(maximum=self._limits.size)
                raise StorageFull("The size of the data would exceed the storage quota.")
            yield chunk
