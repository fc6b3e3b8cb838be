"""The simulated back end: a folder of sparse files, one for each volume and each snapshot.

A file is written beside its place and moved there when it is whole, so that a name never stands for half a volume.
Zeroes are never written: a new volume reads as zeroes and takes no room. All work happens off the loop.
"""

import asyncio
import contextlib
import errno
import hashlib
import os
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from stackwire.core.errors import ServiceError

BLOCK = 64 * 1024  # bytes: the grain in which holes are found
PIECE = 4 * 1024**2  # bytes handed to a thread at once
_ZEROES = bytes(PIECE)
_ZERO_BLOCK = bytes(BLOCK)


class BytesMissing(ServiceError):
    """The data of {name} is not there."""


class NoRoom(ServiceError):
    """The storage back end has no room left."""


class TooManyBytes(ServiceError):
    """More data than the {limit} bytes that were announced."""


@dataclass(frozen=True, slots=True)
class Written:
    """What came in: how many bytes, and their digest in the algorithm that was asked for."""

    size: int
    digest: str


class IncomingFile:
    """A file that is being written and is not yet at its place."""

    def __init__(self, path: Path) -> None:
        self.path = path

    async def fill(self, chunks: AsyncIterable[bytes], algorithm: str, limit: int) -> Written:
        """Writes the stream from the start. TooManyBytes beyond ``limit`` bytes, NoRoom when the disk is full.

        One piece is written and hashed in a thread while the next one arrives.
        """
        digest = hashlib.new(algorithm, usedforsecurity=False)
        at = 0
        with _open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) as handle:
            under_way: asyncio.Task[None] | None = None
            try:
                async for piece in _pieces(chunks):
                    if at + len(piece) > limit:
                        raise TooManyBytes(limit=limit)
                    if under_way is not None:
                        await under_way
                    under_way = asyncio.create_task(asyncio.to_thread(_take, handle, at, piece, digest))
                    at += len(piece)
            finally:
                if under_way is not None:
                    await asyncio.shield(under_way)
        return Written(at, digest.hexdigest())

    async def resize(self, size: int) -> None:
        """To ``size`` bytes; what is added reads as zeroes."""
        await asyncio.to_thread(_resize, self.path, size)


