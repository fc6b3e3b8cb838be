"""An image's metadata. HTTP and RPC use these flows with the caller's own context."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import replace
from typing import Any

from stackwire.contracts.image import UpdateImage
from stackwire.core.context import RequestContext
from stackwire.core.ids import new_id
from stackwire.core.repeats import done_since
from stackwire.core.rules import Resource, Rule
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.backends.stores import Stores
from stackwire.image.db import images as rows
from stackwire.image.domain import attributes, patch, travel
from stackwire.image.domain.errors import Outdated, ReadOnly, TagNotFound, WrongStatus
from stackwire.image.domain.image import Image, Properties, changed_properties, may_see
from stackwire.image.domain.listing import Condition, Query
from stackwire.image.domain.states import ACTIVE, DEACTIVATED, DELETED, PENDING_DELETE, UPDATE
from stackwire.image.flows.api.locations import LocationRequests
from stackwire.image.flows.deps import FlowDeps
from stackwire.image.flows.stored_objects import delete_unreferenced, require_unused
from stackwire.image.onion.authorization import is_admin


class ImageMetadata:
    """Source: ``glance/api/v2/images.py: ImagesController``, ``glance/api/v2/image_actions.py``.

    ``settable``: names that the release takes as properties of a new image, and that only the service sets today.
    """

    def __init__(self, deps: FlowDeps, locations: LocationRequests, settable: Collection[str] = ()) -> None:
        self._settable = settable
        self._deps = deps
        self._images = deps.onion.images
        self.locations = locations
        self.default_visibility = deps.visibility

    async def get(self, ctx: RequestContext, image_id: str) -> Image:
        """Raises ImageNotFound."""
        async with self._deps.images.read() as session:
            return await self._images.get(ctx, session, image_id)

    async def get_deleted(self, ctx: RequestContext, image_id: str) -> Image | None:
        """What an administrator may still see of a deleted image; its properties are deleted, too."""
        query = Query(conditions=(Condition("id", "=", image_id),), visibility="all", deleted=True)
        found, _ = await self.list_page(ctx, query)
        return found[0] if found else None

    async def list_page(self, ctx: RequestContext, query: Query) -> tuple[list[Image], bool]:
        """A page, and whether there may be another."""
        limit = self._deps.page_size(query.limit)
        async with self._deps.images.read() as session:
            found = await self._images.list_page(ctx, session, query, limit)
        return found, bool(found) and len(found) == limit

    async def create(
        self, ctx: RequestContext, body: Mapping[str, Any], *, by_client: bool = True, member: str | None = None
    ) -> Image:
        """A queued image. ``by_client``: the caller is the source of its properties, which the lineage records."""
        base, properties = attributes.read_request(body, self._settable)
        return await self.create_record(ctx, base, properties, by_client=by_client, member=member)

    async def create_record(
        self,
        ctx: RequestContext,
        base: Mapping[str, Any],
        properties: Properties,
        *,
        by_client: bool = True,
        member: str | None = None,
    ) -> Image:
        """An image of attributes and properties that are valid. ``member``: a project that it is shared with."""
        if member is not None:
            base = {"visibility": "shared", **base}
        async with self._deps.images.work(ctx) as uow:
            image = await self._images.create(ctx, uow, new_image(ctx, base, properties, self.default_visibility))
            if by_client and properties:
                await self._record_client_change(uow, ctx, travel.create, image.id, properties)
            if member is not None and member != image.owner:
                await self._deps.onion.members.add(ctx, uow, image, member)
        return image

    async def patch(
        self, ctx: RequestContext, image_id: str, changes: Sequence[patch.Change], media_type: str
    ) -> Image:
        """All changes or none; an empty patch changes nothing and emits nothing."""
        if not changes:
            return await self.get(ctx, image_id)
        locate = await self.locations.patcher(ctx, image_id, changes)

        def apply(image: Image) -> Image:
            return patch.applied(image, changes, media_type, locate)

        return await self.update_with(ctx, image_id, apply, rule=travel.update)

    async def set_attributes(self, ctx: RequestContext, message: UpdateImage) -> Image:
        """Sets attributes and properties; with ``purge`` all other properties are removed. Raises ReadOnly.

        The row is locked first: of a call that is handled twice at once, the second finds nothing to change.
        """
        changes, properties = message.changes, message.properties

        def apply(image: Image) -> Image:
            added = [patch.Change("add", name, value) for name, value in {**changes, **properties}.items()]
            own = [name for name in image.properties if not name.startswith(attributes.RESERVED_PREFIX)]
            removed = [patch.Change("remove", name) for name in own if message.purge and name not in properties]
            return patch.applied(image, [*added, *removed])

        for name in changes:
            if name not in attributes.BASE:
                raise ReadOnly(name=name)
        rule = travel.update if message.by_client else None
        return await self.update_with(ctx, message.image_id, apply, rule=rule, lock=True)

    async def update_with(
        self,
        ctx: RequestContext,
        image_id: str,
        apply: Callable[[Image], Image],
        *,
        rule: Rule[[Properties], Properties] | None = None,
        lock: bool = False,
    ) -> Image:
        """The image as ``apply`` makes it, which raises for a change that is not possible.

        ``rule``: the client has set the changed properties, which the lineage records. Where somebody else has changed
        the image since it was read, all is done again.
        """
        if self._deps.elsewhere is None:
            with suppress(Outdated):
                work = self._deps.database.work(ctx, is_repeatable=True)
                return await self._update_in(work, ctx, image_id, apply, rule, lock=lock)
        return await self._update_in(self._deps.images.work(ctx), ctx, image_id, apply, rule, lock=lock)

    async def _update_in(
        self,
        work: AbstractAsyncContextManager[Any],
        ctx: RequestContext,
        image_id: str,
        apply: Callable[[Image], Image],
        rule: Rule[[Properties], Properties] | None,
        *,
        lock: bool,
    ) -> Image:
        async with work as uow:
            if lock and self._deps.elsewhere is None:
                await rows.lock(uow, image_id)
            before = await self._images.get(ctx, uow if self._deps.elsewhere is not None else uow.reading, image_id)
            after = apply(before)
            if self._deps.elsewhere is not None:
                await require_unused(self._deps.stores, before, _removed_stores(before, after))
            saved = await self._images.update(ctx, uow, before, after)
            if rule is not None and (changed := changed_properties(before, after)):
                await self._record_client_change(uow, ctx, rule, image_id, changed)
            removed = _removed_stores(before, saved) if after.locations != before.locations else []
            if self._deps.elsewhere is None:
                await require_unused(self._deps.stores, before, removed)
        if before.object is not None and removed:
            await self._delete_unreferenced(ctx, before.object, removed)
        return saved

    async def _delete_unreferenced(self, ctx: RequestContext, name: str, stores: Sequence[str]) -> None:
        """Through the registry nothing is copied between stores: no row can name it again."""
        if self._deps.elsewhere is None:
            await delete_unreferenced(self._deps.database, ctx, self._deps.stores, name, stores)
        else:
            await self._deps.stores.remove(name, stores)

    async def _record_client_change(
        self,
        uow: UnitOfWork,
        ctx: RequestContext,
        rule: Rule[[Properties], Properties],
        image_id: str,
        properties: Properties,
    ) -> None:
        """The lineage records that the caller has set these properties: this service's, where the rows are not."""
        if self._deps.elsewhere is None:
            record_client_change(uow, rule, image_id, properties)
            return
        async with self._deps.database.work(ctx) as own:
            record_client_change(own, rule, image_id, properties)

    async def delete(self, ctx: RequestContext, image_id: str) -> None:
        """Rows first, bytes after, unless the scrubber is to remove them: no image is ever seen without its data."""
        image, deleted = await self.delete_record(ctx, image_id, self._deps.stores)
        if deleted.status == PENDING_DELETE:
            return
        if image.has_data and image.object is not None:
            await self._deps.stores.remove(image.object, image.stores)
        if image.is_staged and image.staged is not None:
            await self._deps.staging.remove(image.staged)

    async def is_deleted_since(self, ctx: RequestContext, image_id: str) -> bool:
        """Whether an image that the caller could see was deleted after this was requested. Through glance-registry it
        is not known."""
        if self._deps.elsewhere is not None:
            return False
        async with self._deps.database.read() as session:
            image = await rows.get(session, image_id, ctx.project_id, deleted=True)
        if image is None or not may_see(image, ctx.project_id, is_admin=is_admin(ctx)):
            return False
        is_deleted = image.status in (DELETED, PENDING_DELETE)
        return is_deleted and done_since(ctx, image.deleted_at or image.updated_at, self._deps.database.clock)

    async def delete_record(
        self, ctx: RequestContext, image_id: str, stores: Stores | None = None
    ) -> tuple[Image, Image]:
        """The rows alone: the image before and after. ``stores``: which are asked whether they can let its bytes go.

        The row is locked before it is read: an upload that ends at this moment comes before or after, never between.
        Through glance-registry it is the registry that locks it, and the stores are asked before.
        """
        async with self._deps.images.work(ctx) as uow:
            if self._deps.elsewhere is None:
                await rows.lock(uow, image_id)
            image = await self._images.get(ctx, uow, image_id)
            deleted = await self._images.delete(ctx, uow, image)
            if stores is not None and self._deps.elsewhere is None and deleted.status != PENDING_DELETE:
                await require_unused(stores, image, image.stores)
            return image, deleted

    async def add_tag(self, ctx: RequestContext, image_id: str, tag: str) -> None:
        """An image that has the tag already stays as it is."""
        attributes.check_tag(tag)

        def with_tag(image: Image) -> Image:
            return replace(image, tags=tuple(dict.fromkeys((*image.tags, tag))))

        await self.update_with(ctx, image_id, with_tag)

    async def remove_tag(self, ctx: RequestContext, image_id: str, tag: str) -> None:
        """Raises TagNotFound."""

        def without_tag(image: Image) -> Image:
            if tag not in image.tags:
                raise TagNotFound(tag=tag, image_id=image_id)
            return replace(image, tags=tuple(name for name in image.tags if name != tag))

        await self.update_with(ctx, image_id, without_tag)

    async def deactivate(self, ctx: RequestContext, image_id: str) -> None:
        """Only administrators may read its data from now on. Raises WrongStatus."""
        await self._set_status(ctx, image_id, DEACTIVATED)

    async def reactivate(self, ctx: RequestContext, image_id: str) -> None:
        """Raises WrongStatus."""
        await self._set_status(ctx, image_id, ACTIVE)

    async def _set_status(self, ctx: RequestContext, image_id: str, status: str) -> None:
        """Between active and deactivated only; an image that has the status already stays as it is."""
        async with self._deps.images.work(ctx) as uow:
            image = await self._images.get(ctx, uow, image_id)
            if image.status == status:
                return
            if image.status not in (ACTIVE, DEACTIVATED) or (image.status, status) not in UPDATE:
                raise WrongStatus(before=image.status, after=status)
            await self._images.update(ctx, uow, image, replace(image, status=status))


def new_image(ctx: RequestContext, base: Mapping[str, Any], properties: Properties, visibility: str) -> Image:
    """A new image of the caller; ``base`` has the attributes that its request names."""
    own = {"id": new_id("image"), "owner": ctx.project_id, "visibility": visibility, **base}
    return Image(**own, properties=properties)


def _removed_stores(before: Image, after: Image) -> list[str]:
    """The stores that have the image's object no more."""
    return [place.store for place in before.locations if place.is_internal and place.store not in after.stores]


def record_client_change(
    uow: UnitOfWork, rule: Rule[[Properties], Properties], image_id: str, properties: Properties
) -> None:
    """The lineage records that the caller has set these properties."""
    client = uow.ctx.user_id or uow.ctx.user_name or "-"
    uow.apply(rule, Resource("client", client), Resource("image", image_id), properties)
