"""Objects of a store that is full, slow or corrupt by a fault rule."""

import asyncio

from stackwire.core.store_faults import StoreFault
from stackwire.image.backends.port import Reader, Writer
from stackwire.image.domain.errors import StorageFull
from stackwire.image.domain.uploads import Chunk


class FaultyReader:
    """``inner``, of which each chunk is subject to the fault."""

    def __init__(self, inner: Reader, fault: StoreFault) -> None:
        self._inner = inner
        self._fault = fault

    @property
    def size(self) -> int:
        return self._inner.size

    async def read(self, most: int) -> bytes:
        return await self._fault.chunk(await self._inner.read(most))

    def close(self) -> None:
        self._inner.close()


class FaultyWriter:
    """``inner``, of which each chunk is late, or finds no room."""

    def __init__(self, inner: Writer, fault: StoreFault) -> None:
        self._inner = inner
        self._fault = fault

    async def put(self, chunk: Chunk) -> None:
        if self._fault.is_full:
            raise StorageFull
        await asyncio.sleep(self._fault.pause)
        await self._inner.put(chunk)

    async def complete(self, md5: bytes) -> None:
        await self._inner.complete(md5)

    async def discard(self) -> None:
        await self._inner.discard()


_: tuple[type[Reader], type[Writer]] = (FaultyReader, FaultyWriter)
