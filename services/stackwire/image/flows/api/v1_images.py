"""The operations of the v1 API, each one call, composed of the flows and the onion that v2 uses.

Source: ``glance/api/v1/images.py: Controller``.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from stackwire.core.behaviours import Behaviours
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, Conflict, Forbidden, NotFound, TooLarge
from stackwire.image.domain import travel, v1_listing
from stackwire.image.domain.errors import BadLocation, ImageNotFound, ImageTooBig, UriRefused
from stackwire.image.domain.image import Image
from stackwire.image.domain.imports import DOWNLOAD, ImportRequest
from stackwire.image.domain.states import ACTIVE, DEACTIVATED, KILLED, PENDING_DELETE, QUEUED
from stackwire.image.domain.v1_meta import V1ImageRequest, check_new, updated
from stackwire.image.flows.api.data import DataTransfers
from stackwire.image.flows.api.images import ImageMetadata
from stackwire.image.flows.api.imports import ImportRequests
from stackwire.image.onion.authorization import is_admin

Chunks = AsyncIterator[bytes]


class V1Images:
    """``size_cap``: bytes an image may have. An image that stops being public is what a new one is by default."""

    def __init__(
        self,
        metadata: ImageMetadata,
        data: DataTransfers,
        imports: ImportRequests,
        behaviours: Behaviours,
        stores: Sequence[str],
        *,
        size_cap: int,
    ) -> None:
        self._metadata = metadata
        self._data = data
        self._imports = imports
        self._data_keeps = behaviours.has("data-keeps-registered-properties")
        self._size_zero = behaviours.has("size-zero-activation")
        self._status_is_fixed = behaviours.has("v1-status-is-read-only")
        self._stores = stores
        self._size_cap = size_cap

    async def list_page(self, ctx: RequestContext, pairs: Sequence[tuple[str, str]]) -> list[Image]:
        """The images that the query's pairs select."""
        found, _ = await self._metadata.list_page(ctx, v1_listing.read(pairs, is_admin=is_admin(ctx)))
        return found

    async def get(self, ctx: RequestContext, image_id: str) -> Image:
        """An administrator gets what remains of a deleted image too. Errors: ImageNotFound."""
        try:
            return await self._metadata.get(ctx, image_id)
        except ImageNotFound:
            deleted = await self._metadata.get_deleted(ctx, image_id) if is_admin(ctx) else None
            if deleted is None:
                raise
            return deleted

    async def get_for_download(self, ctx: RequestContext, image_id: str) -> Image:
        image = await self._data.get_for_download(ctx, image_id)
        if image.status not in (ACTIVE, DEACTIVATED):
            raise NotFound(f"Image {image.id} is not active")
        return image

    async def create(self, ctx: RequestContext, request: V1ImageRequest, chunks: Chunks | None) -> Image:
        """A new image: queued; active with its data, or at once when its size is 0; or importing its data.

        Everything that can be checked is checked before anything is written. Data that fails leaves it killed.
        """
        check_new(request)
        self._check_source(request, chunks)
        has_source = chunks is not None or request.copy_from is not None or request.location is not None
        if has_source:
            _check_formats(request)
        attributes = self._attributes(request, has_source=has_source)
        image = await self._metadata.create_record(ctx, attributes, request.properties)
        try:
            if request.location is not None:
                return await self._metadata.update_with(ctx, image.id, await self._locate(ctx, image.id, request))
            return await self._fill(ctx, image, request, chunks)
        except (UriRefused, BadLocation, Conflict, TooLarge):
            await self._metadata.delete(ctx, image.id)
            raise

    def _attributes(self, request: V1ImageRequest, *, has_source: bool) -> Mapping[str, Any]:
        """A new image's attributes. What is uploaded, or stays where it is, brings its own size and checksum."""
        visibility = "public" if request.is_public else self._metadata.default_visibility
        attributes = {**request.base, "visibility": visibility}
        if not has_source or request.copy_from is not None:
            attributes |= {"size": request.size or 0, "checksum": request.checksum}
        if request.size == 0 and not has_source and self._size_zero:
            attributes["status"] = ACTIVE
        return attributes

    async def update(
        self, ctx: RequestContext, image_id: str, request: V1ImageRequest, chunks: Chunks | None, purge: bool
    ) -> Image:
        """Sets attributes and properties, then the data. Errors: Forbidden for a deleted image."""
        try:
            return await self._update(ctx, image_id, request, chunks, purge)
        except ImageNotFound:
            await self.get(ctx, image_id)
            raise Forbidden("Forbidden to update deleted image.") from None

    async def _update(
        self, ctx: RequestContext, image_id: str, request: V1ImageRequest, chunks: Chunks | None, purge: bool
    ) -> Image:
        """Nothing is purged where data comes along, since lp-901534."""
        self._check_source(request, chunks)
        set_location = await self._locate(ctx, image_id, request)

        def apply(image: Image) -> Image:
            after = updated(
                image,
                request,
                private=self._metadata.default_visibility,
                purge=purge and not (chunks is not None and self._data_keeps),
                with_data=chunks is not None,
                status_is_fixed=self._status_is_fixed,
            )
            if (request.copy_from or request.location) and image.status != QUEUED:
                raise BadRequest("Attempted to update Location field for an image not in queued status.")
            return set_location(after)

        image = await self._metadata.update_with(ctx, image_id, apply, rule=travel.update)
        return await self._fill(ctx, image, request, chunks)

    async def delete(self, ctx: RequestContext, image_id: str) -> None:
        """Errors: Forbidden for an image whose deletion is pending."""
        try:
            await self._metadata.delete(ctx, image_id)
        except ImageNotFound:
            if (await self.get(ctx, image_id)).status == PENDING_DELETE:
                raise Forbidden(f"Forbidden to delete a {PENDING_DELETE} image.") from None
            raise

    async def _fill(self, ctx: RequestContext, image: Image, request: V1ImageRequest, chunks: Chunks | None) -> Image:
        """Uploads the data, or starts its import."""
        if chunks is not None:
            checksum = request.checksum or image.checksum
            announced = request.size or image.size or None
            return await self._data.upload(
                ctx, image.id, chunks, announced, checksum=checksum, store=request.store, status_on_failure=KILLED
            )
        if request.copy_from is not None:
            body = {"method": {"name": DOWNLOAD, "uri": request.copy_from}}
            stores = None if request.store is None else (request.store,)
            requested = ImportRequest(method=DOWNLOAD, body=body, uri=request.copy_from, stores=stores)
            await self._imports.request_import(ctx, image.id, requested)
        return image

    async def _locate(self, ctx: RequestContext, image_id: str, request: V1ImageRequest) -> Callable[[Image], Image]:
        """How the requested location changes a queued image; without one, not at all."""
        if request.location is None:
            return lambda image: image
        return await self._metadata.locations.resolve(ctx, image_id, request.location, request.size)

    def _check_source(self, request: V1ImageRequest, chunks: Chunks | None) -> None:
        """At most one source, which a store reads, for a store that exists, within the size cap."""
        if sum(source is not None for source in (chunks, request.copy_from, request.location)) > 1:
            raise BadRequest("It's invalid to provide multiple image sources.")
        if request.location is not None:
            self._metadata.locations.check(request.location)
        if request.store is not None and request.store not in self._stores:
            raise BadRequest(f"Store for scheme {request.store[:100]} not found")
        if request.size is not None and request.size > self._size_cap >= 0:
            raise ImageTooBig(maximum=self._size_cap)


def _check_formats(request: V1ImageRequest) -> None:
    for name in ("disk_format", "container_format"):
        if request.base.get(name) is None:
            raise BadRequest(f"{name.replace('_', ' ').capitalize()} is not specified.")
