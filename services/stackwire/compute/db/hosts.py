"""Compute hosts: capacity, and the servers' allocations of it.

What a host has used is what its servers' allocations claim, for the scheduler and for os-hypervisors alike: Nova's
resource tracker counts no root disk for a server that boots from a volume
(``nova/compute/resource_tracker.py: _get_usage_dict``).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from stackwire.compute.domain.model import Host
from stackwire.compute.domain.states import IO_TASKS
from stackwire.db.pool import Session, UnitOfWork

_COLUMNS = ("VCPU", "MEMORY_MB", "DISK_GB")
"""The resource classes that allocations have columns for."""
_TASKS = ", ".join(f"'{task}'" for task in sorted(IO_TASKS))
_SELECT = f"""
    SELECT n.id, n.uuid, n.host, n.hypervisor_hostname, n.hypervisor_type, n.hypervisor_version, n.host_ip, n.vcpus,
           n.memory_mb, n.local_gb, n.cpu_info, n.traits, n.created_at, s.updated_at, s.disabled,
           coalesce(g.zone, n.zone) AS zone, coalesce(g.aggregates, '[]'::json) AS aggregates,
           s.disabled_reason, s.forced_down, s.id AS service_id, s.uuid AS service_uuid,
           coalesce(a.vcpus, 0)::int AS vcpus_used, coalesce(a.memory_mb, 0)::int AS memory_mb_used,
           n.inventory, n.capabilities, n.numa, n.started_at,
           coalesce((SELECT json_agg(c.resources) FROM allocations AS c WHERE c.host = n.host), '[]'::json) AS claims,
           n.failed_builds, coalesce(a.io_workload, 0)::int AS io_workload,
           coalesce(a.disk_gb, 0)::int AS local_gb_used, coalesce(a.servers, 0)::int AS running_vms
      FROM compute_nodes AS n JOIN services AS s ON s.host = n.host AND s."binary" = 'nova-compute'
      LEFT JOIN (SELECT c.host, sum(c.vcpus) AS vcpus, sum(c.memory_mb) AS memory_mb, sum(c.disk_gb) AS disk_gb,
                        count(*) FILTER (WHERE c.consumer = c.instance_uuid) AS servers,
                        count(*) FILTER (WHERE i.vm_state = 'building' OR i.task_state IN ({_TASKS})) AS io_workload
                   FROM allocations AS c
                   JOIN instances AS i ON i.uuid = c.instance_uuid AND NOT i.deleted GROUP BY c.host) AS a
             ON a.host = n.host
      LEFT JOIN LATERAL (SELECT json_agg(metadata ORDER BY id) AS aggregates,
                                min(metadata ->> 'availability_zone') AS zone
                           FROM aggregates WHERE n.host = ANY(hosts)) AS g ON true"""


async def list_all(session: Session, *, ident: str | None = None, pattern: str | None = None) -> list[Host]:
    """Those whose uuid or id is ``ident``, and whose hypervisor's name matches the regular expression."""
    return await session.all(
        Host,
        f"{_SELECT} WHERE ($1::text IS NULL OR n.uuid = $1 OR n.id::text = $1)"
        " AND ($2::text IS NULL OR n.hypervisor_hostname ~ $2) ORDER BY n.id",
        ident,
        pattern,
    )


async def by_name(session: Session, name: str) -> Host | None:
    """The host that its compute service calls so."""
    return await session.one(Host, f"{_SELECT} WHERE n.host = $1", name)


async def servers_on(session: Session, hosts: Sequence[str]) -> dict[str, list[tuple[str, int]]]:
    """For each host the uuids and numbers of its servers."""
    rows = await session.rows(
        "SELECT host, uuid, id FROM instances WHERE host = ANY($1) AND NOT deleted ORDER BY id", list(hosts)
    )
    found: dict[str, list[tuple[str, int]]] = {host: [] for host in hosts}
    for row in rows:
        found[row["host"]].append((row["uuid"], row["id"]))
    return found


async def stored_properties(session: Session) -> list[tuple[str, dict[str, str | None]]]:
    """For each server on a host that host and the server's ``instance_system_metadata``."""
    rows = await session.rows(
        "SELECT i.host, json_object_agg(s.key, s.value) AS stored FROM instances AS i"
        " JOIN instance_system_metadata AS s ON s.instance_uuid = i.uuid"
        " WHERE i.host IS NOT NULL AND NOT i.deleted GROUP BY i.id"
    )
    return [(row["host"], row["stored"]) for row in rows]


