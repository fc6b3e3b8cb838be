"""State machines as tables: the database statement asks them, the README draws them."""

from collections.abc import Mapping
from dataclasses import dataclass


def table(**moves: str) -> dict[str, frozenset[str]]:
    """``table(queued="saving active", saving="active")``: from each state, the states it may go to.

    A state that only occurs as a goal must still be a key, so that a misspelt name fails at import.
    Underscores stand for the dashes of names such as ``in-use``.
    """
    parsed = {_name(source): frozenset(_name(goal) for goal in goals.split()) for source, goals in moves.items()}
    unknown = {goal for goals in parsed.values() for goal in goals} - parsed.keys()
    if unknown:
        raise ValueError(f"states without a row of their own: {sorted(unknown)}")
    return parsed


def _name(text: str) -> str:
    return text.replace("__", "-")


@dataclass(frozen=True, slots=True)
class Machine:
    """A noun's states and moves. ``sources(to)`` is the WHERE of the compare-and-swap that makes the move."""

    noun: str
    moves: Mapping[str, frozenset[str]]

    def sources(self, to: str) -> list[str]:
        """The states from which ``to`` may be entered, sorted."""
        if to not in self.moves:
            raise KeyError(f"{self.noun} has no state {to!r}")
        return sorted(source for source, goals in self.moves.items() if to in goals)

    def allows(self, source: str, to: str) -> bool:
        return to in self.moves.get(source, frozenset())

    def mermaid(self) -> str:
        """The table as a Mermaid state diagram."""
        lines = [
            f"    {source.replace('-', '_')} --> {goal.replace('-', '_')}"
            for source, goals in sorted(self.moves.items())
            for goal in sorted(goals)
        ]
        return "\n".join(["stateDiagram-v2", *lines])
