"""The way of one property through the crossings seen: back to who set it, and on to wherever it went."""

from collections.abc import Collection, Iterator, Mapping, Reversible

from stackwire.trace.domain.resources import Resource
from stackwire.trace.domain.transfers import DISPLACED, IMAGE_ATTRIBUTES, Crossed, Hop, Property, is_displaced

FARTHEST = 64
"""Crossings followed from one resource, either way."""


class Ways:
    """Answers from what a lineage keeps, which owns and changes it: ``hops``, the newest last, each resource's
    properties, and what was deleted."""

    def __init__(
        self,
        hops: Reversible[Hop],
        state: Mapping[Resource, Mapping[str, str | None]],
        gone: Collection[Resource],
    ) -> None:
        self._hops, self._state, self._gone = hops, state, gone

    def set_by(self, resource: Resource, key: str, *, until: int) -> tuple[Crossed | None, str]:
        """The crossing that brought a property as it was after crossing number ``until``, and who had set it."""
        past, who = self._past(resource, key, until + 1)
        return (past[-1] if past else None), who

    def of(self, resource: Resource) -> list[Property]:
        """Every property the resource has or had, by name."""
        keys = set(self._state.get(resource, {}))
        for hop in self._hops:
            if hop.target == resource:
                keys |= {verdict.after_key for verdict in hop.verdicts if verdict.after_key}
                keys |= {v.key.removeprefix(DISPLACED) for v in hop.verdicts if v.key and is_displaced(v)}
                keys |= {
                    v.key for v in hop.verdicts if v.key and v.verdict == "dropped" and hop.origin.kind == "client"
                }
            if hop.origin == resource:
                keys |= {verdict.key for verdict in hop.verdicts if verdict.key and not is_displaced(verdict)}
        return [self._property(resource, key) for key in sorted(keys)]

    def _property(self, resource: Resource, key: str) -> Property:
        past, set_by = self._past(resource, key)
        future = self._future(resource, key)
        ends: dict[tuple[Resource, str], None] = {(resource, key): None}
        ends.update(
            dict.fromkeys(
                (crossed.hop.target, crossed.verdict.after_key) for crossed in future if crossed.verdict.after_key
            )
        )
        now = tuple(
            (where, name, self._state[where][name])
            for where, name in ends
            if where not in self._gone and name in self._state.get(where, {})
        )
        # What went out and came back, as a server's snapshot it was rebuilt from, is told once.
        known = {(hop.number, verdict.key) for hop, verdict in past}
        onward = tuple(crossed for crossed in future if (crossed.hop.number, crossed.verdict.key) not in known)
        return Property(key, self._state.get(resource, {}).get(key), set_by, past, onward, now)

    def _past(self, resource: Resource, key: str, at: float = float("inf")) -> tuple[tuple[Crossed, ...], str]:
        """Backwards: the crossing that brought the value here, and the one that brought it there."""
        path: list[Crossed] = []
        for _ in range(FARTHEST):
            found = self.brought(resource, key, at)
            if found is None:
                own = resource.kind == "image" and key in IMAGE_ATTRIBUTES
                known = own or any(hop.target == resource for hop in self._hops)
                return tuple(reversed(path)), f"{resource.short} {'itself' if known else 'before the trace'}"
            path.append(found)
            hop, verdict = found
            if hop.origin.kind == "client":
                return tuple(reversed(path)), f"user {hop.origin.id[:8]} ({hop.rule})"
            if verdict.key is None:
                return tuple(reversed(path)), hop.rule
            resource, key, at = hop.origin, verdict.key, hop.number
        return tuple(reversed(path)), "further back than is followed"

    def brought(self, resource: Resource, key: str, before: float) -> Crossed | None:
        for hop in reversed(self._hops):
            if hop.target != resource or hop.number >= before:
                continue
            for verdict in hop.verdicts:
                # A user who sets one property leaves the others as they were: their story is an earlier one.
                untouched = hop.origin.kind == "client" and verdict.verdict == "carried"
                if verdict.after_key == key and not untouched:
                    return Crossed(hop, verdict)
        return None

    def _future(self, resource: Resource, key: str) -> tuple[Crossed, ...]:
        found: list[Crossed] = []
        waiting: list[tuple[Resource, str]] = [(resource, key)]
        met = {(resource, key)}
        while waiting and len(found) < FARTHEST:
            where, name = waiting.pop(0)
            for crossed in self._leaving(where, name):
                found.append(crossed)
                onward = (crossed.hop.target, crossed.verdict.after_key or "")
                if onward[1] and onward not in met:
                    met.add(onward)
                    waiting.append(onward)
        return tuple(sorted(found, key=lambda crossed: crossed.hop.number))

    def _leaving(self, resource: Resource, key: str) -> Iterator[Crossed]:
        """What went on from here, and what ended here: replaced by a later crossing, or taken away by a user."""
        for hop in self._hops:
            for verdict in hop.verdicts:
                if hop.target.kind == "guest" and verdict.verdict == "dropped":
                    continue  # a guest definition takes what it needs; the rest is not lost
                ended = hop.target == resource and verdict.key == (
                    key if hop.origin.kind == "client" and verdict.verdict == "dropped" else DISPLACED + key
                )
                if ended or (hop.origin == resource and verdict.key == key):
                    yield Crossed(hop, verdict)
