"""Which resource a notification is about."""

from collections.abc import Mapping
from typing import Any, NamedTuple, get_args

from stackwire.contracts.properties import IndexedKind
from stackwire.core.errors import NotFound

KINDS: tuple[IndexedKind, ...] = get_args(IndexedKind)
ID_KEYS: Mapping[str, tuple[IndexedKind, str]] = {
    "image.": ("image", "id"),
    "volume.": ("volume", "volume_id"),
    "snapshot.": ("snapshot", "snapshot_id"),
    "compute.instance.": ("server", "instance_id"),
}
"""By the beginning of the event type: the kind of resource, and the key of its id in the payload."""
TRANSFERS = "properties.crossed"
SERVER_PREFIX = "image_"
"""Before the names of image properties in a server's system metadata."""


class Resource(NamedTuple):
    """One that may have properties."""

    kind: IndexedKind
    id: str


class UnknownKind(NotFound):
    """There are no resources of the kind {kind}."""


def about(event_type: str, payload: Any) -> Resource | None:
    """The resource of a notification; None for one of no resource here: members, sent bytes, other kinds.

    Properties of a transfer's goal have changed. Some changes have no other event: of a volume's image metadata.
    """
    if not isinstance(payload, Mapping):
        return None
    if event_type == TRANSFERS:
        kind, ident = payload.get("to_kind"), payload.get("to_id")
        found = next((each for each in KINDS if each == kind), None)
    else:
        found, key = next((each for start, each in ID_KEYS.items() if event_type.startswith(start)), (None, ""))
        ident = payload.get(key)
    return Resource(found, ident) if found is not None and isinstance(ident, str) and ident else None


def names_of(key: str) -> list[str]:
    """The names that a property has: its own, and that on servers."""
    bare = key.removeprefix(SERVER_PREFIX)
    return [bare, SERVER_PREFIX + bare]
