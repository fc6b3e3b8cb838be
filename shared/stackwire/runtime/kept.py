"""What a service keeps beside its rows, for a reset and for states that are saved."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What was put back, and when. ``tokens_ended``: whether tokens issued until then are valid no longer, because a
    user, a project or a role has changed."""

    at: datetime
    tokens_ended: bool


async def _no_flush() -> None:
    pass


async def _nothing(restored: Restored) -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """``folders``: of its files, by names that mean the same on every machine; ``elsewhere``: where it keeps more,
    which is in no state; ``transient``: tables that are empty after a reset, ``lasting``: those that it leaves alone;
    ``flush``: writes what is in memory alone, before rows are copied; ``interrupt``: ends work that is neither a
    request, a message nor a sweep; ``restored``: called when rows and files have been replaced.
    """

    folders: Mapping[str, Path] = field(default_factory=dict)
    elsewhere: Sequence[str] = ()
    transient: Collection[str] = ()
    lasting: Collection[str] = ()
    flush: Callable[[], Awaitable[object]] = _no_flush
    interrupt: Sequence[Callable[[], Awaitable[object]]] = ()
    restored: Callable[[Restored], Awaitable[object]] = _nothing
