"""Counts what a project has, where it would get more. What it had too much already does not hinder other changes."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime

from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, TooLarge
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.db import images as rows
from stackwire.image.db import locations as location_rows
from stackwire.image.db import members as member_rows
from stackwire.image.db.images import Written
from stackwire.image.domain import quota
from stackwire.image.domain.errors import ImageTooBig, StorageFull
from stackwire.image.domain.image import Image, difference
from stackwire.image.domain.imports import ImportWish
from stackwire.image.domain.members import Member
from stackwire.image.domain.tasks import Task
from stackwire.image.domain.usage import (
    COUNT_TOTAL,
    COUNT_UPLOADING,
    IN_TRANSIT,
    SIZE_TOTAL,
    STAGE_TOTAL,
    STAGED,
    Usage,
)
from stackwire.image.onion.port import Images, Layer, Ordered, Step, Upload


class Quota(Layer):
    def __init__(self, inner: Images, limits: quota.Limits) -> None:
        super().__init__(inner)
        self._limits = limits
        self._unified = limits.unified

    async def create(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image:
        quota.check_properties(self._limits, image.properties)
        quota.check_count("tags", len(image.tags), self._limits.tags)
        if self._unified.bounds(image.owner, COUNT_TOTAL):
            await rows.lock_owner(uow, image.owner)
            had = await rows.usage(uow, image.owner)
            self._unified.check(image.owner, COUNT_TOTAL, had.images + 1)
        return await self.inner.create(ctx, uow, image)

    async def update(self, ctx: RequestContext, uow: UnitOfWork, before: Image, after: Image) -> Image:
        """Counted in the database, after the change and under the row's lock: others may have added meanwhile."""
        saved = await self._within(uow, before, after, lambda: self.inner.update(ctx, uow, before, after))
        change = difference(before, after)
        if change.new:
            quota.check_count("properties", await rows.property_count(uow, before.id), self._limits.properties)
        if change.tags_added:
            quota.check_count("tags", await rows.tag_count(uow, before.id), self._limits.tags)
        return saved

    async def place(self, ctx: RequestContext, uow: UnitOfWork, before: Image, after: Image) -> Image:
        return await self._within(uow, before, after, lambda: self.inner.place(ctx, uow, before, after))

    async def _within(
        self, uow: UnitOfWork, before: Image, after: Image, save: Callable[[], Awaitable[Image]]
    ) -> Image:
        """What is elsewhere counts as what is here, and as often."""
        more = len(after.locations) > len(before.locations)
        if more:
            quota.allowance(self._limits, 0, after.size)
        saved = await save()
        if more:
            quota.check_count("locations", await location_rows.count(uow, before.id), self._limits.locations)
            await self._check_places(uow, saved)
        return saved

    async def claim(self, ctx: RequestContext, uow: UnitOfWork, image: Image, wish: Upload) -> Image:
        """What is staged counts by its size already."""
        used = await self._used(uow, image)
        wish.allowance = quota.allowance(self._limits, 0 if used is None else used.size + used.staged, wish.announced)
        if used is not None:
            if image.staged is None:
                wish.reserved = wish.announced or 0
            if image.status not in IN_TRANSIT:
                self._unified.check(image.owner, COUNT_UPLOADING, used.uploading + 1)
            room = self._room(image, used, wish.announced, staging=wish.into in STAGED)
            wish.allowance = wish.allowance if room is None else min(wish.allowance, room)
        return await self.inner.claim(ctx, uow, image, wish)

    async def _used(self, uow: UnitOfWork, image: Image) -> Usage | None:
        """What the owner has without this image; nobody else is counted until the transaction ends.

        None when nothing of it is limited.
        """
        if self._limits.storage <= 0 and not self._unified.bounds(
            image.owner, SIZE_TOTAL, STAGE_TOTAL, COUNT_UPLOADING
        ):
            return None
        await rows.lock_owner(uow, image.owner)
        return await rows.usage(uow, image.owner, image.id)

    def _room(self, image: Image, used: Usage, size: int | None, *, staging: bool) -> int | None:
        if staging:
            return self._unified.room(image.owner, STAGE_TOTAL, used.staged, size)
        return self._unified.room(image.owner, SIZE_TOTAL, used.size, size)

    async def order(
        self, ctx: RequestContext, uow: UnitOfWork, image: Image, wish: ImportWish, task: Task, forget_at: datetime
    ) -> Ordered:
        """What is in several stores counts as often; of stores that may fail at least one is needed."""
        used = await self._used(uow, image) if task.stores else None
        if used is not None:
            size = image.size or 0
            more = len(image.locations) + (len(task.stores) - 1 if task.all_must_succeed else 0)
            quota.allowance(self._limits, used.size + used.staged + more * size, image.size)
            self._room(image, used, (more + 1) * size, staging=False)
        return await self.inner.order(ctx, uow, image, wish, task, forget_at)

    async def fill(self, ctx: RequestContext, image: Image, wish: Upload) -> int:
        if wish.announced is not None and wish.announced > wish.allowance:
            raise self._too_much(wish.announced)
        wish.chunks = self._limited(wish.chunks, wish)
        size = await self.inner.fill(ctx, image, wish)
        _check_announced(wish, size)
        return size

    async def staged(self, ctx: RequestContext, uow: UnitOfWork, image: Image, size: int) -> Image:
        await self._check_stored(uow, image, size, staging=True)
        return await self.inner.staged(ctx, uow, image, size)

    async def store(self, ctx: RequestContext, image: Image, wish: Upload) -> Written:
        wish.chunks = self._limited(wish.chunks, wish)
        written = await self.inner.store(ctx, image, wish)
        _check_announced(wish, written.size)
        return written

    async def activate(self, ctx: RequestContext, uow: UnitOfWork, image: Image, written: Written) -> Image:
        await self._check_stored(uow, image, written.size * len(written.stores), staging=False)
        return await self.inner.activate(ctx, uow, image, written)

    async def reached(self, ctx: RequestContext, uow: UnitOfWork, image: Image, step: Step) -> Image:
        now = await self.inner.reached(ctx, uow, image, step)
        if step.counts:
            await self._check_places(uow, now)
        return now

    async def verified(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image:
        now = await self.inner.verified(ctx, uow, image)
        await self._check_places(uow, now)
        return now

    async def _check_places(self, uow: UnitOfWork, image: Image) -> None:
        await self._check_stored(uow, image, (image.size or 0) * len(image.locations), staging=False)

    async def _check_stored(self, uow: UnitOfWork, image: Image, size: int, *, staging: bool) -> None:
        used = await self._used(uow, image)
        if used is None:
            return
        if 0 < self._limits.storage < used.size + used.staged + size:
            raise StorageFull(f"The size of the data would exceed the storage quota of {self._limits.storage} bytes.")
        self._room(image, used, size, staging=staging)

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
                raise self._too_much(came)
            yield chunk

    def _too_much(self, size: int) -> TooLarge:
        if 0 <= self._limits.size < size:
            return ImageTooBig(maximum=self._limits.size)
        return StorageFull("The size of the data would exceed the storage quota.")


def _check_announced(wish: Upload, size: int) -> None:
    if wish.announced is not None and size != wish.announced:
        raise BadRequest(f"{wish.announced} bytes were announced, and {size} came.")
