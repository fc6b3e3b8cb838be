"""Which directory of the store new data goes into."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DataDir:
    """``free_bytes``: that can still be written. A higher ``priority`` is written first."""

    priority: int
    free_bytes: int


def find_best_datadir(datadirs: Sequence[DataDir], size: int) -> int | None:
    """The index of the directory for ``size`` bytes: the highest priority with enough space, of equals the most space.

    None when no directory has enough. Source: ``glance_store/_drivers/filesystem.py: Store._find_best_datadir``.
    """
    fitting = [index for index, each in enumerate(datadirs) if each.free_bytes >= max(size, 1)]
    return max(fitting, key=lambda index: (datadirs[index].priority, datadirs[index].free_bytes), default=None)
