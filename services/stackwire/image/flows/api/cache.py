"""The cache API: administrators list, queue and remove cached images."""

from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest
from stackwire.image.domain.cache import CachedImage, CacheOff
from stackwire.image.domain.errors import ImageForbidden, ImageNotFound
from stackwire.image.domain.image import Image
from stackwire.image.domain.states import ACTIVE
from stackwire.image.flows.deps import FlowDeps
from stackwire.image.flows.image_cache import ImageCache
from stackwire.image.flows.worker.cache_prefetch import CachePrefetcher


class CacheManager:
    """``cache`` None: caching is off. Source: ``glance/api/v2/cached_images.py: CacheController``."""

    def __init__(self, deps: FlowDeps, cache: ImageCache | None, prefetcher: CachePrefetcher | None) -> None:
        self._deps = deps
        self._cache = cache
        self._prefetcher = prefetcher

    async def list_all(self, ctx: RequestContext) -> tuple[list[CachedImage], list[str]]:
        """The cached images, and the ids of the queued ones."""
        return await self._authorized(ctx, "cache_list").list_all()

    async def queue(self, ctx: RequestContext, image_id: str) -> None:
        """An active image is to be fetched: by this process now, or by a later one of this node."""
        image = await self._get(ctx, image_id)
        cache = self._authorized(ctx, "cache_image")
        if image.status != ACTIVE:
            raise BadRequest("Only images with status active can be targeted for queueing")
        await cache.queue(image_id)
        if self._prefetcher is not None:
            self._prefetcher.wake()

    async def remove(self, ctx: RequestContext, image_id: str) -> None:
        """Also of an image that is deleted, as long as the cache has it."""
        try:
            await self._get(ctx, image_id)
        except ImageNotFound:
            allowed = self._deps.policy.allows(ctx, "cache_delete", {"project_id": ctx.project_id or ""})
            if self._cache is None or not allowed or not await self._cache.holds(image_id):
                raise
        await self._authorized(ctx, "cache_delete").remove(image_id)

    async def clear(self, ctx: RequestContext, target: str) -> None:
        """``cache``, ``queue`` or, with no target, both."""
        await self._authorized(ctx, "cache_delete").clear(target)

    async def nodes(self, ctx: RequestContext, image_id: str) -> list[str]:
        """The nodes that have the image."""
        cache = self._authorized(ctx, "list_cached_nodes")
        await self._get(ctx, image_id)
        return await cache.nodes(image_id)

    async def clean(self, ctx: RequestContext) -> None:
        """Removes files that the cache has no use for."""
        await self._authorized(ctx, "cache_clean").clean()

    async def prune(self, ctx: RequestContext) -> tuple[int, int]:
        """Evicts images beyond the bound: how many, and their bytes."""
        return await self._authorized(ctx, "cache_prune").prune()

    def _authorized(self, ctx: RequestContext, rule: str) -> ImageCache:
        """The cache. Only those who may use it learn that caching is off: ImageForbidden, CacheOff."""
        self._deps.policy.require(ctx, rule, {"project_id": ctx.project_id or ""}, ImageForbidden)
        if self._cache is None:
            raise CacheOff
        return self._cache

    async def _get(self, ctx: RequestContext, image_id: str) -> Image:
        async with self._deps.database.read() as session:
            return await self._deps.onion.images.get(ctx, session, image_id)
