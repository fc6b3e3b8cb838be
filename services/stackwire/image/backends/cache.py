"""The cache's folder: bytes on their way under a name of their own, and complete ones under that of their object."""

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
    """``root/cache/NODE`` holds what is complete, ``incoming`` in it what is on its way.

    Two nodes that share a ``root`` share nothing: what one of them has no row for is not the other's.
    """

    def __init__(self, root: Path, node: str) -> None:
        self._nodes = root / "cache"
        self._complete = self._nodes / quote(node, safe="")
        self._incoming = self._complete / "incoming"
        self._alive: int | None = None

    def prepare(self) -> None:
        """Makes the folders. Blocks."""
        self._incoming.mkdir(parents=True, exist_ok=True)

    async def take_over(self) -> list[str]:
        """Removes the folders of nodes that live no more; their names. This node lives from now on."""
        return await asyncio.to_thread(self._take_over)

    def _take_over(self) -> list[str]:
        if self._alive is None:
            self._alive = _held(self._complete)
        gone = []
        for folder in self._nodes.iterdir():
            lock = _held(folder) if folder.is_dir() and folder != self._complete else None
            if lock is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(lock)
                gone.append(unquote(folder.name))
        return gone

    def close(self) -> None:
        if self._alive is not None:
            os.close(self._alive)
            self._alive = None

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
            with suppress(OSError):  # what cannot go now goes with the next sweep
                (self._complete / name).unlink(missing_ok=True)

    async def names(self) -> set[str]:
        """Everything complete."""
        return await asyncio.to_thread(self._names)

    def _names(self) -> set[str]:
        with suppress(FileNotFoundError):
            return {entry.name for entry in os.scandir(self._complete) if entry.is_file()}
        return set()

    async def remove_stalled(self, seconds: float) -> int:
        """What has been on its way and silent that long; how many."""
        return await asyncio.to_thread(self._remove_stalled, seconds)

    def _remove_stalled(self, seconds: float) -> int:
        gone, oldest = 0, time.time() - seconds
        with suppress(OSError):
            for entry in os.scandir(self._incoming):
                if entry.stat().st_mtime <= oldest:
                    os.unlink(entry.path)
                    gone += 1
        return gone


def _held(folder: Path) -> int | None:
    """The lock of a node's folder; None while another process, or another node of this one, has it.

    Its file stays for ever: a lock on a file that is gone would keep nobody out.
    """
    descriptor = os.open(folder.with_name(f"{folder.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


class CacheWriter:
    """Bytes on their way into the cache. It never fails the reader they pass: ``broken`` says that they did not fit."""

    def __init__(self, incoming: Path, final: Path, checksum: str | None) -> None:
        self._incoming = incoming
        self._final = final
        self._checksum = checksum
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._file: BinaryIO | None = None
        self._lock = Lock()  # a cancelled reader's thread may still write when the rest is thrown away
        self.broken = False

    async def put(self, chunk: bytes) -> None:
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
        """True when the bytes are the image's, and there for good."""
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
        """What is not complete goes; safe at any time."""
        await asyncio.to_thread(self._discard)

    def _discard(self) -> None:
        with self._lock:
            self.broken = True
            with suppress(OSError):
                if self._file is not None:
                    self._file.close()
                self._incoming.unlink(missing_ok=True)
