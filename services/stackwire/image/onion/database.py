"""Innermost: rows of images and memberships. Every answer is what the database has after the change."""

from dataclasses import replace

from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest
from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.db import cache, images, listing, locations, members, scrubbing
from stackwire.image.domain.attributes import RESERVED_PREFIX
from stackwire.image.domain.errors import LastLocation, MemberExists, MemberNotFound, NotDeletable, Protected
from stackwire.image.domain.image import Difference, Image, difference, may_see
from stackwire.image.domain.listing import Query
from stackwire.image.domain.members import Member
from stackwire.image.domain.states import DELETED, PENDING_DELETE, QUEUED, ImageStates
from stackwire.image.onion.authorization import is_admin
from stackwire.image.onion.layer import Layer
from stackwire.image.onion.port import ImageMembers, Images


async def save(ctx: RequestContext, uow: UnitOfWork, before: Image, after: Image) -> Image:
    """Writes the difference, locations included. Raises LastLocation, NotQueued, ImageNotFound, DuplicateLocation."""
    change = difference(before, after)
    if uow.is_repeatable and _is_predictable(before, after, change):
        images.end_with_update(uow, before, change)
        return replace(before, **change.columns, properties=after.properties, updated_at=uow.now, version=None)
    await images.update(uow, before, change)
    if change.locations is not None:
        await locations.save(uow, before.id, change.locations, before.locations)
        if after.status != QUEUED and not await locations.count(uow, before.id):
            raise LastLocation
    return await images.must_get(uow, before.id, ctx.project_id)


def _is_predictable(before: Image, after: Image, change: Difference) -> bool:
    """Whether the image need not be read again where nobody else has changed its row: nothing is added to it, whose
    place the database knows, and no import is under way, which changes more than the row."""
    if before.version is None or "status" in change.columns or change.new or change.locations is not None:
        return False
    importing = any(name.startswith(RESERVED_PREFIX) for name in before.properties)
    return not importing and tuple(before.tags) == tuple(after.tags)


class ImageDatabase(Layer[Images], Images):
    """Source: ``glance/db/__init__.py: ImageRepo``."""

    async def get(self, ctx: RequestContext, session: Session, image_id: str) -> Image:
        return await images.must_get(session, image_id, ctx.project_id)

    async def list_page(self, ctx: RequestContext, session: Session, query: Query, limit: int) -> list[Image]:
        after = None
        if query.marker is not None:
            after = await images.get(session, query.marker, ctx.project_id, deleted=query.deleted is not False)
            if after is None or not may_see(after, ctx.project_id, is_admin=is_admin(ctx)):
                raise BadRequest("Marker image could not be found.")
        if limit == 0:
            return []
        everybody = is_admin(ctx) and not query.as_user
        return await listing.list_page(
            session, query, limit, project_id=ctx.project_id, is_admin=everybody, after=after
        )

    async def create(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image:
        images.insert(uow, image)
        return replace(image, created_at=uow.now, updated_at=uow.now)

    async def update(self, ctx: RequestContext, uow: UnitOfWork, before: Image, after: Image) -> Image:
        return await save(ctx, uow, before, after)

    async def delete(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image:
        """With delayed deletion an image that has data waits for the scrubber. Nodes forget it in their caches."""
        if image.protected:
            raise Protected(image_id=image.id)
        postponed = self.deps.delayed_delete and bool(image.stores)
        status = PENDING_DELETE if postponed else DELETED
        if not (ImageStates.postpone_delete if postponed else ImageStates.delete).allows(status=image.status):
            raise NotDeletable(before=image.status, after=status)
        if not await (scrubbing.postpone if postponed else images.delete)(uow, image):
            refusal = await images.refusal(uow, image.id, status)
            current = await images.must_get(uow, image.id, None)
            raise Protected(image_id=image.id) if current.protected else refusal
        if self.deps.image_cache:
            await cache.forget(uow, image.id)
        return replace(image, status=status, deleted_at=uow.now, updated_at=uow.now)


class MemberDatabase(Layer[ImageMembers], ImageMembers):
    """Source: ``glance/db/__init__.py: ImageMemberRepo``."""

    async def list_for_image(self, ctx: RequestContext, session: Session, image: Image) -> list[Member]:
        return await members.list_for_image(session, image.id)

    async def list_for_project(self, ctx: RequestContext, session: Session, member: str) -> list[Member]:
        return await members.list_for_project(session, member, None if is_admin(ctx) else ctx.project_id or "")

    async def add(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str) -> Member:
        added = await members.add(uow, image.id, member)
        if added is None:
            raise MemberExists(member_id=member, image_id=image.id)
        return added

    async def set_status(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str, status: str) -> Member:
        changed = await members.set_status(uow, image.id, member, status)
        if changed is None:
            raise MemberNotFound(member_id=member, image_id=image.id)
        return changed

    async def remove(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str) -> Member:
        removed = await members.remove(uow, image.id, member)
        if removed is None:
            raise MemberNotFound(member_id=member, image_id=image.id)
        return removed
