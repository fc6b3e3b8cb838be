"""The file system as a store: data is written under a temporary name, and renamed when it is complete."""

import asyncio
import errno
import io
import logging
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stackwire.core.errors import ServiceError, Unavailable
from stackwire.image.backends.readers import ThreadReader, open_file
from stackwire.image.domain.datadir_selection import DataDir, find_best_datadir
from stackwire.image.domain.errors import StorageFull
from stackwire.image.domain.uploads import Chunk

log = logging.getLogger(__name__)

HOLE = 1024**2  # bytes of zeroes that are written as a hole: images of volumes are mostly zeroes
_ZEROES = bytes(HOLE)
_TO_DISK_BYTES = 8 * 1024**2
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NOT_NOW = "The image data cannot be stored at the moment."


@dataclass(frozen=True, slots=True)
class Directory:
    """``root/images`` holds complete objects, ``root/incoming`` incomplete ones, on the same file system, so that the
    rename is atomic. A higher ``priority`` is written first.
    """

    root: Path
    priority: int = 0

    @property
    def objects(self) -> Path:
        return self.root / "images"

    @property
    def incoming(self) -> Path:
        return self.root / "incoming"

    @property
    def folders(self) -> tuple[Path, Path]:
        return self.objects, self.incoming

    def free_bytes(self) -> int:
        """Bytes that can still be written. Blocks; raises OSError."""
        disk = os.statvfs(self.incoming)
        return disk.f_bavail * disk.f_frsize


class FileStore:
    """One directory or several; names are the service's own, each is in one of them.

    ``domain.datadir_selection`` chooses it. ``read_only``: directories that are only read.
    """

    kind = "file"

    def __init__(self, directories: Sequence[Directory], read_only: Sequence[Directory] = ()) -> None:
        self._directories = directories
        self._all = (*directories, *read_only)

    @property
    def roots(self) -> list[Path]:
        """The directories it writes to."""
        return [directory.root for directory in self._directories]

    @property
    def properties(self) -> dict[str, Any]:
        roots = [str(directory.root) for directory in self._directories]
        return {"data_dir": roots[0] if len(roots) == 1 else roots, "thin_provisioning": False}

    @property
    def directories(self) -> Sequence[Directory]:
        """All of them."""
        return self._all

    def prepare(self) -> None:
        """Creates the folders. Blocks; raises OSError."""
        for directory in self._all:
            for folder in directory.folders:
                folder.mkdir(parents=True, exist_ok=True)

    async def open(self, name: str, first: int = 0, count: int | None = None) -> ThreadReader:
        """A complete object from its byte ``first`` on. Raises FileNotFoundError, OSError."""
        for directory in self._all:
            with suppress(FileNotFoundError):
                return await open_file(directory.objects / name, first, count)
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)

    async def writer(self, name: str, announced: int | None = None, owner: str | None = None) -> "Writer":
        """For a new object of the announced number of bytes. Raises StorageFull when no directory has room for them."""
        directory = await asyncio.to_thread(self._best, announced or 0)
        return Writer(directory.incoming / name, directory.objects / name)

    def _best(self, size: int) -> Directory:
        """A directory whose free space cannot be read is skipped: the others can still be written."""
        if len(self._directories) == 1:  # whether it is full is found by writing
            return self._directories[0]
        writable: list[tuple[Directory, DataDir]] = []
        for directory in self._directories:
            try:
                writable.append((directory, DataDir(directory.priority, directory.free_bytes())))
            except OSError as error:
                log.warning("a directory of the store cannot be written: %s", error)
        if not writable:
            raise Unavailable(_NOT_NOW)
        chosen = find_best_datadir([datadir for _, datadir in writable], size)
        if chosen is None:
            raise StorageFull
        return writable[chosen][0]

    async def remove(self, name: str) -> None:
        """Removes the object, complete or not; one that does not exist is no error."""
        await asyncio.to_thread(self._remove, name)

    def _remove(self, name: str) -> None:
        for directory in self._all:
            for folder in directory.folders:
                _unlink(folder / name)

    async def url(self, name: str) -> str:
        """Its file. Raises FileNotFoundError."""
        return await asyncio.to_thread(self._url, name)

    def _url(self, name: str) -> str:
        for directory in self._all:
            path = directory.objects / name
            if path.exists():
                return f"file://{path.absolute()}"
        raise FileNotFoundError(name)

    async def names(self) -> set[str]:
        """Every object, complete or not."""
        return await asyncio.to_thread(self._names)

    def _names(self) -> set[str]:
        found: set[str] = set()
        for folder in (folder for directory in self._all for folder in directory.folders):
            try:
                found.update(entry.name for entry in os.scandir(folder))
            except OSError as error:
                log.warning("a directory of the store cannot be read: %s", error)
        return found

    async def close(self) -> None:
        """There is nothing to release."""


