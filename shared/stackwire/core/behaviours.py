"""The releases of OpenStack, and the behaviours in force in each (core/behaviour_table.py)."""

from collections.abc import Iterable, Mapping
from functools import cache

from stackwire.core.behaviour_table import TABLE, Behaviour

RELEASES = (
    "icehouse", "juno", "kilo", "liberty", "mitaka", "newton", "ocata", "pike", "queens", "rocky", "stein", "train",
    "ussuri", "victoria", "wallaby", "xena", "yoga", "zed", "2023.1", "2023.2", "2024.1", "2024.2", "2025.1", "2025.2",
    "2026.1", "2026.2",
)  # fmt: skip
CURRENT = RELEASES[-1]
ALIASES = {
    "current": CURRENT, "antelope": "2023.1", "bobcat": "2023.2", "caracal": "2024.1", "dalmatian": "2024.2",
    "epoxy": "2025.1", "flamingo": "2025.2", "gazpacho": "2026.1", "hibiscus": "2026.2",
}  # fmt: skip


BUGS = {behaviour.bug: behaviour for behaviour in TABLE if behaviour.bug}
BUG_ALIASES = {alias.lower(): bug for bug, behaviour in BUGS.items() for alias in behaviour.aliases}
"""Other names of bugs, in lower case."""
_NAMES = frozenset(behaviour.name for behaviour in TABLE)


class Behaviours:
    """The behaviours in force."""

    __slots__ = ("_known", "release", "without")

    def __init__(self, release: str, known: frozenset[str], without: tuple[str, ...]) -> None:
        self.release = release
        self.without = without
        self._known = known

    def has(self, name: str) -> bool:
        """Whether the behaviour is in force. Raises KeyError for a name that is not in the table."""
        if name not in _NAMES:
            raise KeyError(f"no such behaviour: {name}")
        return name in self._known

    def latest(self, since: Mapping[str, str]) -> str:
        """The last value that had come by this release; ``since``: values by the release that brought each."""
        known = RELEASES[: RELEASES.index(self.release) + 1]
        return [since[name] for name in known if name in since][-1]

    def __repr__(self) -> str:
        return f"Behaviours({self.release!r}, without={self.without!r})"


def release_named(text: str) -> str:
    """The canonical name of a release. Raises ValueError, with the known names, for an unknown one."""
    name = ALIASES.get(text.lower(), text.lower())
    if name not in RELEASES:
        raise ValueError(f"unknown release {text!r}; known: {', '.join(RELEASES)}, current")
    return name


@cache
def _behaviours(release: str, without: tuple[str, ...]) -> Behaviours:
    at = RELEASES.index(release)
    known = {behaviour.name for behaviour in TABLE if _is_in_force(behaviour, at)}
    return Behaviours(release, frozenset(known - set(without)), without)


def _is_in_force(behaviour: Behaviour, at: int) -> bool:
    if behaviour.until is not None and at >= RELEASES.index(behaviour.until):
        return False
    unbroken = behaviour.broken_since is not None and at < RELEASES.index(behaviour.broken_since)
    return unbroken or at >= RELEASES.index(behaviour.since)


def behaviours_of(release: str = "current", without: Iterable[str] = ()) -> Behaviours:
    """The behaviours of a release without those named (by behaviour or by bug).

    Raises ValueError for an unknown name.
    """
    taken = []
    for name in without:
        bug = BUG_ALIASES.get(name.lower(), name)
        behaviour = BUGS[bug].name if bug in BUGS else name
        if behaviour not in _NAMES:
            raise ValueError(f"unknown bug {name!r}; known: {', '.join(sorted(BUGS))}")
        taken.append(behaviour)
    return _behaviours(release_named(release), tuple(sorted(taken)))
