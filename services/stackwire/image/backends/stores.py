"""The stores there are, by name: an object may be in several of them, under the same name in each.

A name is given once and its bytes never change: whichever store has it complete can answer for it.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from typing import Any

from stackwire.core.errors import Unavailable
from stackwire.image.backends.port import Reader, Store, Writer
from stackwire.image.domain.errors import StoreUnknown

log = logging.getLogger(__name__)

BATCH = 1024**2  # bytes copied at once
_NOT_READ = "The image data cannot be read at the moment."


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

    def kind(self, name: str) -> str:
        """Its type, as settings name it."""
        return self._enabled[name].kind

    def properties(self, name: str) -> dict[str, Any]:
        """What the operator may be told of it."""
        return self._enabled[name].properties

    def prepare(self) -> None:
        """Blocks; raises OSError."""
        for store in self._all.values():
            store.prepare()

    async def open(self, name: str, among: Sequence[str], first: int = 0, count: int | None = None) -> Reader:
        """A complete object from the first store that answers: those it is said to be in (``among``) before others.

        Raises FileNotFoundError where no store has it, Unavailable where one could not be asked.
        """
        away = False
        for store in sorted(self._all, key=lambda store: store not in among):
            try:
                return await self._all[store].open(name, first, count)
            except FileNotFoundError:
                continue
            except OSError as error:
                log.warning("the store %s cannot be read: %s", store, error)
                away = True
        if away:
            raise Unavailable(_NOT_READ)
        raise FileNotFoundError(name)

    async def writer(self, store: str | None, name: str, announced: int | None = None) -> Writer:
        """Raises StoreUnknown, StorageFull, Unavailable."""
        return await self._enabled[self.known(store or self.default)].writer(name, announced)

    async def copy(
        self, name: str, among: Sequence[str], to: str, checksum: str | None, told: Callable[[int], None]
    ) -> None:
        """An object into another store, all of it or nothing; ``told`` gets the bytes that came, piece by piece.

        Raises Unavailable for what is not, or no longer, what it was; StorageFull.
        """
        try:
            source = await self.open(name, among)
        except FileNotFoundError as error:
            raise Unavailable(_NOT_READ) from error
        with closing(source):
            writer = await self.writer(to, name, source.size)
            try:
                while chunk := await _next(source):
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
        chosen = list(self._all.values()) if store is None else [self._all[store]]
        await asyncio.gather(*(each.remove(name) for each in chosen))

    async def names(self) -> dict[str, set[str]]:
        """What is in each store, complete or not; nothing of one that cannot be read."""
        found: dict[str, set[str]] = {}
        for name, store in self._all.items():
            with suppress(OSError):
                found[name] = await store.names()
        return found

    async def close(self) -> None:
        for store in self._all.values():
            await store.close()


async def _next(source: Reader) -> bytes:
    try:
        return await source.read(BATCH)
    except OSError as error:
        raise Unavailable(_NOT_READ) from error
