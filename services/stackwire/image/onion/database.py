"""Innermost: rows. What it answers is what the database says after the change."""

from dataclasses import replace

from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest
from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.db import images, listing, members
from stackwire.image.db.images import Written
from stackwire.image.domain.errors import (
    ImageNotFound,
    MemberExists,
    MemberNotFound,
    NotQueued,
    Protected,
    Vanished,
)
from stackwire.image.domain.filters import Query
from stackwire.image.domain.image import Image, difference, may_see
from stackwire.image.domain.members import Member
from stackwire.image.domain.states import DELETED, SAVING
from stackwire.image.onion.authorization import is_admin
from stackwire.image.onion.port import Upload


class Database:
    """The port's verbs as statements."""

    async def get(self, ctx: RequestContext, db: Session, image_id: str) -> Image:
        return await images.must_get(db, image_id, ctx.project_id)

    async def page(self, ctx: RequestContext, db: Session, query: Query, limit: int) -> list[Image]:
        after = None
        if query.marker is not None:
            after = await images.get(db, query.marker, ctx.project_id)
            if after is None or not may_see(after, ctx.project_id, is_admin=is_admin(ctx)):
                raise BadRequest("Marker image could not be found.")
        if limit == 0:
            return []
        return await listing.page(db, query, limit, asker=ctx.project_id, is_admin=is_admin(ctx), after=after)

    async def create(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image:
        await images.insert(uow, image)
        return replace(image, created_at=uow.now, updated_at=uow.now)

    async def update(self, ctx: RequestContext, uow: UnitOfWork, before: Image, after: Image) -> Image:
        await images.update(uow, before, difference(before, after))
        return await images.must_get(uow, before.id, ctx.project_id)

    async def delete(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image:
        if image.protected:
            raise Protected(image_id=image.id)
        if not await images.try_delete(uow, image.id):
            still = await images.must_get(uow, image.id, None)
            raise Protected(image_id=image.id) if still.protected else NotQueued(before=still.status, after=DELETED)
        return replace(image, status=DELETED, deleted_at=uow.now, updated_at=uow.now)

    async def claim(self, ctx: RequestContext, uow: UnitOfWork, image: Image, wish: Upload) -> Image:
        claimed = await images.try_claim(
            uow, image.id, worker=wish.worker, object_name=wish.object_name, reserved=wish.reserved
        )
        if not claimed:
            still = await images.get(uow, image.id, None)
            if still is None:
                raise ImageNotFound(image_id=image.id)
            raise NotQueued(before=still.status, after=SAVING)
        return replace(image, status=SAVING, updated_at=uow.now, object=wish.object_name)

    async def store(self, ctx: RequestContext, image: Image, wish: Upload) -> Written:
        raise NotImplementedError("bytes are the location layer's")

    async def activate(self, ctx: RequestContext, uow: UnitOfWork, image: Image, written: Written) -> Image:
        if not await images.try_activate(uow, image.id, written):
            raise Vanished(image_id=image.id)
        return await images.must_get(uow, image.id, ctx.project_id)

    async def release(self, ctx: RequestContext, uow: UnitOfWork, image: Image, why: str) -> bool:
        return await images.release(uow, image.id, image.object or "")

    async def download(self, ctx: RequestContext, db: Session, image_id: str) -> Image:
        return await images.must_get(db, image_id, ctx.project_id)

    async def sent(self, ctx: RequestContext, uow: UnitOfWork, image: Image, sent: int, expected: int) -> None:
        """Nothing is kept of it."""

    async def members(self, ctx: RequestContext, db: Session, image: Image) -> list[Member]:
        return await members.of_image(db, image.id)

    async def add_member(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str) -> Member:
        added = await members.try_add(uow, image.id, member)
        if added is None:
            raise MemberExists(member_id=member, image_id=image.id)
        return added

    async def set_member(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str, status: str) -> Member:
        changed = await members.set_status(uow, image.id, member, status)
        if changed is None:
            raise MemberNotFound(member_id=member, image_id=image.id)
        return changed

    async def remove_member(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str) -> Member:
        removed = await members.remove(uow, image.id, member)
        if removed is None:
            raise MemberNotFound(member_id=member, image_id=image.id)
        return removed
