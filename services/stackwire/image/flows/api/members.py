"""Sharing an image with other projects."""

from collections.abc import Sequence
from dataclasses import replace

from stackwire.core.behaviours import Behaviours
from stackwire.core.context import RequestContext
from stackwire.db.pool import Database
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.domain.errors import Invalid, MemberExists, MemberNotFound
from stackwire.image.domain.image import Image
from stackwire.image.domain.members import Member
from stackwire.image.domain.states import MEMBER_STATUSES
from stackwire.image.onion.port import Images


class Members:
    """Before there was the visibility ``shared``, private images had members: here they become shared by the first."""

    def __init__(self, database: Database, images: Images, behaviours: Behaviours) -> None:
        self._database = database
        self._images = images
        self._private_are_shared = not behaviours.has("visibility-shared-default")

    async def all(self, ctx: RequestContext, image_id: str) -> Sequence[Member]:
        """Those the caller may see."""
        async with self._database.read() as db:
            return await self._images.members(ctx, db, await self._images.get(ctx, db, image_id))

    async def one(self, ctx: RequestContext, image_id: str, member: str) -> Member:
        found = next((row for row in await self.all(ctx, image_id) if row.member == member), None)
        if found is None:
            raise MemberNotFound(member_id=member, image_id=image_id)
        return found

    async def add(self, ctx: RequestContext, image_id: str, member: str) -> Member:
        async with self._database.work(ctx) as uow:
            return await self._images.add_member(ctx, uow, await self._open(ctx, uow, image_id), member)

    async def share(self, ctx: RequestContext, image_id: str, member: str) -> None:
        """Like adding a member, but being one already is no error."""
        async with self._database.work(ctx) as uow:
            await self._share(ctx, uow, await self._open(ctx, uow, image_id), member)

    async def replace(self, ctx: RequestContext, image_id: str, wanted: Sequence[str]) -> None:
        """These are members and no others; those who were already keep their answer."""
        async with self._database.work(ctx) as uow:
            image = await (self._open if wanted else self._images.get)(ctx, uow, image_id)
            for row in await self._images.members(ctx, uow, image):
                if row.member not in wanted:
                    await self._images.remove_member(ctx, uow, image, row.member)
            for member in wanted:
                await self._share(ctx, uow, image, member)

    async def of(self, ctx: RequestContext, member: str) -> Sequence[Member]:
        """What is shared with a project, as far as the caller may know."""
        async with self._database.read() as db:
            return await self._images.memberships(ctx, db, member)

    async def _share(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str) -> None:
        try:
            await self._images.add_member(ctx, uow, image, member)
        except MemberExists:
            return

    async def _open(self, ctx: RequestContext, uow: UnitOfWork, image_id: str) -> Image:
        """The image, such that it can have members."""
        image = await self._images.get(ctx, uow, image_id)
        if image.visibility != "private" or not self._private_are_shared:
            return image
        return await self._images.update(ctx, uow, image, replace(image, visibility="shared"))

    async def answer(self, ctx: RequestContext, image_id: str, member: str, status: object) -> Member:
        """The member accepts, rejects or puts off. What may not be is told before what cannot be read."""
        async with self._database.work(ctx) as uow:
            image = await self._images.get(ctx, uow, image_id)
            wished = str(status) if status in MEMBER_STATUSES else "pending"
            changed = await self._images.set_member(ctx, uow, image, member, wished)
            if status not in MEMBER_STATUSES:
                raise Invalid(reason=f"the status of a member is one of {', '.join(MEMBER_STATUSES)}")
            return changed

    async def remove(self, ctx: RequestContext, image_id: str, member: str) -> None:
        async with self._database.work(ctx) as uow:
            await self._images.remove_member(ctx, uow, await self._images.get(ctx, uow, image_id), member)
