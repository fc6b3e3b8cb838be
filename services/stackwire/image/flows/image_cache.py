"""The image cache of one node: bytes that were asked for once lie in its own folder, within a bound.

Nobody reads from it or fills it but through ``Data.download``, which has asked who may: an image's policy, its
visibility and its being deactivated are minded before the cache is known to exist (CVE-2013-4428).
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

from stackwire.core.context import RequestContext, system_context
from stackwire.core.errors import BadRequest, ServiceError
from stackwire.core.policy import Policy
from stackwire.db.pool import Database
from stackwire.image.backends.cache import CacheFolder, CacheWriter
from stackwire.image.backends.port import Reader
from stackwire.image.backends.stores import Stores
from stackwire.image.db import cache as rows
from stackwire.image.domain.cache import CachedImage, CacheOff, entries_to_evict
from stackwire.image.domain.errors import ImageForbidden, ImageNotFound
from stackwire.image.domain.image import Image
from stackwire.image.domain.states import ACTIVE
from stackwire.image.onion.port import Images

log = logging.getLogger(__name__)

_CHUNK = 1024**2  # bytes


class ImageCache:
    """``node``: the address under which this service's rows stand. Sizes in bytes, ``stall`` in seconds."""

    def __init__(self, database: Database, folder: CacheFolder, node: str, *, most: int, stall: float) -> None:
        self._database = database
        self._folder = folder
        self._node = node
        self._most = most
        self._stall = stall
        self._filling: dict[str, int] = {}
        self._ctx = system_context("image")

    def fits(self, image: Image) -> bool:
        """Whether an empty cache would have room for it."""
        return (image.size or 0) <= self._most

    def close(self) -> None:
        self._folder.close()

    async def find(self, image: Image) -> Reader | None:
        """The image's bytes; the caller closes them. What lost its file is forgotten."""
        if image.status != ACTIVE or image.object is None or image.size is None:
            return None
        async with self._database.work(self._ctx) as uow:
            if not await rows.hit(uow, self._node, image):
                return None
        file = await self._folder.open(image.object, image.size)
        if file is None:
            await self._drop(image.id)
        return file

    @asynccontextmanager
    async def filling(self, image: Image) -> AsyncIterator[CacheWriter | None]:
        """Takes the bytes that pass; they are in the cache once ``keep`` was told. None where there is no room.

        One reader at a time fills it: others read past it.
        """
        size = image.size or 0
        room = self._most - sum(self._filling.values())
        if image.status != ACTIVE or image.object is None or image.id in self._filling or size > room:
            yield None
            return
        self._filling[image.id] = size
        writer = self._folder.writer(image.object, image.checksum)
        try:
            yield writer
        finally:
            del self._filling[image.id]
            await asyncio.shield(writer.discard())

    async def keep(self, image: Image, writer: CacheWriter) -> None:
        """All bytes have passed. The file is there before the row, and a row's file goes after it."""
        if image.object is None or not await writer.complete():
            log.warning("the image %s could not be cached", image.id)
            return
        try:
            async with self._database.work(self._ctx) as uow:
                await rows.lock(uow, self._node)
                gone = entries_to_evict(await rows.entries(uow, self._node), self._most - (image.size or 0))
                for each in gone:
                    await rows.remove(uow, self._node, each.image_id)
                added = await rows.try_add(uow, self._node, image)
        except ServiceError as error:
            log.warning("the image %s could not be cached: %s", image.id, error)
            return
        await self._folder.remove(*(each.object for each in gone), *(() if added else (image.object,)))

    async def listed(self) -> tuple[list[CachedImage], list[str]]:
        """What is cached, and what is queued."""
        async with self._database.read() as db:
            return await rows.entries(db, self._node), await rows.queued(db, self._node)

    async def holds(self, image_id: str) -> bool:
        async with self._database.read() as db:
            cached = await rows.has(db, self._node, image_id)
            return cached or image_id in await rows.queued(db, self._node)

    async def nodes(self, image_id: str) -> list[str]:
        async with self._database.read() as db:
            return await rows.nodes(db, image_id)

    async def queue(self, image_id: str) -> None:
        async with self._database.work(self._ctx) as uow:
            await rows.queue(uow, self._node, image_id)

    async def queued(self) -> list[str]:
        async with self._database.read() as db:
            return await rows.queued(db, self._node)

    async def unqueue(self, image_id: str | None = None) -> None:
        async with self._database.work(self._ctx) as uow:
            await rows.unqueue(uow, self._node, image_id)

    async def _drop(self, image_id: str | None = None) -> None:
        async with self._database.work(self._ctx) as uow:
            gone = await rows.remove(uow, self._node, image_id)
        await self._folder.remove(*gone)

    async def remove(self, image_id: str) -> None:
        await self._drop(image_id)
        await self.unqueue(image_id)

    async def clear(self, target: str) -> None:
        """``cache``, ``queue`` or, with no target, both."""
        if target != "queue":
            await self._drop()
        if target != "cache":
            await self.unqueue()

    async def clean(self) -> None:
        """What was left on its way goes after the stall time; what is complete, and no row has, at once.

        So does what nodes left in the same place that live no more: this one under another address, mostly.
        """
        dead = await self._folder.take_over()
        await self._folder.remove_stalled(self._stall)
        there = await self._folder.names()  # before the rows: what gets a row meanwhile is not among them
        async with self._database.work(self._ctx) as uow:
            await rows.lock(uow, self._node)
            if dead:
                await rows.forget_nodes(uow, dead)
            await rows.forget_deleted(uow, self._node)
            named = {entry.object for entry in await rows.entries(uow, self._node)}
            filling = set(self._filling)
            await self._folder.remove(*(name for name in there - named if name.partition(".")[0] not in filling))

    async def prune(self) -> tuple[int, int]:
        """How many went because they were too many, and their bytes."""
        async with self._database.work(self._ctx) as uow:
            await rows.lock(uow, self._node)
            gone = entries_to_evict(await rows.entries(uow, self._node), self._most)
            for each in gone:
                await rows.remove(uow, self._node, each.image_id)
        await self._folder.remove(*(each.object for each in gone))
        return len(gone), sum(each.size for each in gone)


