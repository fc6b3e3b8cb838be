"""With a property protection file: who may create, read, update and delete which property. Without one, nothing."""

from dataclasses import replace

from stackwire.core.context import RequestContext
from stackwire.core.policy import Policy
from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.domain.errors import PropertyForbidden
from stackwire.image.domain.image import Image, difference
from stackwire.image.domain.listing import Query
from stackwire.image.domain.protection import Protection, forbidden_changes
from stackwire.image.onion.port import Images, Layer


class PropertyProtection(Layer):
    """What may not be read is left out of every answer; since only differences are written, it survives."""

    def __init__(self, inner: Images, protection: Protection | None, policy: Policy) -> None:
        super().__init__(inner)
        self._protection = protection
        self._policy = policy

    async def get(self, ctx: RequestContext, db: Session, image_id: str) -> Image:
        return self._shown(ctx, await self.inner.get(ctx, db, image_id))

    async def page(self, ctx: RequestContext, db: Session, query: Query, limit: int) -> list[Image]:
        """A filter by a property the caller may not read finds nothing: it would tell the value."""
        if not all(self._may(ctx, "read", name) for name, _ in query.properties):
            return []
        return [self._shown(ctx, image) for image in await self.inner.page(ctx, db, query, limit)]

    async def create(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image:
        for name in image.properties:
            if not self._may(ctx, "create", name):
                raise PropertyForbidden(name=name)
        return self._shown(ctx, await self.inner.create(ctx, uow, image))

    async def update(self, ctx: RequestContext, uow: UnitOfWork, before: Image, after: Image) -> Image:
        change = difference(before, after)
        for name in forbidden_changes(lambda verb, name: self._may(ctx, verb, name), before, change):
            raise PropertyForbidden(name=name)
        return self._shown(ctx, await self.inner.update(ctx, uow, before, after))

    def _may(self, ctx: RequestContext, verb: str, name: str) -> bool:
        if self._protection is None:
            return True
        roles = (*ctx.roles, *ctx.service_roles)
        return self._protection.allows(roles, verb, name, lambda rule: self._policy.allows(ctx, rule))

    def _shown(self, ctx: RequestContext, image: Image) -> Image:
        if self._protection is None:
            return image
        readable = {name: value for name, value in image.properties.items() if self._may(ctx, "read", name)}
        return replace(image, properties=readable)
