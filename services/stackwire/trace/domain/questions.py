"""Questions about a property that is not as expected: why, where, what differs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from stackwire.trace.domain.lineage import Lineage
from stackwire.trace.domain.property_history import MAX_STEPS
from stackwire.trace.domain.resources import Resource
from stackwire.trace.domain.transfers import Property, TransferStep

SERVER_PREFIX = "image_"
"""Before the names of image properties in a server's system metadata; a question is about the property itself."""


Comparison = Literal["same", "changed", "only left", "only right"]


@dataclass(frozen=True, slots=True)
class Why:
    """The path of a property to a resource, or where on the path it was lost.

    ``found`` is None when the resource has no such property; then ``lost`` are the transfers to the resource, the
    nearest first, whose origin had the property and which dropped it.
    """

    key: str
    found: Property | None
    lost: tuple[TransferStep, ...]

    def as_json(self) -> dict[str, Any]:
        """As the API returns it."""
        return {
            "key": self.key,
            "found": self.found.as_json() if self.found else None,
            "lost": [step.as_json() for step in self.lost],
        }


def why(lineage: Lineage, resource: Resource, key: str) -> Why:
    """The path of a property to the resource; ``key`` with or without a server's prefix."""
    properties = {found.key: found for found in lineage.properties_of(resource)}
    for name in _names(key):
        found = properties.get(name)
        if found is not None and found.value is not None:
            return Why(name, found, ())
    return Why(key, None, tuple(_lost(lineage, resource, key)))


def _lost(lineage: Lineage, resource: Resource, key: str) -> list[TransferStep]:
    """Back from the resource, transfer by transfer: each one that dropped the property."""
    found: list[TransferStep] = []
    waiting, visited = [resource], {resource}
    while waiting and len(visited) < MAX_STEPS:
        target = waiting.pop(0)
        for transfer in lineage.transfers_to(target):
            found += [
                TransferStep(transfer, change)
                for change in transfer.changes
                if change.outcome == "dropped" and bare(change.key or "") in _names(key)
            ]
            if not transfer.by_user and transfer.origin not in visited:
                visited.add(transfer.origin)
                waiting.append(transfer.origin)
    return found


@dataclass(frozen=True, slots=True)
class PropertyLocation:
    """A resource that has the property now, and who set it there."""

    resource: Resource
    key: str
    value: str | None
    set_by: str

    def as_json(self) -> dict[str, Any]:
        """As the API returns it."""
        return {"resource": self.resource._asdict(), "key": self.key, "value": self.value, "set_by": self.set_by}


def where(lineage: Lineage, key: str) -> list[PropertyLocation]:
    """Every resource that has the property now, the latest last."""
    found = []
    for resource in lineage.resources():
        if lineage.is_deleted(resource):
            continue
        state = lineage.now(resource)
        for name in _names(key):
            if name in state:
                _, who = lineage.set_by(resource, name, until=lineage.count)
                found.append(PropertyLocation(resource, name, state[name], who))
    return found


@dataclass(frozen=True, slots=True)
class Difference:
    """One property of two resources, by its name without a server's prefix. ``set_by``: who set each."""

    key: str
    values: tuple[str | None, str | None]
    comparison: Comparison
    set_by: tuple[str, str]

    def as_json(self) -> dict[str, Any]:
        """As the API returns it."""
        first, second = self.values
        return {"key": self.key, "left": first, "right": second, "what": self.comparison, "set_by": list(self.set_by)}


def diff(lineage: Lineage, first: Resource, second: Resource) -> list[Difference]:
    """The properties of two resources side by side, by name."""
    entries = _by_bare_key(lineage.now(first)), _by_bare_key(lineage.now(second))
    found = []
    for key in sorted({*entries[0], *entries[1]}):
        one, two = entries[0].get(key), entries[1].get(key)
        setters = _set_by(lineage, first, one), _set_by(lineage, second, two)
        found.append(Difference(key, (one and one[1], two and two[1]), _comparison(one, two), setters))
    return found


def _set_by(lineage: Lineage, resource: Resource, entry: tuple[str, str | None] | None) -> str:
    return "" if entry is None else lineage.set_by(resource, entry[0], until=lineage.count)[1]


def _comparison(one: tuple[str, str | None] | None, two: tuple[str, str | None] | None) -> Comparison:
    if one is None:
        return "only right"
    if two is None:
        return "only left"
    return "same" if one[1] == two[1] else "changed"


def bare(key: str) -> str:
    """A key without a server's prefix."""
    return key.removeprefix(SERVER_PREFIX)


def _names(key: str) -> tuple[str, str]:
    return bare(key), SERVER_PREFIX + bare(key)


def _by_bare_key(state: Mapping[str, str | None]) -> dict[str, tuple[str, str | None]]:
    return {bare(key): (key, value) for key, value in state.items()}
