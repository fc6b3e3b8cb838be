"""Writes an image of RBD while it is received, in the store's threads."""

import errno
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from threading import Lock
from typing import Any, Protocol, TypeVar

from stackwire.core.errors import ServiceError, Unavailable
from stackwire.image.backends.files import nonzero
from stackwire.image.domain.errors import StorageFull
from stackwire.image.domain.rbd import SNAPSHOT
from stackwire.image.domain.uploads import Chunk
from stackwire.object_store.ceph import CephError, OpenImage, translated_errors

log = logging.getLogger(__name__)
T = TypeVar("T")

NOT_NOW = "The image data cannot be stored at the moment."
MAX_GROWTH = 8 * 1024**3
"""Bytes that an image of a length nobody told grows by at once, at most."""


class Run(Protocol):
    """Runs a call in one of the store's threads."""

    def __call__(self, call: Callable[..., T], /, *args: Any) -> Coroutine[Any, Any, T]: ...


class RbdWriter:
    """Writes one image, which is visible when it has its snapshot. ``options``: bytes of a chunk, and thin or not.

    ``room``: the bytes that it was created with.
    """

    def __init__(
        self,
        store: str,
        name: str,
        opened: OpenImage,
        options: tuple[int, bool],
        run: Run,
        remove: Callable[[str], Awaitable[None]],
        room: int,
    ) -> None:
        self._store = store
        self._name = name
        self._opened = opened
        self._growth, self._thin = options
        self._run = run
        self._remove = remove
        self._room = room
        self._at = 0
        self._lock = Lock()  # a cancelled caller's thread may still write when the image is discarded
        self._closed = False

    async def put(self, chunk: Chunk) -> None:
        """The next bytes, in order. Raises StorageFull, Unavailable."""
        try:
            await self._run(self._write, chunk)
        except CephError as error:
            raise failure(self._store, self._name, error) from error

    async def complete(self, md5: bytes) -> None:
        try:
            await self._run(self._complete)
        except CephError as error:
            raise failure(self._store, self._name, error) from error

    async def discard(self) -> None:
        with suppress(RuntimeError, CephError):
            await self._run(self._close)
        await self._remove(self._name)

    def _write(self, chunk: Chunk) -> None:
        with self._lock, translated_errors():
            if self._closed:
                return
            end = self._at + len(chunk)
            if end > self._room:
                self._grow(end)
            for at, piece in nonzero(chunk) if self._thin else ((0, chunk),):
                self._opened.image.write(bytes(piece), self._at + at)  # it takes nothing but bytes
            self._at = end

    def _grow(self, end: int) -> None:
        """Twice as much each time, so that a large image is not resized for each chunk (``_resize_on_write``)."""
        self._growth = min(self._growth * 2, MAX_GROWTH)
        self._room = max(self._room + self._growth, end)
        self._opened.image.resize(self._room)

    def _complete(self) -> None:
        with self._lock, translated_errors():
            if self._closed:
                raise CephError(errno.ECANCELED, "the image was discarded")
            if self._room != self._at:
                self._opened.image.resize(self._at)
            self._opened.image.flush()
            self._opened.image.create_snap(SNAPSHOT)
            self._opened.image.protect_snap(SNAPSHOT)
            self._closed = True
            self._opened.close()

    def _close(self) -> None:
        with self._lock:
            if not self._closed:
                self._closed = True
                self._opened.close()


def failure(store: str, name: str, error: CephError) -> ServiceError:
    """The error for the client, without Ceph's message, which is logged."""
    log.warning("the store %s did not take %s: %s", store, name, error)
    return StorageFull() if error.is_full else Unavailable(NOT_NOW)
