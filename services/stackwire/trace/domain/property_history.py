"""The path of one property through the transfers seen: back to who set it, and on to wherever it went."""

from collections.abc import Collection, Iterator, Mapping, Reversible

from stackwire.core.lineage import PropertyChange
from stackwire.trace.domain.resources import Resource
from stackwire.trace.domain.transfers import (
    DISPLACED,
    GLANCE_ATTRIBUTES,
    Property,
    Transfer,
    TransferStep,
    is_displaced,
    plain_key,
)

MAX_STEPS = 64
"""Transfers followed from one resource, in either direction."""


class PropertyHistory:
    """Answers from what a lineage keeps, which owns and changes it: ``transfers``, the newest last, each resource's
    properties, and what was deleted."""

    def __init__(
        self,
        transfers: Reversible[Transfer],
        state: Mapping[Resource, Mapping[str, str | None]],
        deleted: Collection[Resource],
    ) -> None:
        self._transfers, self._state, self._deleted = transfers, state, deleted

    def set_by(self, resource: Resource, key: str, *, until: int) -> tuple[TransferStep | None, str]:
        """The step that set a property as it was after transfer number ``until``, and who had set its value first."""
        past, who = self._past(resource, key, until + 1)
        return (past[-1] if past else None), who

    def properties_of(self, resource: Resource) -> list[Property]:
        """Every property the resource has or had, by name."""
        keys = set(self._state.get(resource, {}))
        for transfer in self._transfers:
            keys.update(_keys_at(transfer, resource))
        return [self._property(resource, key) for key in sorted(keys)]

    def _property(self, resource: Resource, key: str) -> Property:
        past, set_by = self._past(resource, key)
        arrival = past[-1].transfer.number if past else 0
        future = self._future(resource, key, arrival)
        reached = [(resource, key, arrival)]
        reached += [
            (step.transfer.target, step.change.after_key, step.transfer.number)
            for step in future
            if step.change.after_key
        ]
        lasting = dict.fromkeys((where, name) for where, name, at in reached if self._lasts(where, name, at))
        now = tuple(
            (where, name, self._state[where][name])
            for where, name in lasting
            if where not in self._deleted and name in self._state.get(where, {})
        )
        # What left and returned, as a server's snapshot from which it was rebuilt, is in the past already.
        known = {(transfer.number, change.key) for transfer, change in past}
        onward = tuple(step for step in future if (step.transfer.number, step.change.key) not in known)
        return Property(key, self._state.get(resource, {}).get(key), set_by, past, onward, now)

    def _past(self, resource: Resource, key: str, before: float = float("inf")) -> tuple[tuple[TransferStep, ...], str]:
        """Steps in the order of time that led to the value here, and who set it first."""
        path: list[TransferStep] = []
        while len(path) < MAX_STEPS:
            step = self.last_step(resource, key, before)
            if step is None:
                return tuple(reversed(path)), self._first_owner(resource, key)
            path.append(step)
            transfer, change = step
            if transfer.by_user:
                return tuple(reversed(path)), f"user {transfer.origin.id[:8]} ({transfer.rule})"
            if change.key is None:
                return tuple(reversed(path)), transfer.rule
            resource, key, before = transfer.origin, change.key, transfer.number
        return tuple(reversed(path)), "further back than is followed"

    def _first_owner(self, resource: Resource, key: str) -> str:
        """Who set a property that no transfer brought."""
        own = resource.kind == "image" and key in GLANCE_ATTRIBUTES
        known = own or any(transfer.target == resource for transfer in self._transfers)
        return f"{resource.short} {'itself' if known else 'before the trace'}"

    def last_step(self, resource: Resource, key: str, before: float) -> TransferStep | None:
        """The latest step, of a transfer with a number below ``before``, that set the property."""
        for transfer in reversed(self._transfers):
            if transfer.target != resource or transfer.number >= before:
                continue
            for change in transfer.changes:
                if _sets(transfer, change, key):
                    return TransferStep(transfer, change)
        return None

    def _lifetime(self, resource: Resource, key: str, arrival: float) -> tuple[float, float]:
        """The numbers of the transfers from which and until which the resource had the value that came with this one.

        The first value counts from the beginning: the event of who set it may be received late.
        """
        first, until = True, float("inf")
        for transfer in self._transfers:
            if transfer.target != resource or transfer.number == arrival:
                continue
            if any(_sets(transfer, change, key) or _ends(transfer, change, key) for change in transfer.changes):
                if transfer.number > arrival:
                    until = transfer.number
                    break
                first = False
        return (0 if first else arrival), until

    def _lasts(self, resource: Resource, key: str, arrival: float) -> bool:
        return self._lifetime(resource, key, arrival)[1] == float("inf")

    def _future(self, resource: Resource, key: str, arrival: float) -> tuple[TransferStep, ...]:
        """Where the value went that came here with that transfer; what was here before or came later went elsewhere."""
        found: list[TransferStep] = []
        waiting: list[tuple[Resource, str, float]] = [(resource, key, arrival)]
        visited = {(resource, key, arrival)}
        while waiting and len(found) < MAX_STEPS:
            for step in self._steps_from(*waiting.pop(0)):
                found.append(step)
                onward = (step.transfer.target, step.change.after_key or "", step.transfer.number)
                if onward[1] and onward not in visited:
                    visited.add(onward)
                    waiting.append(onward)
        return tuple(sorted(found, key=lambda step: step.transfer.number))

    def _steps_from(self, resource: Resource, key: str, arrival: float) -> Iterator[TransferStep]:
        """What went on from here, and what ended here: replaced by a later transfer, or removed by a user."""
        since, until = self._lifetime(resource, key, arrival)
        for transfer in self._transfers:
            if not since < transfer.number <= until:
                continue
            for change in transfer.changes:
                if transfer.target.kind == "guest" and change.outcome == "dropped":
                    continue  # a guest definition takes what it needs; the rest is not lost
                ended = transfer.target == resource and _ends(transfer, change, key)
                if ended or (transfer.origin == resource and change.key == key):
                    yield TransferStep(transfer, change)


def _sets(transfer: Transfer, change: PropertyChange, key: str) -> bool:
    """A user who sets one property leaves the others as they were: an earlier transfer set them."""
    return change.after_key == key and not (transfer.by_user and change.outcome == "carried")


def _ends(transfer: Transfer, change: PropertyChange, key: str) -> bool:
    """True when the target has the property no more: replaced by a later transfer, or removed by a user."""
    return change.key == (key if transfer.by_user and change.outcome == "dropped" else DISPLACED + key)


def _keys_at(transfer: Transfer, resource: Resource) -> Iterator[str]:
    """Keys of the properties that the resource had before or after a transfer."""
    for change in transfer.changes:
        keys: list[str | None] = []
        if transfer.target == resource:
            keys += [change.after_key, plain_key(change) if _is_removed(transfer, change) else None]
        if transfer.origin == resource and not is_displaced(change):
            keys.append(change.key)
        yield from filter(None, keys)


def _is_removed(transfer: Transfer, change: PropertyChange) -> bool:
    """True when the target had the property and has it no more."""
    return is_displaced(change) or (transfer.by_user and change.outcome == "dropped")
