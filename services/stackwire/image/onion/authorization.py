"""Outermost: an image that the caller may not see looks exactly like none; one that it does not own stays as it is."""

from stackwire.core.context import RequestContext
from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.domain.errors import ImageNotFound, MemberNotFound, NotOwner, NotShared
from stackwire.image.domain.image import Image, may_see
from stackwire.image.domain.members import Member
from stackwire.image.domain.policy import OWNER_RULES
from stackwire.image.onion import port
from stackwire.image.onion.layer import Layer


def is_admin(ctx: RequestContext) -> bool:
    """Administrators by role, and services that act for themselves."""
    return ctx.is_admin or ctx.has_role("admin")


def _check_visible(ctx: RequestContext, image_id: str, image: Image) -> Image:
    if not may_see(image, ctx.project_id, is_admin=is_admin(ctx)):
        raise ImageNotFound(image_id=image_id)
    return image


def _check_owner(ctx: RequestContext, image: Image) -> None:
    if not is_admin(ctx) and (ctx.project_id is None or image.owner != ctx.project_id):
        raise NotOwner


class ImageAuthorization(Layer[port.Images], port.Images):
    """Every verb that takes an image was given one by ``get``, which has checked that it may be seen."""

    async def get(self, ctx: RequestContext, session: Session, image_id: str) -> Image:
        return _check_visible(ctx, image_id, await self.inner.get(ctx, session, image_id))

    async def create(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image:
        if not is_admin(ctx) and image.owner != ctx.project_id:
            raise NotOwner("You are not permitted to create images owned by '" + str(image.owner) + "'.")
        return await self.inner.create(ctx, uow, image)

    async def update(self, ctx: RequestContext, uow: UnitOfWork, before: Image, after: Image) -> Image:
        _check_owner(ctx, before)
        if before.owner != after.owner and not is_admin(ctx):
            raise NotOwner("Owner can't be updated by non admin.")
        return await self.inner.update(ctx, uow, before, after)

    async def delete(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image:
        _check_owner(ctx, image)
        return await self.inner.delete(ctx, uow, image)


class DataAuthorization(Layer[port.ImageData], port.ImageData):
    """Who may see an image may read its bytes; its owner alone writes them."""

    async def begin_upload(self, ctx: RequestContext, uow: UnitOfWork, upload: port.Upload) -> port.Upload:
        _check_owner(ctx, upload.image)
        return await self.inner.begin_upload(ctx, uow, upload)

    async def get_for_download(self, ctx: RequestContext, session: Session, image_id: str) -> Image:
        return _check_visible(ctx, image_id, await self.inner.get_for_download(ctx, session, image_id))


class MemberAuthorization(Layer[port.ImageMembers], port.ImageMembers):
    """The owner shares an image; a member sees its own membership, and accepts or rejects it."""

    async def list_for_image(self, ctx: RequestContext, session: Session, image: Image) -> list[Member]:
        """The owner sees all members, a member itself."""
        if image.visibility == "public":
            raise NotShared("Public images do not have members.")
        members = await self.inner.list_for_image(ctx, session, image)
        if is_admin(ctx) or image.owner == ctx.project_id:
            return members
        return [member for member in members if member.member == ctx.project_id]

    async def add(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str) -> Member:
        self._check_sharer(ctx, image)
        return await self.inner.add(ctx, uow, image, member)

    async def set_status(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str, status: str) -> Member:
        """Only the member itself accepts or rejects; other members get 404."""
        if not is_admin(ctx) and ctx.project_id != member:
            if image.owner != ctx.project_id:
                raise MemberNotFound(member_id=member, image_id=image.id)
            raise NotOwner
        return await self.inner.set_status(ctx, uow, image, member, status)

    async def remove(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str) -> Member:
        self._check_sharer(ctx, image)
        return await self.inner.remove(ctx, uow, image, member)

    def _check_sharer(self, ctx: RequestContext, image: Image) -> None:
        _check_owner(ctx, image)
        if image.visibility != "shared":
            raise NotShared


class LocationAuthorization(Layer[port.ImageLocations], port.ImageLocations):
    """The owner changes locations; a service adds them for its users."""

    async def check_access(self, ctx: RequestContext, image: Image, rule: str) -> None:
        if rule in OWNER_RULES and not (rule == "add_image_location" and ctx.is_service):
            _check_owner(ctx, image)
        await self.inner.check_access(ctx, image, rule)

    async def remove_from_store(self, ctx: RequestContext, uow: UnitOfWork, image: Image, store: str) -> Image:
        _check_owner(ctx, image)
        return await self.inner.remove_from_store(ctx, uow, image, store)


class TaskAuthorization(Layer[port.ImageTasks], port.ImageTasks):
    """The owner alone imports; the policy decides who may copy an image to other stores."""

    async def create_import(self, ctx: RequestContext, uow: UnitOfWork, new: port.NewTask) -> port.TaskCreated:
        if not new.is_copy:
            _check_owner(ctx, new.image)
        return await self.inner.create_import(ctx, uow, new)
