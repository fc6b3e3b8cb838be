"""The file system as a store: bytes arrive under a temporary name, and get their own in one step when all are there."""

import asyncio
import errno
import hashlib
import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from stackwire.core.errors import ServiceError, Unavailable
from stackwire.image.domain.errors import StorageFull

log = logging.getLogger(__name__)

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class FileStore:
    """``root/images`` holds complete objects, ``root/incoming`` those on their way. Names are the service's own."""

    def __init__(self, root: Path) -> None:
        self._objects = root / "images"
        self._incoming = root / "incoming"

    def prepare(self) -> None:
        """Makes the folders. Blocks."""
        self._objects.mkdir(parents=True, exist_ok=True)
        self._incoming.mkdir(parents=True, exist_ok=True)

    def path(self, name: str) -> Path:
        return self._objects / name

    def writer(self, name: str) -> "Writer":
        return Writer(self._incoming / name, self._objects / name)

    async def remove(self, name: str) -> None:
        """Both forms of it; what is not there is gone already."""
        await asyncio.to_thread(self._remove, name)

    def _remove(self, name: str) -> None:
        for folder in (self._objects, self._incoming):
            _unlink(folder / name)

    async def names(self) -> set[str]:
        """Every object there is, complete or not."""
        return await asyncio.to_thread(self._names)

    def _names(self) -> set[str]:
        return {entry.name for folder in (self._objects, self._incoming) for entry in os.scandir(folder)}


class Writer:
    """One object being written: digests, inspection and the disk, each in a thread, while the next bytes arrive."""

    def __init__(self, incoming: Path, final: Path) -> None:
        self._incoming = incoming
        self._final = final
        self._file: Any = None
        self._discarded = False
        self._lock = threading.Lock()  # a cancelled caller's thread may still write when the object is discarded
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha512 = hashlib.sha512()
        self.size = 0

    @property
    def checksum(self) -> str:
        return self._md5.hexdigest()

    @property
    def os_hash_value(self) -> str:
        return self._sha512.hexdigest()

    async def put(self, chunk: bytes, inspect: Callable[[bytes], None]) -> None:
        """The next bytes, in order. Raises StorageFull, Unavailable, and what ``inspect`` raises."""
        self.size += len(chunk)
        if len(chunk) < 65536:  # a thread each would cost more than the work
            await asyncio.to_thread(self._all, chunk, inspect)
            return
        await asyncio.gather(
            asyncio.to_thread(self._md5.update, chunk),
            asyncio.to_thread(self._sha512.update, chunk),
            asyncio.to_thread(self._write, chunk, inspect),
        )

    async def complete(self) -> None:
        """All bytes are there: on the disk for good, and under their own name."""
        await asyncio.to_thread(self._complete)

    async def discard(self) -> None:
        """Takes everything away; safe to call at any time."""
        await asyncio.to_thread(self._discard)

    def _all(self, chunk: bytes, inspect: Callable[[bytes], None]) -> None:
        self._md5.update(chunk)
        self._sha512.update(chunk)
        self._write(chunk, inspect)

    def _write(self, chunk: bytes, inspect: Callable[[bytes], None]) -> None:
        inspect(chunk)
        with self._lock:
            if self._discarded:
                return
            try:
                file = self._open()
                if chunk == bytes(len(chunk)):  # they take no room: volumes are mostly holes, and their images too
                    file.seek(len(chunk), os.SEEK_CUR)
                else:
                    file.write(chunk)
            except OSError as error:
                raise _failure(error) from error

    def _open(self) -> Any:
        if self._file is None:
            self._file = self._incoming.open("xb")
        return self._file

    def _complete(self) -> None:
        try:
            file = self._open()
            file.truncate(self.size)  # a hole at the end is not there until the file is that long
            file.flush()
            os.fsync(file.fileno())
            file.close()
            self._incoming.rename(self._final)
            folder = os.open(self._final.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise _failure(error) from error

    def _discard(self) -> None:
        with self._lock:
            self._discarded = True
            if self._file is not None:
                with suppress(OSError):  # what could not be written cannot be flushed either
                    self._file.close()
            _unlink(self._incoming)
            _unlink(self._final)


def _unlink(path: Path) -> None:
    """What cannot go away now is left to the sweep: it must not hide why it had to go."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("an object could not be removed: %s", error)


def _failure(error: OSError) -> ServiceError:
    """Without paths: what the disk says is the operator's to read, in the log, as the cause."""
    return StorageFull() if error.errno in _FULL else Unavailable("The image data cannot be stored at the moment.")
