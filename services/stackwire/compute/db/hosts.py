"""Compute hosts: capacity, and the servers' allocations of it.

What a host has used is what its servers' allocations claim, for the scheduler and for os-hypervisors alike: Nova's
resource tracker counts no root disk for a server that boots from a volume
(``nova/compute/resource_tracker.py: _get_usage_dict``). Nobody else writes ``allocations``: each statement that does
keeps ``allocation_sums``.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from stackwire.compute.domain.model import Host, HostPlace
from stackwire.compute.domain.states import IO_TASKS
from stackwire.db.pool import Session, UnitOfWork

_COLUMNS = ("VCPU", "MEMORY_MB", "DISK_GB")
"""The resource classes that allocations have columns for."""
_SUMS = "host, vcpus, memory_mb, disk_gb, servers"
_TASKS = ", ".join(f"'{task}'" for task in sorted(IO_TASKS))
_SELECT = f"""
    SELECT n.id, n.uuid, n.host, n.hypervisor_hostname, n.hypervisor_type, n.hypervisor_version, n.host_ip, n.vcpus,
           n.memory_mb, n.local_gb, n.cpu_info, n.traits, n.created_at, s.updated_at, s.disabled,
           coalesce(g.zone, n.zone) AS zone, coalesce(g.aggregates, '[]'::json) AS aggregates,
           s.disabled_reason, s.forced_down, s.id AS service_id, s.uuid AS service_uuid,
           coalesce(a.vcpus, 0)::int AS vcpus_used, coalesce(a.memory_mb, 0)::int AS memory_mb_used,
           n.inventory, n.capabilities, n.numa, n.started_at,
           coalesce((SELECT json_agg(c.resources) FROM allocations AS c
                      WHERE c.host = n.host AND c.resources::text <> '{{}}'), '[]'::json) AS claims,
           n.failed_builds, coalesce(b.io_workload, 0)::int AS io_workload,
           coalesce(a.disk_gb, 0)::int AS local_gb_used, coalesce(a.servers, 0)::int AS running_vms
      FROM compute_nodes AS n JOIN services AS s ON s.host = n.host AND s."binary" = 'nova-compute'
      LEFT JOIN (SELECT host, sum(vcpus) AS vcpus, sum(memory_mb) AS memory_mb, sum(disk_gb) AS disk_gb,
                        sum(servers) AS servers
                   FROM allocation_sums GROUP BY host) AS a ON a.host = n.host
      LEFT JOIN (SELECT c.host, count(*) AS io_workload
                   FROM instances AS i JOIN allocations AS c ON c.instance_uuid = i.uuid
                  WHERE NOT i.deleted AND (i.vm_state = 'building' OR i.task_state IN ({_TASKS}))
                  GROUP BY c.host) AS b ON b.host = n.host
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


async def places(session: Session) -> list[HostPlace]:
    """Of all hosts what a request may name: nothing is summed, as it is in ``list_all``."""
    return await session.all(
        HostPlace,
        "SELECT n.host, n.hypervisor_hostname, s.disabled, coalesce((SELECT min(metadata ->> 'availability_zone')"
        " FROM aggregates WHERE n.host = ANY(hosts)), n.zone) AS zone FROM compute_nodes AS n"
        " JOIN services AS s ON s.host = n.host AND s.\"binary\" = 'nova-compute' ORDER BY n.id",
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


async def lock_allocations(uow: Session) -> None:
    """Until the transaction ends nobody else allocates: two servers cannot take the last room of a host."""
    await uow.execute("SELECT pg_advisory_xact_lock(hashtextextended('stackwire allocations', 0))")


async def allocate(uow: UnitOfWork, uuid: str, host: str, resources: Mapping[str, int]) -> None:
    """The server's claim on the host's resources, by class, instead of an earlier one (placement's allocations).

    Under ``lock_allocations``, so that nobody else makes one row of the host's sums.
    """
    others = {name: amount for name, amount in resources.items() if name not in _COLUMNS and amount}
    await let_go(uow, uuid)
    await uow.execute(
        "WITH claimed AS (INSERT INTO allocations"
        " (consumer, instance_uuid, host, vcpus, memory_mb, disk_gb, resources, created_at)"
        " VALUES ($1, $1, $2, $3, $4, $5, $6, $7) RETURNING vcpus, memory_mb, disk_gb, 1 AS servers),"
        " summed AS (DELETE FROM allocation_sums WHERE host = $2 RETURNING vcpus, memory_mb, disk_gb, servers)"
        f" INSERT INTO allocation_sums ({_SUMS}) SELECT $2, sum(vcpus), sum(memory_mb), sum(disk_gb), sum(servers)"
        " FROM (SELECT * FROM claimed UNION ALL SELECT * FROM summed) AS sums",
        uuid,
        host,
        *(resources[name] for name in _COLUMNS),
        others,
        uow.now,
    )


async def free(uow: UnitOfWork, uuid: str) -> None:
    """The server claims nothing any more, nor does its migration."""
    await uow.execute(_freed("instance_uuid = $1"), uuid)


async def allocated_to(session: Session, uuids: Sequence[str]) -> dict[str, str]:
    """For each server that has a claim the host it is on."""
    rows = await session.rows("SELECT instance_uuid, host FROM allocations WHERE consumer = ANY($1)", list(uuids))
    return {row["instance_uuid"]: row["host"] for row in rows}


async def hold_for(uow: UnitOfWork, uuid: str, migration: str) -> None:
    """The server's claim becomes its migration's, which keeps the room on the host that is left
    (``nova/conductor/tasks/migrate.py: replace_allocation_with_migration``). Nothing, when it was held before, and what
    the server claims is on the host it goes to."""
    await uow.execute(
        "WITH held AS (UPDATE allocations SET consumer = $2 WHERE consumer = $1"
        " AND NOT EXISTS (SELECT FROM allocations WHERE consumer = $2) RETURNING *)"
        f" INSERT INTO allocation_sums ({_SUMS})"
        " SELECT host, 0, 0, 0, CASE WHEN consumer = instance_uuid THEN 1 ELSE -1 END FROM held",
        uuid,
        migration,
    )


async def give_back(uow: UnitOfWork, uuid: str, migration: str) -> None:
    """What the migration holds is the server's again, and what that has claimed since is free; nothing twice."""
    await uow.execute(_freed("consumer = $1 AND EXISTS (SELECT FROM allocations WHERE consumer = $2)"), uuid, migration)
    await hold_for(uow, migration, uuid)


async def let_go(uow: UnitOfWork, consumer: str) -> None:
    """The migration holds nothing any more: the server has left the host; or the server itself claims nothing."""
    await uow.execute(_freed("consumer = $1"), consumer)


async def sum_anew(session: Session) -> None:
    """After allocations were written by set, under the lock of allocations.

    One statement, which reads both tables as of one moment: who frees waits for nobody, and may end in between.
    """
    await session.execute(
        f"WITH former AS (DELETE FROM allocation_sums) INSERT INTO allocation_sums ({_SUMS})"
        " SELECT host, sum(vcpus), sum(memory_mb), sum(disk_gb), count(*) FILTER (WHERE consumer = instance_uuid)"
        " FROM allocations GROUP BY host"
    )


def _freed(condition: str) -> str:
    return (
        f"WITH freed AS (DELETE FROM allocations WHERE {condition} RETURNING *)"
        f" INSERT INTO allocation_sums ({_SUMS})"
        " SELECT host, -vcpus, -memory_mb, -disk_gb, -(consumer = instance_uuid)::int FROM freed"
    )
