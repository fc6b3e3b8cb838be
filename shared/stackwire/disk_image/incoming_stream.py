"""A file written from data that threads receive: whoever receives a piece writes it, and hashes it, too, unless a
processor is free to do so meanwhile."""

import asyncio
import hashlib
import os
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor

from stackwire.core.errors import ServiceError
from stackwire.core.feeds import PIECES_KEPT, Feed
from stackwire.disk_image import sparse_files

_HELPERS = max(1, (os.cpu_count() or 1) - 1)
_helpers = ThreadPoolExecutor(_HELPERS, thread_name_prefix="hash")
_free = threading.Semaphore(_HELPERS)


class TooManyBytes(ServiceError):
    """More data than the {limit} bytes that were announced."""


async def write_stream(handle: int, feed: Feed, digest: "hashlib._Hash", limit: int | None = None) -> int:
    """Into an empty file, with holes for zeroes; how many bytes. TooManyBytes beyond ``limit`` bytes, DiskFull when the
    disk is full, and what ``feed`` raises.
    """
    writing = _Writing(handle, digest, limit)
    try:
        await feed(writing.take)
    finally:
        await asyncio.shield(asyncio.to_thread(writing.end))
    return writing.size


class _Writing:
    def __init__(self, handle: int, digest: "hashlib._Hash", limit: int | None) -> None:
        self.size = 0
        self._handle = handle
        self._limit = limit
        self._hashing = _Hashing(digest)

    def take(self, piece: bytes | memoryview) -> None:
        if self._limit is not None and self.size + len(piece) > self._limit:
            raise TooManyBytes(limit=self._limit)
        self._hashing.add(piece)
        sparse_files.write_nonzero(self._handle, self.size, piece)
        self.size += len(piece)
        self._hashing.wait(PIECES_KEPT - 1)

    def end(self) -> None:
        self._hashing.wait(0)
        os.ftruncate(self._handle, self.size)  # a hole at the end is not there until the file is that long


class _Hashing:
    """Of one stream, in order: by a helper, or by the calling thread itself while all helpers have others' pieces."""

    def __init__(self, digest: "hashlib._Hash") -> None:
        self._digest = digest
        self._pieces: deque[bytes | memoryview] = deque()
        self._hashed = threading.Condition()

    def add(self, piece: bytes | memoryview) -> None:
        with self._hashed:
            if self._pieces:
                self._pieces.append(piece)
                return
            helped = _free.acquire(blocking=False)
            if helped:
                self._pieces.append(piece)
                _helpers.submit(self._help)
        if not helped:
            self._digest.update(piece)

    def wait(self, most: int) -> None:
        """Until so many pieces are left to be hashed."""
        with self._hashed:
            self._hashed.wait_for(lambda: len(self._pieces) <= most)

    def _help(self) -> None:
        """As long as there are pieces of this stream."""
        while self._pieces:
            self._digest.update(self._pieces[0])
            with self._hashed:
                self._pieces.popleft()
                self._hashed.notify()
                if not self._pieces:
                    _free.release()
                    return
