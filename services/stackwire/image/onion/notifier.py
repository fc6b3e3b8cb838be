"""Emits what happened, in the transaction in which it happened. Source: ``glance/notifier.py``."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from stackwire.core.context import RequestContext
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.db import images as rows
from stackwire.image.domain.image import Image, stamp
from stackwire.image.domain.imports import IMPORTING_TO, stores_in
from stackwire.image.domain.members import Member
from stackwire.image.domain.notifications import NotificationBuilder
from stackwire.image.domain.states import IMPORTING, PENDING, QUEUED, SUCCESS, UPLOADING
from stackwire.image.domain.tasks import LOCATION_IMPORT, Task, TaskOutcome
from stackwire.image.domain.uploads import WrittenData
from stackwire.image.onion import port
from stackwire.image.onion.layer import Layer


class ImageNotifier(Layer[port.Images], port.Images):
    """Source: ``glance/notifier.py: ImageRepoProxy``."""

    async def create(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image:
        created = await self.inner.create(ctx, uow, image)
        uow.notify(self.deps.notifications.image("image.create", created))
        return created

    async def update(self, ctx: RequestContext, uow: UnitOfWork, before: Image, after: Image) -> Image:
        saved = await self.inner.update(ctx, uow, before, after)
        uow.notify(self.deps.notifications.image("image.update", saved))
        return saved

    async def delete(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image:
        deleted = await self.inner.delete(ctx, uow, image)
        uow.notify(self.deps.notifications.image("image.delete", deleted))
        return deleted


class DataNotifier(Layer[port.ImageData], port.ImageData):
    """An upload emits five events in Glance's order: update, prepare; then upload, activate, update."""

    async def begin_upload(self, ctx: RequestContext, uow: UnitOfWork, upload: port.Upload) -> port.Upload:
        begun = await self.inner.begin_upload(ctx, uow, upload)
        uow.notify(self.deps.notifications.image("image.update", begun.image))
        if upload.status != UPLOADING:
            uow.notify(self.deps.notifications.prepare(begun.image, upload.store or self.deps.stores.default))
        return begun

    async def finish_upload(self, ctx: RequestContext, uow: UnitOfWork, image: Image, written: WrittenData) -> Image:
        """An import shows its last store as still to be filled when its bytes are there."""
        active = await self.inner.finish_upload(ctx, uow, image, written)
        filled = _importing_to(active, written.stores[-1]) if image.status == IMPORTING else active
        uow.notify(self.deps.notifications.uploaded(filled))
        uow.notify(self.deps.notifications.image("image.activate", filled))
        uow.notify(self.deps.notifications.image("image.update", active))
        return active

    async def finish_staging(self, ctx: RequestContext, uow: UnitOfWork, image: Image, size: int) -> Image:
        staged = await self.inner.finish_staging(ctx, uow, image, size)
        uow.notify(self.deps.notifications.image("image.update", staged))
        return staged

    async def abort(
        self, ctx: RequestContext, uow: UnitOfWork, image: Image, reason: str, status: str = QUEUED
    ) -> bool:
        """Only who held the upload aborts it; an image that was deleted meanwhile emits no update."""
        aborted = await self.inner.abort(ctx, uow, image, reason, status)
        if aborted:
            if image.status != UPLOADING:
                uow.notify(self.deps.notifications.upload_failed(image, reason))
            restored = await rows.get(uow, image.id, None)
            if restored is not None:
                uow.notify(self.deps.notifications.image("image.update", restored))
        return aborted

    async def record_download(
        self, ctx: RequestContext, uow: UnitOfWork, image: Image, sent: int, expected: int
    ) -> None:
        await self.inner.record_download(ctx, uow, image, sent, expected)
        uow.notify(self.deps.notifications.downloaded(image, sent, expected, ctx.project_id, ctx.user_id))


class MemberNotifier(Layer[port.ImageMembers], port.ImageMembers):
    """Source: ``glance/notifier.py: ImageMemberRepoProxy``."""

    async def add(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str) -> Member:
        added = await self.inner.add(ctx, uow, image, member)
        uow.notify(self.deps.notifications.member("image.member.create", added))
        return added

    async def set_status(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str, status: str) -> Member:
        changed = await self.inner.set_status(ctx, uow, image, member, status)
        uow.notify(self.deps.notifications.member("image.member.update", changed))
        return changed

    async def remove(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str) -> Member:
        removed = await self.inner.remove(ctx, uow, image, member)
        uow.notify(self.deps.notifications.member("image.member.delete", removed, stamp(uow.now)))
        return removed


