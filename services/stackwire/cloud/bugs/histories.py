"""What was wrong with each old bug, and who learnt it when (histories.toml)."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class History:
    """``wrong``: what users met; ``facts``: dates, the oldest first."""

    wrong: str
    facts: tuple[str, ...]


@cache
def histories() -> dict[str, History]:
    """By the bug's name."""
    table = tomllib.loads((files("stackwire.cloud") / "bugs" / "histories.toml").read_text("utf-8"))
    return {bug: History(found["wrong"], tuple(found["facts"])) for bug, found in table.items()}
