"""Sharing an image with other projects."""

from collections.abc import Sequence
from dataclasses import replace

from stackwire.core.behaviours import Behaviours
from stackwire.core.context import RequestContext
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.domain.errors import Invalid, MemberExists, MemberNotFound
from stackwire.image.domain.image import Image
from stackwire.image.domain.members import Member
from stackwire.image.domain.states import MEMBER_STATUSES
from stackwire.image.flows.deps import FlowDeps


class Memberships:
    """Members of images, and images shared with a project.

    In releases without the visibility ``shared`` private images have members: the first one makes them shared.
    """

    def __init__(self, deps: FlowDeps, behaviours: Behaviours) -> None:
        self._transactions = deps.images
        self._images = deps.onion.images
        self._members = deps.onion.members
        self._private_are_shared = not behaviours.has("visibility-shared-default")

    async def list_for_image(self, ctx: RequestContext, image_id: str) -> Sequence[Member]:
        """Those that the caller may see."""
        async with self._transactions.read() as session:
            image = await self._images.get(ctx, session, image_id)
            return await self._members.list_for_image(ctx, session, image)

    async def list_for_project(self, ctx: RequestContext, member: str) -> Sequence[Member]:
        """The images shared with a project, as far as the caller may see them."""
        async with self._transactions.read() as session:
            return await self._members.list_for_project(ctx, session, member)

    async def get(self, ctx: RequestContext, image_id: str, member: str) -> Member:
        """Raises MemberNotFound."""
        members = await self.list_for_image(ctx, image_id)
        found = next((row for row in members if row.member == member), None)
        if found is None:
            raise MemberNotFound(member_id=member, image_id=image_id)
        return found

    async def add(self, ctx: RequestContext, image_id: str, member: str) -> Member:
        """A pending membership. Raises MemberExists."""
        async with self._transactions.work(ctx) as uow:
            return await self._members.add(ctx, uow, await self._shareable(ctx, uow, image_id), member)

    async def ensure(self, ctx: RequestContext, image_id: str, member: str) -> None:
        """Adds a member unless the project is one already."""
        async with self._transactions.work(ctx) as uow:
            await self._ensure(ctx, uow, await self._shareable(ctx, uow, image_id), member)

    async def replace_all(self, ctx: RequestContext, image_id: str, wanted: Sequence[str]) -> None:
        """These are members and no others; those who were already keep their status."""
        async with self._transactions.work(ctx) as uow:
            image = await (self._shareable if wanted else self._images.get)(ctx, uow, image_id)
            for row in await self._members.list_for_image(ctx, uow, image):
                if row.member not in wanted:
                    await self._members.remove(ctx, uow, image, row.member)
            for member in wanted:
                await self._ensure(ctx, uow, image, member)

    async def set_status(self, ctx: RequestContext, image_id: str, member: str, status: object) -> Member:
        """The member accepts or rejects the image. Permission is checked before the status is."""
        async with self._transactions.work(ctx) as uow:
            image = await self._images.get(ctx, uow, image_id)
            known = str(status) if status in MEMBER_STATUSES else "pending"
            changed = await self._members.set_status(ctx, uow, image, member, known)
            if status not in MEMBER_STATUSES:
                raise Invalid(reason=f"the status of a member is one of {', '.join(MEMBER_STATUSES)}")
            return changed

    async def remove(self, ctx: RequestContext, image_id: str, member: str) -> None:
        """Raises MemberNotFound."""
        async with self._transactions.work(ctx) as uow:
            await self._members.remove(ctx, uow, await self._images.get(ctx, uow, image_id), member)

    async def _ensure(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str) -> None:
        try:
            await self._members.add(ctx, uow, image, member)
        except MemberExists:
            return

    async def _shareable(self, ctx: RequestContext, uow: UnitOfWork, image_id: str) -> Image:
        """The image, such that it can have members."""
        image = await self._images.get(ctx, uow, image_id)
        if image.visibility != "private" or not self._private_are_shared:
            return image
        return await self._images.update(ctx, uow, image, replace(image, visibility="shared"))
