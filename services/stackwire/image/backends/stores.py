"""The stores there are, by name: an object may be in several of them, under the same name in each.

A name is given once and its bytes never change: whichever store has it complete can answer for it.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, BinaryIO, Protocol

from stackwire.core.errors import Unavailable
from stackwire.image.backends.files import Writer
from stackwire.image.domain.errors import StoreUnknown

log = logging.getLogger(__name__)

BATCH = 1024**2  # bytes copied at once


class Store(Protocol):
    """Where objects are kept. ``prepare`` and ``open`` block; ``names`` counts what is not complete, too."""

    @property
    def properties(self) -> dict[str, Any]: ...
    def prepare(self) -> None: ...
    def open(self, name: str) -> BinaryIO: ...
    async def writer(self, name: str, announced: int | None = None) -> Writer: ...
    async def remove(self, name: str) -> None: ...
    async def names(self) -> set[str]: ...


class Stores:
    """``enabled``: written and shown, in this order; ``others``: read and emptied only, what older settings filled.

    ``default`` takes what is not sent anywhere else.
    """

    def __init__(self, enabled: Mapping[str, Store], default: str, others: Mapping[str, Store] | None = None) -> None:
        self._enabled = dict(enabled)
        self._all = {default: enabled[default], **enabled, **(others or {})}
        self.default = default

    @property
    def enabled(self) -> list[str]:
        return list(self._enabled)

    def known(self, name: str) -> str:
        """The same name. Raises StoreUnknown."""
        if name not in self._enabled:
            raise StoreUnknown(store=name[:200])
        return name

    def properties(self, name: str) -> dict[str, Any]:
        """What the operator may be told of it."""
        return self._enabled[name].properties

    def prepare(self) -> None:
        """Blocks; raises OSError."""
        for store in self._all.values():
            store.prepare()

    def open(self, name: str) -> BinaryIO:
        """A complete object from the first store that answers, the default before others. Raises FileNotFoundError."""
        for store in self._all.values():
            try:
                return store.open(name)
            except FileNotFoundError:
                continue
            except OSError as error:
                log.warning("a store cannot be read: %s", error)
        raise FileNotFoundError(name)

    async def writer(self, store: str | None, name: str, announced: int | None = None) -> Writer:
        """Raises StoreUnknown, StorageFull, Unavailable."""
        return await self._enabled[self.known(store or self.default)].writer(name, announced)

    async def copy(self, name: str, to: str, checksum: str | None, told: Callable[[int], None]) -> None:
        """An object into another store, all of it or nothing; ``told`` gets the bytes that came, piece by piece.

        Raises Unavailable for what is not, or no longer, what it was; StorageFull.
        """
        try:
            source = await asyncio.to_thread(self.open, name)
        except FileNotFoundError as error:
            raise Unavailable("The image data cannot be read at the moment.") from error
        with source:
            writer = await self.writer(to, name, await asyncio.to_thread(lambda: os.fstat(source.fileno()).st_size))
            try:
                while chunk := await asyncio.to_thread(source.read, BATCH):
                    await writer.put(chunk, lambda _: None)
                    told(len(chunk))
                if checksum not in (None, writer.checksum):
                    raise Unavailable("The image data is not what was stored.")
                await writer.complete()
            except BaseException:
                await asyncio.shield(writer.discard())
                raise

    async def remove(self, name: str, store: str | None = None) -> None:
        """From all stores, or from that one."""
        for each in self._all.values() if store is None else [self._all[store]]:
            await each.remove(name)

    async def names(self) -> dict[str, set[str]]:
        """What is in each store, complete or not; nothing of one that cannot be read."""
        found: dict[str, set[str]] = {}
        for name, store in self._all.items():
            with suppress(OSError):
                found[name] = await store.names()
        return found
