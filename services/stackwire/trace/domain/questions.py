"""Questions people have when a property is not what they expected: why, where, what differs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from stackwire.trace.domain.lineage import Lineage
from stackwire.trace.domain.property_history import FARTHEST
from stackwire.trace.domain.resources import Resource
from stackwire.trace.domain.transfers import Crossed, Property

PREFIX = "image_"
"""What a server puts before the names of its image's properties: a question means the property, however it is named."""


@dataclass(frozen=True, slots=True)
class Why:
    """How a property came to a resource, or where on the way it was lost.

    ``found`` is None when the resource has no such property; then ``lost`` are the crossings, the nearest first, that
    led to the resource from something that had it and did not bring it.
    """

    key: str
    found: Property | None
    lost: tuple[Crossed, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "found": self.found.as_json() if self.found else None,
            "lost": [crossed.as_json() for crossed in self.lost],
        }


def why(lineage: Lineage, resource: Resource, key: str) -> Why:
    """``key`` with or without a server's prefix."""
    properties = {found.key: found for found in lineage.of(resource)}
    for name in _names(key):
        found = properties.get(name)
        if found is not None and found.value is not None:
            return Why(name, found, ())
    return Why(key, None, tuple(_lost(lineage, resource, key)))


def _lost(lineage: Lineage, resource: Resource, key: str) -> list[Crossed]:
    """Back from the resource, crossing by crossing, to each one that had the property and did not hand it on."""
    found: list[Crossed] = []
    waiting, met = [resource], {resource}
    while waiting and len(met) < FARTHEST:
        target = waiting.pop(0)
        for hop in lineage.hops_to(target):
            found += [
                Crossed(hop, verdict)
                for verdict in hop.verdicts
                if verdict.verdict == "dropped" and bare(verdict.key or "") in _names(key)
            ]
            if hop.origin.kind != "client" and hop.origin not in met:
                met.add(hop.origin)
                waiting.append(hop.origin)
    return found


@dataclass(frozen=True, slots=True)
class Place:
    """A resource that has the property now, and who set it there."""

    resource: Resource
    key: str
    value: str | None
    set_by: str

    def as_json(self) -> dict[str, Any]:
        return {"resource": self.resource._asdict(), "key": self.key, "value": self.value, "set_by": self.set_by}


def where(lineage: Lineage, key: str) -> list[Place]:
    """Everything that has it now, the latest last."""
    found = []
    for resource in lineage.resources():
        if lineage.is_gone(resource):
            continue
        state = lineage.now(resource)
        for name in _names(key):
            if name in state:
                _, who = lineage.set_by(resource, name, until=lineage.count)
                found.append(Place(resource, name, state[name], who))
    return found


@dataclass(frozen=True, slots=True)
class Difference:
    """One property on two sides, by its name without a server's prefix. ``sources``: who set either."""

    key: str
    left: str | None
    right: str | None
    what: Literal["same", "changed", "only left", "only right"]
    sources: tuple[str, str]

    def as_json(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "left": self.left,
            "right": self.right,
            "what": self.what,
            "set_by": list(self.sources),
        }


def diff(lineage: Lineage, left: Resource, right: Resource) -> list[Difference]:
    """What two resources have of each other, by name."""
    sides = [_by_bare_name(lineage.now(resource)) for resource in (left, right)]
    found = []
    for key in sorted({*sides[0], *sides[1]}):
        one, two = sides[0].get(key), sides[1].get(key)
        sources = [
            "" if entry is None else lineage.set_by(resource, entry[0], until=lineage.count)[1]
            for resource, entry in ((left, one), (right, two))
        ]
        found.append(
            Difference(key, one and one[1], two and two[1], _what(one, two), (sources[0], sources[1])),
        )
    return found


def _what(
    one: tuple[str, str | None] | None, two: tuple[str, str | None] | None
) -> Literal["same", "changed", "only left", "only right"]:
    if one is None:
        return "only right"
    if two is None:
        return "only left"
    return "same" if one[1] == two[1] else "changed"


def bare(key: str) -> str:
    """Without what a server puts before it."""
    return key.removeprefix(PREFIX)


def _names(key: str) -> tuple[str, str]:
    return bare(key), PREFIX + bare(key)


def _by_bare_name(state: Mapping[str, str | None]) -> dict[str, tuple[str, str | None]]:
    return {bare(key): (key, value) for key, value in state.items()}
