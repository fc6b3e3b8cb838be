"""Blocking operations on sparse files, for threads: zeroes are never written, and holes never read."""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from stackwire.core.errors import ServiceError

BLOCK_BYTES = 64 * 1024
"""The granularity of holes."""
VOLUME_CHUNK_BYTES = 4 * 1024**2
"""The most that a thread reads or writes at once."""
_WRITTEN_AT_ONCE_BYTES = 512 * 1024
"""Of one system call. For 2 MiB the kernel takes a page of that size, and a virtual machine's host has to provide it
first: 64 MiB then take the kernel 34 to 119 ms, not 11."""
_ZEROES = bytes(VOLUME_CHUNK_BYTES)
_ZERO_BLOCK = bytearray(BLOCK_BYTES)  # which compares with any buffer by memcmp; a memoryview does byte by byte


class BytesMissing(ServiceError):
    """The data of {name} is missing."""


class DiskFull(ServiceError):
    """The storage back end has no space left."""


class Extents:
    """Where a file has data, from the file system, as reading proceeds."""

    def __init__(self, handle: int, size: int) -> None:
        self._handle = handle
        self._size = size
        self._data_from = 0

    def is_hole(self, at: int, length: int) -> bool:
        """Whether these bytes read as zeroes without being read; ``at`` never decreases."""
        if self._data_from < at + length:
            self._data_from = max(self._data_from, _next_data(self._handle, at, self._size))
            return self._data_from >= at + length
        return True


def _next_data(handle: int, at: int, size: int) -> int:
    try:
        return os.lseek(handle, at, os.SEEK_DATA)
    except OSError as error:
        if error.errno == errno.ENXIO:  # nothing but a hole up to the end
            return size
        return at  # a file system without holes


@contextlib.contextmanager
def open_file(path: Path, flags: int, name: str = "") -> Iterator[int]:
    """A file descriptor. ``name``: of the volume or snapshot, for BytesMissing."""
    try:
        handle = os.open(path, flags | os.O_CLOEXEC, 0o600)
    except FileNotFoundError as missing:
        raise BytesMissing(name=name or path.name) from missing
    try:
        yield handle
    finally:
        os.close(handle)


def write_nonzero(handle: int, at: int, chunk: bytes | memoryview) -> None:
    """Writes what is not zero of the chunk into a file that has a hole there. DiskFull."""
    view = memoryview(chunk)
    for begin, end in _nonzero_runs(view):
        _write(handle, view[begin:end], at + begin)


def _nonzero_runs(view: memoryview) -> Iterator[tuple[int, int]]:
    """From where to where there is a block after the other that is not all zero."""
    begin: int | None = None
    for at in range(0, len(view), BLOCK_BYTES):
        block = view[at : at + BLOCK_BYTES]
        is_zero = (_ZERO_BLOCK if len(block) == BLOCK_BYTES else bytearray(len(block))) == block
        if is_zero and begin is not None:
            yield begin, at
            begin = None
        elif not is_zero and begin is None:
            begin = at
    if begin is not None:
        yield begin, len(view)


def _write(handle: int, data: memoryview, at: int) -> None:
    try:
        while data:
            done = os.pwrite(handle, data[:_WRITTEN_AT_ONCE_BYTES], at)
            data, at = data[done:], at + done
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise DiskFull from error
        raise


def read_sparse(handle: int, extents: Extents, at: int, size: int) -> bytes:
    """The chunk at this offset of a file of ``size`` bytes."""
    length = min(VOLUME_CHUNK_BYTES, size - at)
    if extents.is_hole(at, length):
        return _ZEROES if length == VOLUME_CHUNK_BYTES else bytes(length)
    return os.pread(handle, length, at)


def read_all(handle: int, at: int, length: int) -> bytes:
    """That many bytes, which are there."""
    found = bytearray()
    while len(found) < length and (chunk := os.pread(handle, length - len(found), at + len(found))):
        found += chunk
    return bytes(found)


