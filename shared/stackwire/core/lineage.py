"""What became of each property at one crossing, derived from before and after: the rules stay dict to dict."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

VerdictName = Literal["carried", "renamed", "changed", "truncated", "dropped", "added"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """``key`` before and ``after_key`` after the crossing (None where there is none), with both values as text."""

    key: str | None
    after_key: str | None
    verdict: VerdictName
    before: str | None
    after: str | None


def _text(value: object) -> str | None:
    return None if value is None else value if isinstance(value, str) else str(value)


def compare(before: Mapping[str, object], after: Mapping[str, object], prefix: str = "") -> list[Verdict]:
    """Verdicts for every key of either side, sorted by key.

    ``prefix`` is what the crossing puts before names (``image_`` on the way into system metadata); a negative spelling
    ``-image_`` takes it off. Values are compared as text, because storing them as text is not a change of the property.
    """
    verdicts = []
    met: set[str] = set()
    for key in sorted(before):
        candidate = _renamed(key, prefix)
        after_key = candidate if candidate in after else key if key in after else None
        was = _text(before[key])
        if after_key is None:
            verdicts.append(Verdict(key, None, "dropped", was, None))
            continue
        met.add(after_key)
        verdicts.append(
            Verdict(
                key, after_key, _verdict(key, after_key, was, _text(after[after_key])), was, _text(after[after_key])
            )
        )
    verdicts += [Verdict(None, key, "added", None, _text(after[key])) for key in sorted(after) if key not in met]
    return verdicts


def _renamed(key: str, prefix: str) -> str:
    return key.removeprefix(prefix[1:]) if prefix.startswith("-") else prefix + key


def _verdict(key: str, after_key: str, was: str | None, now: str | None) -> VerdictName:
    if was != now:
        return "truncated" if was and now and len(now) < len(was) and was.startswith(now) else "changed"
    return "carried" if key == after_key else "renamed"
