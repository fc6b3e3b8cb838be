"""Quotas, checked where a project would get more. A project that is above its quota may still change other things."""

from collections.abc import AsyncIterator
from dataclasses import replace

from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, TooLarge
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.db import images as image_rows
from stackwire.image.db import locations as location_rows
from stackwire.image.db import members as member_rows
from stackwire.image.db import usage as usage_rows
from stackwire.image.domain import quota
from stackwire.image.domain.errors import ImageTooBig, StorageFull
from stackwire.image.domain.image import Image
from stackwire.image.domain.members import Member
from stackwire.image.domain.quota import Limits
from stackwire.image.domain.uploads import Chunk, WrittenData
from stackwire.image.domain.usage import (
    COUNT_TOTAL,
    COUNT_UPLOADING,
    IN_TRANSIT,
    SIZE_TOTAL,
    STAGE_TOTAL,
    STAGED,
    Usage,
)
from stackwire.image.onion import port
from stackwire.image.onion.layer import Layer


class ImageQuota(Layer[port.Images], port.Images):
    """Images of a project; properties, tags and locations of an image."""

    async def create(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image:
        limits = self.deps.limits
        quota.check_properties(limits, image.properties)
        quota.check_count("tags", len(image.tags), limits.tags)
        if limits.unified.bounds(image.owner, COUNT_TOTAL):
            await usage_rows.lock_owner(uow, image.owner)
            used = await usage_rows.usage(uow, image.owner)
            limits.unified.check(image.owner, COUNT_TOTAL, used.images + 1)
        return await self.inner.create(ctx, uow, image)

    async def update(self, ctx: RequestContext, uow: UnitOfWork, before: Image, after: Image) -> Image:
        """Counted in the database, after the change and under the row's lock: others may have added meanwhile."""
        limits = self.deps.limits
        _check_new_location(limits, before, after)
        saved = await self.inner.update(ctx, uow, before, after)
        await _check_locations(uow, limits, before, after, saved)
        if after.properties.keys() - before.properties.keys():
            count = await image_rows.property_count(uow, before.id, own=limits.count_own_properties)
            quota.check_count("properties", count, limits.properties)
        if set(after.tags) - set(before.tags):
            quota.check_count("tags", await image_rows.tag_count(uow, before.id), limits.tags)
        return saved


class DataAllowance(Layer[port.ImageData], port.ImageData):
    """The bytes of an upload, as many as it was allowed when it began."""

    async def write(self, ctx: RequestContext, upload: port.Upload) -> WrittenData:
        written = await self.inner.write(ctx, self._limited(upload))
        _check_announced(upload, written.size)
        return written

    async def write_staging(self, ctx: RequestContext, upload: port.Upload) -> int:
        if upload.announced is not None and upload.announced > upload.allowance:
            raise self._too_large(upload.announced)
        size = await self.inner.write_staging(ctx, self._limited(upload))
        _check_announced(upload, size)
        return size

    def _limited(self, upload: port.Upload) -> port.Upload:
        return replace(upload, chunks=self._within_allowance(upload))

    async def _within_allowance(self, upload: port.Upload) -> AsyncIterator[Chunk]:
        """Stops at the first byte above the allowance, however many were announced."""
        received = 0
        async for chunk in upload.read():
            received += len(chunk)
            if received > upload.allowance:
                raise self._too_large(received)
            yield chunk

    def _too_large(self, size: int) -> TooLarge:
        maximum = self.deps.limits.size
        if 0 <= maximum < size:
            return ImageTooBig(maximum=maximum)
        return StorageFull("The size of the data would exceed the storage quota.")


class DataQuota(DataAllowance):
    """Bytes of an upload. Source: ``glance/quota/__init__.py: ImageProxy.set_data``."""

    async def begin_upload(self, ctx: RequestContext, uow: UnitOfWork, upload: port.Upload) -> port.Upload:
        """The upload with its allowance, and the bytes reserved for it; an image that is staged counts already."""
        limits, image, announced = self.deps.limits, upload.image, upload.announced
        used = await _usage(uow, limits, image)
        allowance = quota.allowance(limits, 0 if used is None else used.size + used.staged, announced)
        reserved = upload.reserved
        if used is not None:
            if image.staged is None:
                reserved = announced or 0
            if image.status not in IN_TRANSIT:
                limits.unified.check(image.owner, COUNT_UPLOADING, used.uploading + 1)
            room = _room(limits, image, used, announced, staging=upload.status in STAGED)
            allowance = allowance if room is None else min(allowance, room)
        return await self.inner.begin_upload(ctx, uow, replace(upload, allowance=allowance, reserved=reserved))

    async def finish_upload(self, ctx: RequestContext, uow: UnitOfWork, image: Image, written: WrittenData) -> Image:
        await _check_stored(uow, self.deps.limits, image, written.size * len(written.stores), staging=False)
        return await self.inner.finish_upload(ctx, uow, image, written)

    async def finish_staging(self, ctx: RequestContext, uow: UnitOfWork, image: Image, size: int) -> Image:
        await _check_stored(uow, self.deps.limits, image, size, staging=True)
        return await self.inner.finish_staging(ctx, uow, image, size)


class MemberQuota(Layer[port.ImageMembers], port.ImageMembers):
    """Members of an image."""

    async def add(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str) -> Member:
        """Counted under the image's lock: memberships are added one after the other."""
        await image_rows.lock(uow, image.id)
        added = await self.inner.add(ctx, uow, image, member)
        quota.check_count("members", await member_rows.count(uow, image.id), self.deps.limits.members)
        return added


class LocationQuota(Layer[port.ImageLocations], port.ImageLocations):
    """Locations of an image, and the bytes of all its copies. External data counts like the service's own."""

    async def set_locations(self, ctx: RequestContext, uow: UnitOfWork, before: Image, after: Image) -> Image:
        _check_new_location(self.deps.limits, before, after)
        saved = await self.inner.set_locations(ctx, uow, before, after)
        await _check_locations(uow, self.deps.limits, before, after, saved)
        return saved

    async def finish_store(self, ctx: RequestContext, uow: UnitOfWork, image: Image, result: port.StoreResult) -> Image:
        saved = await self.inner.finish_store(ctx, uow, image, result)
        if result.readable:
            await _check_copies(uow, self.deps.limits, saved)
        return saved

    async def finish_import(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image:
        saved = await self.inner.finish_import(ctx, uow, image)
        await _check_copies(uow, self.deps.limits, saved)
        return saved


class TaskQuota(Layer[port.ImageTasks], port.ImageTasks):
    """Bytes of an import into several stores."""

    async def create_import(self, ctx: RequestContext, uow: UnitOfWork, new: port.NewTask) -> port.TaskCreated:
        """Each copy counts; where stores may fail, at least one copy must fit."""
        limits, image, task = self.deps.limits, new.image, new.task
        used = await _usage(uow, limits, image) if task.stores else None
        if used is not None:
            size = image.size or 0
            others = len(image.locations) + (len(task.stores) - 1 if task.all_must_succeed else 0)
            quota.allowance(limits, used.size + used.staged + others * size, image.size)
            _room(limits, image, used, (others + 1) * size, staging=False)
        return await self.inner.create_import(ctx, uow, new)


def _check_new_location(limits: Limits, before: Image, after: Image) -> None:
    if len(after.locations) > len(before.locations):
        quota.allowance(limits, 0, after.size)


async def _check_locations(uow: UnitOfWork, limits: Limits, before: Image, after: Image, saved: Image) -> None:
    if len(after.locations) > len(before.locations):
        quota.check_count("locations", await location_rows.count(uow, saved.id), limits.locations)
        await _check_copies(uow, limits, saved)


async def _check_copies(uow: UnitOfWork, limits: Limits, image: Image) -> None:
    await _check_stored(uow, limits, image, (image.size or 0) * len(image.locations), staging=False)


async def _check_stored(uow: UnitOfWork, limits: Limits, image: Image, size: int, *, staging: bool) -> None:
    """Whether ``size`` bytes of the image fit beside the owner's other images."""
    used = await _usage(uow, limits, image)
    if used is None:
        return
    if 0 < limits.storage < used.size + used.staged + size:
        raise StorageFull(f"The size of the data would exceed the storage quota of {limits.storage} bytes.")
    _room(limits, image, used, size, staging=staging)


async def _usage(uow: UnitOfWork, limits: Limits, image: Image) -> Usage | None:
    """The owner's usage without this image, under the owner's lock; None when none of it is limited."""
    if limits.storage <= 0 and not limits.unified.bounds(image.owner, SIZE_TOTAL, STAGE_TOTAL, COUNT_UPLOADING):
        return None
    await usage_rows.lock_owner(uow, image.owner)
    return await usage_rows.usage(uow, image.owner, image.id)


def _room(limits: Limits, image: Image, used: Usage, size: int | None, *, staging: bool) -> int | None:
    if staging:
        return limits.unified.room(image.owner, STAGE_TOTAL, used.staged, size)
    return limits.unified.room(image.owner, SIZE_TOTAL, used.size, size)


def _check_announced(upload: port.Upload, size: int) -> None:
    if upload.announced is not None and size != upload.announced:
        raise BadRequest(f"{upload.announced} bytes were announced, and {size} were received.")
