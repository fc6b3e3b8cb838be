"""S3, or any server with its API, as a store: an object exists from the moment it is complete."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from stackwire.core.context import RequestContext
from stackwire.image.backends.readers import ThreadReader
from stackwire.image.backends.s3_writer import Budget, MultipartSink, S3Writer, SingleSink, failure
from stackwire.image.domain.errors import BadLocation
from stackwire.image.domain.s3 import is_own_object, key_at, part_size, uri
from stackwire.object_store.bucket import Bucket, S3Error
from stackwire.object_store.place import S3Place
from stackwire.object_store.stream import S3Stream

log = logging.getLogger(__name__)
T = TypeVar("T")


class S3Store:
    """One bucket, connected to when it is needed: the service starts without it.

    ``folder``: for temporary files of objects that are put whole. The calls have ``place.at_once`` threads of their
    own, so that a slow server blocks nothing else.
    """

    kind = "s3"
    schemes = ("s3", "s3+http", "s3+https")

    def __init__(self, name: str, place: S3Place, folder: Path) -> None:
        self._name = name
        self._place = place
        self._folder = folder
        self._bucket = Bucket(place)
        self._threads = ThreadPoolExecutor(place.at_once, thread_name_prefix=f"s3-{name}")
        self._budget = Budget(place.at_once * place.chunk)

    @property
    def properties(self) -> dict[str, Any]:
        """Source: ``glance/api/v2/discovery.py: InfoController._get_s3_properties``."""
        return {
            "s3_store_large_object_size": self._place.large,
            "s3_store_large_object_chunk_size": self._place.chunk,
            "s3_store_thread_pools": self._place.at_once,
        }

    def prepare(self) -> None:
        """Blocks; raises ValueError for settings that cannot work."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._bucket.connect()

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._bucket.close()

    async def url(self, name: str) -> str:
        """Without the keys that Glance's have."""
        return uri(self._place, name)

    def reads(self, url: str) -> bool:
        """Objects in its own bucket. Other buckets would need other keys, which do not belong in a URI."""
        return key_at(self._place, url) is not None

    async def size_at(self, ctx: RequestContext, url: str) -> int:
        """An administrator may name what somebody else put into the bucket; the images in it belong to others.

        Raises BadLocation, FileNotFoundError, S3Error.
        """
        key = self._key(url)
        if not (ctx.is_admin or ctx.has_role("admin")):
            raise BadLocation
        size = await self._run(self._bucket.size, key)
        if size is None:
            raise FileNotFoundError(key)
        return size

    async def open_at(self, ctx: RequestContext, url: str, first: int = 0, count: int | None = None) -> ThreadReader:
        """For everybody who may read the image. Raises BadLocation, FileNotFoundError, S3Error."""
        return await self.open(self._key(url), first, count)

    def _key(self, url: str) -> str:
        key = key_at(self._place, url)
        if key is None or is_own_object(key):
            raise BadLocation
        return key

    async def open(self, name: str, first: int = 0, count: int | None = None) -> ThreadReader:
        """A complete object from its byte ``first`` on. Raises FileNotFoundError, S3Error."""
        try:
            got = await self._run(self._bucket.get, name, first, count)
        except S3Error as error:
            if error.is_missing:
                raise FileNotFoundError(name) from None
            raise
        return ThreadReader(S3Stream(self._bucket, name, first, got), got.size, self._threads)

    async def writer(self, name: str, announced: int | None = None, owner: str | None = None) -> S3Writer:
        """Connects to S3 before the first byte is received. Raises StorageFull, Unavailable."""
        place = self._place
        try:
            await self._run(self._make_room, name)
        except S3Error as error:
            raise failure(self._name, name, error) from error
        if announced is not None and place.chunk < announced < place.large:
            return S3Writer(self._name, name, SingleSink(self._bucket, name, self._run, self._folder, place.chunk))
        size = part_size(announced, place.chunk)
        return S3Writer(self._name, name, MultipartSink(self._bucket, name, self._run, self._budget, size))

    def _make_room(self, name: str) -> None:
        """Creates the bucket where it may, and aborts uploads that an interrupted copy left under this name."""
        try:
            self._bucket.abort_all(name)
        except S3Error as error:
            if error.code != "NoSuchBucket" or not self._place.create_bucket:
                raise
            self._bucket.make()

    async def remove(self, name: str) -> None:
        """Complete or not; one that does not exist is no error."""
        try:
            await self._run(self._remove, name)
        except S3Error as error:
            log.warning("the store %s could not remove %s: %s", self._name, name, error)

    def _remove(self, name: str) -> None:
        self._bucket.delete(name)
        try:
            self._bucket.abort_all(name)
        except S3Error as error:
            if not error.is_missing:
                raise

    async def names(self) -> set[str]:
        """Every object of this service, complete or not; others in the bucket are not its own."""
        try:
            return await self._run(self._names)
        except S3Error as error:
            log.warning("the store %s cannot be read: %s", self._name, error)
            raise

    def _names(self) -> set[str]:
        try:
            found = chain(self._bucket.keys(), (key for key, _ in self._bucket.uploads()))
            return {name for name in found if is_own_object(name)}
        except S3Error as error:
            if error.is_missing:
                return set()
            raise

    async def _run(self, call: Callable[..., T], /, *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *args)
