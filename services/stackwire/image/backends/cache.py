"""The cache's folder: incomplete files under temporary names, and complete ones under their objects' names."""

import asyncio
import fcntl
import hashlib
import os
import shutil
import time
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from threading import Lock
from typing import BinaryIO
from urllib.parse import quote, unquote

from stackwire.image.backends.port import Reader
from stackwire.image.backends.readers import open_file


class CacheFolder:
    """``root/cache/NODE`` holds complete files, its ``incoming`` incomplete ones.

    Two nodes that share a ``root`` share no files: those that one has no row for may not be the other's.
    """

    def __init__(self, root: Path, node: str) -> None:
        self._nodes = root / "cache"
        self._complete = self._nodes / quote(node, safe="")
        self._incoming = self._complete / "incoming"
        self._own_lock: int | None = None

    def prepare(self) -> None:
        """Creates the folders. Blocks."""
        self._incoming.mkdir(parents=True, exist_ok=True)

    async def take_over(self) -> list[str]:
        """Removes the folders of nodes that run no more, and answers their names. Locks this node's own."""
        return await asyncio.to_thread(self._take_over)

    def _take_over(self) -> list[str]:
        if self._own_lock is None:
            self._own_lock = _try_lock(self._complete)
        removed = []
        for folder in self._nodes.iterdir():
            lock = _try_lock(folder) if folder.is_dir() and folder != self._complete else None
            if lock is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(lock)
                removed.append(unquote(folder.name))
        return removed

    def close(self) -> None:
        if self._own_lock is not None:
            os.close(self._own_lock)
            self._own_lock = None

    async def open(self, name: str, size: int) -> Reader | None:
        """The bytes, if all of them are there; the caller closes them."""
        try:
            file = await open_file(self._complete / name)
        except OSError:
            return None
        if file.size != size:
            file.close()
            return None
        return file

    def writer(self, name: str, checksum: str | None) -> "CacheWriter":
        return CacheWriter(self._incoming / f"{name}.{token_hex(4)}", self._complete / name, checksum)

    async def remove(self, *names: str) -> None:
        await asyncio.to_thread(self._remove, names)

    def _remove(self, names: tuple[str, ...]) -> None:
        for name in names:
            with suppress(OSError):  # the next sweep tries again
                (self._complete / name).unlink(missing_ok=True)

    async def names(self) -> set[str]:
        """Every complete file."""
        return await asyncio.to_thread(self._names)

    def _names(self) -> set[str]:
        with suppress(FileNotFoundError):
            return {entry.name for entry in os.scandir(self._complete) if entry.is_file()}
        return set()

    async def remove_stalled(self, seconds: float) -> int:
        """Removes incomplete files that were not written to for so long; answers how many."""
        return await asyncio.to_thread(self._remove_stalled, seconds)

    def _remove_stalled(self, seconds: float) -> int:
        removed, oldest = 0, time.time() - seconds
        with suppress(OSError):
            for entry in os.scandir(self._incoming):
                if entry.stat().st_mtime <= oldest:
                    os.unlink(entry.path)
                    removed += 1
        return removed


def _try_lock(folder: Path) -> int | None:
    """Locks a node's folder; None while another process, or another node in this one, holds the lock.

    Its file is never removed: a lock on a removed file would exclude nobody.
    """
    descriptor = os.open(folder.with_name(f"{folder.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


class CacheWriter:
    """Writes a file of the cache. It never fails the download that fills it: ``broken`` is set instead."""

    def __init__(self, incoming: Path, final: Path, checksum: str | None) -> None:
        self._incoming = incoming
        self._final = final
        self._checksum = checksum
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._file: BinaryIO | None = None
        self._lock = Lock()  # a cancelled reader's thread may still write when the file is discarded
        self.broken = False

    async def put(self, chunk: bytes) -> None:
        """Adds a chunk; an error only breaks the cached file."""
        if not self.broken:
            await asyncio.to_thread(self._put, chunk)

    def _put(self, chunk: bytes) -> None:
        with self._lock:
            if self.broken:
                return
            try:
                self._open().write(chunk)
                self._md5.update(chunk)
            except OSError:
                self.broken = True

    def _open(self) -> BinaryIO:
        if self._file is None:
            self._incoming.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._incoming.open("xb")
        return self._file

    async def complete(self) -> bool:
        """True when the bytes are the image's, and stored durably."""
        return await asyncio.to_thread(self._finish)

    def _finish(self) -> bool:
        with self._lock:
            try:
                if self.broken or self._checksum not in (None, self._md5.hexdigest()):
                    return False
                file = self._open()
                file.flush()
                os.fsync(file.fileno())
                file.close()
                self._incoming.rename(self._final)
            except OSError:
                return False
            return True

    async def discard(self) -> None:
        """Removes the file unless it is complete; safe at any time."""
        await asyncio.to_thread(self._discard)

    def _discard(self) -> None:
        with self._lock:
            self.broken = True
            with suppress(OSError):
                if self._file is not None:
                    self._file.close()
                self._incoming.unlink(missing_ok=True)
