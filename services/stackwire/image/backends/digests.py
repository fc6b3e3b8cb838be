"""The digests of bytes that pass by: this is the one place where an image's data is hashed."""

import asyncio
import hashlib
import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

from stackwire.image.domain.uploads import Chunk

CHECKSUM, OS_HASH = "md5", "sha512"
SMALL = 64 * 1024
"""Chunks below this size (bytes) are digested at once: threads would cost more than they save."""
CHUNKS_AHEAD = 3
"""Chunks that wait for a digest, at most."""
_threads = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="digests")
"""As many as can work at once: whoever hashes more takes turns, chunk by chunk."""


class Digests:
    """``algorithms``: as hashlib knows them. Each is computed once, on a processor of its own where there are several.

    The slower one does not hold up the faster one: each has a queue.
    """

    def __init__(self, *algorithms: str) -> None:
        self._progress = asyncio.Event()
        self._all = {name: _Digest(name, self._progress) for name in algorithms}
        self.size = 0

    async def update(self, chunk: Chunk) -> None:
        """The next bytes, in order: they are digested, or soon will be."""
        self.size += len(chunk)
        await self._until(CHUNKS_AHEAD - 1)
        for digest in self._all.values():
            digest.add(chunk)

    async def finish(self) -> None:
        """All of them are digested."""
        await self._until(0)

    async def _until(self, most: int) -> None:
        while any(digest.waiting > most for digest in self._all.values()):
            self._progress.clear()
            if any(digest.waiting > most for digest in self._all.values()):
                await self._progress.wait()

    def digest(self, algorithm: str) -> bytes:
        """After ``finish``. Nothing, where it is not computed."""
        return self._all[algorithm].hash.digest() if algorithm in self._all else b""

    def hexdigest(self, algorithm: str) -> str:
        return self.digest(algorithm).hex()


class _Digest:
    """One of them; ``progress`` is set after each chunk."""

    def __init__(self, algorithm: str, progress: asyncio.Event) -> None:
        self.hash = hashlib.new(algorithm, usedforsecurity=False)
        self._chunks: deque[Chunk] = deque()
        self._lock = Lock()
        self._loop = asyncio.get_running_loop()
        self._progress = progress

    @property
    def waiting(self) -> int:
        return len(self._chunks)

    def add(self, chunk: Chunk) -> None:
        with self._lock:
            if not self._chunks and len(chunk) < SMALL:
                self.hash.update(chunk)
                return
            self._chunks.append(chunk)
            if len(self._chunks) == 1:
                _threads.submit(self._update)

    def _update(self) -> None:
        """The first chunk that waits; then it is the turn of whoever waits for a thread."""
        self.hash.update(self._chunks[0])
        with self._lock:
            self._chunks.popleft()
            if self._chunks:
                _threads.submit(self._update)
        self._loop.call_soon_threadsafe(self._progress.set)