async def count_failed_build(uow: UnitOfWork, host: str) -> None:
    """One more in a row (``nova/compute/stats.py: build_failed``)."""
    await uow.execute("UPDATE compute_nodes SET failed_builds = failed_builds + 1 WHERE host = $1", host)


async def forget_failed_builds(uow: UnitOfWork, host: str) -> None:
    """The host has built a server (``build_succeeded``)."""
    await uow.execute("UPDATE compute_nodes SET failed_builds = 0 WHERE host = $1 AND failed_builds > 0", host)


async def has_claims(session: Session, host: str) -> bool:
    """Whether a server, or its migration, has room on the host."""
    return bool(await session.value("SELECT EXISTS (SELECT FROM allocations WHERE host = $1)", host))


async def register(uow: UnitOfWork, values: Mapping[str, Any]) -> None:
    """The host with its capacity; what an earlier process wrote is brought up to date."""
    row = {**values, "created_at": uow.now}
    placeholders = ", ".join(f"${n}" for n in range(1, len(row) + 1))
    changes = ", ".join(f"{name} = excluded.{name}" for name in values if name not in ("uuid", "host"))
    await uow.execute(
        f"INSERT INTO compute_nodes ({', '.join(row)}) VALUES ({placeholders})"
        f" ON CONFLICT (host) DO UPDATE SET {changes}",
        *row.values(),
    )


# ---- allocations


async def lock_allocations(uow: UnitOfWork) -> None:
    """Until the transaction ends nobody else allocates: two servers cannot take the last room of a host."""
    await uow.execute("SELECT pg_advisory_xact_lock(hashtextextended('stackwire allocations', 0))")


async def allocate(uow: UnitOfWork, uuid: str, host: str, resources: Mapping[str, int]) -> None:
    """The server's claim on the host's resources, by class, instead of an earlier one (placement's allocations)."""
    others = {name: amount for name, amount in resources.items() if name not in _COLUMNS and amount}
    await uow.execute(
        "INSERT INTO allocations (consumer, instance_uuid, host, vcpus, memory_mb, disk_gb, resources, created_at)"
        " VALUES ($1, $1, $2, $3, $4, $5, $6, $7) ON CONFLICT (consumer) DO UPDATE SET host = excluded.host,"
        " vcpus = excluded.vcpus, memory_mb = excluded.memory_mb, disk_gb = excluded.disk_gb,"
        " resources = excluded.resources",
        uuid,
        host,
        *(resources[name] for name in _COLUMNS),
        others,
        uow.now,
    )


async def free(uow: UnitOfWork, uuid: str) -> None:
    """The server claims nothing any more, nor does its migration."""
    await uow.execute("DELETE FROM allocations WHERE instance_uuid = $1", uuid)


async def allocated_to(session: Session, uuids: Sequence[str]) -> dict[str, str]:
    """For each server that has a claim the host it is on."""
    rows = await session.rows("SELECT instance_uuid, host FROM allocations WHERE consumer = ANY($1)", list(uuids))
    return {row["instance_uuid"]: row["host"] for row in rows}


async def hold_for(uow: UnitOfWork, uuid: str, migration: str) -> None:
    """The server's claim becomes its migration's, which keeps the room on the host that is left
    (``nova/conductor/tasks/migrate.py: replace_allocation_with_migration``)."""
    await uow.execute("UPDATE allocations SET consumer = $2 WHERE consumer = $1", uuid, migration)


async def give_back(uow: UnitOfWork, uuid: str, migration: str) -> None:
    """What the migration holds is the server's again, and what that has claimed since is free; nothing twice."""
    await uow.execute(
        "DELETE FROM allocations WHERE consumer = $1 AND EXISTS (SELECT FROM allocations WHERE consumer = $2)",
        uuid,
        migration,
    )
    await hold_for(uow, migration, uuid)


async def let_go(uow: UnitOfWork, migration: str) -> None:
    """The migration holds nothing any more: the server has left the host."""
    await uow.execute("DELETE FROM allocations WHERE consumer = $1", migration)
