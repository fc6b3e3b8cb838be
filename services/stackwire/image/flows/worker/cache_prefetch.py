"""The cache's own work: images that are queued are fetched, files without use removed, the bound kept.

Source: ``glance/image_cache/prefetcher.py``, ``cleaner.py``, ``pruner.py``.
"""

import asyncio
import logging
from contextlib import closing

from stackwire.core.context import system_context
from stackwire.core.errors import ServiceError
from stackwire.image.domain.states import ACTIVE
from stackwire.image.flows.deps import FlowDeps
from stackwire.image.flows.image_cache import ImageCache

log = logging.getLogger(__name__)

_READ_BYTES = 1024**2


class CachePrefetcher:
    """Fetches queued images one after the other, in a task of its own."""

    def __init__(self, deps: FlowDeps, cache: ImageCache) -> None:
        self._deps = deps
        self._cache = cache
        self._fetching: asyncio.Task[None] | None = None
        self._again = False

    @property
    def busy(self) -> bool:
        """Whether an image is being fetched."""
        return self._fetching is not None and not self._fetching.done()

    def wake(self) -> None:
        """Something was queued."""
        if self.busy:
            self._again = True
        else:
            self._fetching = asyncio.create_task(self._fetch_all(), name="image cache")

    async def sweep(self) -> None:
        """Cleans, prunes, and fetches what is queued."""
        await self._cache.clean()
        await self._cache.prune()
        if await self._cache.queued():
            self.wake()

    async def _fetch_all(self) -> None:
        self._again = True
        while self._again:
            self._again = False
            for image_id in await self._cache.queued():
                try:
                    await self._fetch(image_id)
                except (ServiceError, OSError) as error:
                    log.warning("the image %s was not fetched into the cache: %s", image_id, error)

    async def _fetch(self, image_id: str) -> None:
        """From its store; an image that can never be cached leaves the queue."""
        cache = self._cache
        async with self._deps.database.read() as session:
            image = await self._deps.onion.images.get(system_context("image"), session, image_id)
        if image.status != ACTIVE or image.object is None:
            await cache.unqueue(image_id)
            return
        async with cache.filling(image) as writer:
            if writer is None:  # a download fills it now, or there is no room yet: unless there never is, later
                if not cache.fits(image):
                    await cache.unqueue(image_id)
                return
            with closing(await self._deps.stores.open(image.object, image.stores)) as data:
                while chunk := await data.read(_READ_BYTES):
                    await writer.put(chunk)
            await cache.keep(image, writer)
        await cache.unqueue(image_id)

    async def interrupt(self) -> None:
        """Ends a fetch; its image stays queued."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)

    async def close(self) -> None:
        """An image that is being fetched stays queued."""
        await self.interrupt()
        self._cache.close()
