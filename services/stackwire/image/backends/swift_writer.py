"""Writes an object to Swift while it is received: each segment is one stream, of which little is ever held."""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol, TypeVar

from stackwire.core.errors import ServiceError, Unavailable
from stackwire.image.backends.swift_account import SwiftClient, SwiftError
from stackwire.image.domain.errors import StorageFull
from stackwire.image.domain.swift import MAX_SEGMENTS, segment_name
from stackwire.image.domain.uploads import Chunk

log = logging.getLogger(__name__)
T = TypeVar("T")

NOT_NOW = "The image data cannot be stored at the moment."
PIPE_BYTES = 4 * 1024**2
"""Held between the loop and the thread that sends them; one chunk may be more."""


class Run(Protocol):
    """Runs a call in one of the store's threads."""

    def __call__(self, call: Callable[..., T], /, *args: Any) -> Coroutine[Any, Any, T]: ...


class Pipe:
    """Bytes from the loop to a thread, which reads until ``end``, or raises after ``fail``."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Event()
        self._changed = threading.Condition()
        self._pieces: deque[memoryview] = deque()
        self._held = 0
        self._ended = self._failed = False

    async def feed(self, piece: memoryview) -> None:
        """Waits until there is room."""
        while self._held >= PIPE_BYTES:
            self._room.clear()
            await self._room.wait()
        with self._changed:
            self._pieces.append(piece)
            self._held += len(piece)
            self._changed.notify()

    def end(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify()

    def fail(self) -> None:
        """The reader raises, whatever was fed: what it was sending is cut off, and not kept by Swift."""
        with self._changed:
            self._failed = True
            self._changed.notify()

    def drain(self) -> None:
        """Nobody reads any more: nobody need wait for room."""
        with self._changed:
            self._held = -(1 << 62)
        self._room.set()

    def read(self, most: int, /) -> bytes:
        with self._changed:
            self._changed.wait_for(lambda: self._pieces or self._ended or self._failed)
            if self._failed:
                raise OSError("the object is not complete")
            if not self._pieces:
                return b""
            piece = self._pieces.popleft()
            if len(piece) > most:
                self._pieces.appendleft(piece[most:])
                piece = piece[:most]
            self._held -= len(piece)
        self._loop.call_soon_threadsafe(self._room.set)
        return bytes(piece)


class SwiftWriter:
    """Writes one object, which is visible, whole, after ``complete``.

    ``where``: container, name, project. ``segment``: bytes of each part; None for an object that is put whole.
    """

    def __init__(
        self,
        store: str,
        client: SwiftClient,
        run: Run,
        remove: Callable[[str], Awaitable[None]],
        where: tuple[str, str, str | None],
        segment: int | None,
    ) -> None:
        self._store = store
        self._client = client
        self._run = run
        self._remove = remove
        self._container, self._name, self._project = where
        self._segment = segment
        self._size = 0
        self._room = 0
        self._number = 0
        self._pipe: Pipe | None = None
        self._sending: asyncio.Task[None] | None = None
        self._last: asyncio.Task[None] | None = None

    def abandon(self) -> None:
        """Nobody writes any more: the thread that sends is let go."""
        if self._pipe is not None:
            self._pipe.fail()

    async def put(self, chunk: Chunk) -> None:
        """The next bytes, in order. Raises StorageFull, Unavailable."""
        rest = memoryview(chunk)
        try:
            while rest:
                pipe = await self._open_pipe()
                most = len(rest) if self._segment is None else min(len(rest), self._room)
                await pipe.feed(rest[:most])
                self._size += most
                self._room -= most
                rest = rest[most:]
        except SwiftError as error:
            raise failure(self._store, self._name, error) from error

    async def _open_pipe(self) -> Pipe:
        """The one that has room, after the segment before it was taken."""
        if self._sending is not None and self._sending.done():
            self._sending.result()
        if self._pipe is not None and (self._segment is None or self._room):
            return self._pipe
        await self._end_segment()
        if self._number == MAX_SEGMENTS:
            raise StorageFull(f"At most {MAX_SEGMENTS} segments of {self._segment} bytes can be stored.")
        self._number += 1
        self._room = self._segment or 0
        pipe = self._pipe = Pipe()
        key = self._name if self._segment is None else segment_name(self._name, self._number)
        self._sending = asyncio.create_task(self._send(pipe, key))
        return pipe

    async def _send(self, pipe: Pipe, key: str) -> None:
        try:
            await self._run(self._client.put, self._container, key, pipe, self._project)
        finally:
            pipe.drain()

    async def _end_segment(self) -> None:
        if self._pipe is not None and self._sending is not None:
            self._pipe.end()
            await asyncio.shield(self._sending)

    async def complete(self, md5: bytes) -> None:
        try:
            await self._end_segment()
            if self._segment is not None and self._number:
                where = (self._container, self._name, self._size, self._project)
                self._last = asyncio.create_task(self._run(self._client.put_manifest, *where))
                await asyncio.shield(self._last)
            elif not self._number:
                empty = self._run(self._client.put, self._container, self._name, None, self._project)
                self._last = asyncio.create_task(empty)
                await asyncio.shield(self._last)
        except SwiftError as error:
            raise failure(self._store, self._name, error) from error

    async def discard(self) -> None:
        """A call in a thread cannot be cancelled: it is cut off, or waited for, and undone."""
        self.abandon()
        begun = [task for task in (self._sending, self._last) if task is not None]
        await asyncio.gather(*begun, return_exceptions=True)
        await self._remove(self._name)


def failure(store: str, key: str, error: SwiftError) -> ServiceError:
    """The error for the client, without Swift's message, which is logged."""
    log.warning("the store %s did not take %s: %s", store, key, error)
    return StorageFull() if error.is_full else Unavailable(NOT_NOW)
