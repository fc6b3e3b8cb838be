"""The verbs every layer knows.

Reads take a session, writes a unit of work; ``store`` alone touches bytes, and no row.
"""

from collections.abc import AsyncIterator
from typing import Protocol

from stackwire.core.context import RequestContext
from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.db.images import Written
from stackwire.image.domain.filters import Query
from stackwire.image.domain.image import Image
from stackwire.image.domain.members import Member


class Upload:
    """What a client wants to upload. ``announced``: how many bytes it says there are; None when it does not say.

    ``allowance`` is what the quotas leave, filled in by ``claim``; ``worker`` names this process.
    """

    def __init__(self, chunks: AsyncIterator[bytes], announced: int | None, *, worker: str, object_name: str) -> None:
        self.chunks = chunks
        self.announced = announced
        self.worker = worker
        self.object_name = object_name
        self.allowance = 2**63 - 1
        self.reserved = 0


class Images(Protocol):
    """The port. An upload is ``claim`` (first commit), ``store`` (bytes), then ``activate`` or ``release``."""

    async def get(self, ctx: RequestContext, db: Session, image_id: str) -> Image: ...
    async def page(self, ctx: RequestContext, db: Session, query: Query, limit: int) -> list[Image]: ...
    async def create(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image: ...
    async def update(self, ctx: RequestContext, uow: UnitOfWork, before: Image, after: Image) -> Image: ...
    async def delete(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image: ...
    async def claim(self, ctx: RequestContext, uow: UnitOfWork, image: Image, wish: Upload) -> Image: ...
    async def store(self, ctx: RequestContext, image: Image, wish: Upload) -> Written: ...
    async def activate(self, ctx: RequestContext, uow: UnitOfWork, image: Image, written: Written) -> Image: ...
    async def release(self, ctx: RequestContext, uow: UnitOfWork, image: Image, why: str) -> bool: ...
    async def download(self, ctx: RequestContext, db: Session, image_id: str) -> Image: ...
    async def sent(self, ctx: RequestContext, uow: UnitOfWork, image: Image, sent: int, expected: int) -> None: ...
    async def members(self, ctx: RequestContext, db: Session, image: Image) -> list[Member]: ...
    async def add_member(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str) -> Member: ...
    async def set_member(
        self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str, status: str
    ) -> Member: ...
    async def remove_member(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str) -> Member: ...


class Layer:
    """Hands everything on to the layer inside; a subclass overrides only what it minds."""

    def __init__(self, inner: Images) -> None:
        self.inner = inner

    async def get(self, ctx: RequestContext, db: Session, image_id: str) -> Image:
        return await self.inner.get(ctx, db, image_id)

    async def page(self, ctx: RequestContext, db: Session, query: Query, limit: int) -> list[Image]:
        return await self.inner.page(ctx, db, query, limit)

    async def create(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image:
        return await self.inner.create(ctx, uow, image)

    async def update(self, ctx: RequestContext, uow: UnitOfWork, before: Image, after: Image) -> Image:
        return await self.inner.update(ctx, uow, before, after)

    async def delete(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image:
        return await self.inner.delete(ctx, uow, image)

    async def claim(self, ctx: RequestContext, uow: UnitOfWork, image: Image, wish: Upload) -> Image:
        return await self.inner.claim(ctx, uow, image, wish)

    async def store(self, ctx: RequestContext, image: Image, wish: Upload) -> Written:
        return await self.inner.store(ctx, image, wish)

    async def activate(self, ctx: RequestContext, uow: UnitOfWork, image: Image, written: Written) -> Image:
        return await self.inner.activate(ctx, uow, image, written)

    async def release(self, ctx: RequestContext, uow: UnitOfWork, image: Image, why: str) -> bool:
        return await self.inner.release(ctx, uow, image, why)

    async def download(self, ctx: RequestContext, db: Session, image_id: str) -> Image:
        return await self.inner.download(ctx, db, image_id)

    async def sent(self, ctx: RequestContext, uow: UnitOfWork, image: Image, sent: int, expected: int) -> None:
        await self.inner.sent(ctx, uow, image, sent, expected)

    async def members(self, ctx: RequestContext, db: Session, image: Image) -> list[Member]:
        return await self.inner.members(ctx, db, image)

    async def add_member(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str) -> Member:
        return await self.inner.add_member(ctx, uow, image, member)

    async def set_member(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str, status: str) -> Member:
        return await self.inner.set_member(ctx, uow, image, member, status)

    async def remove_member(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str) -> Member:
        return await self.inner.remove_member(ctx, uow, image, member)
