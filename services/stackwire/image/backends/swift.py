"""Swift as a store: an object exists from the moment it, or the manifest of its segments, is complete.

Source: ``glance_store/_drivers/swift/store.py``, whose segments and manifests these are. Where each project has an
account of its own, the store's user acts there as Swift's reseller administrator, since workers and sweeps have no
user's token; a marker of the same name in its own account says whose account an object is in.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from weakref import WeakSet

from stackwire.core.context import RequestContext
from stackwire.image.backends.readers import ThreadReader
from stackwire.image.backends.swift_account import SwiftClient, SwiftError
from stackwire.image.backends.swift_reader import SwiftStream
from stackwire.image.backends.swift_writer import SwiftWriter, failure
from stackwire.image.domain.errors import BadLocation
from stackwire.image.domain.swift import SCHEMES, SwiftPlace, object_at, own_object, uri

log = logging.getLogger(__name__)
T = TypeVar("T")

SWIFT_UPLOADS = 32
"""Written at once; each takes a thread for as long as its client sends."""
SWIFT_CALLS = 16


class SwiftStore:
    """Connected to when it is needed: the service starts without it."""

    kind = "swift"
    schemes = SCHEMES

    def __init__(self, name: str, place: SwiftPlace) -> None:
        self._name = name
        self._place = place
        self._client = SwiftClient(place)
        self._threads = ThreadPoolExecutor(SWIFT_CALLS, thread_name_prefix=f"swift-{name}")
        self._uploads = ThreadPoolExecutor(SWIFT_UPLOADS, thread_name_prefix=f"swift-put-{name}")
        self._projects: dict[str, str] = {}
        self._writers: WeakSet[SwiftWriter] = WeakSet()

    @property
    def properties(self) -> dict[str, Any]:
        """Source: ``glance/api/v2/discovery.py: InfoController._get_swift_properties``."""
        return {
            "container": self._place.container,
            "large_object_size": self._place.large,
            "large_object_chunk_size": self._place.chunk,
        }

    def prepare(self) -> None:
        self._client.connect()

    async def close(self) -> None:
        for writer in self._writers:
            writer.abandon()
        for threads in (self._threads, self._uploads):
            threads.shutdown(wait=False, cancel_futures=True)
        self._client.close()

    async def url(self, name: str) -> str:
        """Without the user and the key that Glance's have."""
        container = self._place.container_of(name)
        if not self._place.multi_tenant:
            return uri(self._place, container, name)
        project = await self._run(self._project_of, name)
        if project is None:
            raise FileNotFoundError(name)
        return uri(self._place, container, name, await self._run(self._client.storage_url, project))

    # -- objects that URIs name

    def reads(self, url: str) -> bool:
        """Objects in its own account. Others would need other keys, which do not belong in a URI."""
        return object_at(self._place, url) is not None

    async def size_at(self, ctx: RequestContext, url: str) -> int:
        """An administrator may name what somebody else put into the account; the images in it belong to others.

        Raises BadLocation, FileNotFoundError, SwiftError.
        """
        container, key = self._object(url)
        if not (ctx.is_admin or ctx.has_role("admin")):
            raise BadLocation
        found = await self._run(self._client.find, container, key)
        if found is None:
            raise FileNotFoundError(key)
        return found.size

    async def open_at(self, ctx: RequestContext, url: str, first: int = 0, count: int | None = None) -> ThreadReader:
        """For everybody who may read the image. Raises BadLocation, FileNotFoundError, SwiftError."""
        container, key = self._object(url)
        return await self._run(self._open, container, key, None, first, count)

    def _object(self, url: str) -> tuple[str, str]:
        found = object_at(self._place, url)
        if found is None or own_object(found[1]) is not None:
            raise BadLocation
        return found

    # -- its own objects

    async def open(self, name: str, first: int = 0, count: int | None = None) -> ThreadReader:
        """A complete object from its byte ``first`` on. Raises FileNotFoundError, SwiftError."""
        return await self._run(self._open_own, name, first, count)

    def _open_own(self, name: str, first: int, count: int | None) -> ThreadReader:
        project = self._project_of(name)
        if project is None and self._place.multi_tenant:
            raise FileNotFoundError(name)
        return self._open(self._place.container_of(name), name, project, first, count)

    def _open(self, container: str, key: str, project: str | None, first: int, count: int | None) -> ThreadReader:
        """SwiftError for an object that has lost a segment: what is left of it is not the object."""
        found = self._client.find(container, key, project)
        if found is None:
            raise FileNotFoundError(key)
        if found.stored not in (None, found.size):
            raise SwiftError(f"{key} has {found.size} bytes, of {found.stored}: a segment is lost")
        rest = max(found.size - first, 0)
        size = rest if count is None else min(rest, count)
        stream = SwiftStream(self._client, (container, key, project), first, size)
        stream.begin()
        return ThreadReader(stream, size, self._threads)

    async def writer(self, name: str, announced: int | None = None, owner: str | None = None) -> SwiftWriter:
        """Connects to Swift before the first byte is received. Raises StorageFull, Unavailable."""
        place = self._place
        project = owner if place.multi_tenant else None
        container = place.container_of(name)
        try:
            await self._run(self._make_room, name, container, project)
        except SwiftError as error:
            raise failure(self._name, name, error) from error
        segment = None if announced is not None and announced < place.large else place.chunk
        where = container, name, project
        writer = SwiftWriter(self._name, self._client, self._upload, self.remove, where, segment)
        self._writers.add(writer)
        return writer

    def _make_room(self, name: str, container: str, project: str | None) -> None:
        """Creates the container where it may, and says before the first byte is there where an object will be.

        What an interrupted copy left under this name is removed.
        """
        if self._place.multi_tenant:
            if project is None:
                raise SwiftError("an image of no project has no account")
            self._need_container(self._place.container, None)
            self._client.put_marker(self._place.container, name, project)
        self._need_container(container, project)
        for key in self._client.keys(container, f"{name}-", project):
            self._client.delete(container, key, project)

    def _need_container(self, container: str, project: str | None) -> None:
        if self._client.has_container(container, project):
            return
        if not self._place.create_container:
            raise SwiftError("there is no such container, and swift_store_create_container_on_put is not set", 404)
        self._client.make_container(container, project)

    async def remove(self, name: str) -> None:
        """Complete or not; one that does not exist is no error."""
        try:
            await self._run(self._remove, name)
        except SwiftError as error:
            log.warning("the store %s could not remove %s: %s", self._name, name, error)

    def _remove(self, name: str) -> None:
        """The object before its segments: nobody reads half of it."""
        place, container = self._place, self._place.container_of(name)
        project = self._project_of(name)
        if place.multi_tenant and project is None:
            return
        self._client.delete(container, name, project)
        for key in self._client.keys(container, f"{name}-", project):
            self._client.delete(container, key, project)
        if place.multi_tenant:
            self._client.delete_container(container, project)
            self._client.delete(place.container, name)
            self._projects.pop(name, None)

    def _project_of(self, name: str) -> str | None:
        """In whose account it is; None for the store's own, or where nobody has it."""
        if not self._place.multi_tenant:
            return None
        if name not in self._projects:
            found = self._client.find(self._place.container, name)
            if found is None or found.project is None:
                return None
            self._projects[name] = found.project
        return self._projects[name]

    async def names(self) -> set[str]:
        """Every object of this service, complete or not; others in the account are not its own."""
        try:
            return await self._run(self._names)
        except SwiftError as error:
            log.warning("the store %s cannot be read: %s", self._name, error)
            raise

    def _names(self) -> set[str]:
        containers = [self._place.container]
        if self._place.seed and not self._place.multi_tenant:
            containers = [each for each in self._client.containers() if self._place.is_own_container(each)]
        keys = (key for container in containers for key in self._client.keys(container))
        return {name for name in map(own_object, keys) if name is not None}

    async def _run(self, call: Callable[..., T], /, *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *args)

    async def _upload(self, call: Callable[..., T], /, *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._uploads, call, *args)
