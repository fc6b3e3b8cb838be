"""Hosts and services with what only a clock or other rows know of them."""

from dataclasses import dataclass

from stackwire.compute.domain.model import Host, ServiceRecord


@dataclass(frozen=True, slots=True)
class Hypervisor:
    """``servers``: uuids and numbers of the servers on the host, None where they were not requested."""

    host: Host
    is_up: bool
    servers: tuple[tuple[str, int], ...] | None = None


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """``is_up``: the service's last heartbeat is recent, and nobody forced it down."""

    service: ServiceRecord
    is_up: bool
