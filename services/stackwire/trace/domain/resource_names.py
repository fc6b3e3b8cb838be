"""What users call their images, volumes and servers: notifications have id and name."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

from stackwire.trace.domain.message import Message
from stackwire.trace.domain.resources import Resource

MAX_NAMES = 50_000
"""Names kept; the oldest are dropped first."""
_FIELDS = ("display_name", "name")
_KINDS = frozenset({"image", "volume", "snapshot", "backup", "server"})


class ResourceNames:
    """The latest name of each resource."""

    def __init__(self) -> None:
        self._names: OrderedDict[Resource, str] = OrderedDict()

    def learn(self, message: Message) -> None:
        """Takes the name of a notification about one resource."""
        if message.kind != "notification" or message.step == "deliver" or not message.resources:
            return
        resource, payload = message.resources[0], message.raw.get("payload")
        if resource.kind in _KINDS and isinstance(payload, Mapping) and (name := _name(payload)):
            self._set(resource, name)

    def restore(self, names: Mapping[str, Resource]) -> None:
        """What an earlier process knew."""
        for name, resource in names.items():
            self._set(resource, name)

    def of(self, resource: Resource) -> str | None:
        """Its name; a guest has its server's."""
        return self._names.get(Resource("server", resource.id) if resource.kind == "guest" else resource)

    def label(self, resource: Resource) -> str:
        """``volume root``; without a name, the beginning of the id."""
        return f"{resource.kind} {self.of(resource) or resource.id[:8]}"

    def views(self, resources: Iterable[Resource]) -> list[dict[str, Any]]:
        """As the API returns them."""
        return [{**resource._asdict(), "name": self.of(resource)} for resource in resources]

    def _set(self, resource: Resource, name: str) -> None:
        self._names[resource] = name
        self._names.move_to_end(resource)
        if len(self._names) > MAX_NAMES:
            self._names.popitem(last=False)


def _name(payload: Mapping[str, Any]) -> str | None:
    data = payload.get("nova_object.data")  # versioned
    for fields in (payload, data if isinstance(data, Mapping) else {}):
        for field in _FIELDS:
            value = fields.get(field)
            if isinstance(value, str) and value:
                return value
    return None
