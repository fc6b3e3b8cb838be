"""The simulated back end: a folder of sparse files, one for each volume and each snapshot.

A file is written under another name and renamed when it is complete, so that a name never stands for half a volume. A
new volume takes no space on the disk. All work happens off the loop.
"""

import asyncio
import contextlib
import hashlib
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stackwire.core.feeds import Feed
from stackwire.disk_image import sparse_files
from stackwire.disk_image.incoming_stream import TooManyBytes, write_stream


@dataclass(frozen=True, slots=True)
class Written:
    """The bytes that were received, and their digest in the requested algorithm."""

    size: int
    digest: str


class IncomingFile:
    """A file that is being written under another name than its own."""

    def __init__(self, path: Path) -> None:
        self.path = path

    async def fill(self, feed: Feed, algorithm: str, limit: int) -> Written:
        """Writes the data from the start: see ``write_stream``. TooManyBytes beyond ``limit`` bytes, DiskFull."""
        digest = hashlib.new(algorithm, usedforsecurity=False)
        with sparse_files.open_file(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) as handle:
            size = await write_stream(handle, feed, digest, limit)
        return Written(size, digest.hexdigest())

    async def copy_from(self, source: Path, limit: int) -> int:
        """The bytes of another file, by the kernel where it can; how many. TooManyBytes, BytesMissing, DiskFull."""
        size = await asyncio.to_thread(sparse_files.size_of, source)
        if size > limit:
            raise TooManyBytes(limit=limit)
        await asyncio.to_thread(sparse_files.copy_file, source, self.path, source.name)
        return size

    async def resize(self, size: int) -> None:
        """To ``size`` bytes; what is added reads as zeroes."""
        await asyncio.to_thread(sparse_files.resize_file, self.path, size)


class FileStore:
    """Volumes and snapshots by name (``volume-<id>``, ``snapshot-<id>``) under one folder.

    ``clones_images``: whether it asks where an image lies before the image is downloaded.
    """

    clones_images = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, name: str) -> Path:
        """Of a complete file."""
        return self._folder / name

    @contextlib.asynccontextmanager
    async def local(self, name: str) -> AsyncIterator[Path]:
        """Its bytes as a file of this host, until the block ends, to be read."""
        yield self.path(name)

    async def connection(self, name: str) -> dict[str, Any]:
        """What a host needs to connect it: the path under the data folder."""
        return {"driver_volume_type": "local", "device_path": f"{self._folder.name}/{name}"}

    async def clone_image(self, urls: Sequence[str], name: str, size: int) -> bool:
        """Whether the volume is a clone of the image at one of these locations now, of which no byte was copied."""
        return False

    async def close(self) -> None:
        """There is nothing to release."""

    def partial(self, name: str) -> Path:
        """Of a file that is being written."""
        return self._folder / f".{name}.partial"

    def packed(self, name: str) -> Path:
        """Of an image that is being converted into ``partial``."""
        return self._folder / f".{name}.packed"

    @contextlib.asynccontextmanager
    async def incoming(self, name: str) -> AsyncIterator[IncomingFile]:
        """A file that gets its name when the block ends, and is removed when it raises."""
        partial = self.partial(name)
        try:
            yield IncomingFile(partial)
        except BaseException:
            await asyncio.shield(asyncio.to_thread(partial.unlink, missing_ok=True))
            raise
        await asyncio.to_thread(os.replace, partial, self.path(name))

    async def create(self, name: str, size: int) -> None:
        """A file of ``size`` bytes, all zero."""
        async with self.incoming(name) as incoming:
            await incoming.resize(size)

    async def copy(self, source: str, name: str, size: int, origin: "FileStore | None" = None) -> None:
        """The bytes of ``source``, holes kept, then zeroes up to ``size`` bytes. ``origin``: where it is, unless here.
        BytesMissing."""
        async with self.incoming(name) as incoming:
            async with (origin or self).local(source) as path:
                await asyncio.to_thread(sparse_files.copy_file, path, incoming.path, source)
            await incoming.resize(size)

    async def copy_rest(self, name: str, incoming: IncomingFile, at: int) -> None:
        """What the file has from ``at`` on, into one that is to take its place and has a hole there. BytesMissing."""
        await asyncio.to_thread(sparse_files.copy_tail, self.path(name), incoming.path, name, at)

    async def resize(self, name: str, size: int) -> None:
        """Extends it to ``size`` bytes; never truncates it. BytesMissing."""
        await asyncio.to_thread(sparse_files.grow_file, self.path(name), name, size)

    async def size(self, name: str) -> int:
        """Of a complete file, in bytes. BytesMissing."""
        return await asyncio.to_thread(sparse_files.size_of, self.path(name))

    async def adopt(self, found: str, name: str) -> None:
        """What is there as ``found`` is there as ``name`` too, until one of the two is removed. BytesMissing."""
        await asyncio.to_thread(sparse_files.link_file, self.path(found), self.path(name))

    async def names(self) -> dict[str, tuple[int, int]]:
        """Every complete file: its size in bytes, and how many names it has."""
        return await asyncio.to_thread(sparse_files.list_files, self._folder)

    async def remove(self, name: str) -> None:
        """Nothing happens when there is no such file; what an interrupted write left is removed with it."""
        await asyncio.to_thread(self.path(name).unlink, missing_ok=True)
        await self.delete_partial(name)

    async def discard(self, name: str) -> None:
        """The same for what could not be finished: a back end that is away is no further error."""
        await self.remove(name)

    async def delete_partial(self, name: str) -> None:
        """Removes what an interrupted write left."""
        for path in (self.partial(name), self.packed(name)):
            await asyncio.to_thread(path.unlink, missing_ok=True)

    def read_packed(self, name: str) -> AsyncIterator[bytes]:
        """The bytes of the file ``packed``, which is this host's in every back end."""
        return FileStore.read(self, self.packed(name).name)

    async def read(self, name: str) -> AsyncIterator[bytes]:
        """Its bytes in chunks; the next one is read while one is being used. BytesMissing."""
        with sparse_files.open_file(self.path(name), os.O_RDONLY, name) as handle:
            size = os.fstat(handle).st_size
            extents = sparse_files.Extents(handle, size)

            def read_ahead(at: int) -> asyncio.Task[bytes] | None:
                if at >= size:
                    return None
                return asyncio.create_task(asyncio.to_thread(sparse_files.read_sparse, handle, extents, at, size))

            at, ahead = 0, read_ahead(0)
            try:
                while ahead is not None:
                    chunk = await ahead
                    at += len(chunk)
                    ahead = read_ahead(at)
                    yield chunk
            finally:
                if ahead is not None:
                    await asyncio.wait([ahead])
