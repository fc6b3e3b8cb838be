"""The digests of an object being written, each computed in a thread of its own while the bytes are stored."""

import asyncio
import hashlib
from collections.abc import Callable

SMALL = 65536
"""Chunks below this size (bytes) are digested in one thread: more would cost more than they save."""


class Digests:
    """``wanted``: False computes none; the digests are meaningless then."""

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

    async def update(self, chunk: bytes, also: Callable[[bytes], None]) -> None:
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
    """A writer's properties that come from its digests."""

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
