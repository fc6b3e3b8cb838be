"""Property transfers as lineage keeps them: what went from one resource to another, by which rule."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from stackwire.core.lineage import PropertyChange
from stackwire.trace.domain.resources import Resource

DISPLACED = "replaced: "
"""Before the key of a property that a transfer did not carry but removed from its target, as a rebuild does."""
FROM_NOTIFICATION = "glance notification"
"""The source of what only a notification mentioned."""
_GLANCE_ATTRIBUTES = """
    id name status visibility protected os_hidden owner checksum os_hash_algo os_hash_value size virtual_size
    container_format disk_format min_disk min_ram created_at updated_at tags locations direct_url file self schema
    stores image_id image_name"""
GLANCE_ATTRIBUTES = frozenset(_GLANCE_ATTRIBUTES.split())
"""What a Glance image has beside its properties; transfers contain both (``ImageView.flat``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One event about properties, before it is compared with what is known. ``prefix`` as in ``core.lineage.compare``.

    ``partial``: ``after`` is not everything that the target has, and what is missing in it is not dropped.
    """

    time: float
    request_id: str | None
    origin: Resource
    target: Resource
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    rule: str
    source: str
    prefix: str = ""
    partial: bool = False

    @property
    def by_user(self) -> bool:
        """True when a user set the properties, rather than a rule."""
        return self.origin.kind == "client"

    @property
    def keeps_others(self) -> bool:
        """True when properties of the target that are not in ``after`` remain. An image is created once: properties it
        is already known to have come from a notification that was received before the transfer."""
        return self.partial or self.target.kind == "image"


@dataclass(frozen=True, slots=True)
class Transfer:
    """``origin.kind`` is ``client`` when a user set the properties; its id is the user's. ``time`` as a message's."""

    number: int
    time: float
    origin: Resource
    target: Resource
    rule: str
    source: str
    request_id: str | None
    changes: tuple[PropertyChange, ...]

    @property
    def by_user(self) -> bool:
        """True when a user set the properties, rather than a rule."""
        return self.origin.kind == "client"

    def undisplaced(self) -> "Transfer":
        """The same with the keys of displaced properties as they were."""
        return replace(self, changes=tuple(replace(change, key=plain_key(change)) for change in self.changes))


class TransferStep(NamedTuple):
    """What one transfer did to one property."""

    transfer: Transfer
    change: PropertyChange

    def as_json(self) -> dict[str, Any]:
        """As the API returns it."""
        transfer, change = self
        return {
            "time": transfer.time,
            "from": transfer.origin._asdict(),
            "to": transfer.target._asdict(),
            **change_json(change),
            "rule": transfer.rule,
            "source": transfer.source,
            "request_id": transfer.request_id,
        }


@dataclass(frozen=True, slots=True)
class Property:
    """A property of a resource. ``value`` is None when the resource no longer has it.

    ``past`` leads from who set it to here, ``future`` from here on, both in the order of time; ``now`` is everywhere
    the value that passed through here still is: resource, key and value.
    """

    key: str
    value: str | None
    set_by: str
    past: tuple[TransferStep, ...]
    future: tuple[TransferStep, ...]
    now: tuple[tuple[Resource, str, str | None], ...]

    def as_json(self) -> dict[str, Any]:
        """As the API returns it."""
        return {
            "key": self.key,
            "value": self.value,
            "set_by": self.set_by,
            "past": [step.as_json() for step in self.past],
            "future": [step.as_json() for step in self.future],
            "now": [{**resource._asdict(), "key": key, "value": value} for resource, key, value in self.now],
        }


def change_json(change: PropertyChange) -> dict[str, Any]:
    """A change as the API returns it; ``verdict`` is its outcome."""
    return {
        "key": change.key,
        "after_key": change.after_key,
        "verdict": change.outcome,
        "before": change.before,
        "after": change.after,
    }


def is_displaced(change: PropertyChange) -> bool:
    """True for a property that the target had before the transfer and lost by it."""
    return change.key is not None and change.key.startswith(DISPLACED)


def plain_key(change: PropertyChange) -> str | None:
    """The key before the transfer, also of a displaced property."""
    return None if change.key is None else change.key.removeprefix(DISPLACED)
