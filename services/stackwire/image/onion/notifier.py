"""Says what happened, in the transaction in which it happened. Only what the inner layers did is said."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from stackwire.core.context import RequestContext
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.db import images as rows
from stackwire.image.db.images import Written
from stackwire.image.domain.events import Voice
from stackwire.image.domain.image import Image, stamp
from stackwire.image.domain.imports import GOING_TO, ImportWish, listed
from stackwire.image.domain.members import Member
from stackwire.image.domain.states import IMPORTING, PENDING, QUEUED, SUCCESS, UPLOADING
from stackwire.image.domain.tasks import LOCATION_IMPORT, Ending, Task
from stackwire.image.onion.port import Images, Layer, Ordered, Step, Upload


class Notifier(Layer):
    """The order of an upload's five events is Glance's: update, prepare; then upload, activate, update.

    ``default``: the store of what is sent to no other.
    """

    def __init__(self, inner: Images, voice: Voice, default: str) -> None:
        super().__init__(inner)
        self._voice = voice
        self._default = default

    async def create(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image:
        made = await self.inner.create(ctx, uow, image)
        uow.notify(self._voice.image("image.create", made))
        return made

    async def update(self, ctx: RequestContext, uow: UnitOfWork, before: Image, after: Image) -> Image:
        saved = await self.inner.update(ctx, uow, before, after)
        uow.notify(self._voice.image("image.update", saved))
        return saved

    async def delete(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image:
        gone = await self.inner.delete(ctx, uow, image)
        uow.notify(self._voice.image("image.delete", gone))
        return gone

    async def claim(self, ctx: RequestContext, uow: UnitOfWork, image: Image, wish: Upload) -> Image:
        saving = await self.inner.claim(ctx, uow, image, wish)
        uow.notify(self._voice.image("image.update", saving))
        if wish.into != UPLOADING:
            uow.notify(self._voice.prepare(saving, wish.store or self._default))
        return saving

    async def staged(self, ctx: RequestContext, uow: UnitOfWork, image: Image, size: int) -> Image:
        staged = await self.inner.staged(ctx, uow, image, size)
        uow.notify(self._voice.image("image.update", staged))
        return staged

    async def activate(self, ctx: RequestContext, uow: UnitOfWork, image: Image, written: Written) -> Image:
        """An import is still going to its last store when its bytes are there."""
        active = await self.inner.activate(ctx, uow, image, written)
        filled = _coming(active, written.stores[-1]) if image.status == IMPORTING else active
        uow.notify(self._voice.uploaded(filled))
        uow.notify(self._voice.image("image.activate", filled))
        uow.notify(self._voice.image("image.update", active))
        return active

    async def spread(self, ctx: RequestContext, uow: UnitOfWork, image: Image, stores: Sequence[str]) -> Image:
        spreading = await self.inner.spread(ctx, uow, image, stores)
        uow.notify(self._voice.image("image.update", spreading))
        return spreading

    async def approach(self, ctx: RequestContext, uow: UnitOfWork, image: Image, store: str) -> None:
        await self.inner.approach(ctx, uow, image, store)
        uow.notify(self._voice.prepare(image, store))

    async def reached(self, ctx: RequestContext, uow: UnitOfWork, image: Image, step: Step) -> Image:
        """The image is saved after each store, whether it took the bytes or not.

        Source: ``glance/async_/flows/api_image_import.py: _ImportToStore``.
        """
        now = await self.inner.reached(ctx, uow, image, step)
        if step.why is None:
            uow.notify(self._voice.uploaded(_coming(_filled(now, step.written), step.store)))
        else:
            uow.notify(self._voice.upload_failed(now, step.why))
        uow.notify(self._voice.image("image.update", _filled(now, step.written)))
        return now

    async def verified(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image:
        """An import is saved once more when all its stores are done with."""
        now = await self.inner.verified(ctx, uow, image)
        uow.notify(self._voice.image("image.update", now))
        return now

    async def release(self, ctx: RequestContext, uow: UnitOfWork, image: Image, why: str, to: str = QUEUED) -> bool:
        """Only the one who held the upload may give it up, and say so; a deleted image is not queued again."""
        ours = await self.inner.release(ctx, uow, image, why, to)
        if ours:
            if image.status != UPLOADING:
                uow.notify(self._voice.upload_failed(image, why))
            restored = await rows.get(uow, image.id, None)
            if restored is not None:
                uow.notify(self._voice.image("image.update", restored))
        return ours

    async def leave(self, ctx: RequestContext, uow: UnitOfWork, image: Image, store: str) -> Image:
        left = await self.inner.leave(ctx, uow, image, store)
        uow.notify(self._voice.image("image.update", left))
        return left

    async def sent(self, ctx: RequestContext, uow: UnitOfWork, image: Image, sent: int, expected: int) -> None:
        await self.inner.sent(ctx, uow, image, sent, expected)
        uow.notify(self._voice.sent(image, sent, expected, ctx.project_id, ctx.user_id))

    async def order(
        self, ctx: RequestContext, uow: UnitOfWork, image: Image, wish: ImportWish, task: Task, forget_at: datetime
    ) -> Ordered:
        return self._told(uow, await self.inner.order(ctx, uow, image, wish, task, forget_at))

    async def order_location(
        self, ctx: RequestContext, uow: UnitOfWork, image: Image, task: Task, forget_at: datetime
    ) -> Ordered:
        return self._told(uow, await self.inner.order_location(ctx, uow, image, task, forget_at))

    def _told(self, uow: UnitOfWork, ordered: Ordered) -> Ordered:
        if ordered.preempted is not None:
            uow.notify(self._voice.task("task.failure", ordered.preempted))
        uow.notify(self._voice.task("task.create", ordered.task))
        return ordered

    async def place(self, ctx: RequestContext, uow: UnitOfWork, before: Image, after: Image) -> Image:
        placed = await self.inner.place(ctx, uow, before, after)
        uow.notify(self._voice.image("image.update", placed))
        return placed

    async def digest(
        self, ctx: RequestContext, uow: UnitOfWork, image: Image, digests: Mapping[str, str]
    ) -> Image | None:
        told = await self.inner.digest(ctx, uow, image, digests)
        if told is not None:
            uow.notify(self._voice.image("image.update", told))
        return told

    async def add_task(self, ctx: RequestContext, uow: UnitOfWork, task: Task) -> Task:
        added = await self.inner.add_task(ctx, uow, task)
        uow.notify(self._voice.task("task.create", added))
        return added

    async def begin(self, ctx: RequestContext, uow: UnitOfWork, task_id: str, worker: str) -> Task | None:
        task = await self.inner.begin(ctx, uow, task_id, worker)
        if task is not None:
            uow.notify(self._voice.task("task.processing", task))
        return task

    async def end(
        self, ctx: RequestContext, uow: UnitOfWork, task: Task, ending: Ending, forget_at: datetime
    ) -> Task | None:
        """``task.run`` comes last and shows the task as it was asked for: ``glance/notifier.py: TaskProxy.run``."""
        before = await rows.get(uow, task.image_id or "", None) if task.type == LOCATION_IMPORT else None
        ended = await self.inner.end(ctx, uow, task, ending, forget_at)
        if before is not None and before.status == IMPORTING:
            after = await rows.get(uow, before.id, None)
            if after is not None and after.status == QUEUED:
                uow.notify(self._voice.image("image.update", after))
        if ended is not None:
            uow.notify(self._voice.task("task.success" if ended.status == SUCCESS else "task.failure", ended))
            if ended.status == SUCCESS:
                asked = replace(ended, status=PENDING, expires_at=None, updated_at=ended.created_at)
                uow.notify(self._voice.task("task.run", asked))
        return ended

    async def forget(self, ctx: RequestContext, uow: UnitOfWork, most: int) -> list[Task]:
        forgotten = await self.inner.forget(ctx, uow, most)
        for task in forgotten:
            uow.notify(self._voice.task("task.delete", task))
        return forgotten

    async def add_member(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str) -> Member:
        added = await self.inner.add_member(ctx, uow, image, member)
        uow.notify(self._voice.member("image.member.create", added))
        return added

    async def set_member(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str, status: str) -> Member:
        changed = await self.inner.set_member(ctx, uow, image, member, status)
        uow.notify(self._voice.member("image.member.update", changed))
        return changed

    async def remove_member(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str) -> Member:
        removed = await self.inner.remove_member(ctx, uow, image, member)
        uow.notify(self._voice.member("image.member.delete", removed, stamp(uow.now)))
        return removed


def _coming(image: Image, store: str) -> Image:
    """As it is while the store's bytes are there already, and this has not been saved."""
    going = ",".join(sorted({*listed(image, GOING_TO), store}))
    return replace(image, properties={**image.properties, GOING_TO: going})


def _filled(image: Image, written: Written | None) -> Image:
    """With the facts of its data, which the image's own row has once it is active."""
    if written is None:
        return image
    return replace(image, size=written.size, virtual_size=written.virtual_size, checksum=written.checksum)
