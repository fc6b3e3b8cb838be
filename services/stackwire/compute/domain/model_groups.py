"""Groups as frozen values: of hosts, and of servers."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """A group of hosts; ``metadata`` may name their availability zone."""

    id: int
    uuid: str
    name: str
    hosts: list[str]
    metadata: dict[str, str]
    created_at: datetime
    updated_at: datetime | None

    @property
    def availability_zone(self) -> str | None:
        return self.metadata.get("availability_zone")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerGroupRow:
    """A row of ``instance_groups``; ``rules``: ``max_server_per_host`` of an anti-affinity group, if anything."""

    id: int
    uuid: str
    user_id: str
    project_id: str
    name: str
    policy: str
    rules: dict[str, int]
    created_at: datetime
    updated_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerGroup(ServerGroupRow):
    """Servers with a policy about their hosts; ``members``: uuids of those that are not deleted."""

    members: list[str]
