"""What is done with an image's metadata. HTTP and RPC come through here, with the caller's own context."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from stackwire.contracts.lineage import property_transfer
from stackwire.core.context import RequestContext
from stackwire.core.ids import new_id
from stackwire.db.pool import Database
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.backends.staging import Staging
from stackwire.image.backends.stores import Stores
from stackwire.image.db import images as rows
from stackwire.image.domain import attributes, patch
from stackwire.image.domain.errors import ReadOnly, TagNotFound, WrongStatus
from stackwire.image.domain.image import Image, difference
from stackwire.image.domain.listing import Condition, Query
from stackwire.image.domain.states import ACTIVE, DEACTIVATED, IMAGE, PENDING_DELETE
from stackwire.image.flows.api.locations import Locations
from stackwire.image.flows.api.store_removal import clear
from stackwire.image.onion.port import Images

SERVICE = "image"


class Metadata:
    """``visibility``: what a new image has when nothing is asked; ``default_page`` and ``longest_page`` in images."""

    def __init__(
        self,
        database: Database,
        images: Images,
        files: Stores,
        staging: Staging,
        locations: Locations,
        *,
        visibility: str,
        default_page: int,
        longest_page: int,
    ) -> None:
        self._database = database
        self._images = images
        self._files = files
        self._staging = staging
        self.locations = locations
        self.visibility = visibility
        self._default_page = default_page
        self._longest_page = longest_page

    async def show(self, ctx: RequestContext, image_id: str) -> Image:
        async with self._database.read() as db:
            return await self._images.get(ctx, db, image_id)

    async def deleted(self, ctx: RequestContext, image_id: str) -> Image | None:
        """What an administrator may still see of an image that is gone; properties went with it."""
        query = Query(conditions=(Condition("id", "=", image_id),), visibility="all", deleted=True)
        found, _ = await self.page(ctx, query)
        return found[0] if found else None

    async def page(self, ctx: RequestContext, query: Query) -> tuple[list[Image], bool]:
        """A page, and whether there may be another."""
        asked = self._default_page if query.limit is None else query.limit
        limit = min(asked, self._longest_page)
        async with self._database.read() as db:
            found = await self._images.page(ctx, db, query, limit)
        return found, bool(found) and len(found) == limit

    async def create(
        self, ctx: RequestContext, wish: Mapping[str, Any], *, by_client: bool = True, member: str | None = None
    ) -> Image:
        """A queued image. ``by_client``: the caller is the source of its properties, and the trace is told."""
        base, properties = attributes.read_request(wish)
        return await self.make(ctx, base, properties, by_client=by_client, member=member)

    async def make(
        self,
        ctx: RequestContext,
        base: Mapping[str, Any],
        properties: Mapping[str, str | None],
        *,
        by_client: bool = True,
        member: str | None = None,
    ) -> Image:
        """An image of attributes and properties that were checked."""
        if member is not None:
            base = {"visibility": "shared", **base}
        image = Image(
            **{"id": new_id(), "owner": ctx.project_id, "visibility": self.visibility, **base}, properties=properties
        )
        async with self._database.work(ctx) as uow:
            made = await self._images.create(ctx, uow, image)
            if by_client and properties:
                told_by_client(uow, made.id, properties, "image.create")
            if member is not None and member != made.owner:
                await self._images.add_member(ctx, uow, made, member)
        return made

    async def patch(
        self, ctx: RequestContext, image_id: str, changes: Sequence[patch.Change], media_type: str
    ) -> Image:
        """All changes or none; an empty patch changes nothing and says nothing."""

        if not changes:
            return await self.show(ctx, image_id)
        locate = await self.locations.placing(ctx, image_id, changes)

        def apply(image: Image) -> Image:
            return patch.applied(image, changes, media_type, locate)

        return await self.save(ctx, image_id, apply, rule="image.update")

    async def change(
        self, ctx: RequestContext, image_id: str, changes: Mapping[str, Any], properties: Mapping[str, Any], purge: bool
    ) -> Image:
        """Attributes and properties set; with ``purge`` the properties that are not given go."""

        def apply(image: Image) -> Image:
            asked = [patch.Change("add", name, value) for name, value in {**changes, **properties}.items()]
            own = [name for name in image.properties if not name.startswith(attributes.RESERVED_PREFIX)]
            gone = [name for name in own if name not in properties] if purge else []
            return patch.applied(image, [*asked, *(patch.Change("remove", name) for name in gone)])

        for name in changes:
            if name not in attributes.BASE:
                raise ReadOnly(name=name)
        return await self.save(ctx, image_id, apply)

    async def save(
        self, ctx: RequestContext, image_id: str, apply: Callable[[Image], Image], *, rule: str | None = None
    ) -> Image:
        """The image as ``apply`` makes it; it raises what it will not do.

        ``rule``: the trace is told that the client set these properties.
        """
        async with self._database.work(ctx) as uow:
            before = await self._images.get(ctx, uow, image_id)
            after = apply(before)
            saved = await self._images.update(ctx, uow, before, after)
            told = difference(before, after).set
            if rule is not None and told:
                told_by_client(uow, image_id, told, rule)
        left = [place for place in before.locations if place.is_ours and place.store not in saved.stores]
        if left and before.object is not None and after.locations != before.locations:
            await clear(self._database, ctx, self._files, before.object, [place.store for place in left])
        return saved

    async def delete(self, ctx: RequestContext, image_id: str) -> None:
        """Rows first, bytes after, unless the scrubber shall take them: an image without its data is never seen.

        The row is held while it is looked at: an upload that ends at this moment comes before or after, never between.
        """
        async with self._database.work(ctx) as uow:
            await rows.hold(uow, image_id)
            image = await self._images.get(ctx, uow, image_id)
            gone = await self._images.delete(ctx, uow, image)
        if gone.status == PENDING_DELETE:
            return
        if image.has_data and image.object is not None:
            await self._files.remove(image.object, image.stores)
        if image.is_staged and image.staged is not None:
            await self._staging.remove(image.staged)

    async def add_tag(self, ctx: RequestContext, image_id: str, tag: str) -> None:
        attributes.check_tag(tag)
        await self.save(ctx, image_id, lambda image: replace(image, tags=tuple(dict.fromkeys((*image.tags, tag)))))

    async def remove_tag(self, ctx: RequestContext, image_id: str, tag: str) -> None:
        def without(image: Image) -> Image:
            if tag not in image.tags:
                raise TagNotFound(tag=tag, image_id=image_id)
            return replace(image, tags=tuple(name for name in image.tags if name != tag))

        await self.save(ctx, image_id, without)

    async def deactivate(self, ctx: RequestContext, image_id: str) -> None:
        await self._move(ctx, image_id, DEACTIVATED)

    async def reactivate(self, ctx: RequestContext, image_id: str) -> None:
        await self._move(ctx, image_id, ACTIVE)

    async def _move(self, ctx: RequestContext, image_id: str, status: str) -> None:
        """Only between active and deactivated; being there already is no error."""
        async with self._database.work(ctx) as uow:
            image = await self._images.get(ctx, uow, image_id)
            here = image.status == status
            if not here and (image.status not in (ACTIVE, DEACTIVATED) or not IMAGE.allows(image.status, status)):
                raise WrongStatus(before=image.status, after=status)
            if not here:
                await self._images.update(ctx, uow, image, replace(image, status=status))


def told_by_client(uow: UnitOfWork, image_id: str, properties: Mapping[str, str | None], rule: str) -> None:
    """The trace is told that the caller is the source of these properties."""
    source = uow.ctx.user_id or uow.ctx.user_name or "-"
    uow.notify(
        property_transfer(
            SERVICE, rule, "client", source, "image", image_id, properties, properties,
            source="glance/api/v2/images.py: ImagesController",
        )
    )  # fmt: skip