class LocationNotifier(Layer[port.ImageLocations], port.ImageLocations):
    """Locations are part of the image: each change is an update of it."""

    async def create_task(self, ctx: RequestContext, uow: UnitOfWork, new: port.NewTask) -> port.TaskCreated:
        created = await self.inner.create_task(ctx, uow, new)
        return _notify_created(self.deps.notifications, uow, created)

    async def set_locations(self, ctx: RequestContext, uow: UnitOfWork, before: Image, after: Image) -> Image:
        return self._notify_updated(uow, await self.inner.set_locations(ctx, uow, before, after))

    async def set_digests(
        self, ctx: RequestContext, uow: UnitOfWork, image: Image, digests: Mapping[str, str]
    ) -> Image | None:
        saved = await self.inner.set_digests(ctx, uow, image, digests)
        return None if saved is None else self._notify_updated(uow, saved)

    async def remove_from_store(self, ctx: RequestContext, uow: UnitOfWork, image: Image, store: str) -> Image:
        return self._notify_updated(uow, await self.inner.remove_from_store(ctx, uow, image, store))

    async def begin_copy(self, ctx: RequestContext, uow: UnitOfWork, image: Image, stores: Sequence[str]) -> Image:
        return self._notify_updated(uow, await self.inner.begin_copy(ctx, uow, image, stores))

    async def begin_store(self, ctx: RequestContext, uow: UnitOfWork, image: Image, store: str) -> None:
        await self.inner.begin_store(ctx, uow, image, store)
        uow.notify(self.deps.notifications.prepare(image, store))

    async def finish_store(self, ctx: RequestContext, uow: UnitOfWork, image: Image, result: port.StoreResult) -> Image:
        """The image is saved after each store, whether it took the bytes or not.

        Source: ``glance/async_/flows/api_image_import.py: _ImportToStore``.
        """
        saved = await self.inner.finish_store(ctx, uow, image, result)
        filled = _filled(saved, result.written)
        if result.reason is None:
            uow.notify(self.deps.notifications.uploaded(_importing_to(filled, result.store)))
        else:
            uow.notify(self.deps.notifications.upload_failed(saved, result.reason))
        self._notify_updated(uow, filled)
        return saved

    async def finish_import(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image:
        return self._notify_updated(uow, await self.inner.finish_import(ctx, uow, image))

    def _notify_updated(self, uow: UnitOfWork, image: Image) -> Image:
        uow.notify(self.deps.notifications.image("image.update", image))
        return image


class TaskNotifier(Layer[port.ImageTasks], port.ImageTasks):
    """Source: ``glance/notifier.py: TaskProxy, TaskRepoProxy``."""

    async def create_import(self, ctx: RequestContext, uow: UnitOfWork, new: port.NewTask) -> port.TaskCreated:
        created = await self.inner.create_import(ctx, uow, new)
        return _notify_created(self.deps.notifications, uow, created)

    async def create(self, ctx: RequestContext, uow: UnitOfWork, task: Task) -> Task:
        created = await self.inner.create(ctx, uow, task)
        uow.notify(self.deps.notifications.task("task.create", created))
        return created

    async def begin(self, ctx: RequestContext, uow: UnitOfWork, task_id: str) -> Task | None:
        task = await self.inner.begin(ctx, uow, task_id)
        if task is not None:
            uow.notify(self.deps.notifications.task("task.processing", task))
        return task

    async def finish(
        self, ctx: RequestContext, uow: UnitOfWork, task: Task, outcome: TaskOutcome, expires_at: datetime
    ) -> Task | None:
        """``task.run`` is last and shows the task as it was requested: ``glance/notifier.py: TaskProxy.run``."""
        before = await rows.get(uow, task.image_id or "", None) if task.type == LOCATION_IMPORT else None
        finished = await self.inner.finish(ctx, uow, task, outcome, expires_at)
        if before is not None and before.status == IMPORTING:
            after = await rows.get(uow, before.id, None)
            if after is not None and after.status == QUEUED:
                uow.notify(self.deps.notifications.image("image.update", after))
        if finished is not None:
            succeeded = finished.status == SUCCESS
            uow.notify(self.deps.notifications.task("task.success" if succeeded else "task.failure", finished))
            if succeeded:
                requested = replace(finished, status=PENDING, expires_at=None, updated_at=finished.created_at)
                uow.notify(self.deps.notifications.task("task.run", requested))
        return finished

    async def expire(self, ctx: RequestContext, uow: UnitOfWork, limit: int) -> list[Task]:
        expired = await self.inner.expire(ctx, uow, limit)
        for task in expired:
            uow.notify(self.deps.notifications.task("task.delete", task))
        return expired


def _notify_created(notifications: NotificationBuilder, uow: UnitOfWork, created: port.TaskCreated) -> port.TaskCreated:
    if created.preempted is not None:
        uow.notify(notifications.task("task.failure", created.preempted))
    uow.notify(notifications.task("task.create", created.task))
    return created


def _importing_to(image: Image, store: str) -> Image:
    """As it is while the store has the bytes already, and this has not been saved."""
    stores = ",".join(sorted({*stores_in(image, IMPORTING_TO), store}))
    return replace(image, properties={**image.properties, IMPORTING_TO: stores})


def _filled(image: Image, written: WrittenData | None) -> Image:
    """With the facts of its data, which the image's own row has once it is active."""
    if written is None:
        return image
    return replace(image, size=written.size, virtual_size=written.virtual_size, checksum=written.checksum)
