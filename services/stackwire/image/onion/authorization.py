"""Outermost: an image the caller cannot see looks exactly like none; one it can see but does not own stays as it is."""

from datetime import datetime

from stackwire.core.context import RequestContext
from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.domain.errors import ImageNotFound, MemberNotFound, NotShared, NotYours
from stackwire.image.domain.image import Image, may_see
from stackwire.image.domain.imports import COPY, ImportWish
from stackwire.image.domain.members import Member
from stackwire.image.domain.policy import CHANGES
from stackwire.image.domain.tasks import Task
from stackwire.image.onion.port import Layer, Ordered, Upload


def is_admin(ctx: RequestContext) -> bool:
    """Administrators by role; ``is_admin`` alone is what a service says of itself."""
    return ctx.is_admin or ctx.has_role("admin")


def _check_owner(ctx: RequestContext, image: Image) -> None:
    if not is_admin(ctx) and (ctx.project_id is None or image.owner != ctx.project_id):
        raise NotYours


def _check_sharer(ctx: RequestContext, image: Image) -> None:
    _check_owner(ctx, image)
    if image.visibility != "shared":
        raise NotShared


class Authorization(Layer):
    """Every verb that takes an image was given one by ``get``, which has checked that it may be seen."""

    async def get(self, ctx: RequestContext, db: Session, image_id: str) -> Image:
        return self._seen(ctx, image_id, await self.inner.get(ctx, db, image_id))

    async def download(self, ctx: RequestContext, db: Session, image_id: str) -> Image:
        return self._seen(ctx, image_id, await self.inner.download(ctx, db, image_id))

    def _seen(self, ctx: RequestContext, image_id: str, image: Image) -> Image:
        if not may_see(image, ctx.project_id, is_admin=is_admin(ctx)):
            raise ImageNotFound(image_id=image_id)
        return image

    async def create(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image:
        if not is_admin(ctx) and image.owner != ctx.project_id:
            raise NotYours("You are not permitted to create images owned by '" + str(image.owner) + "'.")
        return await self.inner.create(ctx, uow, image)

    async def update(self, ctx: RequestContext, uow: UnitOfWork, before: Image, after: Image) -> Image:
        _check_owner(ctx, before)
        if before.owner != after.owner and not is_admin(ctx):
            raise NotYours("Owner can't be updated by non admin.")
        return await self.inner.update(ctx, uow, before, after)

    async def locate(self, ctx: RequestContext, image: Image, rule: str) -> None:
        """Whose the image is matters to those who change it."""
        if rule in CHANGES and not (rule == "add_image_location" and ctx.is_service):
            _check_owner(ctx, image)
        await self.inner.locate(ctx, image, rule)

    async def delete(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image:
        _check_owner(ctx, image)
        return await self.inner.delete(ctx, uow, image)

    async def claim(self, ctx: RequestContext, uow: UnitOfWork, image: Image, wish: Upload) -> Image:
        _check_owner(ctx, image)
        return await self.inner.claim(ctx, uow, image, wish)

    async def leave(self, ctx: RequestContext, uow: UnitOfWork, image: Image, store: str) -> Image:
        _check_owner(ctx, image)
        return await self.inner.leave(ctx, uow, image, store)

    async def order(
        self, ctx: RequestContext, uow: UnitOfWork, image: Image, wish: ImportWish, task: Task, forget_at: datetime
    ) -> Ordered:
        """Who may copy an image to other stores is the policy's to say; the owner alone may import."""
        if wish.method != COPY:
            _check_owner(ctx, image)
        return await self.inner.order(ctx, uow, image, wish, task, forget_at)

    async def members(self, ctx: RequestContext, db: Session, image: Image) -> list[Member]:
        """The owner sees all, a member itself."""
        if image.visibility == "public":
            raise NotShared("Public images do not have members.")
        members = await self.inner.members(ctx, db, image)
        if is_admin(ctx) or image.owner == ctx.project_id:
            return members
        return [member for member in members if member.member == ctx.project_id]

    async def add_member(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str) -> Member:
        _check_sharer(ctx, image)
        return await self.inner.add_member(ctx, uow, image, member)

    async def set_member(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str, status: str) -> Member:
        """Only the member itself accepts or rejects; to other members it is not even there."""
        if not is_admin(ctx) and ctx.project_id != member:
            if image.owner != ctx.project_id:
                raise MemberNotFound(member_id=member, image_id=image.id)
            raise NotYours
        return await self.inner.set_member(ctx, uow, image, member, status)

    async def remove_member(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str) -> Member:
        _check_sharer(ctx, image)
        return await self.inner.remove_member(ctx, uow, image, member)
