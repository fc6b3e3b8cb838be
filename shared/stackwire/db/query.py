"""One page of a list: conditions with numbered placeholders, and what comes after a marker in the list's order."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from stackwire.db.table import Arguments


class Conditions(Arguments):
    """What a WHERE asks, with the values it needs. Texts come from code; whatever a request brings is a value."""

    def __init__(self, *fixed: str) -> None:
        super().__init__()
        self._clauses: list[str] = list(fixed)

    def where(self, clause: str, *values: Any) -> None:
        """Adds a condition; each ``{}`` (or ``{0}``, ``{1}``) stands for one of the values."""
        self._clauses.append(clause.format(*(self.placeholder(value) for value in values)) if values else clause)

    @property
    def sql(self) -> str:
        """All of them, joined by AND; ``true`` when there is none."""
        return " AND ".join(self._clauses) or "true"


@dataclass(frozen=True, slots=True)
class SortKey:
    """One key of an order. ``expression`` is never NULL (``coalesce`` it); ``marker`` is its value, as SQL, in the row
    that the page begins after."""

    expression: str
    descending: bool = False
    marker: str = ""


def order_by(keys: Iterable[SortKey]) -> str:
    """``a DESC, b ASC``."""
    return ", ".join(f"{key.expression} {'DESC' if key.descending else 'ASC'}" for key in keys)


def after_marker(keys: Sequence[SortKey]) -> str:
    """The rows behind the marker: a row comparison (which an index answers) where all keys go the same way, else the
    lexicographic comparison spelt out."""
    if len({key.descending for key in keys}) == 1:
        names, markers = ", ".join(key.expression for key in keys), ", ".join(key.marker for key in keys)
        return f"({names}) {_sign(keys[0])} ({markers})"
    condition = "false"
    for key in reversed(keys):
        same = f"{key.expression} = {key.marker}"
        condition = f"({key.expression} {_sign(key)} {key.marker} OR ({same} AND {condition}))"
    return condition


def _sign(key: SortKey) -> str:
    return "<" if key.descending else ">"
