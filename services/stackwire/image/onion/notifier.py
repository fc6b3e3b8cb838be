"""Says what happened, in the transaction in which it happened. Only what the inner layers did is said."""

from stackwire.core.context import RequestContext
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.db import images as rows
from stackwire.image.db.images import Written
from stackwire.image.domain.events import Voice
from stackwire.image.domain.image import Image, stamp
from stackwire.image.domain.members import Member
from stackwire.image.onion.port import Images, Layer, Upload


class Notifier(Layer):
    """The order of an upload's five events is Glance's: update, prepare; then upload, activate, update."""

    def __init__(self, inner: Images, voice: Voice) -> None:
        super().__init__(inner)
        self._voice = voice

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
        uow.notify(self._voice.prepare(saving))
        return saving

    async def activate(self, ctx: RequestContext, uow: UnitOfWork, image: Image, written: Written) -> Image:
        active = await self.inner.activate(ctx, uow, image, written)
        uow.notify(self._voice.uploaded(active))
        uow.notify(self._voice.image("image.activate", active))
        uow.notify(self._voice.image("image.update", active))
        return active

    async def release(self, ctx: RequestContext, uow: UnitOfWork, image: Image, why: str) -> bool:
        """Only the one who held the upload may give it up, and say so; a deleted image is not queued again."""
        ours = await self.inner.release(ctx, uow, image, why)
        if ours:
            uow.notify(self._voice.upload_failed(image, why))
            restored = await rows.get(uow, image.id, None)
            if restored is not None:
                uow.notify(self._voice.image("image.update", restored))
        return ours

    async def sent(self, ctx: RequestContext, uow: UnitOfWork, image: Image, sent: int, expected: int) -> None:
        await self.inner.sent(ctx, uow, image, sent, expected)
        uow.notify(self._voice.sent(image, sent, expected, ctx.project_id, ctx.user_id))

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
