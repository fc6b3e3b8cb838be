"""The images, volumes, snapshots, backups and servers that a message names."""

import re
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any, NamedTuple


class Resource(NamedTuple):
    """``kind`` is image, volume, snapshot, backup, server, guest, or client for a user."""

    kind: str
    id: str

    @property
    def short(self) -> str:
        """``volume 1a2b3c4d``: the beginning of the id is enough on one screen."""
        return f"{self.kind} {self.id[:8]}"


def nonempty(value: object) -> str | None:
    """The text, or None for anything else and for an empty one."""
    return value if isinstance(value, str) and value else None


_RESOURCE_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ARGUMENTS = {
    "instance_uuid": "server",
    "instance_id": "server",
    "server_id": "server",
    "volume_id": "volume",
    "snapshot_id": "snapshot",
    "backup_id": "backup",
    "image_id": "image",
}
_OBJECTS = {
    "Instance": ("server", "uuid"),
    "Volume": ("volume", "id"),
    "Snapshot": ("snapshot", "id"),
    "Backup": ("backup", "id"),
}
_EVENTS = (
    ("compute.instance.", "server", "instance_id"),
    ("volume.", "volume", "volume_id"),
    ("snapshot.", "snapshot", "snapshot_id"),
    ("backup.", "backup", "backup_id"),
    ("image.", "image", "id"),
    ("host.selected", "server", "instance_uuid"),
)
MAX_RESOURCES = 4
_MAX_PAYLOAD_DEPTH = 5
_COLLECTIONS = {
    "images": "image",
    "volumes": "volume",
    "snapshots": "snapshot",
    "servers": "server",
    "backups": "backup",
}


def payload_resources(value: object) -> tuple[Resource, ...]:
    """At most four resources an RPC payload names, those at the lowest depth first."""
    found: dict[Resource, None] = {}
    level: list[object] = [value]
    for _ in range(_MAX_PAYLOAD_DEPTH):
        below: list[object] = []
        for item in level:
            if isinstance(item, Mapping):
                found.update(dict.fromkeys(_named(item)))
                below += item.values()
            elif isinstance(item, list):
                below += item[:4]
        if len(found) >= MAX_RESOURCES:
            break
        level = below
    return tuple(found)[:MAX_RESOURCES]


def path_resources(path: str) -> tuple[Resource, ...]:
    """The resources a URL's path names: an id after a collection's name."""
    parts = path.strip("/").split("/")
    return tuple(
        Resource(_COLLECTIONS[collection], ident)
        for collection, ident in pairwise(parts)
        if collection in _COLLECTIONS and _RESOURCE_ID.fullmatch(ident)
    )


def _named(item: Mapping[str, Any]) -> Iterable[Resource]:
    for prefix in ("nova_object", "versioned_object"):
        known = _OBJECTS.get(str(item.get(f"{prefix}.name")))
        data = item.get(f"{prefix}.data")
        if known and isinstance(data, Mapping) and nonempty(data.get(known[1])):
            yield Resource(known[0], data[known[1]])
    for key, kind in _ARGUMENTS.items():
        if nonempty(item.get(key)):
            yield Resource(kind, item[key])


def event_resources(name: str, payload: object) -> tuple[Resource, ...]:
    """The resource a notification is about, by its event type."""
    if not isinstance(payload, Mapping):
        return ()
    if isinstance(payload.get("nova_object.data"), Mapping):
        ident = nonempty(payload["nova_object.data"].get("uuid"))
        return (Resource("server", ident),) if ident and name.startswith("instance.") else ()
    for start, kind, key in _EVENTS:
        if name.startswith(start) and (ident := nonempty(payload.get(key)) or nonempty(payload.get("image_id"))):
            return (Resource(kind, ident),)
    return ()


def transfer_resources(payload: object) -> tuple[Resource, ...]:
    """The target and the origin of a property transfer, without users."""
    if not isinstance(payload, Mapping):
        return ()
    ends = [Resource(str(payload.get(f"{end}_kind")), str(payload.get(f"{end}_id"))) for end in ("to", "from")]
    return tuple(end for end in ends if end.kind != "client")
