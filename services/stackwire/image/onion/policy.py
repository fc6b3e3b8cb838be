"""Asks the operator's rules before each act: 404 where the rule hides the image, 403 where it forbids the act."""

from datetime import datetime

from stackwire.core.context import RequestContext
from stackwire.core.policy import Policy as Rules
from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.domain.errors import Deactivated, ImageForbidden, ImageNotFound, MemberNotFound
from stackwire.image.domain.image import Image, may_see
from stackwire.image.domain.imports import COPY, ImportWish
from stackwire.image.domain.listing import Query
from stackwire.image.domain.members import Member
from stackwire.image.domain.policy import target_of
from stackwire.image.domain.states import ACTIVE, DEACTIVATED, QUEUED, SAVING
from stackwire.image.domain.tasks import Task
from stackwire.image.onion.authorization import is_admin
from stackwire.image.onion.port import Images, Layer, Ordered, Upload


class Policy(Layer):
    def __init__(self, inner: Images, rules: Rules) -> None:
        super().__init__(inner)
        self._rules = rules

    async def get(self, ctx: RequestContext, db: Session, image_id: str) -> Image:
        image = await self.inner.get(ctx, db, image_id)
        if not self._rules.allows(ctx, "get_image", target_of(image, ctx.project_id)):
            raise ImageNotFound(image_id=image_id)
        return image

    async def page(self, ctx: RequestContext, db: Session, query: Query, limit: int) -> list[Image]:
        self._rules.require(ctx, "get_images", {"project_id": ctx.project_id or ""}, ImageForbidden)
        return await self.inner.page(ctx, db, query, limit)

    async def create(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image:
        self._require(ctx, "add_image", image)
        self._check_visibility(ctx, image)
        return await self.inner.create(ctx, uow, image)

    async def update(self, ctx: RequestContext, uow: UnitOfWork, before: Image, after: Image) -> Image:
        if before.status not in (after.status, QUEUED):
            self._require(ctx, {DEACTIVATED: "deactivate", ACTIVE: "reactivate"}[after.status], before)
        else:
            self._require(ctx, "modify_image", before)
        if before.visibility != after.visibility:
            self._check_visibility(ctx, after)
        return await self.inner.update(ctx, uow, before, after)

    async def delete(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image:
        self._require(ctx, "delete_image", image)
        return await self.inner.delete(ctx, uow, image)

    async def claim(self, ctx: RequestContext, uow: UnitOfWork, image: Image, wish: Upload) -> Image:
        """Staging and importing have no rule of their own: what may be modified may be filled."""
        self._require(ctx, "upload_image" if wish.into == SAVING else "modify_image", image)
        return await self.inner.claim(ctx, uow, image, wish)

    async def download(self, ctx: RequestContext, db: Session, image_id: str) -> Image:
        image = await self.inner.download(ctx, db, image_id)
        if not may_see(image, ctx.project_id, is_admin=is_admin(ctx)):
            raise ImageNotFound(image_id=image_id)
        self._require(ctx, "download_image", image)
        if image.status == DEACTIVATED and not is_admin(ctx):
            raise Deactivated
        return image

    async def locate(self, ctx: RequestContext, image: Image, rule: str) -> None:
        self._require(ctx, rule, image)
        await self.inner.locate(ctx, image, rule)

    async def leave(self, ctx: RequestContext, uow: UnitOfWork, image: Image, store: str) -> Image:
        self._require(ctx, "delete_image_location", image)
        return await self.inner.leave(ctx, uow, image, store)

    async def order(
        self, ctx: RequestContext, uow: UnitOfWork, image: Image, wish: ImportWish, task: Task, forget_at: datetime
    ) -> Ordered:
        self._require(ctx, "copy_image" if wish.method == COPY else "modify_image", image)
        return await self.inner.order(ctx, uow, image, wish, task, forget_at)

    async def enter_tasks(self, ctx: RequestContext) -> None:
        self._rules.require(ctx, "tasks_api_access", {}, ImageForbidden)
        await self.inner.enter_tasks(ctx)

    async def members(self, ctx: RequestContext, db: Session, image: Image) -> list[Member]:
        self._require(ctx, "get_members", image)
        return await self.inner.members(ctx, db, image)

    async def memberships(self, ctx: RequestContext, db: Session, member: str) -> list[Member]:
        """Asked about the caller's own project: of others' business it is told nothing anyhow."""
        self._rules.require(ctx, "get_members", {"project_id": ctx.project_id or "", "member_id": ""}, ImageForbidden)
        return await self.inner.memberships(ctx, db, member)

    async def add_member(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str) -> Member:
        self._require(ctx, "add_member", image)
        return await self.inner.add_member(ctx, uow, image, member)

    async def set_member(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str, status: str) -> Member:
        if image.member_status is None and not is_admin(ctx):
            raise MemberNotFound(member_id=member, image_id=image.id)
        self._require(ctx, "modify_member", image)
        return await self.inner.set_member(ctx, uow, image, member, status)

    async def remove_member(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str) -> Member:
        self._require(ctx, "delete_member", image)
        return await self.inner.remove_member(ctx, uow, image, member)

    def _check_visibility(self, ctx: RequestContext, image: Image) -> None:
        rule = {"public": "publicize_image", "community": "communitize_image"}.get(image.visibility)
        if rule is not None:
            self._require(ctx, rule, image)

    def _require(self, ctx: RequestContext, rule: str, image: Image) -> None:
        self._rules.require(ctx, rule, target_of(image, ctx.project_id), ImageForbidden)
