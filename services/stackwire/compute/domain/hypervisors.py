"""Hosts and services with what only a clock or other rows know of them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from stackwire.compute.domain.model import Host, ServiceRecord

SERVICE_DOWN_TIME = timedelta(seconds=60)
"""``nova/conf/service.py: service_down_time``."""


@dataclass(frozen=True, slots=True)
class Hypervisor:
    """``servers``: uuids and numbers of the servers on the host, None where they were not requested.

    ``uptime``: as the command of that name prints it; None of a host that is down.
    """

    host: Host
    is_up: bool
    servers: tuple[tuple[str, int], ...] | None = None
    uptime: str | None = None


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """``is_up``: the service's last heartbeat is recent, and nobody forced it down."""

    service: ServiceRecord
    is_up: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HostService:
    """The nova-compute of a server's host."""

    disabled: bool
    forced_down: bool
    updated_at: datetime | None

    def status(self, now: datetime) -> str:
        """``nova/compute/api.py: get_instance_host_status``."""
        if self.forced_down:
            return "DOWN"
        if self.disabled:
            return "MAINTENANCE"
        return "UP" if reports(self.updated_at, now) else "UNKNOWN"


def reports(updated_at: datetime | None, now: datetime) -> bool:
    """Whether the last heartbeat is recent."""
    return updated_at is not None and updated_at >= now - SERVICE_DOWN_TIME


def uptime(host: Host, now: datetime) -> str | None:
    """Since its process started; nobody is logged in on a simulated host, and nothing loads it."""
    if host.started_at is None:
        return None
    minutes = int((now - host.started_at).total_seconds()) // 60
    days, hours = divmod(minutes // 60, 24)
    since = f"{days} day{'' if days == 1 else 's'}, " if days else ""
    return f" {now:%H:%M:%S} up {since}{hours:2d}:{minutes % 60:02d},  0 users,  load average: 0.00, 0.00, 0.00"
