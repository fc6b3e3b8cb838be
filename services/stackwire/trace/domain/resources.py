"""What a message is about: the images, volumes, snapshots and servers its payload names."""

import re
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any, NamedTuple


class Resource(NamedTuple):
    kind: str
    id: str

    @property
    def short(self) -> str:
        """``volume 1a2b3c4d``: enough to tell apart on one screen."""
        return f"{self.kind} {self.id[:8]}"


def text(value: object) -> str | None:
    """The text, or None where there is none."""
    return value if isinstance(value, str) and value else None


_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ARGUMENTS = {
    "instance_uuid": "server",
    "instance_id": "server",
    "server_id": "server",
    "volume_id": "volume",
    "snapshot_id": "snapshot",
    "image_id": "image",
}
_OBJECTS = {"Instance": ("server", "uuid"), "Volume": ("volume", "id"), "Snapshot": ("snapshot", "id")}
_EVENTS = (
    ("compute.instance.", "server", "instance_id"),
    ("volume.", "volume", "volume_id"),
    ("snapshot.", "snapshot", "snapshot_id"),
    ("image.", "image", "id"),
)
_MOST = 4
_COLLECTIONS = {"images": "image", "volumes": "volume", "snapshots": "snapshot", "servers": "server"}


def of_payload(value: object) -> tuple[Resource, ...]:
    """At most four resources an RPC payload names, those nearest to its surface first."""
    found: dict[Resource, None] = {}
    level: list[object] = [value]
    for _ in range(5):
        below: list[object] = []
        for item in level:
            if isinstance(item, Mapping):
                found.update(dict.fromkeys(_named(item)))
                below += item.values()
            elif isinstance(item, list):
                below += item[:4]
        if len(found) >= _MOST:
            break
        level = below
    return tuple(found)[:_MOST]


def of_path(path: str) -> tuple[Resource, ...]:
    """What a URL names: an id after a collection's name."""
    parts = path.strip("/").split("/")
    return tuple(
        Resource(_COLLECTIONS[noun], ident)
        for noun, ident in pairwise(parts)
        if noun in _COLLECTIONS and _UUID.fullmatch(ident)
    )


def _named(item: Mapping[str, Any]) -> Iterable[Resource]:
    for prefix in ("nova_object", "versioned_object"):
        known = _OBJECTS.get(str(item.get(f"{prefix}.name")))
        data = item.get(f"{prefix}.data")
        if known and isinstance(data, Mapping) and text(data.get(known[1])):
            yield Resource(known[0], data[known[1]])
    for key, kind in _ARGUMENTS.items():
        if text(item.get(key)):
            yield Resource(kind, item[key])


def of_event(name: str, told: object) -> tuple[Resource, ...]:
    if not isinstance(told, Mapping):
        return ()
    if isinstance(told.get("nova_object.data"), Mapping):
        ident = text(told["nova_object.data"].get("uuid"))
        return (Resource("server", ident),) if ident and name.startswith("instance.") else ()
    for start, kind, key in _EVENTS:
        if name.startswith(start) and (ident := text(told.get(key)) or text(told.get("image_id"))):
            return (Resource(kind, ident),)
    return ()


def of_crossing(told: object) -> tuple[Resource, ...]:
    if not isinstance(told, Mapping):
        return ()
    ends = [Resource(str(told.get(f"{end}_kind")), str(told.get(f"{end}_id"))) for end in ("to", "from")]
    return tuple(end for end in ends if end.kind != "client")
