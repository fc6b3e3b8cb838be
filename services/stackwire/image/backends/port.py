"""What a store of image data does: take an object as it comes, give it again, in part or whole, let go of it."""

from collections.abc import Callable, Collection
from typing import Any, Protocol, runtime_checkable

from stackwire.core.context import RequestContext
from stackwire.image.domain.errors import AddDisabled


class Reader(Protocol):
    """A complete object, being read from where it was opened. ``size``: the bytes to come, all in all."""

    @property
    def size(self) -> int: ...
    async def read(self, most: int) -> bytes:
        """The next bytes, none at the end. Raises OSError."""

    def close(self) -> None:
        """At any time, a read under way included; it does not wait."""


class Writer(Protocol):
    """An object on its way: nobody sees it before ``complete``."""

    @property
    def size(self) -> int: ...
    @property
    def checksum(self) -> str: ...
    @property
    def os_hash_value(self) -> str: ...
    async def put(self, chunk: bytes, inspect: Callable[[bytes], None]) -> None:
        """The next bytes, in order. Raises StorageFull, Unavailable, and what ``inspect`` raises."""

    async def complete(self) -> None:
        """All bytes are there: for good, and under their own name. Raises StorageFull, Unavailable."""

    async def discard(self) -> None:
        """Takes everything away; safe to call at any time. What cannot go now is left to the sweep."""


class Store(Protocol):
    """``kind`` is its type, as settings name it; ``properties`` what an administrator may be told of it."""

    @property
    def kind(self) -> str: ...
    @property
    def properties(self) -> dict[str, Any]: ...
    def prepare(self) -> None:
        """Blocks; raises OSError, ValueError when its settings cannot work."""

    async def open(self, name: str, first: int = 0, count: int | None = None) -> Reader:
        """A complete object from its byte ``first`` on, to its end or ``count`` bytes.

        Raises FileNotFoundError, and OSError when the store cannot tell.
        """

    async def writer(self, name: str, announced: int | None = None) -> Writer:
        """For a new object of, it is said, this many bytes. Raises StorageFull, Unavailable."""

    async def remove(self, name: str) -> None:
        """Complete or not; what is not there is gone already. What cannot go now is left to the sweep."""

    async def names(self) -> set[str]:
        """Every object there is, complete or not. Raises OSError."""

    async def close(self) -> None:
        """Lets go of what it holds; it is not used any more."""

    async def url(self, name: str) -> str:
        """Where a complete object is, as those may be told who may know."""


@runtime_checkable
class Outside(Protocol):
    """A store that reads what lies where a URI says: not ours, so never written and never removed.

    ``schemes``: how such URIs begin, in lower case; ``reads``: which of them, where several stores share a scheme.
    What may be read there is told for the caller ``ctx``.
    """

    @property
    def schemes(self) -> Collection[str]: ...
    def reads(self, url: str) -> bool: ...
    async def size_at(self, ctx: RequestContext, url: str) -> int:
        """How many bytes are there. Raises BadLocation where none can be, FileNotFoundError, OSError."""

    async def open_at(self, ctx: RequestContext, url: str, first: int = 0, count: int | None = None) -> Reader:
        """What is there, from its byte ``first`` on. Raises BadLocation, FileNotFoundError, OSError."""


class ReadOnly:
    """The part of a store that has nothing of ours: for one that only reads elsewhere."""

    def prepare(self) -> None:
        """There is nothing to prepare."""

    async def open(self, name: str, first: int = 0, count: int | None = None) -> Reader:
        raise FileNotFoundError(name)

    async def writer(self, name: str, announced: int | None = None) -> Writer:
        raise AddDisabled

    async def remove(self, name: str) -> None:
        """It never was here."""

    async def names(self) -> set[str]:
        return set()

    async def url(self, name: str) -> str:
        raise FileNotFoundError(name)

    async def close(self) -> None:
        """It holds nothing."""