class FileStore:
    """Volumes and snapshots by name (``volume-<id>``, ``snapshot-<id>``) under one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, name: str) -> Path:
        return self._folder / name

    def partial(self, name: str) -> Path:
        return self._folder / f".{name}.partial"

    def packed(self, name: str) -> Path:
        """Where an image lies that is unpacked into ``partial``."""
        return self._folder / f".{name}.packed"

    @contextlib.asynccontextmanager
    async def incoming(self, name: str) -> AsyncIterator[IncomingFile]:
        """A file that takes its place when the block ends well, and is gone when it does not."""
        partial = self.partial(name)
        try:
            yield IncomingFile(partial)
        except BaseException:
            await asyncio.shield(asyncio.to_thread(partial.unlink, missing_ok=True))
            raise
        await asyncio.to_thread(os.replace, partial, self.path(name))

    async def create(self, name: str, size: int) -> None:
        """``size`` bytes of zeroes."""
        async with self.incoming(name) as incoming:
            await incoming.resize(size)

    async def copy(self, source: str, name: str, size: int) -> None:
        """The bytes of ``source``, holes kept, then zeroes up to ``size`` bytes. BytesMissing."""
        async with self.incoming(name) as incoming:
            await asyncio.to_thread(_copy, self.path(source), incoming.path, source)
            await incoming.resize(size)

    async def resize(self, name: str, size: int) -> None:
        """Grows it to ``size`` bytes; never shrinks. BytesMissing."""
        await asyncio.to_thread(_grow, self.path(name), name, size)

    async def remove(self, name: str) -> None:
        """Gone already is fine; what a broken-off write left is removed with it."""
        await asyncio.to_thread(self.path(name).unlink, missing_ok=True)
        await self.delete_partial(name)

    async def delete_partial(self, name: str) -> None:
        """Without what a write that was broken off left beside it."""
        for path in (self.partial(name), self.packed(name)):
            await asyncio.to_thread(path.unlink, missing_ok=True)

    async def sizes(self, name: str) -> tuple[int, int]:
        """Bytes it has, and bytes it takes on the disk. BytesMissing."""
        try:
            found = await asyncio.to_thread(os.stat, self.path(name))
        except FileNotFoundError as missing:
            raise BytesMissing(name=name) from missing
        return found.st_size, found.st_blocks * 512

    async def read(self, name: str, digest: "Digest | None" = None) -> AsyncIterator[bytes]:
        """Its bytes in pieces, the next one read (and taken into ``digest``) while one is on its way. BytesMissing."""
        with _open(self.path(name), os.O_RDONLY, name) as handle:
            size = os.fstat(handle).st_size
            extents = _Extents(handle, size)
            at = 0
            ahead = asyncio.create_task(asyncio.to_thread(_give, handle, extents, at, size, digest)) if size else None
            try:
                while ahead is not None:
                    piece = await ahead
                    at += len(piece)
                    ahead = (
                        asyncio.create_task(asyncio.to_thread(_give, handle, extents, at, size, digest))
                        if at < size
                        else None
                    )
                    yield piece
            finally:
                if ahead is not None:
                    await asyncio.wait([ahead])


class Digest:
    """A digest that grows with what is read."""

    def __init__(self, algorithm: str) -> None:
        self._hash = hashlib.new(algorithm, usedforsecurity=False)

    def update(self, piece: bytes) -> None:
        self._hash.update(piece)

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


class _Extents:
    """Where a file has data, asked of the file system as reading goes on: a hole need not be read."""

    def __init__(self, handle: int, size: int) -> None:
        self._handle = handle
        self._size = size
        self._data_from = 0

    def is_hole(self, at: int, length: int) -> bool:
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
def _open(path: Path, flags: int, name: str = "") -> Iterator[int]:
    try:
        handle = os.open(path, flags | os.O_CLOEXEC, 0o600)
    except FileNotFoundError as missing:
        raise BytesMissing(name=name or path.name) from missing
    try:
        yield handle
    finally:
        os.close(handle)


async def _pieces(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """The stream in larger pieces, so that a thread is worth its while."""
    parts: list[bytes] = []
    length = 0
    async for chunk in chunks:
        parts.append(chunk)
        length += len(chunk)
        if length >= PIECE:
            whole = b"".join(parts)
            yield whole[:PIECE]
            parts, length = [whole[PIECE:]], length - PIECE
    if length:
        yield b"".join(parts)


def _take(handle: int, at: int, piece: bytes, digest: "hashlib._Hash") -> None:
    digest.update(piece)
    if piece == (_ZEROES if len(piece) == PIECE else bytes(len(piece))):
        return
    for start in range(0, len(piece), BLOCK):
        block = piece[start : start + BLOCK]
        if block != (_ZERO_BLOCK if len(block) == BLOCK else bytes(len(block))):
            _write(handle, memoryview(block), at + start)


def _write(handle: int, data: memoryview, at: int) -> None:
    try:
        while data:
            done = os.pwrite(handle, data, at)
            data, at = data[done:], at + done
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise NoRoom from error
        raise


def _give(handle: int, extents: _Extents, at: int, size: int, digest: Digest | None) -> bytes:
    length = min(PIECE, size - at)
    if extents.is_hole(at, length):
        piece = _ZEROES if length == PIECE else bytes(length)
    else:
        piece = os.pread(handle, length, at)
    if digest is not None:
        digest.update(piece)
    return piece


def _resize(path: Path, size: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.ftruncate(handle, size)
    finally:
        os.close(handle)


def _grow(path: Path, name: str, size: int) -> None:
    with _open(path, os.O_WRONLY, name) as handle:
        if os.fstat(handle).st_size < size:
            os.ftruncate(handle, size)


def _copy(source: Path, goal: Path, name: str) -> None:
    """Extent by extent, in the kernel where it can."""
    with _open(source, os.O_RDONLY, name) as one, _open(goal, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) as other:
        size = os.fstat(one).st_size
        at = _next_data(one, 0, size)
        while at < size:
            end = _end_of_data(one, at, size)
            _copy_extent(one, other, at, end)
            at = _next_data(one, end, size) if end < size else size
        os.ftruncate(other, size)


def _end_of_data(handle: int, at: int, size: int) -> int:
    try:
        return min(size, os.lseek(handle, at, os.SEEK_HOLE))
    except OSError:
        return size


def _copy_extent(one: int, other: int, at: int, end: int) -> None:
    while at < end:
        try:
            done = os.copy_file_range(one, other, end - at, at, at)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise NoRoom from error
            piece = os.pread(one, min(PIECE, end - at), at)
            _write(other, memoryview(piece), at)
            done = len(piece)
        if done == 0:
            return
        at += done
