"""How much servers used of a period, and which period an audit is about."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedServer:
    """A server that ran in a period, deleted or not."""

    id: int
    uuid: str
    name: str
    project_id: str
    flavor: str
    vcpus: int
    memory_mb: int
    local_gb: int
    vm_state: str
    launched_at: datetime
    terminated_at: datetime | None

    def hours(self, start: datetime, stop: datetime) -> float:
        """How long it ran between the two."""
        ended = stop if self.terminated_at is None else min(stop, self.terminated_at)
        return max((ended - max(self.launched_at, start)).total_seconds(), 0) / 3600


@dataclass(frozen=True, slots=True)
class Usage:
    """What a project's servers used between ``start`` and ``stop``, as of ``now``."""

    project_id: str
    servers: tuple[UsedServer, ...]
    start: datetime
    stop: datetime
    now: datetime


def by_project(servers: Iterable[UsedServer], start: datetime, stop: datetime, now: datetime) -> list[Usage]:
    """One usage for each project, in the order of its first server."""
    found: dict[str, list[UsedServer]] = {}
    for server in servers:
        found.setdefault(server.project_id, []).append(server)
    return [Usage(project, tuple(own), start, stop, now) for project, own in found.items()]


def last_month(before: datetime) -> tuple[datetime, datetime]:
    """The last whole month (``nova/utils.py: last_completed_audit_period``, as configured by default)."""
    end = datetime(before.year, before.month, 1, tzinfo=before.tzinfo)
    return (end - timedelta(days=1)).replace(day=1), end
