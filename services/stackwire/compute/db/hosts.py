"""Compute hosts: capacity, heartbeats, and what the scheduler has claimed of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from stackwire.compute.domain.model import Host
from stackwire.db.pool import Database, Session, UnitOfWork

DOWN_AFTER = timedelta(seconds=60)  # nova/conf: service_down_time
BINARY = "nova-compute"
_SELECT = """
    SELECT n.id, n.uuid, n.host, n.hypervisor_hostname, n.hypervisor_type, n.hypervisor_version, n.host_ip, n.vcpus,
           n.memory_mb, n.local_gb, n.cpu_info, n.traits, n.zone, n.created_at, s.updated_at, s.disabled,
           s.disabled_reason, s.forced_down, s.id AS service_id, s.uuid AS service_uuid,
           coalesce(a.vcpus, 0)::int AS vcpus_used, coalesce(a.memory_mb, 0)::int AS memory_mb_used,
           coalesce(a.disk_gb, 0)::int AS local_gb_used, coalesce(a.servers, 0)::int AS running_vms
      FROM compute_nodes AS n JOIN services AS s ON s.host = n.host AND s."binary" = 'nova-compute'
      LEFT JOIN (SELECT c.host, sum(c.vcpus) AS vcpus, sum(c.memory_mb) AS memory_mb, sum(c.disk_gb) AS disk_gb,
                        count(*) AS servers FROM allocations AS c
                   JOIN instances AS i ON i.uuid = c.instance_uuid AND NOT i.deleted GROUP BY c.host) AS a
             ON a.host = n.host"""


async def listed(session: Session) -> list[Host]:
    return await session.all(Host, f"{_SELECT} ORDER BY n.id")


async def get(session: Session, host: str) -> Host | None:
    return await session.one(Host, f"{_SELECT} WHERE n.host = $1", host)


async def register(uow: UnitOfWork, values: Mapping[str, Any], service_uuid: str) -> None:
    """The host with its capacity; what an earlier life wrote is brought up to date."""
    row = {**values, "created_at": uow.now}
    marks = ", ".join(f"${n}" for n in range(1, len(row) + 1))
    sets = ", ".join(f"{name} = excluded.{name}" for name in values if name not in ("uuid", "host"))
    await uow.execute(
        f"INSERT INTO compute_nodes ({', '.join(row)}) VALUES ({marks}) ON CONFLICT (host) DO UPDATE SET {sets}",
        *row.values(),
    )
    await uow.execute(
        "INSERT INTO services (uuid, host, \"binary\", topic, created_at) VALUES ($1, $2, $3, 'compute', $4)"
        ' ON CONFLICT (host, "binary") DO NOTHING',
        service_uuid,
        values["host"],
        BINARY,
        uow.now,
    )


async def claim(uow: UnitOfWork, host: str, process: str, *, lease: timedelta, alone: bool) -> bool:
    """True when ``process`` speaks for the host from now on: nobody living did. Its own claim holds.

    ``lease``: how long one that gives no sign of life is taken for living. ``alone``: there can be no other process,
    so that whoever spoke for it is dead.
    """
    return bool(
        await uow.execute(
            "UPDATE services SET process = $2, updated_at = $3, report_count = report_count + 1 WHERE host = $1"
            " AND \"binary\" = 'nova-compute' AND ($5 OR process IS NULL OR process = $2 OR updated_at IS NULL"
            " OR updated_at < $4)",
            host,
            process,
            uow.now,
            uow.now - lease,
            alone,
        )
    )


async def beat(database: Database, process: str) -> None:
    """A sign of life for every host the process speaks for."""
    async with database.read() as session:
        await session.execute(
            "UPDATE services SET updated_at = $2, report_count = report_count + 1 WHERE process = $1",
            process,
            database.clock.now(),
        )


async def release(database: Database, process: str) -> None:
    async with database.read() as session:
        await session.execute("UPDATE services SET process = NULL WHERE process = $1", process)


def is_up(host: Host, now: datetime) -> bool:
    return not host.forced_down and host.updated_at is not None and host.updated_at >= now - DOWN_AFTER


# ---- claims


async def hold(uow: UnitOfWork) -> None:
    """Until the transaction ends nobody else claims: two servers cannot take the same last place."""
    await uow.execute("SELECT pg_advisory_xact_lock(hashtextextended('stackwire allocations', 0))")


async def allocate(uow: UnitOfWork, uuid: str, host: str, *, vcpus: int, memory_mb: int, disk_gb: int) -> None:
    await uow.execute(
        "INSERT INTO allocations (instance_uuid, host, vcpus, memory_mb, disk_gb, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (instance_uuid) DO UPDATE SET host = excluded.host,"
        " vcpus = excluded.vcpus, memory_mb = excluded.memory_mb, disk_gb = excluded.disk_gb",
        uuid,
        host,
        vcpus,
        memory_mb,
        disk_gb,
        uow.now,
    )


async def free(uow: UnitOfWork, uuid: str) -> None:
    await uow.execute("DELETE FROM allocations WHERE instance_uuid = $1", uuid)


async def allocated_to(session: Session, uuids: Sequence[str]) -> dict[str, str]:
    rows = await session.rows("SELECT instance_uuid, host FROM allocations WHERE instance_uuid = ANY($1)", list(uuids))
    return {row["instance_uuid"]: row["host"] for row in rows}
