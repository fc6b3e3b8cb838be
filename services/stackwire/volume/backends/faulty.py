"""A back end of volumes that is full, slow or corrupt by a fault rule."""

import asyncio
import contextlib
import math
import os
from collections.abc import AsyncIterator
from pathlib import Path

from stackwire.core.feeds import Feed
from stackwire.core.store_faults import NO_STORE_FAULTS, StoreFault, StoreFaults
from stackwire.disk_image.sparse_files import DiskFull
from stackwire.volume.backends.files import FileStore, IncomingFile, Written

_SLOW_WRITE_BYTES = 2 * 1024**2  # of what is written, for each of which a slow store takes longer


class FaultyStore(FileStore):
    """Stands before a kind of store among the bases of a class: ``faulty`` makes one."""

    faults: StoreFaults = NO_STORE_FAULTS

    async def create(self, name: str, size: int) -> None:
        await self._begin_write(name)
        await super().create(name, size)

    async def copy(self, source: str, name: str, size: int, origin: FileStore | None = None) -> None:
        await self._begin_write(name)
        reading = await (origin.faults if isinstance(origin, FaultyStore) else self.faults).reading(source)
        await super().copy(source, name, size, origin)
        if reading is not None:
            await asyncio.sleep(reading.pause)
            if reading.is_corrupt and self.path(name).exists():
                await asyncio.to_thread(_spoil, self.path(name))

    async def resize(self, name: str, size: int) -> None:
        await self._begin_write(name)
        await super().resize(name, size)

    @contextlib.asynccontextmanager
    async def incoming(self, name: str) -> AsyncIterator[IncomingFile]:
        fault = await self.faults.writing(name)
        if fault is not None and fault.is_full:
            raise DiskFull
        async with super().incoming(name) as incoming:
            yield incoming if fault is None else _SlowFile(incoming.path, fault)

    async def read(self, name: str) -> AsyncIterator[bytes]:
        fault = await self.faults.reading(name)
        async for chunk in super().read(name):
            yield chunk if fault is None else await fault.chunk(chunk)

    async def _begin_write(self, name: str) -> None:
        fault = await self.faults.writing(name)
        if fault is not None:
            await asyncio.sleep(fault.pause)
            if fault.is_full:
                raise DiskFull


class _SlowFile(IncomingFile):
    def __init__(self, path: Path, fault: StoreFault) -> None:
        super().__init__(path)
        self._fault = fault

    async def fill(self, feed: Feed, algorithm: str, limit: int) -> Written:
        written = await super().fill(feed, algorithm, limit)
        await asyncio.sleep(self._fault.pause * math.ceil(written.size / _SLOW_WRITE_BYTES))
        return written


def faulty(kind: type[FileStore]) -> type[FileStore]:
    """The kind of store, subject to its attribute ``faults``."""
    return type(f"Faulty{kind.__name__}", (FaultyStore, kind), {})


def _spoil(path: Path) -> None:
    with contextlib.closing(path.open("r+b")) as file:
        first = os.pread(file.fileno(), 1, 0)
        os.pwrite(file.fileno(), bytes(byte ^ 0xFF for byte in first), 0)