class Writer:
    """Writes one object, in threads."""

    def __init__(self, incoming: Path, final: Path) -> None:
        self._incoming = incoming
        self._final = final
        self._file: io.FileIO | None = None
        self._at = 0
        self._sent_to_disk = 0
        self._discarded = False
        self._lock = threading.Lock()  # a cancelled caller's thread may still write when the object is discarded

    async def put(self, chunk: Chunk) -> None:
        """The next bytes, in order. Raises StorageFull, Unavailable."""
        await asyncio.to_thread(self._write, chunk)

    async def complete(self, md5: bytes) -> None:
        """Makes the object durable, and visible under its name."""
        await asyncio.to_thread(self._complete)

    async def discard(self) -> None:
        """Removes what was written; safe to call at any time."""
        await asyncio.to_thread(self._discard)

    def _write(self, chunk: Chunk) -> None:
        with self._lock:
            if self._discarded:
                return
            try:
                file = self._open().fileno()
                for at, piece in nonzero(chunk):
                    write_all(file, piece, self._at + at)
            except OSError as error:
                raise _failure(error) from error
            self._at += len(chunk)
            if self._at - self._sent_to_disk >= _TO_DISK_BYTES:
                self._send_to_disk(file)

    def _send_to_disk(self, file: int) -> None:
        """Has the kernel begin with it, so that there is little to wait for in the end. It drops no page that is on its
        way to the disk: the data can be read from memory afterwards."""
        os.posix_fadvise(file, self._sent_to_disk, self._at - self._sent_to_disk, os.POSIX_FADV_DONTNEED)
        self._sent_to_disk = self._at

    def _open(self) -> io.FileIO:
        if self._file is None:
            self._file = io.FileIO(self._incoming, "xb")
        return self._file

    def _complete(self) -> None:
        try:
            file = self._open()
            file.truncate(self._at)  # a hole at the end is not there until the file is that long
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
                self._file.close()
            _unlink(self._incoming)
            _unlink(self._final)


def nonzero(chunk: Chunk) -> Iterator[tuple[int, memoryview]]:
    """The pieces of the chunk, HOLE bytes each, that cannot be left as holes, and where in it each begins."""
    view = memoryview(chunk)
    for at in range(0, len(chunk), HOLE):
        piece = view[at : at + HOLE]
        if not chunk.startswith(_ZEROES if len(piece) == HOLE else bytes(len(piece)), at):
            yield at, piece


def write_all(file: int, piece: memoryview, at: int) -> None:
    """Raises OSError."""
    while piece:
        done = os.pwrite(file, piece, at)
        piece, at = piece[done:], at + done


def _unlink(path: Path) -> None:
    """An error is logged, and left to the sweep: it must not hide the reason for the removal."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("an object could not be removed: %s", error)


def _failure(error: OSError) -> ServiceError:
    """The error for the client, without paths: the disk's message is in the log, as the cause."""
    return StorageFull() if error.errno in FULL else Unavailable(_NOT_NOW)