def size_of(path: Path) -> int:
    """Bytes of a regular file. BytesMissing, also for a link, which may lead anywhere."""
    try:
        status = path.lstat()
    except FileNotFoundError as missing:
        raise BytesMissing(name=path.name) from missing
    if not stat.S_ISREG(status.st_mode):
        raise BytesMissing(name=path.name)
    return status.st_size


def link_file(source: Path, target: Path) -> None:
    """Another name for the file; nothing where it has it already. BytesMissing."""
    try:
        os.link(source, target, follow_symlinks=False)
    except FileNotFoundError as missing:
        raise BytesMissing(name=source.name) from missing
    except FileExistsError:
        if not (source.exists() and source.samefile(target)):
            raise


def list_files(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and number of names of each regular file whose name does not begin with a dot."""
    found = {}
    for entry in os.scandir(folder):
        if not entry.name.startswith(".") and entry.is_file(follow_symlinks=False):
            status = entry.stat(follow_symlinks=False)
            found[entry.name] = (status.st_size, status.st_nlink)
    return found


def resize_file(path: Path, size: int) -> None:
    """Creates, truncates or extends the file to ``size`` bytes."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.ftruncate(handle, size)
    finally:
        os.close(handle)


def grow_file(path: Path, name: str, size: int) -> None:
    """Extends the file to ``size`` bytes; never truncates it. BytesMissing."""
    with open_file(path, os.O_WRONLY, name) as handle:
        if os.fstat(handle).st_size < size:
            os.ftruncate(handle, size)


def copy_file(source: Path, target: Path, name: str) -> None:
    """Extent by extent, by the kernel where it can. BytesMissing, DiskFull."""
    with (
        open_file(source, os.O_RDONLY, name) as source_handle,
        open_file(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) as target_handle,
    ):
        size = os.fstat(source_handle).st_size
        copy_range(source_handle, target_handle, 0, size, 0)
        os.ftruncate(target_handle, size)


def copy_tail(source: Path, target: Path, name: str, at: int) -> None:
    """The data from ``at`` on, to the same place. BytesMissing, DiskFull."""
    with open_file(source, os.O_RDONLY, name) as source_handle, open_file(target, os.O_WRONLY) as target_handle:
        copy_range(source_handle, target_handle, at, os.fstat(source_handle).st_size, at)


def copy_range(source_handle: int, target_handle: int, at: int, length: int, to: int) -> None:
    """The data from ``at``, to ``to`` of a file that has a hole there; nothing from behind the end. DiskFull."""
    end, shift = min(at + length, os.fstat(source_handle).st_size), to - at
    at = _next_data(source_handle, at, end)
    while at < end:
        until = _end_of_data(source_handle, at, end)
        _copy_extent(source_handle, target_handle, at, until, shift)
        at = _next_data(source_handle, until, end) if until < end else end


def extents_of(handle: int, size: int) -> list[tuple[int, int]]:
    """Where the file has data: from which byte, how many."""
    found, at = [], _next_data(handle, 0, size)
    while at < size:
        end = _end_of_data(handle, at, size)
        found.append((at, end - at))
        at = _next_data(handle, end, size) if end < size else size
    return found


def _end_of_data(handle: int, at: int, size: int) -> int:
    try:
        return min(size, os.lseek(handle, at, os.SEEK_HOLE))
    except OSError:
        return size


def _copy_extent(source_handle: int, target_handle: int, at: int, end: int, shift: int) -> None:
    """``shift``: how far the target's place is from the source's."""
    while at < end:
        try:
            done = os.copy_file_range(source_handle, target_handle, end - at, at, at + shift)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise DiskFull from error
            chunk = os.pread(source_handle, min(VOLUME_CHUNK_BYTES, end - at), at)
            _write(target_handle, memoryview(chunk), at + shift)
            done = len(chunk)
        if done == 0:
            return
        at += done
