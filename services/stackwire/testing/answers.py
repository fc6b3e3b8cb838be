"""Truth values that say why: a failed ``assert`` shows one line, and the report of the test the lines that matter."""

from collections import deque
from dataclasses import dataclass

_KEPT = 50
_evaluated: "deque[Answer]" = deque(maxlen=_KEPT)


@dataclass(frozen=True, slots=True)
class Answer:
    """True or false. ``why``: one line; ``details``: further lines, which the report of a failed test has.

    ``str`` is all of it: for unittest's ``msg``, or a print.
    """

    yes: bool
    why: str
    details: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        if self not in _evaluated:
            _evaluated.append(self)
        return self.yes

    def __repr__(self) -> str:
        return self.why

    def __str__(self) -> str:
        return "\n".join((self.why, *self.details))


def evaluated() -> list[Answer]:
    """Those whose truth was wanted lately, each once."""
    return list(_evaluated)
