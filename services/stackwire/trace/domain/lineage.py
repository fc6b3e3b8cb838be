"""Where each property of a resource came from, what every crossing did to it, and where it is now."""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from stackwire.core.lineage import Verdict, compare
from stackwire.trace.domain.message import Message, Resource

HOPS = 20_000
"""Crossings kept; the oldest go first."""
FARTHEST = 64
"""Crossings followed from one resource, either way."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One crossing. ``origin.kind`` is ``client`` when a user set the properties; its id is the user's."""

    number: int
    time: float
    origin: Resource
    target: Resource
    rule: str
    source: str
    request_id: str | None
    verdicts: tuple[Verdict, ...]


class Crossed(NamedTuple):
    """What one crossing did to one property."""

    hop: Hop
    verdict: Verdict

    def as_json(self) -> dict[str, Any]:
        hop, verdict = self
        return {
            "time": hop.time,
            "from": hop.origin._asdict(),
            "to": hop.target._asdict(),
            "key": verdict.key,
            "after_key": verdict.after_key,
            "verdict": verdict.verdict,
            "before": verdict.before,
            "after": verdict.after,
            "rule": hop.rule,
            "source": hop.source,
            "request_id": hop.request_id,
        }


@dataclass(frozen=True, slots=True)
class Property:
    """A property of the resource asked about. ``value`` is None when the resource no longer has it.

    ``past`` leads from who set it to here, ``future`` from here on, both in the order of time; ``now`` is everywhere
    the value that passed through here still is.
    """

    key: str
    value: str | None
    set_by: str
    past: tuple[Crossed, ...]
    future: tuple[Crossed, ...]
    now: tuple[tuple[Resource, str, str | None], ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "value": self.value,
            "set_by": self.set_by,
            "past": [crossed.as_json() for crossed in self.past],
            "future": [crossed.as_json() for crossed in self.future],
            "now": [{**where._asdict(), "key": key, "value": value} for where, key, value in self.now],
        }


