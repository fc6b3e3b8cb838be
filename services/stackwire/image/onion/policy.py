"""The operator's rules: 404 where a rule hides the image, 403 where it forbids the operation."""

from stackwire.core.context import RequestContext
from stackwire.core.policy import Policy
from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.domain.errors import Deactivated, ImageForbidden, ImageNotFound, MemberNotFound
from stackwire.image.domain.image import Image, may_see
from stackwire.image.domain.listing import Query
from stackwire.image.domain.members import Member
from stackwire.image.domain.policy import target_of
from stackwire.image.domain.states import ACTIVE, DEACTIVATED, QUEUED, SAVING
from stackwire.image.onion import port
from stackwire.image.onion.authorization import is_admin
from stackwire.image.onion.layer import Layer


def _require(policy: Policy, ctx: RequestContext, rule: str, image: Image) -> None:
    policy.require(ctx, rule, target_of(image, ctx.project_id), ImageForbidden)


class ImagePolicy(Layer[port.Images], port.Images):
    """Source: ``glance/api/v2/policy.py: ImageAPIPolicy``."""

    async def get(self, ctx: RequestContext, session: Session, image_id: str) -> Image:
        image = await self.inner.get(ctx, session, image_id)
        if not self.deps.policy.allows(ctx, "get_image", target_of(image, ctx.project_id)):
            raise ImageNotFound(image_id=image_id)
        return image

    async def list_page(self, ctx: RequestContext, session: Session, query: Query, limit: int) -> list[Image]:
        self.deps.policy.require(ctx, "get_images", {"project_id": ctx.project_id or ""}, ImageForbidden)
        return await self.inner.list_page(ctx, session, query, limit)

    async def create(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image:
        _require(self.deps.policy, ctx, "add_image", image)
        self._check_visibility(ctx, image)
        return await self.inner.create(ctx, uow, image)

    async def update(self, ctx: RequestContext, uow: UnitOfWork, before: Image, after: Image) -> Image:
        if before.status not in (after.status, QUEUED):
            rule = {DEACTIVATED: "deactivate", ACTIVE: "reactivate"}.get(after.status, "modify_image")
        else:
            rule = "modify_image"
        _require(self.deps.policy, ctx, rule, before)
        if before.visibility != after.visibility:
            self._check_visibility(ctx, after)
        return await self.inner.update(ctx, uow, before, after)

    async def delete(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image:
        _require(self.deps.policy, ctx, "delete_image", image)
        return await self.inner.delete(ctx, uow, image)

    def _check_visibility(self, ctx: RequestContext, image: Image) -> None:
        rule = {"public": "publicize_image", "community": "communitize_image"}.get(image.visibility)
        if rule is not None:
            _require(self.deps.policy, ctx, rule, image)


class DataPolicy(Layer[port.ImageData], port.ImageData):
    """Staging and importing have no rule of their own: who may modify an image may fill it."""

    async def begin_upload(self, ctx: RequestContext, uow: UnitOfWork, upload: port.Upload) -> port.Upload:
        rule = "upload_image" if upload.status == SAVING else "modify_image"
        _require(self.deps.policy, ctx, rule, upload.image)
        return await self.inner.begin_upload(ctx, uow, upload)

    async def get_for_download(self, ctx: RequestContext, session: Session, image_id: str) -> Image:
        """Raises Deactivated, but for administrators."""
        image = await self.inner.get_for_download(ctx, session, image_id)
        if not may_see(image, ctx.project_id, is_admin=is_admin(ctx)):
            raise ImageNotFound(image_id=image_id)
        _require(self.deps.policy, ctx, "download_image", image)
        if image.status == DEACTIVATED and not is_admin(ctx):
            raise Deactivated
        return image


class MemberPolicy(Layer[port.ImageMembers], port.ImageMembers):
    """Source: ``glance/api/v2/policy.py: MemberAPIPolicy``."""

    async def list_for_image(self, ctx: RequestContext, session: Session, image: Image) -> list[Member]:
        _require(self.deps.policy, ctx, "get_members", image)
        return await self.inner.list_for_image(ctx, session, image)

    async def list_for_project(self, ctx: RequestContext, session: Session, member: str) -> list[Member]:
        """The target is the caller's own project: of others it sees nothing anyway."""
        target = {"project_id": ctx.project_id or "", "member_id": ""}
        self.deps.policy.require(ctx, "get_members", target, ImageForbidden)
        return await self.inner.list_for_project(ctx, session, member)

    async def add(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str) -> Member:
        _require(self.deps.policy, ctx, "add_member", image)
        return await self.inner.add(ctx, uow, image, member)

    async def set_status(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str, status: str) -> Member:
        if image.member_status is None and not is_admin(ctx):
            raise MemberNotFound(member_id=member, image_id=image.id)
        _require(self.deps.policy, ctx, "modify_member", image)
        return await self.inner.set_status(ctx, uow, image, member, status)

    async def remove(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str) -> Member:
        _require(self.deps.policy, ctx, "delete_member", image)
        return await self.inner.remove(ctx, uow, image, member)


class LocationPolicy(Layer[port.ImageLocations], port.ImageLocations):
    """The caller names the rule: reading, adding, replacing and deleting locations have one each."""

    async def check_access(self, ctx: RequestContext, image: Image, rule: str) -> None:
        _require(self.deps.policy, ctx, rule, image)
        await self.inner.check_access(ctx, image, rule)

    async def remove_from_store(self, ctx: RequestContext, uow: UnitOfWork, image: Image, store: str) -> Image:
        _require(self.deps.policy, ctx, "delete_image_location", image)
        return await self.inner.remove_from_store(ctx, uow, image, store)


class TaskPolicy(Layer[port.ImageTasks], port.ImageTasks):
    """Source: ``glance/api/v2/policy.py: TasksAPIPolicy``."""

    async def check_access(self, ctx: RequestContext) -> None:
        self.deps.policy.require(ctx, "tasks_api_access", {}, ImageForbidden)
        await self.inner.check_access(ctx)

    async def create_import(self, ctx: RequestContext, uow: UnitOfWork, new: port.NewTask) -> port.TaskCreated:
        _require(self.deps.policy, ctx, "copy_image" if new.is_copy else "modify_image", new.image)
        return await self.inner.create_import(ctx, uow, new)
