"""The image cache of one node: the bytes of images that were downloaded, in a folder of bounded size.

It is read and filled behind ``DataTransfers.get_for_download`` only: policy, visibility and deactivation are checked
before the cache is used (CVE-2013-4428).
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from stackwire.core.context import system_context
from stackwire.core.errors import ServiceError
from stackwire.db.pool import Database, UnitOfWork
from stackwire.image.backends.cache import CacheFolder, CacheWriter
from stackwire.image.backends.port import Reader
from stackwire.image.db import cache as rows
from stackwire.image.domain.cache import CachedImage, entries_to_evict
from stackwire.image.domain.image import Image
from stackwire.image.domain.states import ACTIVE

log = logging.getLogger(__name__)


class ImageCache:
    """``node``: the address by which this service's rows are known.

    ``max_bytes``: of all files; ``stall_seconds``: after which an incomplete file is removed.
    """

    def __init__(
        self, database: Database, folder: CacheFolder, node: str, *, max_bytes: int, stall_seconds: float
    ) -> None:
        self._database = database
        self._folder = folder
        self._node = node
        self._max_bytes = max_bytes
        self._stall_seconds = stall_seconds
        self._filling: dict[str, int] = {}
        self._ctx = system_context("image")

    def fits(self, image: Image) -> bool:
        """Whether an empty cache would have room for it."""
        return (image.size or 0) <= self._max_bytes

    def close(self) -> None:
        """Releases the folder."""
        self._folder.close()

    async def find(self, image: Image) -> Reader | None:
        """The image's bytes, which the caller closes; None where they are not cached."""
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
        """A writer for the bytes of a download, which ``keep`` completes; None where there is no room.

        One download at a time fills the cache with an image; others pass by it.
        """
        size = image.size or 0
        room = self._max_bytes - sum(self._filling.values())
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
        """Completes a writer that has all the bytes. A file is created before its row, and removed after it.

        Another process of the node may have filled the cache with the image meanwhile: the bytes are the same ones.
        """
        unused: list[str] = []
        try:
            async with self._database.work(self._ctx) as uow:
                await rows.lock(uow, self._node)  # or another process's ``clean`` takes the file for one without a row
                if image.object is None or not await writer.complete():
                    log.warning("the image %s could not be cached", image.id)
                    return
                entries = await rows.entries(uow, self._node)
                if image.object not in {each.object for each in entries}:
                    unused = await self._add(uow, image, entries)
        except ServiceError as error:
            log.warning("the image %s could not be cached: %s", image.id, error)
            return
        await self._folder.remove(*unused)

    async def _add(self, uow: UnitOfWork, image: Image, entries: Sequence[CachedImage]) -> list[str]:
        """The files that are in the way, or that of the image, where it has changed."""
        evicted = entries_to_evict(entries, self._max_bytes - (image.size or 0))
        for each in evicted:
            await rows.remove(uow, self._node, each.image_id)
        added = await rows.add(uow, self._node, image)
        return [each.object for each in evicted] + ([] if added or image.object is None else [image.object])

    async def list_all(self) -> tuple[list[CachedImage], list[str]]:
        """The cached images, and the ids of the queued ones."""
        async with self._database.read() as session:
            return await rows.entries(session, self._node), await rows.queued(session, self._node)

    async def holds(self, image_id: str) -> bool:
        """Whether the image is cached or queued on this node."""
        async with self._database.read() as session:
            cached = await rows.has(session, self._node, image_id)
            return cached or image_id in await rows.queued(session, self._node)

    async def nodes(self, image_id: str) -> list[str]:
        """The nodes that have the image."""
        async with self._database.read() as session:
            return await rows.nodes(session, image_id)

    async def queue(self, image_id: str) -> None:
        """The image is to be fetched."""
        async with self._database.work(self._ctx) as uow:
            await rows.queue(uow, self._node, image_id)

    async def queued(self) -> list[str]:
        """The ids of images to be fetched, in order."""
        async with self._database.read() as session:
            return await rows.queued(session, self._node)

    async def unqueue(self, image_id: str | None = None) -> None:
        """One image, or all."""
        async with self._database.work(self._ctx) as uow:
            await rows.unqueue(uow, self._node, image_id)

    async def _drop(self, image_id: str | None = None) -> None:
        async with self._database.work(self._ctx) as uow:
            objects = await rows.remove(uow, self._node, image_id)
        await self._folder.remove(*objects)

    async def remove(self, image_id: str) -> None:
        """From the cache and from the queue."""
        await self._drop(image_id)
        await self.unqueue(image_id)

    async def clear(self, target: str) -> None:
        """``cache``, ``queue`` or, with no target, both."""
        if target != "queue":
            await self._drop()
        if target != "cache":
            await self.unqueue()

    async def clean(self) -> None:
        """Removes incomplete files after the stall time, and complete ones that no row names, at once.

        Nodes that used the folder before, mostly this one under another address, lose rows and files too.
        """
        dead = await self._folder.take_over()
        await self._folder.remove_stalled(self._stall_seconds)
        files = await self._folder.names()  # before the rows: a file that gets a row meanwhile is not among them
        async with self._database.work(self._ctx) as uow:
            await rows.lock(uow, self._node)
            if dead:
                await rows.forget_nodes(uow, dead)
            await rows.forget_deleted(uow, self._node)
            named = {entry.object for entry in await rows.entries(uow, self._node)}
            filling = set(self._filling)
            await self._folder.remove(*(name for name in files - named if name.partition(".")[0] not in filling))

    async def prune(self) -> tuple[int, int]:
        """Evicts images beyond the bound: how many, and their bytes."""
        async with self._database.work(self._ctx) as uow:
            await rows.lock(uow, self._node)
            evicted = entries_to_evict(await rows.entries(uow, self._node), self._max_bytes)
            for each in evicted:
                await rows.remove(uow, self._node, each.image_id)
        await self._folder.remove(*(each.object for each in evicted))
        return len(evicted), sum(each.size for each in evicted)
