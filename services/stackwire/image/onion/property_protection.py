"""Properties of which a file says who may create, read, update and delete them; without a file, every property."""

from dataclasses import replace

from stackwire.core.context import RequestContext
from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.domain.errors import PropertyForbidden
from stackwire.image.domain.image import Image, difference
from stackwire.image.domain.listing import Query
from stackwire.image.domain.protection import forbidden_changes
from stackwire.image.onion.layer import Layer
from stackwire.image.onion.port import Images


class ImagePropertyProtection(Layer[Images], Images):
    """Leaves unreadable properties out of every answer; since updates write differences only, they survive them."""

    async def get(self, ctx: RequestContext, session: Session, image_id: str) -> Image:
        return self._readable(ctx, await self.inner.get(ctx, session, image_id))

    async def list_page(self, ctx: RequestContext, session: Session, query: Query, limit: int) -> list[Image]:
        """A filter by a property that the caller may not read finds nothing: it would reveal the value."""
        if not all(self._may(ctx, "read", name) for name, _ in query.properties):
            return []
        return [self._readable(ctx, image) for image in await self.inner.list_page(ctx, session, query, limit)]

    async def create(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image:
        for name in image.properties:
            if not self._may(ctx, "create", name):
                raise PropertyForbidden(name=name)
        return self._readable(ctx, await self.inner.create(ctx, uow, image))

    async def update(self, ctx: RequestContext, uow: UnitOfWork, before: Image, after: Image) -> Image:
        if self.deps.protection is None:
            return await self.inner.update(ctx, uow, before, after)
        change = difference(before, after)
        for name in forbidden_changes(lambda verb, name: self._may(ctx, verb, name), before, change):
            raise PropertyForbidden(name=name)
        return self._readable(ctx, await self.inner.update(ctx, uow, before, after))

    def _may(self, ctx: RequestContext, verb: str, name: str) -> bool:
        if self.deps.protection is None:
            return True
        roles = (*ctx.roles, *ctx.service_roles)
        return self.deps.protection.allows(roles, verb, name, lambda rule: self.deps.policy.allows(ctx, rule))

    def _readable(self, ctx: RequestContext, image: Image) -> Image:
        if self.deps.protection is None:
            return image
        readable = {name: value for name, value in image.properties.items() if self._may(ctx, "read", name)}
        return replace(image, properties=readable, version=None)  # it is not what the row has
