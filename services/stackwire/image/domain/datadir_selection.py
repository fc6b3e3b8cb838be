"""Which directory of the store new data goes into."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """``room`` in bytes. A higher ``priority`` is written first."""

    priority: int
    room: int


def best(places: Sequence[Place], size: int) -> int | None:
    """The index of the one for ``size`` bytes: of those with room the highest priority, of equals the most room.

    None when nowhere is room. Source: ``glance_store/_drivers/filesystem.py: Store._find_best_datadir``.
    """
    fitting = [at for at, place in enumerate(places) if place.room >= max(size, 1)]
    return max(fitting, key=lambda at: (places[at].priority, places[at].room), default=None)
