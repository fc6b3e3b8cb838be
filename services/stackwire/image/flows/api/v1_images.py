"""The operations of the v1 API, in the releases that had it: around glance-registry, with the layers that v2 has.

Source: ``glance/api/v1/images.py: Controller``.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from stackwire.core.behaviours import Behaviours
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, Conflict, Forbidden, NotFound, TooLarge
from stackwire.image.domain import v1_listing
from stackwire.image.domain.errors import BadLocation, ImageNotFound, ImageTooBig, UriRefused
from stackwire.image.domain.image import Image
from stackwire.image.domain.states import ACTIVE, DEACTIVATED, KILLED, PENDING_DELETE, QUEUED
from stackwire.image.domain.uploads import Chunk
from stackwire.image.domain.v1_meta import V1ImageRequest, check_new, updated
from stackwire.image.flows.api.data import DataTransfers
from stackwire.image.flows.api.images import new_image
from stackwire.image.flows.api.locations import LocationRequests
from stackwire.image.flows.api.v1_copies import V1Copies
from stackwire.image.flows.deps import FlowDeps
from stackwire.image.onion.authorization import is_admin
from stackwire.image.onion.registry import ELSEWHERE

Chunks = AsyncIterator[Chunk]


class V1Images:
    """``size_cap``: bytes an image may have. An image that stops being public is what a new one is by default.

    No transaction is held: each verb of the onion is one of glance-registry's.
    """

    def __init__(
        self, deps: FlowDeps, locations: LocationRequests, copies: V1Copies, behaviours: Behaviours, *, size_cap: int
    ) -> None:
        self._deps = deps
        self._images = deps.onion.images
        self._locations = locations
        self._data = DataTransfers(deps)
        self._copies = copies
        self._data_keeps = behaviours.has("data-keeps-registered-properties")
        self._size_zero = behaviours.has("size-zero-activation")
        self._status_is_fixed = behaviours.has("v1-status-is-read-only")
        self._size_cap = size_cap

    async def list_page(self, ctx: RequestContext, pairs: Sequence[tuple[str, str]]) -> list[Image]:
        """The images that the query's pairs select."""
        query = v1_listing.read(pairs, is_admin=is_admin(ctx))
        return await self._images.list_page(ctx, ELSEWHERE, query, self._deps.page_size(query.limit))

    async def get(self, ctx: RequestContext, image_id: str) -> Image:
        """An administrator gets what remains of a deleted image too. Errors: ImageNotFound."""
        return await self._images.get(ctx, ELSEWHERE, image_id)

    async def get_for_download(self, ctx: RequestContext, image_id: str) -> Image:
        image = await self._data.get_for_download(ctx, image_id)
        if image.deleted:
            raise ImageNotFound(image_id=image_id)
        if image.status not in (ACTIVE, DEACTIVATED):
            raise NotFound(f"Image {image.id} is not active")
        return image

    async def create(self, ctx: RequestContext, request: V1ImageRequest, chunks: Chunks | None) -> Image:
        """A new image: queued; active with its data, or at once when its size is 0; or being copied from elsewhere.

        Everything that can be checked is checked before anything is written. Data that fails leaves it killed.
        """
        check_new(request)
        self._check_source(request, chunks)
        has_source = chunks is not None or request.copy_from is not None or request.location is not None
        if has_source:
            _check_formats(request)
        base = self._attributes(request, has_source=has_source)
        new = new_image(ctx, base, request.properties, self._deps.visibility)
        image = await self._images.create(ctx, ELSEWHERE, new)
        try:
            if request.location is not None:
                located = await self._locate(ctx, image, request)
                return await self._images.update(ctx, ELSEWHERE, image, located(image))
            await self._copies.check(ctx, image, request.copy_from)
            return await self._fill(ctx, image, request, chunks)
        except (UriRefused, BadLocation, Conflict, TooLarge):
            await self.delete(ctx, image.id)
            raise

    def _attributes(self, request: V1ImageRequest, *, has_source: bool) -> Mapping[str, Any]:
        """A new image's attributes. What is uploaded, or stays where it is, brings its own size and checksum."""
        visibility = "public" if request.is_public else self._deps.visibility
        attributes = {**request.base, "visibility": visibility}
        if not has_source or request.copy_from is not None:
            attributes |= {"size": request.size or 0, "checksum": request.checksum}
        if request.size == 0 and not has_source and self._size_zero:
            attributes["status"] = ACTIVE
        return attributes

    async def update(
        self, ctx: RequestContext, image_id: str, request: V1ImageRequest, chunks: Chunks | None, purge: bool
    ) -> Image:
        """Sets attributes and properties, then the data. Errors: Forbidden for a deleted image.

        Nothing is purged where data comes along, since lp-901534.
        """
        self._check_source(request, chunks)
        before = await self.get(ctx, image_id)
        if before.deleted:
            raise Forbidden("Forbidden to update deleted image.")
        set_location = await self._locate(ctx, before, request)
        after = updated(
            before,
            request,
            private=self._deps.visibility,
            purge=purge and not (chunks is not None and self._data_keeps),
            with_data=chunks is not None,
            status_is_fixed=self._status_is_fixed,
        )
        if (request.copy_from or request.location) and before.status != QUEUED:
            raise BadRequest("Attempted to update Location field for an image not in queued status.")
        await self._copies.check(ctx, before, request.copy_from)
        image = await self._images.update(ctx, ELSEWHERE, before, set_location(after))
        return await self._fill(ctx, image, request, chunks)

    async def delete(self, ctx: RequestContext, image_id: str) -> None:
        """The row first, bytes after. Errors: Forbidden for an image whose deletion is pending."""
        image = await self.get(ctx, image_id)
        if image.status == PENDING_DELETE:
            raise Forbidden(f"Forbidden to delete a {PENDING_DELETE} image.")
        if image.deleted:
            raise ImageNotFound(image_id=image_id)
        deleted = await self._images.delete(ctx, ELSEWHERE, image)
        if deleted.status == PENDING_DELETE:
            return
        if deleted.object is not None and deleted.locations:
            await self._deps.stores.remove(deleted.object, deleted.stores)
        if image.is_staged and image.staged is not None:
            await self._deps.staging.remove(image.staged)

    async def _fill(self, ctx: RequestContext, image: Image, request: V1ImageRequest, chunks: Chunks | None) -> Image:
        """Uploads the data, or starts to copy it."""
        checksum, announced = request.checksum or image.checksum, request.size or image.size or None
        upload = partial(
            self._data.upload, ctx, image.id, checksum=checksum, store=request.store, status_on_failure=KILLED
        )
        if chunks is not None:
            return await upload(chunks, announced)
        if request.copy_from is not None:
            self._copies.start(image.id, request.copy_from, lambda copied: upload(copied, announced))
        return image

    async def _locate(self, ctx: RequestContext, image: Image, request: V1ImageRequest) -> Callable[[Image], Image]:
        """How the requested location changes a queued image; without one, not at all."""
        if request.location is None:
            return lambda image: image
        return await self._locations.resolve_for(ctx, image, request.location, request.size)

    def _check_source(self, request: V1ImageRequest, chunks: Chunks | None) -> None:
        """At most one source, which a store reads, for a store that exists, within the size cap."""
        if sum(source is not None for source in (chunks, request.copy_from, request.location)) > 1:
            raise BadRequest("It's invalid to provide multiple image sources.")
        if request.location is not None:
            self._locations.check(request.location)
        if request.store is not None and request.store not in self._deps.stores.enabled:
            raise BadRequest(f"Store for scheme {request.store[:100]} not found")
        if request.size is not None and request.size > self._size_cap >= 0:
            raise ImageTooBig(maximum=self._size_cap)


def _check_formats(request: V1ImageRequest) -> None:
    for name in ("disk_format", "container_format"):
        if request.base.get(name) is None:
            raise BadRequest(f"{name.replace('_', ' ').capitalize()} is not specified.")
