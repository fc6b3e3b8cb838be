"""Who sends how much to whom: participants, what lies between them, and the queues that they take from."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from stackwire.trace.domain.message import Message
from stackwire.trace.domain.participants import NOTIFICATIONS

MAX_CONNECTIONS = 2_000
"""Pairs of participants kept; those unused for longest are dropped first."""
_RESOURCE_KINDS = ("image", "volume", "snapshot", "backup", "server")
_NOT_COUNTED = frozenset({"sql", "reply", "progress"})
MAX_COUNTED = 50_000
"""Resources of a kind that are counted at most."""


@dataclass(slots=True)
class Connection:
    """Messages from one participant to another, since the tracer started. ``failed`` is without refusals (4xx)."""

    sender: str
    receiver: str
    messages: int = 0
    failed: int = 0
    last: float = 0.0
    kinds: dict[str, int] = field(default_factory=dict)
    queues: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """As the API returns it."""
        return {name: getattr(self, name) for name in self.__slots__}


class CloudMap:
    """Kept up to date message by message. Housekeeping is left out, and replies: their calls are counted."""

    def __init__(self) -> None:
        self._connections: OrderedDict[tuple[str, str], Connection] = OrderedDict()
        self._resources: dict[str, dict[str, None]] = {kind: {} for kind in _RESOURCE_KINDS}
        self._deleted: dict[str, int] = dict.fromkeys(_RESOURCE_KINDS, 0)

    def add(self, message: Message) -> None:
        """Counts a message once, not its deliveries, though the queue of a delivery is remembered."""
        if message.housekeeping or not (message.sender and message.receiver) or message.kind in _NOT_COUNTED:
            return
        connection = self._connection(message.sender, message.receiver)
        if message.step == "deliver":
            if message.receiver != NOTIFICATIONS:
                for queue in message.queues:
                    connection.queues[queue] = connection.queues.get(queue, 0) + 1
            if message.kind != "notification" or message.receiver == NOTIFICATIONS:
                return
        connection.messages += 1
        connection.failed += message.failure is not None and not 400 <= (message.status or 0) < 500
        connection.last = max(connection.last, message.time)
        connection.kinds[message.kind] = connection.kinds.get(message.kind, 0) + 1
        self._count_resources(message)

    def as_json(self) -> dict[str, Any]:
        """As the API returns it: connections with messages, and how many resources of each kind are known to exist."""
        return {
            "connections": [found.as_json() for found in self._connections.values() if found.messages],
            "resources": {kind: len(self._resources[kind]) for kind in _RESOURCE_KINDS},
            "deleted": dict(self._deleted),
        }

    def _connection(self, sender: str, receiver: str) -> Connection:
        key = (sender, receiver)
        if key not in self._connections:
            self._connections[key] = Connection(sender, receiver)
            if len(self._connections) > MAX_CONNECTIONS:
                self._connections.popitem(last=False)
        self._connections.move_to_end(key)
        return self._connections[key]

    def _count_resources(self, message: Message) -> None:
        if message.kind != "notification" or not message.resources:
            return
        resource = message.resources[0]
        known = self._resources.get(resource.kind)
        if known is None:
            return
        if message.name.endswith((".delete.end", "image.delete")):
            if known.pop(resource.id, message) is None:
                self._deleted[resource.kind] += 1
        elif ".delete" not in message.name and len(known) < MAX_COUNTED:
            known[resource.id] = None
