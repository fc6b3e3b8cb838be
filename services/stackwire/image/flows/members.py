"""Sharing an image with other projects."""

from collections.abc import Sequence

from stackwire.core.context import RequestContext
from stackwire.db.pool import Database
from stackwire.image.domain.errors import Invalid, MemberNotFound
from stackwire.image.domain.members import Member
from stackwire.image.domain.states import MEMBER_STATUSES
from stackwire.image.onion.port import Images


class Members:
    def __init__(self, database: Database, images: Images) -> None:
        self._database = database
        self._images = images

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
            return await self._images.add_member(ctx, uow, await self._images.get(ctx, uow, image_id), member)

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
