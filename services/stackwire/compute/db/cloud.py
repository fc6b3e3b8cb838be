"""The cloud behind the servers: quotas of projects, services and compute nodes with what is used of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stackwire.compute.domain.quotas import DEFAULTS
from stackwire.db.pool import Session, UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRow:
    id: int
    uuid: str
    host: str
    binary: str
    topic: str
    disabled: bool
    disabled_reason: str | None
    report_count: int
    forced_down: bool
    created_at: datetime
    updated_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRow:
    """A compute node with the service that runs on it, and what its servers use."""

    id: int
    uuid: str
    host: str
    hypervisor_hostname: str
    hypervisor_type: str
    hypervisor_version: int
    host_ip: str
    vcpus: int
    memory_mb: int
    local_gb: int
    cpu_info: dict[str, Any]
    service_id: int
    service_uuid: str
    disabled: bool
    disabled_reason: str | None
    forced_down: bool
    service_seen: datetime | None
    vcpus_used: int
    memory_mb_used: int
    local_gb_used: int
    running_vms: int


_NODES = """
SELECT n.id, n.uuid, n.host, n.hypervisor_hostname, n.hypervisor_type, n.hypervisor_version, n.host_ip, n.vcpus,
       n.memory_mb, n.local_gb, n.cpu_info, s.id AS service_id, s.uuid AS service_uuid, s.disabled, s.disabled_reason,
       s.forced_down, s.updated_at AS service_seen, coalesce(u.vcpus, 0)::int AS vcpus_used,
       coalesce(u.memory_mb, 0)::int AS memory_mb_used, coalesce(u.local_gb, 0)::int AS local_gb_used,
       coalesce(u.vms, 0)::int AS running_vms
  FROM compute_nodes n
  JOIN services s ON s.host = n.host AND s."binary" = 'nova-compute'
  LEFT JOIN (SELECT host, sum(vcpus) AS vcpus, sum(memory_mb) AS memory_mb, sum(root_gb + ephemeral_gb) AS local_gb,
                    count(*) AS vms
               FROM instances WHERE NOT deleted AND host IS NOT NULL GROUP BY host) u ON u.host = n.host
 WHERE ($1::text IS NULL OR n.uuid = $1 OR n.id::text = $1)
   AND ($2::text IS NULL OR n.hypervisor_hostname ~ $2)
 ORDER BY n.id"""


async def limits(session: Session, project_id: str) -> dict[str, int]:
    """The project's limits: the defaults where it has none of its own."""
    own = await session.rows("SELECT resource, hard_limit FROM quotas WHERE project_id = $1", project_id)
    return {**DEFAULTS, **{row["resource"]: row["hard_limit"] for row in own}}


async def set_limits(uow: UnitOfWork, project_id: str, values: Mapping[str, int]) -> None:
    await uow.many(
        "INSERT INTO quotas (project_id, resource, hard_limit) VALUES ($1, $2, $3)"
        " ON CONFLICT (project_id, resource) DO UPDATE SET hard_limit = excluded.hard_limit",
        [(project_id, name, value) for name, value in values.items()],
    )


async def reset_limits(uow: UnitOfWork, project_id: str) -> None:
    await uow.execute("DELETE FROM quotas WHERE project_id = $1", project_id)


async def services(session: Session, *, host: str | None = None, binary: str | None = None) -> list[ServiceRow]:
    return await session.all(
        ServiceRow,
        'SELECT id, uuid, host, "binary", topic, disabled, disabled_reason, report_count, forced_down, created_at,'
        ' updated_at FROM services WHERE ($1::text IS NULL OR host = $1) AND ($2::text IS NULL OR "binary" = $2)'
        " ORDER BY id",
        host,
        binary,
    )


async def nodes(session: Session, *, ident: str | None = None, pattern: str | None = None) -> list[NodeRow]:
    return await session.all(NodeRow, _NODES, ident, pattern)


async def servers_on(session: Session, hosts: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    """For each host the uuids and names of its servers."""
    rows = await session.rows(
        "SELECT host, uuid, display_name FROM instances WHERE host = ANY($1) AND NOT deleted ORDER BY id", list(hosts)
    )
    found: dict[str, list[tuple[str, str]]] = {host: [] for host in hosts}
    for row in rows:
        found[row["host"]].append((row["uuid"], row["display_name"]))
    return found
