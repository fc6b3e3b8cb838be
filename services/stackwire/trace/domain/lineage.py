"""Where each property of a resource came from, what every crossing did to it, and where it is now."""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from stackwire.core.lineage import Verdict, compare
from stackwire.trace.domain.message import Message
from stackwire.trace.domain.property_history import Ways
from stackwire.trace.domain.redact import redacted
from stackwire.trace.domain.resources import Resource
from stackwire.trace.domain.transfers import (
    DISPLACED,
    IMAGE_ATTRIBUTES,
    OVERHEARD,
    Crossed,
    Hop,
    Property,
    plain,
)

ENDS = frozenset(
    {"image.delete", "volume.delete.end", "snapshot.delete.end", "compute.instance.delete.end", "instance.delete.end"}
)
HOPS = 20_000
"""Crossings kept; the oldest go first."""


class Lineage:
    """All crossings seen, newest last, bounded. Answers are computed when asked for."""

    def __init__(self, limit: int = HOPS) -> None:
        self._hops: deque[Hop] = deque(maxlen=limit)
        self._state: dict[Resource, dict[str, str | None]] = {}
        self._gone: set[Resource] = set()
        self._ways = Ways(self._hops, self._state, self._gone)
        self._count = 0
        self.names: dict[str, Resource] = {}
        self.learnt: dict[str, Resource] | None = None
        """Names since somebody took them last; None when nobody does."""

    def __len__(self) -> int:
        return len(self._hops)

    @property
    def forgotten(self) -> int:
        """Crossings that went over the bound."""
        return self._count - len(self._hops)

    def read(self, message: Message) -> bool:
        """Takes a crossing event, what an image notification tells of the image's properties, and the end of a
        resource. True when there was something to take."""
        if message.step == "deliver":
            return False
        told = message.raw.get("payload") if isinstance(message.raw, Mapping) else None
        if not isinstance(told, Mapping):
            return False
        self._learn_name(message, told)
        return self._ended(message) or self._crossed(message, told) is not None

    def _ended(self, message: Message) -> bool:
        """What was deleted has its properties no more; what is told of an image later, it was taken back for."""
        known = [one for one in message.resources if one in self._state]
        if message.name in ENDS:
            ended = [*known, *(Resource("guest", one.id) for one in known if one.kind == "server")]
            self._gone.update(ended)
            return bool(ended)
        if message.name.startswith("image.") and message.kind == "notification":
            self._gone.difference_update(known)
        return False

    def _crossed(self, message: Message, told: Mapping[str, Any]) -> Hop | None:
        if message.kind == "crossing":
            return self._crossing(message, redacted(told))
        if message.name in ("image.create", "image.update", "image.activate"):
            return self._image_event(message, redacted(told))
        return None

    def _learn_name(self, message: Message, told: Mapping[str, Any]) -> None:
        """People know resources by name; notifications tell both. The last of two with one name is meant."""
        name = told.get("display_name") or (told.get("name") if message.name.startswith("image.") else None)
        if message.resources and isinstance(name, str) and name:
            self.names.pop(name, None)
            self.names[name] = message.resources[0]
            if self.learnt is not None:
                self.learnt.pop(name, None)
                self.learnt[name] = message.resources[0]
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
            partial=told.get("partial") is True,
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
        state = {key: value for key, value in self._state.get(image, {}).items() if value is not None}
        known = {key: value for key, value in state.items() if key not in IMAGE_ATTRIBUTES}
        now = {key: _text(value) for key, value in properties.items() if value is not None}
        if message.name == "image.create":  # a beginning: what is known besides has come since
            now = {**known, **now}
        if known == now:
            return None
        owner = Resource("client", str(told.get("owner") or ""))
        own = {key: value for key, value in state.items() if key in IMAGE_ATTRIBUTES}
        return self._add(message, owner, image, state, {**own, **now}, rule=message.name, source=OVERHEARD)

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
        partial: bool = False,
    ) -> Hop:
        self._count += 1
        verdicts = compare(before, after, prefix)
        # An image is made once: what it is already said to have, a notification told before its crossing came.
        adds = partial or target.kind == "image"
        if partial:
            verdicts = [verdict for verdict in verdicts if verdict.after_key is not None]
        if not adds:
            # What the target kept of its own came from nowhere, though the crossing tells of the whole.
            own = self._state.get(target, {})
            verdicts = [one for one in verdicts if one.verdict != "added" or own.get(one.after_key or "") != one.after]
            verdicts += self._displaced(origin, target, after)
        hop = Hop(
            number=self._count,
            time=message.time,
            origin=origin,
            target=target,
            rule=rule,
            source=source,
            request_id=message.global_request_id or message.request_id,
            verdicts=tuple(verdicts),
        )
        self._hops.append(hop)
        if origin.kind != "client":  # what it is seen to have, it has, whoever gave it
            self._state.setdefault(origin, {}).update({key: _text(value) for key, value in before.items()})
        kept = self._state.get(target, {}) if adds and origin.kind != "client" else {}
        self._gone.discard(target)
        self._state[target] = {**kept, **{key: _text(value) for key, value in after.items()}}
        if len(self._state) > self._hops.maxlen:  # type: ignore[operator]  # a bound is always given
            oldest = next(iter(self._state))
            self._state.pop(oldest)
            self._gone.discard(oldest)
        return hop

    def _displaced(self, origin: Resource, target: Resource, after: Mapping[str, Any]) -> Iterator[Verdict]:
        """What the target had and has no more: a rebuild takes the old image's properties away."""
        if origin == target or origin.kind == "client":
            return
        for key, value in sorted(self._state.get(target, {}).items()):
            if key not in after:
                yield Verdict(f"{DISPLACED}{key}", None, "dropped", value, None)

    # -- answers

    @property
    def count(self) -> int:
        """The number of the latest crossing."""
        return self._count

    def crossed(self, resource: Resource, *, after: int) -> bool:
        """True when a crossing later than number ``after`` led to the resource."""
        return any(hop.target == resource and hop.number > after for hop in reversed(self._hops))

    def hops_to(self, resource: Resource) -> list[Hop]:
        """Every crossing that led to the resource, the latest first; what a rebuild displaced is named as it was."""
        return [plain(hop) for hop in reversed(self._hops) if hop.target == resource]

    def overheard(self, resource: Resource) -> list[str]:
        """Properties only a notification told of so far: the crossing that explains them is still to come, if any."""
        found = []
        for key in sorted(self._state.get(resource, {}).keys() - IMAGE_ATTRIBUTES):
            brought = self._ways.brought(resource, key, float("inf"))
            if brought is not None and brought.hop.source == OVERHEARD:
                found.append(key)
        return found

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

    def is_gone(self, resource: Resource) -> bool:
        """True when it was deleted."""
        return resource in self._gone

    def now(self, resource: Resource) -> dict[str, str | None]:
        return dict(self._state.get(resource, {}))

    def set_by(self, resource: Resource, key: str, *, until: int) -> tuple[Crossed | None, str]:
        """The crossing that brought a property as it was after crossing number ``until``, and who had set it."""
        return self._ways.set_by(resource, key, until=until)

    def of(self, resource: Resource) -> list[Property]:
        """Every property the resource has or had, by name."""
        return self._ways.of(resource)


def _text(value: object) -> str | None:
    return None if value is None else value if isinstance(value, str) else str(value)
