"""The stores by name: an object may be in several of them, under the same name in each.

A name is used once, and its bytes never change: it can be read from any store that has it complete.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from stackwire.core.context import RequestContext
from stackwire.core.errors import Unavailable
from stackwire.core.faults import NO_FAULTS, Faults
from stackwire.core.store_faults import StoreFaults
from stackwire.image.backends.digests import CHECKSUM, Digests
from stackwire.image.backends.faulty import FaultyReader, FaultyWriter
from stackwire.image.backends.files import FileStore
from stackwire.image.backends.port import Cloned, Outside, Reader, ReadOnly, Store, Writer
from stackwire.image.backends.writing import write_object
from stackwire.image.domain.errors import BadLocation, StoreUnknown
from stackwire.image.domain.image import Image
from stackwire.image.domain.locations import Location, ordered, scheme_of
from stackwire.image.domain.stores import StoreDetails

log = logging.getLogger(__name__)

COPY_CHUNK_BYTES = 4 * 1024**2
_NOT_READ = "The image data cannot be read at the moment."


class Stores:
    """``enabled``: in the settings' order; ``others``: of older settings, which are only read and removed from.

    ``default`` is written unless a store is named. ``preference``: types of stores whose locations are read first.
    ``faults``: those of the service, also of its stores.
    """

    def __init__(
        self,
        enabled: Mapping[str, Store],
        default: str,
        others: Mapping[str, Store] | None = None,
        *,
        preference: Sequence[str] = (),
        faults: Faults = NO_FAULTS,
    ) -> None:
        self._enabled = dict(enabled)
        self._all = {default: enabled[default], **enabled, **(others or {})}
        self.default = default
        self._preference = preference
        self._faults = {name: StoreFaults(faults, name) for name in self._all}
        self._kinds = {name: store.kind for name, store in self._all.items()}
        self._outside = {name: store for name, store in self._enabled.items() if isinstance(store, Outside)}

    @property
    def enabled(self) -> list[str]:
        """The names of the stores that clients know."""
        return list(self._enabled)

    @property
    def remote(self) -> list[str]:
        """Those that keep data on other machines."""
        return [f"the store {name} ({kind})" for name, kind in self._kinds.items() if kind in ("s3", "swift", "rbd")]

    def kept_folders(self) -> dict[str, Path]:
        """Those in which stores keep data on this machine, by names that mean the same on every machine."""
        found = [(name, store.directories) for name, store in self._all.items() if isinstance(store, FileStore)]
        return {
            f"{name}/{number}/{folder.name}": folder
            for name, directories in found
            for number, directory in enumerate(directories)
            for folder in directory.folders
        }

    def known(self, name: str) -> str:
        """The same name. Raises StoreUnknown."""
        if name not in self._enabled:
            raise StoreUnknown(store=name[:200])
        return name

    def details(self, name: str) -> StoreDetails:
        """A store as clients see it."""
        store = self._enabled[name]
        return StoreDetails(
            id=name,
            type=store.kind,
            is_default=name == self.default,
            is_read_only=isinstance(store, ReadOnly),
            properties=store.properties,
        )

    @property
    def writable(self) -> list[str]:
        """The stores that new data can be written to."""
        return [name for name, store in self._enabled.items() if not isinstance(store, ReadOnly)]

    @property
    def folders(self) -> list[Path]:
        """Where the stores of files keep their data."""
        return [root for store in self._all.values() if isinstance(store, FileStore) for root in store.roots]

    def prepare(self) -> None:
        """Blocks; raises OSError."""
        for store in self._all.values():
            store.prepare()

    async def open(self, name: str, among: Sequence[str], first: int = 0, count: int | None = None) -> Reader:
        """A complete object from the first store that has it: the stores in ``among`` are tried before others.

        Raises FileNotFoundError where no store has it, Unavailable where one did not respond.
        """
        away = False
        for store in sorted(self._all, key=lambda store: store not in among):
            try:
                return await self._subject(store, name, await self._all[store].open(name, first, count))
            except FileNotFoundError:
                continue
            except OSError as error:
                log.warning("the store %s cannot be read: %s", store, error)
                away = True
        if away:
            raise Unavailable(_NOT_READ)
        raise FileNotFoundError(name)

    async def data(self, ctx: RequestContext, image: Image, first: int = 0, count: int | None = None) -> Reader:
        """An image's bytes from the first of its locations that answers. Raises FileNotFoundError, Unavailable.

        A foreign location is read with the caller's rights.
        """
        away, own = False, False
        for place in self.preferred(image.locations):
            try:
                if place.url is not None:
                    return await self._there(ctx, place.url, first, count)
                if not own:
                    own = True
                    return await self.open(image.object or "", image.stores, first, count)
            except (FileNotFoundError, BadLocation):
                continue
            except (OSError, Unavailable) as error:
                log.warning("a location of the image %s cannot be read: %s", image.id, error)
                away = True
        if away:
            raise Unavailable(_NOT_READ)
        raise FileNotFoundError(image.id)

    async def _there(self, ctx: RequestContext, url: str, first: int, count: int | None) -> Reader:
        """What is shorter than it was is not what the image is."""
        store, there = self.outside(url)
        reader = await self._subject(store, url, await there.open_at(ctx, url, first, count))
        if count is not None and reader.size < count:
            reader.close()
            raise OSError(f"{reader.size} bytes remain, of {count}")
        return reader

    async def _subject(self, store: str, name: str, reader: Reader) -> Reader:
        fault = await self._faults[store].reading(name)
        return reader if fault is None else FaultyReader(reader, fault)

    def preferred(self, places: Sequence[Location]) -> list[Location]:
        """Those to be read first come first."""
        return ordered(places, self._kinds, self._preference)

    def outside(self, url: str) -> tuple[str, Outside]:
        """The name of the first store that reads the URI, and the store. Raises BadLocation when there is none."""
        scheme = scheme_of(url)
        for name, store in self._outside.items():
            if scheme in store.schemes and store.reads(url):
                return name, store
        raise BadLocation

    async def elsewhere(self, ctx: RequestContext, url: str, metadata: Mapping[str, Any]) -> tuple[Location, int]:
        """A foreign location, and its size in bytes. Raises BadLocation unless there is some data."""
        store, reader = self.outside(url)
        try:
            size = await reader.size_at(ctx, url)
        except OSError as error:
            raise BadLocation from error
        if size <= 0:
            raise BadLocation
        return Location(store=store, url=url, metadata=dict(metadata)), size

    async def url(self, place: Location) -> str:
        """Its URL. FileNotFoundError for an own object that does not exist, or whose store was removed."""
        if place.url is not None:
            return place.url
        if place.store not in self._all:
            raise FileNotFoundError(place.store)
        return await self._all[place.store].url(place.object or "")

    async def writer(
        self, store: str | None, name: str, announced: int | None = None, owner: str | None = None
    ) -> Writer:
        """Raises StoreUnknown, StorageFull, Unavailable."""
        chosen = self.known(store or self.default)
        writer = await self._enabled[chosen].writer(name, announced, owner)
        fault = await self._faults[chosen].writing(name)
        return writer if fault is None else FaultyWriter(writer, fault)

    async def copy(
        self,
        name: str,
        among: Sequence[str],
        to: str,
        checksum: str | None,
        on_progress: Callable[[int], None],
        owner: str | None = None,
    ) -> None:
        """An object into another store, all of it or nothing; ``on_progress`` gets the size of each chunk.

        Raises Unavailable for what is not, or no longer, what it was; StorageFull.
        """
        try:
            source = await self.open(name, among)
        except FileNotFoundError as error:
            raise Unavailable(_NOT_READ) from error
        digests = Digests(CHECKSUM)

        def check() -> None:
            if checksum not in (None, digests.hexdigest(CHECKSUM)):
                raise Unavailable("The image data is not what was stored.")

        with closing(source):
            writer = await self.writer(to, name, source.size, owner)
            await write_object(writer, _all_of(source, on_progress), digests, check)

    async def remove(self, name: str, stores: Sequence[str] | None = None) -> None:
        """From all stores, or from those in ``stores``."""
        chosen = [store for each, store in self._all.items() if stores is None or each in stores]
        await asyncio.gather(*(store.remove(name) for store in chosen))

    async def in_use(self, name: str, stores: Sequence[str]) -> bool:
        """Whether one of these could not remove it now, since others stand on it. Raises Unavailable."""
        found = [self._all[store] for store in stores if store in self._all]
        return any([await store.in_use(name) for store in found if isinstance(store, Cloned)])

    async def have(self, name: str, stores: Sequence[str]) -> bool:
        """Whether one of these has it, complete. Raises Unavailable where one does not respond."""
        for store in stores:
            if store not in self._all:
                raise Unavailable(f"There is no store {store} any more.")
            try:
                reader = await self._all[store].open(name)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise Unavailable(_NOT_READ) from error
            reader.close()
            return True
        return False

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


async def _all_of(source: Reader, on_progress: Callable[[int], None]) -> AsyncIterator[bytes]:
    try:
        while chunk := await source.read(COPY_CHUNK_BYTES):
            on_progress(len(chunk))
            yield chunk
    except OSError as error:
        raise Unavailable(_NOT_READ) from error