class CacheKeeper:
    """What administrators do with the cache, and the fetching of what they queued; ``cache`` None: it is off."""

    def __init__(
        self, database: Database, images: Images, files: Stores, policy: Policy, cache: ImageCache | None
    ) -> None:
        self._database = database
        self._images = images
        self._files = files
        self._policy = policy
        self._cache = cache
        self._fetching: asyncio.Task[None] | None = None
        self._again = False

    @property
    def busy(self) -> bool:
        return self._fetching is not None and not self._fetching.done()

    def _allowed(self, ctx: RequestContext, rule: str) -> ImageCache:
        """The cache for those who may; only they are told that there is none."""
        self._policy.require(ctx, rule, {"project_id": ctx.project_id or ""}, ImageForbidden)
        if self._cache is None:
            raise CacheOff
        return self._cache

    async def listed(self, ctx: RequestContext) -> tuple[list[CachedImage], list[str]]:
        return await self._allowed(ctx, "cache_list").listed()

    async def queue(self, ctx: RequestContext, image_id: str) -> None:
        """An active image, fetched soon; a later life of this service fetches it if this one does not."""
        image = await self._image(ctx, image_id)
        cache = self._allowed(ctx, "cache_image")
        if image.status != ACTIVE:
            raise BadRequest("Only images with status active can be targeted for queueing")
        await cache.queue(image_id)
        self.wake()

    async def _image(self, ctx: RequestContext, image_id: str) -> Image:
        async with self._database.read() as db:
            return await self._images.get(ctx, db, image_id)

    async def remove(self, ctx: RequestContext, image_id: str) -> None:
        """Also of an image that is gone itself, as long as something is left of it here."""
        try:
            await self._image(ctx, image_id)
        except ImageNotFound:
            known = self._policy.allows(ctx, "cache_delete", {"project_id": ctx.project_id or ""})
            if self._cache is None or not known or not await self._cache.holds(image_id):
                raise
        await self._allowed(ctx, "cache_delete").remove(image_id)

    async def clear(self, ctx: RequestContext, target: str) -> None:
        await self._allowed(ctx, "cache_delete").clear(target)

    async def nodes(self, ctx: RequestContext, image_id: str) -> list[str]:
        cache = self._allowed(ctx, "list_cached_nodes")
        await self._image(ctx, image_id)
        return await cache.nodes(image_id)

    async def clean(self, ctx: RequestContext) -> None:
        await self._allowed(ctx, "cache_clean").clean()

    async def prune(self, ctx: RequestContext) -> tuple[int, int]:
        return await self._allowed(ctx, "cache_prune").prune()

    def wake(self) -> None:
        """Fetches what is queued, in a task of its own; one at a time."""
        if self.busy:
            self._again = True
        elif self._cache is not None:
            self._fetching = asyncio.create_task(self._fetch_all(self._cache), name="image cache")

    async def sweep(self) -> None:
        """What no cache has a use for goes; what is queued is fetched; what is too much goes."""
        if self._cache is not None:
            await self._cache.clean()
            await self._cache.prune()
            if await self._cache.queued():
                self.wake()

    async def _fetch_all(self, cache: ImageCache) -> None:
        self._again = True
        while self._again:
            self._again = False
            for image_id in await cache.queued():
                try:
                    await self._fetch(cache, image_id)
                except (ServiceError, OSError) as error:
                    log.warning("the image %s was not fetched into the cache: %s", image_id, error)

    async def _fetch(self, cache: ImageCache, image_id: str) -> None:
        """From the store; what cannot be fetched for good is not queued any more."""
        ctx = system_context("image")
        async with self._database.read() as db:
            image = await self._images.get(ctx, db, image_id)
        if image.status != ACTIVE or image.object is None:
            await cache.unqueue(image_id)
            return
        async with cache.filling(image) as writer:
            if writer is None:  # a reader fills it now, or there is no room yet: unless there never will be, later
                if not cache.fits(image):
                    await cache.unqueue(image_id)
                return
            with closing(await self._files.open(image.object, image.stores)) as data:
                while chunk := await data.read(_CHUNK):
                    await writer.put(chunk)
            await cache.keep(image, writer)
        await cache.unqueue(image_id)

    async def close(self) -> None:
        """What is being fetched stays queued."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)
        if self._cache is not None:
            self._cache.close()
