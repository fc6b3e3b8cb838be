"""The checksums of an object on its way, each worked out in a thread of its own while the bytes are stored."""

import asyncio
import hashlib
from collections.abc import Callable

SMALL = 65536
"""Bytes for which a thread each would cost more than the work."""


class Digests:
    """``wanted``: without, the checksums are not of the bytes."""

    def __init__(self, *, wanted: bool = True) -> None:
        self._wanted = wanted
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha512 = hashlib.sha512()
        self.size = 0

    @property
    def checksum(self) -> str:
        return self._md5.hexdigest()

    @property
    def os_hash_value(self) -> str:
        return self._sha512.hexdigest()

    async def eat(self, chunk: bytes, also: Callable[[bytes], None]) -> None:
        """The next bytes, in order; ``also`` gets them in a thread, too. Raises what it raises."""
        self.size += len(chunk)
        if not self._wanted:
            await asyncio.to_thread(also, chunk)
        elif len(chunk) < SMALL:
            await asyncio.to_thread(self._all, chunk, also)
        else:
            await asyncio.gather(
                asyncio.to_thread(self._md5.update, chunk),
                asyncio.to_thread(self._sha512.update, chunk),
                asyncio.to_thread(also, chunk),
            )

    def _all(self, chunk: bytes, also: Callable[[bytes], None]) -> None:
        self._md5.update(chunk)
        self._sha512.update(chunk)
        also(chunk)


class Digested:
    """The part of a writer that tells what its ``digests`` are."""

    def __init__(self, digests: Digests) -> None:
        self._digests = digests

    @property
    def size(self) -> int:
        return self._digests.size

    @property
    def checksum(self) -> str:
        return self._digests.checksum

    @property
    def os_hash_value(self) -> str:
        return self._digests.os_hash_value
