"""Innermost: rows of uploads and locations."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from stackwire.core.context import RequestContext
from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.db import images, imports, locations, uploads
from stackwire.image.domain.errors import (
    FormatChanged,
    ImageNotFound,
    NotInStore,
    NotQueued,
    OnlyStore,
    TaskAborted,
    Vanished,
)
from stackwire.image.domain.image import Image
from stackwire.image.domain.states import ACTIVE, BEGIN, IMPORTING, KILLED, QUEUED, ImageStates
from stackwire.image.domain.uploads import WrittenData
from stackwire.image.onion import port
from stackwire.image.onion.database import save
from stackwire.image.onion.database_tasks import create_with_lock
from stackwire.image.onion.layer import Layer


class DataDatabase(Layer[port.ImageData], port.ImageData):
    """An upload holds its image's lease from ``begin_upload`` until it is finished or aborted.

    Bytes never get here: ``write`` and ``write_staging`` end in the location layer.
    """

    async def write(self, ctx: RequestContext, upload: port.Upload) -> WrittenData:
        raise NotImplementedError

    async def write_staging(self, ctx: RequestContext, upload: port.Upload) -> int:
        raise NotImplementedError

    async def begin_upload(self, ctx: RequestContext, uow: UnitOfWork, upload: port.Upload) -> port.Upload:
        image = upload.image
        begun = await uploads.begin_upload(
            uow,
            image,
            BEGIN[upload.status],
            object_name=upload.object_name or None,
            staged=upload.staged_name,
            reserved=upload.reserved,
        )
        if not begun or not await self.deps.leases.claim(uow, "image", image.id):
            raise await images.refusal(uow, image.id, upload.status)
        if upload.task is not None:
            if await imports.locked_by(uow, image.id) != upload.task.id:
                raise TaskAborted
            await imports.set_stores(uow, image.id, upload.task.stores)
        return replace(upload, image=await images.must_get(uow, image.id, ctx.project_id))

    async def finish_upload(self, ctx: RequestContext, uow: UnitOfWork, image: Image, written: WrittenData) -> Image:
        if written.elsewhere:
            if not await uploads.finish_elsewhere(uow, image.id, written):
                raise Vanished(image_id=image.id)
        elif not await uploads.finish_upload(uow, image, written):
            current = await images.get(uow, image.id, None)
            if current is not None and current.object == written.object:
                raise FormatChanged(image_id=image.id)
            raise Vanished(image_id=image.id)
        await self.deps.leases.revoke(uow, "image", image.id)
        if image.status == IMPORTING:
            await imports.set_stores(uow, image.id, written.remaining, written.failed)
            if written.remaining:
                await locations.begin(uow, image.id, written.object, written.remaining)
        return await images.must_get(uow, image.id, ctx.project_id)

    async def finish_staging(self, ctx: RequestContext, uow: UnitOfWork, image: Image, size: int) -> Image:
        if not await uploads.finish_staging(uow, image.id, image.staged or "", size):
            raise ImageNotFound(image_id=image.id)
        await self.deps.leases.revoke(uow, "image", image.id)
        return await images.must_get(uow, image.id, ctx.project_id)

    async def abort(
        self, ctx: RequestContext, uow: UnitOfWork, image: Image, reason: str, status: str = QUEUED
    ) -> bool:
        verb = ImageStates.kill if status == KILLED else ImageStates.abort
        if image.object is None and image.staged is None:
            aborted = await uploads.abort_elsewhere(uow, image, verb)
        else:
            aborted = await uploads.abort(uow, image, verb)
        if aborted:
            await self.deps.leases.revoke(uow, "image", image.id)
        return aborted

    async def get_for_download(self, ctx: RequestContext, session: Session, image_id: str) -> Image:
        return await images.must_get(session, image_id, ctx.project_id)

    async def record_download(
        self, ctx: RequestContext, uow: UnitOfWork, image: Image, sent: int, expected: int
    ) -> None:
        """No row records it."""


class LocationDatabase(Layer[port.ImageLocations], port.ImageLocations):
    """An image's locations, and the properties that show an import's progress."""

    async def check_access(self, ctx: RequestContext, image: Image, rule: str) -> None:
        """The outer layers have checked it."""

    async def create_task(self, ctx: RequestContext, uow: UnitOfWork, new: port.NewTask) -> port.TaskCreated:
        return await create_with_lock(uow, new)

    async def set_locations(self, ctx: RequestContext, uow: UnitOfWork, before: Image, after: Image) -> Image:
        return await save(ctx, uow, before, after)

    async def set_digests(
        self, ctx: RequestContext, uow: UnitOfWork, image: Image, digests: Mapping[str, str]
    ) -> Image | None:
        if not await locations.set_digests(uow, image.id, digests):
            return None
        return await images.must_get(uow, image.id, ctx.project_id)

    async def remove_from_store(self, ctx: RequestContext, uow: UnitOfWork, image: Image, store: str) -> Image:
        """The caller holds the image's row."""
        if image.status != ACTIVE:
            raise NotQueued("It's not allowed to remove image data from store if image status is not 'active'")
        if store not in image.stores:
            raise NotInStore(image_id=image.id, store=store)
        if len(image.stores) == 1:
            raise OnlyStore
        await locations.remove(uow, image.id, store)
        return await images.must_get(uow, image.id, ctx.project_id)

    async def begin_copy(self, ctx: RequestContext, uow: UnitOfWork, image: Image, stores: Sequence[str]) -> Image:
        await images.lock(uow, image.id)
        await locations.begin(uow, image.id, image.object or "", stores)
        await imports.set_stores(uow, image.id, stores)
        return await images.must_get(uow, image.id, ctx.project_id)

    async def begin_store(self, ctx: RequestContext, uow: UnitOfWork, image: Image, store: str) -> None:
        """The rows name the store already."""

    async def finish_store(self, ctx: RequestContext, uow: UnitOfWork, image: Image, result: port.StoreResult) -> Image:
        if result.reason is not None:
            await locations.abort(uow, image.id, [result.store])
        elif result.readable and not await locations.complete(uow, image.id, [result.store]):
            raise Vanished(image_id=image.id)
        await imports.set_stores(uow, image.id, result.remaining, result.failed)
        return await images.must_get(uow, image.id, ctx.project_id)

    async def finish_import(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image:
        return await images.must_get(uow, image.id, ctx.project_id)
