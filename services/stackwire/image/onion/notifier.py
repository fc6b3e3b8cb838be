"""Says what happened, in the transaction in which it happened. Only what the inner layers did is said."""

from dataclasses import replace
from datetime import datetime

from stackwire.core.context import RequestContext
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.db import images as rows
from stackwire.image.db.images import Written
from stackwire.image.domain.events import Voice
from stackwire.image.domain.image import Image, stamp
from stackwire.image.domain.imports import GOING_TO, ImportWish
from stackwire.image.domain.members import Member
from stackwire.image.domain.states import IMPORTING, PENDING, QUEUED, SUCCESS, UPLOADING
from stackwire.image.domain.tasks import Ending, Task
from stackwire.image.onion.port import Images, Layer, Ordered, Upload


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
        """An import is still going to its stores when its bytes are there, and is saved once more when verified."""
        active = await self.inner.activate(ctx, uow, image, written)
        imported = image.status == IMPORTING
        going = {**active.properties, GOING_TO: image.properties.get(GOING_TO)} if imported else active.properties
        filled = replace(active, properties=going)
        uow.notify(self._voice.uploaded(filled))
        uow.notify(self._voice.image("image.activate", filled))
        for _ in range(2 if imported else 1):
            uow.notify(self._voice.image("image.update", active))
        return active

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
        ordered = await self.inner.order(ctx, uow, image, wish, task, forget_at)
        if ordered.preempted is not None:
            uow.notify(self._voice.task("task.failure", ordered.preempted))
        uow.notify(self._voice.task("task.create", ordered.task))
        return ordered

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
        ended = await self.inner.end(ctx, uow, task, ending, forget_at)
        if ended is not None:
            uow.notify(self._voice.task(f"task.{ended.status}", ended))
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
