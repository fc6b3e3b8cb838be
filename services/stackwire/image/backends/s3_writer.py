"""Writes an object to S3: in parts while it is received, or whole, from an unnamed temporary file."""

import asyncio
import logging
import tempfile
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any, Protocol, TypeVar

from stackwire.core.errors import ServiceError, Unavailable
from stackwire.image.domain.errors import StorageFull
from stackwire.image.domain.s3 import MAX_PARTS
from stackwire.image.domain.uploads import Chunk
from stackwire.object_store.bucket import Bucket, S3Error

log = logging.getLogger(__name__)
T = TypeVar("T")

NOT_NOW = "The image data cannot be stored at the moment."


class Run(Protocol):
    """Runs a call in one of the store's threads."""

    def __call__(self, call: Callable[..., T], /, *args: Any) -> Coroutine[Any, Any, T]: ...


class Budget:
    """A limit on the bytes of parts in memory. A part larger than the limit waits until there is no other."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = 0
        self._changed = asyncio.Condition()

    async def take(self, size: int) -> None:
        """Waits until there is room for the part."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._held or self._held + size <= self._most)
            self._held += size

    async def release(self, size: int) -> None:
        async with self._changed:
            self._held -= size
            self._changed.notify_all()


class Sink(Protocol):
    """The target of one object's bytes. Raises S3Error, StorageFull, Unavailable."""

    async def put(self, chunk: Chunk) -> None: ...
    async def complete(self, md5: bytes) -> None: ...
    async def discard(self) -> None: ...


class S3Writer:
    """Writes one object, which is visible, whole, after ``complete``."""

    def __init__(self, store: str, key: str, sink: Sink) -> None:
        self._store = store
        self._key = key
        self._sink = sink

    async def put(self, chunk: Chunk) -> None:
        """The next bytes, in order. Raises StorageFull, Unavailable."""
        try:
            await self._sink.put(chunk)
        except S3Error as error:
            raise failure(self._store, self._key, error) from error

    async def complete(self, md5: bytes) -> None:
        try:
            await self._sink.complete(md5)
        except S3Error as error:
            raise failure(self._store, self._key, error) from error

    async def discard(self) -> None:
        try:
            await self._sink.discard()
        except S3Error as error:
            log.warning("the store %s still has something of %s: %s", self._store, self._key, error)


def failure(store: str, key: str, error: S3Error) -> ServiceError:
    """The error for the client, without S3's message, which is logged."""
    log.warning("the store %s did not take %s: %s", store, key, error)
    if error.is_full:
        return StorageFull()
    if error.code == "EntityTooLarge":
        return StorageFull("The image store takes no image of that size.")
    return Unavailable(NOT_NOW)


class MultipartSink:
    """Parts of ``size`` bytes each, sent as soon as more is received; an object of one part is put whole.

    A call in a thread cannot be cancelled: ``discard`` waits for it, and undoes it.
    """

    def __init__(self, bucket: Bucket, key: str, run: Run, budget: Budget, size: int) -> None:
        self._bucket = bucket
        self._key = key
        self._run = run
        self._budget = budget
        self._part_size = size
        self._part = bytearray()
        self._total = 0
        self._upload: asyncio.Task[str] | None = None
        self._sent: list[asyncio.Task[str]] = []
        self._last: asyncio.Task[None] | None = None
        self._error: Exception | None = None
        self._discarded = False

    async def put(self, chunk: Chunk) -> None:
        rest = memoryview(chunk)
        while rest:
            if len(self._part) == self._part_size:
                await self._send_part()
            room = self._part_size - len(self._part)
            self._part += rest[:room]
            rest = rest[room:]
        self._total += len(chunk)

    async def complete(self, md5: bytes) -> None:
        if self._upload is None:
            await self._do_last(self._run(self._bucket.put, self._key, self._part, md5))
            return
        await self._send_part()
        etags = await asyncio.gather(*self._sent)
        upload = await self._upload
        await self._do_last(self._run(self._bucket.finish, self._key, upload, etags, self._total))
        try:
            await self._run(self._bucket.abort_all, self._key)
        except S3Error as error:  # the object is there all the same
            log.warning("parts of a repeated upload of %s may remain: %s", self._key, error)

    async def discard(self) -> None:
        self._discarded = True
        self._part = bytearray()
        once = [task for task in (self._upload, self._last) if task is not None]
        await asyncio.gather(*self._sent, *once, return_exceptions=True)
        if self._upload is not None and not _failed(self._upload):
            await self._run(self._bucket.abort, self._key, self._upload.result())
        if self._last is not None:  # it may have been done, whatever was answered
            await self._run(self._bucket.delete, self._key)

    async def _send_part(self) -> None:
        """Starts to send the full part when the budget allows another one."""
        if self._error is not None:
            raise self._error
        if len(self._sent) == MAX_PARTS:
            raise StorageFull(f"At most {MAX_PARTS} parts of {self._part_size} bytes can be stored.")
        if self._upload is None:
            self._upload = asyncio.create_task(self._run(self._bucket.begin, self._key))
        upload = await asyncio.shield(self._upload)
        part, self._part = self._part, bytearray()
        await self._budget.take(len(part))
        self._sent.append(asyncio.create_task(self._send(upload, len(self._sent) + 1, part)))

    async def _send(self, upload: str, number: int, part: bytearray) -> str:
        try:
            if self._discarded:
                return ""
            return await self._run(self._bucket.send, self._key, upload, number, part)
        except Exception as error:
            self._error = error
            raise
        finally:
            await self._budget.release(len(part))

    async def _do_last(self, call: Coroutine[Any, Any, None]) -> None:
        self._last = asyncio.create_task(call)
        await asyncio.shield(self._last)


class SingleSink:
    """Buffered in memory while it is small, then in an unnamed file, of which a crash leaves nothing."""

    def __init__(self, bucket: Bucket, key: str, run: Run, folder: Path, small: int) -> None:
        self._bucket = bucket
        self._key = key
        self._run = run
        self._file = tempfile.SpooledTemporaryFile(max_size=small, dir=str(folder))  # noqa: SIM115  # closed with the writer, see below
        self._lock = Lock()  # a cancelled caller's thread may still write when the object is discarded
        self._last: asyncio.Task[None] | None = None

    async def put(self, chunk: Chunk) -> None:
        await asyncio.to_thread(self._write, chunk)

    async def complete(self, md5: bytes) -> None:
        await asyncio.to_thread(self._rewind)
        self._last = asyncio.create_task(self._run(self._bucket.put, self._key, self._file, md5))
        await asyncio.shield(self._last)
        await asyncio.to_thread(self._close)

    async def discard(self) -> None:
        if self._last is not None:
            await asyncio.gather(self._last, return_exceptions=True)
        await asyncio.to_thread(self._close)
        if self._last is not None:
            await self._run(self._bucket.delete, self._key)

    def _write(self, chunk: Chunk) -> None:
        with self._lock:
            if self._file.closed:
                return
            try:
                self._file.write(chunk)
            except OSError as error:  # of this machine, not of the store
                raise Unavailable(NOT_NOW) from error

    def _rewind(self) -> None:
        with self._lock:
            try:
                self._file.seek(0)
            except OSError as error:
                raise Unavailable(NOT_NOW) from error

    def _close(self) -> None:
        with self._lock, suppress(OSError):
            self._file.close()


def _failed(task: "asyncio.Task[Any]") -> bool:
    return task.cancelled() or task.exception() is not None
