"""Objects of a store that is full, slow or corrupt by a fault rule."""

from collections.abc import Callable

from stackwire.core.store_faults import StoreFault
from stackwire.image.backends.port import Reader, Writer
from stackwire.image.domain.errors import StorageFull


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
    """``inner``, of which each chunk is subject to the fault."""

    def __init__(self, inner: Writer, fault: StoreFault) -> None:
        self._inner = inner
        self._fault = fault

    @property
    def size(self) -> int:
        return self._inner.size

    @property
    def checksum(self) -> str:
        return self._inner.checksum

    @property
    def os_hash_value(self) -> str:
        return self._inner.os_hash_value

    async def put(self, chunk: bytes, inspect: Callable[[bytes], None]) -> None:
        if self._fault.is_full:
            raise StorageFull
        await self._inner.put(await self._fault.chunk(chunk), inspect)

    async def complete(self) -> None:
        await self._inner.complete()

    async def discard(self) -> None:
        await self._inner.discard()


_: tuple[type[Reader], type[Writer]] = (FaultyReader, FaultyWriter)
