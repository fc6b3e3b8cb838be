"""The port of stores of image data: an object is written as a stream, read in part or whole, and removed."""

from collections.abc import Collection
from typing import Any, Protocol, runtime_checkable

from stackwire.core.context import RequestContext
from stackwire.image.domain.errors import AddDisabled
from stackwire.image.domain.uploads import Chunk


class Reader(Protocol):
    """Reads a complete object from where it was opened. ``size``: the bytes to read in total."""

    @property
    def size(self) -> int: ...
    async def read(self, most: int) -> bytes:
        """The next bytes, none at the end. Raises OSError."""

    def close(self) -> None:
        """Safe at any time, during a read too; it does not wait."""


@runtime_checkable
class OnDisk(Protocol):
    """Also of a reader whose bytes lie as they are in a file of this host, open as ``handle``, from ``first`` on."""

    @property
    def handle(self) -> int: ...
    @property
    def first(self) -> int: ...


class Writer(Protocol):
    """Writes an object, which is invisible before ``complete``."""

    async def put(self, chunk: Chunk) -> None:
        """The next bytes, in order. Raises StorageFull, Unavailable."""

    async def complete(self, md5: bytes) -> None:
        """Makes the object durable, and visible under its name. ``md5``: of its bytes. StorageFull, Unavailable."""

    async def discard(self) -> None:
        """Removes what was written; safe to call at any time. What cannot be removed is left to the sweep."""


class Store(Protocol):
    """``kind``: its type, as settings name it; ``properties``: what administrators see of its settings."""

    @property
    def kind(self) -> str: ...
    @property
    def properties(self) -> dict[str, Any]: ...
    def prepare(self) -> None:
        """Blocks; raises OSError, ValueError when its settings cannot work."""

    async def open(self, name: str, first: int = 0, count: int | None = None) -> Reader:
        """A complete object from its byte ``first`` on, to its end or ``count`` bytes.

        Raises FileNotFoundError; OSError when the store does not respond.
        """

    async def writer(self, name: str, announced: int | None = None, owner: str | None = None) -> Writer:
        """For a new object of the announced number of bytes, of an image of this project.

        Raises StorageFull, Unavailable.
        """

    async def remove(self, name: str) -> None:
        """Complete or not; one that does not exist is no error. What cannot be removed is left to the sweep."""

    async def names(self) -> set[str]:
        """Every object, complete or not. Raises OSError."""

    async def close(self) -> None:
        """Releases its resources; it is not used afterwards."""

    async def url(self, name: str) -> str:
        """The URI of a complete object, for those who may see locations."""


@runtime_checkable
class Outside(Protocol):
    """A store that reads foreign objects, named by URIs, which are never written and never removed.

    ``schemes``: of such URIs, in lower case; ``reads``: which of them, where several stores share a scheme.
    Whether the caller may read them depends on ``ctx``.
    """

    @property
    def schemes(self) -> Collection[str]: ...
    def reads(self, url: str) -> bool: ...
    async def size_at(self, ctx: RequestContext, url: str) -> int:
        """The object's size in bytes. Raises BadLocation where none can be, FileNotFoundError, OSError."""

    async def open_at(self, ctx: RequestContext, url: str, first: int = 0, count: int | None = None) -> Reader:
        """The object from its byte ``first`` on. Raises BadLocation, FileNotFoundError, OSError."""


@runtime_checkable
class Cloned(Protocol):
    """A store whose objects others may stand on: they are not removed before those."""

    async def in_use(self, name: str) -> bool:
        """Raises Unavailable."""


class ReadOnly:
    """The base of a store that has no objects of its own, and only reads foreign ones."""

    def prepare(self) -> None:
        """There is nothing to prepare."""

    async def open(self, name: str, first: int = 0, count: int | None = None) -> Reader:
        raise FileNotFoundError(name)

    async def writer(self, name: str, announced: int | None = None, owner: str | None = None) -> Writer:
        raise AddDisabled

    async def remove(self, name: str) -> None:
        """There is nothing to remove."""

    async def names(self) -> set[str]:
        return set()

    async def url(self, name: str) -> str:
        raise FileNotFoundError(name)

    async def close(self) -> None:
        """There is nothing to release."""
