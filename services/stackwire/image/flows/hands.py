"""What this process has in hand: the sweep takes back what it holds in the tables and no longer here."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Hands:
    """Uploads and imports by their marks (the end of the names of their bytes), tasks by their ids."""

    def __init__(self) -> None:
        self._held: Counter[str] = Counter()

    @contextmanager
    def holding(self, *marks: str) -> Iterator[None]:
        """Before the first row says so, and until the last one does."""
        self._held.update(marks)
        try:
            yield
        finally:
            self._held.subtract(marks)
            self._held = +self._held

    def __contains__(self, mark: str) -> bool:
        """To be asked after the tables were: what was begun meanwhile is held here before it is there."""
        return self._held[mark] > 0