class Lineage:
    """All crossings seen, newest last, bounded. Answers are computed when asked for."""

    def __init__(self, limit: int = HOPS) -> None:
        self._hops: deque[Hop] = deque(maxlen=limit)
        self._state: dict[Resource, dict[str, str | None]] = {}
        self._count = 0
        self.names: dict[str, Resource] = {}

    def __len__(self) -> int:
        return len(self._hops)

    @property
    def forgotten(self) -> int:
        """Crossings that went over the bound."""
        return self._count - len(self._hops)

    def read(self, message: Message) -> Hop | None:
        """Takes a crossing event, or what an image notification tells of the image's properties."""
        if message.step == "deliver":
            return None
        told = message.payload.get("payload") if isinstance(message.payload, Mapping) else None
        if not isinstance(told, Mapping):
            return None
        self._learn_name(message, told)
        if message.kind == "crossing":
            return self._crossing(message, told)
        if message.name in ("image.create", "image.update", "image.activate"):
            return self._image_event(message, told)
        return None

    def _learn_name(self, message: Message, told: Mapping[str, Any]) -> None:
        """People know resources by name; notifications tell both. The last of two with one name is meant."""
        name = told.get("display_name") or (told.get("name") if message.name.startswith("image.") else None)
        if message.resources and isinstance(name, str) and name:
            self.names.pop(name, None)
            self.names[name] = message.resources[0]
            if len(self.names) > HOPS:
                self.names.pop(next(iter(self.names)))

    def _crossing(self, message: Message, told: Mapping[str, Any]) -> Hop | None:
        before, after = told.get("before"), told.get("after")
        if not isinstance(before, Mapping) or not isinstance(after, Mapping):
            return None
        origin = Resource(str(told.get("from_kind")), str(told.get("from_id")))
        target = Resource(str(told.get("to_kind")), str(told.get("to_id")))
        if origin.kind == "client" and before == after:
            return self._told(message, origin, target, after, rule=str(told.get("rule", "")), told=told)
        return self._add(
            message,
            origin,
            target,
            before,
            after,
            rule=str(told.get("rule", "")),
            source=str(told.get("source", "")),
            prefix=str(told.get("prefix", "")),
        )

    def _told(
        self,
        message: Message,
        user: Resource,
        target: Resource,
        properties: Mapping[str, Any],
        *,
        rule: str,
        told: Mapping[str, Any],
    ) -> Hop | None:
        """What a user said, without what was there before: known state tells what that changed.

        The notification of the same change may have come first; it knows the owner only, so the user takes its place.
        """
        source = str(told.get("source", ""))
        known = self._state.get(target, {})
        if all(key in known and known[key] == _text(value) for key, value in properties.items()):
            for at in range(len(self._hops) - 1, -1, -1):
                hop = self._hops[at]
                if hop.target == target and hop.origin.kind == "client" and hop.rule == rule:
                    request = message.global_request_id or message.request_id
                    self._hops[at] = replace(hop, origin=user, source=source, request_id=request)
                    return self._hops[at]
        return self._add(message, user, target, known, {**known, **properties}, rule=rule, source=source)

    def _image_event(self, message: Message, told: Mapping[str, Any]) -> Hop | None:
        """Glance tells of every property an image has; what nobody's crossing explains, its owner did."""
        properties, ident = told.get("properties"), told.get("id")
        if not isinstance(properties, Mapping) or not isinstance(ident, str):
            return None
        image = Resource("image", ident)
        known = {key: value for key, value in self._state.get(image, {}).items() if key not in _IMAGE_ATTRIBUTES}
        if known == dict(properties):
            return None
        owner = Resource("client", str(told.get("owner") or ""))
        return self._add(message, owner, image, known, properties, rule=message.name, source="glance notification")

    def _add(
        self,
        message: Message,
        origin: Resource,
        target: Resource,
        before: Mapping[str, Any],
        after: Mapping[str, Any],
        *,
        rule: str,
        source: str,
        prefix: str = "",
    ) -> Hop:
        self._count += 1
        hop = Hop(
            number=self._count,
            time=message.time,
            origin=origin,
            target=target,
            rule=rule,
            source=source,
            request_id=message.global_request_id or message.request_id,
            verdicts=(*compare(before, after, prefix), *self._displaced(origin, target, after)),
        )
        self._hops.append(hop)
        if origin.kind != "client":  # what it is seen to have, it has, whoever gave it
            self._state.setdefault(origin, {}).update({key: _text(value) for key, value in before.items()})
        self._state[target] = {key: _text(value) for key, value in after.items()}
        if len(self._state) > self._hops.maxlen:  # type: ignore[operator]  # a bound is always given
            self._state.pop(next(iter(self._state)))
        return hop

    def _displaced(self, origin: Resource, target: Resource, after: Mapping[str, Any]) -> Iterator[Verdict]:
        """What the target had and has no more: a rebuild takes the old image's properties away."""
        if origin == target or origin.kind == "client":
            return
        for key, value in sorted(self._state.get(target, {}).items()):
            if key not in after:
                yield Verdict(f"{_DISPLACED}{key}", None, "dropped", value, None)

    # -- answers

    @property
    def count(self) -> int:
        """The number of the latest crossing."""
        return self._count

    def crossed(self, resource: Resource, *, after: int) -> bool:
        """True when a crossing later than number ``after`` led to the resource."""
        return any(hop.target == resource and hop.number > after for hop in reversed(self._hops))

    def resources(self) -> list[Resource]:
        """Everything properties went from or to, the latest last."""
        found: dict[Resource, None] = {}
        for hop in self._hops:
            for end in (hop.origin, hop.target):
                if end.kind != "client":
                    found.pop(end, None)
                    found[end] = None
        return list(found)

    def find(self, wanted: str) -> Resource | None:
        """The resource of an id, the beginning of one, or a name; ``kind:id`` where that could be two things."""
        kind, colon, ident = wanted.rpartition(":")
        matches = [
            resource
            for resource in self.resources()
            if resource.id.startswith(ident) and (not colon or resource.kind == kind)
        ]
        exact = [resource for resource in matches if resource.id == ident]
        # A server and its guest definition bear one id; the server is what is meant.
        found = next(iter(sorted(exact or matches, key=lambda match: match.kind == "guest")), None)
        return found if found is not None and exact else self.names.get(wanted, found)

    def now(self, resource: Resource) -> dict[str, str | None]:
        return dict(self._state.get(resource, {}))

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
                keys |= {v.key.removeprefix(_DISPLACED) for v in hop.verdicts if v.key and _is_displaced(v)}
                keys |= {
                    v.key for v in hop.verdicts if v.key and v.verdict == "dropped" and hop.origin.kind == "client"
                }
            if hop.origin == resource:
                keys |= {verdict.key for verdict in hop.verdicts if verdict.key and not _is_displaced(verdict)}
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
            (where, name, self._state[where][name]) for where, name in ends if name in self._state.get(where, {})
        )
        return Property(key, self._state.get(resource, {}).get(key), set_by, past, future, now)

    def _past(self, resource: Resource, key: str, at: float = float("inf")) -> tuple[tuple[Crossed, ...], str]:
        """Backwards: the crossing that brought the value here, and the one that brought it there."""
        path: list[Crossed] = []
        for _ in range(FARTHEST):
            found = self._brought(resource, key, at)
            if found is None:
                own = resource.kind == "image" and key in _IMAGE_ATTRIBUTES
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

    def _brought(self, resource: Resource, key: str, before: float) -> Crossed | None:
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
                    key if hop.origin.kind == "client" and verdict.verdict == "dropped" else _DISPLACED + key
                )
                if ended or (hop.origin == resource and verdict.key == key):
                    yield Crossed(hop, verdict)


_DISPLACED = "replaced: "
# What a Glance image says of itself beside its properties; crossings carry both (ImageView.flat).
_IMAGE_ATTRIBUTES = frozenset(
    {
        "id", "name", "status", "visibility", "protected", "os_hidden", "owner", "checksum", "os_hash_algo",
        "os_hash_value", "size", "virtual_size", "container_format", "disk_format", "min_disk", "min_ram", "created_at",
        "updated_at", "tags", "locations", "direct_url", "file", "self", "schema", "stores", "image_id", "image_name",
    }
)  # fmt: skip


def _is_displaced(verdict: Verdict) -> bool:
    return verdict.key is not None and verdict.key.startswith(_DISPLACED)


def _text(value: object) -> str | None:
    return None if value is None else value if isinstance(value, str) else str(value)
