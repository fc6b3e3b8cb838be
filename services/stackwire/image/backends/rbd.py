"""RBD as a store: an image of a pool is complete when it has a protected snapshot, from which volumes are cloned.

Source: ``glance_store/_drivers/rbd.py``, which names and protects the snapshot so.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

from stackwire.core.context import RequestContext
from stackwire.core.errors import Unavailable
from stackwire.image.backends.rbd_writer import RbdWriter, failure
from stackwire.image.backends.readers import ThreadReader
from stackwire.image.domain.errors import BadLocation
from stackwire.image.domain.rbd import SNAPSHOT, RbdImage, RbdPlace, image_at, is_own_image, uri
from stackwire.object_store.ceph import CephError, OpenImage, Pool, translated_errors
from stackwire.object_store.place import CephPlace

log = logging.getLogger(__name__)
T = TypeVar("T")

RBD_CALLS = 16


class RbdStore:
    """One pool. The calls have threads of their own, so that a cluster that is away blocks nothing else."""

    kind = "rbd"
    schemes = ("rbd",)

    def __init__(self, name: str, place: RbdPlace) -> None:
        self._name = name
        self._place = place
        self._pool = Pool(CephPlace(place.pool, place.conf, place.user, place.timeout))
        self._threads = ThreadPoolExecutor(RBD_CALLS, thread_name_prefix=f"rbd-{name}")

    @property
    def properties(self) -> dict[str, Any]:
        """Source: ``glance/api/v2/discovery.py: InfoController._get_rbd_properties``, but for the cluster's id."""
        return {"chunk_size": self._place.chunk, "pool": self._place.pool, "thin_provisioning": self._place.thin}

    def prepare(self) -> None:
        """The cluster may be there later than this service."""

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        await asyncio.to_thread(self._pool.close)

    async def url(self, name: str) -> str:
        return uri(await self._run(self._fsid), self._place.pool, name)

    def _fsid(self) -> str:
        return self._pool.fsid

    # -- objects that URIs name

    def reads(self, url: str) -> bool:
        """Images of its own pool."""
        found = image_at(url)
        return found is not None and found.pool in (None, self._place.pool)

    async def size_at(self, ctx: RequestContext, url: str) -> int:
        """An administrator may name what somebody else put into the pool; the images in it belong to others.

        Raises BadLocation, FileNotFoundError, CephError.
        """
        found = await self._image(url)
        if not (ctx.is_admin or ctx.has_role("admin")):
            raise BadLocation
        reader = await self._run(self._open, found.image, found.snapshot, 0, None)
        reader.close()
        return reader.size

    async def open_at(self, ctx: RequestContext, url: str, first: int = 0, count: int | None = None) -> ThreadReader:
        """For everybody who may read the image. Raises BadLocation, FileNotFoundError, CephError."""
        found = await self._image(url)
        return await self._run(self._open, found.image, found.snapshot, first, count)

    async def _image(self, url: str) -> RbdImage:
        found = image_at(url)
        if found is None or is_own_image(found.image) or found.pool not in (None, self._place.pool):
            raise BadLocation
        if found.fsid not in (None, await self._run(self._fsid)):
            raise BadLocation
        return found

    # -- its own objects

    async def open(self, name: str, first: int = 0, count: int | None = None) -> ThreadReader:
        """A complete object from its byte ``first`` on. Raises FileNotFoundError, CephError."""
        return await self._run(self._open, name, SNAPSHOT, first, count)

    def _open(self, name: str, snapshot: str | None, first: int, count: int | None) -> ThreadReader:
        try:
            opened = self._pool.open(name, snapshot, read_only=True)
        except CephError as error:
            if error.is_missing:
                raise FileNotFoundError(name) from None
            raise
        with translated_errors():
            rest = max(opened.image.size() - first, 0)
        size = rest if count is None else min(rest, count)
        return ThreadReader(_RbdStream(opened, first, self._threads), size, self._threads)

    async def writer(self, name: str, announced: int | None = None, owner: str | None = None) -> RbdWriter:
        """Creates the image, or empties what an interrupted copy left. Raises StorageFull, Unavailable."""
        try:
            opened = await self._run(self._begin, name, announced or 0)
        except CephError as error:
            raise failure(self._name, name, error) from error
        options = self._place.chunk, self._place.thin
        return RbdWriter(self._name, name, opened, options, self._run, self.remove, announced or 0)

    def _begin(self, name: str, size: int) -> OpenImage:
        self._remove(name)
        self._pool.create(name, size, self._place.chunk)
        return self._pool.open(name)

    async def remove(self, name: str) -> None:
        """Complete or not; one that does not exist is no error. One that has clones stays until the sweep."""
        try:
            await self._run(self._remove, name)
        except CephError as error:
            log.warning("the store %s could not remove %s: %s", self._name, name, error)

    def _remove(self, name: str) -> None:
        self._pool.remove_snapshot(name, SNAPSHOT)
        self._pool.remove(name)

    async def in_use(self, name: str) -> bool:
        """Whether volumes are clones of it. Raises Unavailable."""
        try:
            return bool(await self._run(self._pool.children, name, SNAPSHOT))
        except CephError as error:
            log.warning("the store %s cannot be read: %s", self._name, error)
            raise Unavailable("The image data cannot be removed at the moment.") from error

    async def names(self) -> set[str]:
        """Every object of this service, complete or not; others in the pool are not its own."""
        try:
            return {name for name in await self._run(self._pool.names) if is_own_image(name)}
        except CephError as error:
            log.warning("the store %s cannot be read: %s", self._name, error)
            raise

    async def _run(self, call: Callable[..., T], /, *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *args)


class _RbdStream:
    """Reads an open image from ``at`` on. Blocks; raises CephError. ``close`` does not wait: a cluster may be away."""

    def __init__(self, opened: OpenImage, at: int, threads: ThreadPoolExecutor) -> None:
        self._opened: OpenImage | None = opened
        self._image = opened.image
        self._at = at
        self._threads = threads

    def read(self, most: int, /) -> bytes:
        with translated_errors():
            piece = bytes(self._image.read(self._at, most))
        self._at += len(piece)
        return piece

    def close(self) -> None:
        opened, self._opened = self._opened, None
        if opened is None:
            return
        with suppress(RuntimeError):  # the store was closed, and its connection with it
            self._threads.submit(opened.close)
