"""What one transfer did to each property, derived from before and after, so that the rules stay dict to dict."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Outcome = Literal["carried", "renamed", "changed", "truncated", "dropped", "added"]


@dataclass(frozen=True, slots=True)
class PropertyChange:
    """``key`` before and ``after_key`` after the transfer (None where there is none), with both values as text."""

    key: str | None
    after_key: str | None
    outcome: Outcome
    before: str | None
    after: str | None


def as_text(value: object) -> str | None:
    """A property's value as lineage compares and keeps it."""
    return None if value is None else value if isinstance(value, str) else str(value)


def compare(before: Mapping[str, object], after: Mapping[str, object], prefix: str = "") -> list[PropertyChange]:
    """The change of every key of either side, sorted by key.

    ``prefix`` is what the transfer adds to names (``image_`` for system metadata of a server); the spelling ``-image_``
    removes it. Values are compared as text, because storing them as text is not a change of the property.
    """
    changes = []
    matched: set[str] = set()
    for key in sorted(before):
        candidate = _renamed(key, prefix)
        after_key = candidate if candidate in after else key if key in after else None
        old = as_text(before[key])
        if after_key is None:
            changes.append(PropertyChange(key, None, "dropped", old, None))
            continue
        matched.add(after_key)
        new = as_text(after[after_key])
        changes.append(PropertyChange(key, after_key, _outcome(key, after_key, old, new), old, new))
    changes += [
        PropertyChange(None, key, "added", None, as_text(after[key])) for key in sorted(after) if key not in matched
    ]
    return changes


def _renamed(key: str, prefix: str) -> str:
    return key.removeprefix(prefix[1:]) if prefix.startswith("-") else prefix + key


def _outcome(key: str, after_key: str, old: str | None, new: str | None) -> Outcome:
    if old != new:
        return "truncated" if old and new and len(new) < len(old) and old.startswith(new) else "changed"
    return "carried" if key == after_key else "renamed"
