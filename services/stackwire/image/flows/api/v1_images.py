"""What the v1 API does in one call, put together from what everybody does: the same flows, the same onion."""

from collections.abc import AsyncIterator, Callable, Sequence

from stackwire.core.behaviours import Behaviours
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, Conflict, TooLarge
from stackwire.image.domain.errors import BadLocation, ImageTooBig, UriRefused
from stackwire.image.domain.image import Image
from stackwire.image.domain.imports import DOWNLOAD, ImportWish
from stackwire.image.domain.states import ACTIVE, KILLED, QUEUED
from stackwire.image.domain.v1_meta import Wish, changed, check_new
from stackwire.image.flows.api.data import Data
from stackwire.image.flows.api.images import Metadata
from stackwire.image.flows.api.imports import Imports

Chunks = AsyncIterator[bytes]


class V1:
    """``size_cap``: bytes an image may have. An image that stops being public is what a new one is by default."""

    def __init__(
        self,
        metadata: Metadata,
        data: Data,
        imports: Imports,
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
        self._stores = stores
        self._size_cap = size_cap

    async def create(self, ctx: RequestContext, wish: Wish, chunks: Chunks | None) -> Image:
        """A new image: queued; active with its data, or at once when its size is 0; or on its way from elsewhere.

        What can be told before is told before anything is written. Data that fails leaves the image killed.
        """
        check_new(wish)
        self._check_source(wish, chunks)
        if chunks is not None or wish.copy_from is not None or wish.location is not None:
            for name in ("disk_format", "container_format"):
                if wish.base.get(name) is None:
                    raise BadRequest(f"{name.replace('_', ' ').capitalize()} is not specified.")
        base = {**wish.base, "visibility": "public" if wish.is_public else self._metadata.visibility}
        if chunks is None and wish.location is None:
            base |= {"size": wish.size or 0, "checksum": wish.checksum}
        if wish.size == 0 and chunks is None and wish.copy_from is None and wish.location is None and self._size_zero:
            base["status"] = ACTIVE
        image = await self._metadata.make(ctx, base, wish.properties)
        try:
            if wish.location is not None:
                return await self._metadata.save(ctx, image.id, await self._look(ctx, image.id, wish))
            return await self._fill(ctx, image, wish, chunks)
        except (UriRefused, BadLocation, Conflict, TooLarge):
            await self._metadata.delete(ctx, image.id)
            raise

    async def update(self, ctx: RequestContext, image_id: str, wish: Wish, chunks: Chunks | None, purge: bool) -> Image:
        """Attributes and properties set, then the data. Nothing is purged where data comes along, since lp-901534."""
        self._check_source(wish, chunks)
        located = await self._look(ctx, image_id, wish)

        def apply(image: Image) -> Image:
            after = changed(
                image,
                wish,
                private=self._metadata.visibility,
                purge=purge and not (chunks is not None and self._data_keeps),
                with_data=chunks is not None,
            )
            if (wish.copy_from or wish.location) and image.status != QUEUED:
                raise BadRequest("Attempted to update Location field for an image not in queued status.")
            return located(after)

        image = await self._metadata.save(ctx, image_id, apply, rule="image.update")
        return await self._fill(ctx, image, wish, chunks)

    async def _fill(self, ctx: RequestContext, image: Image, wish: Wish, chunks: Chunks | None) -> Image:
        if chunks is not None:
            checksum = wish.checksum or image.checksum
            announced = wish.size or image.size or None
            return await self._data.upload(
                ctx, image.id, chunks, announced, checksum=checksum, store=wish.store, failed=KILLED
            )
        if wish.copy_from is not None:
            order = {"method": {"name": DOWNLOAD, "uri": wish.copy_from}}
            stores = None if wish.store is None else (wish.store,)
            asked = ImportWish(method=DOWNLOAD, body=order, uri=wish.copy_from, stores=stores)
            await self._imports.request(ctx, image.id, asked)
        return image

    async def _look(self, ctx: RequestContext, image_id: str, wish: Wish) -> Callable[[Image], Image]:
        """What a location makes of a queued image; without one, nothing."""
        if wish.location is None:
            return lambda image: image
        return await self._metadata.locations.look(ctx, image_id, wish.location, wish.size)

    def _check_source(self, wish: Wish, chunks: Chunks | None) -> None:
        """At most one; data that stays elsewhere is where a store reads."""
        if sum(source is not None for source in (chunks, wish.copy_from, wish.location)) > 1:
            raise BadRequest("It's invalid to provide multiple image sources.")
        if wish.location is not None:
            self._metadata.locations.check(wish.location)
        if wish.store is not None and wish.store not in self._stores:
            raise BadRequest(f"Store for scheme {wish.store[:100]} not found")
        if wish.size is not None and wish.size > self._size_cap >= 0:
            raise ImageTooBig(maximum=self._size_cap)
