"""Rows of ``services``: the daemons that os-services lists, with their heartbeats."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from stackwire.compute.domain.hypervisors import reports
from stackwire.compute.domain.model import Host, ServiceRecord
from stackwire.db.pool import Session, UnitOfWork

COMPUTE_BINARY = "nova-compute"


async def list_all(
    session: Session, *, host: str | None = None, binary: str | None = None, ident: str | None = None
) -> list[ServiceRecord]:
    """Those of a host and of a binary, where these are given; ``ident``: whose uuid or id it is."""
    return await session.all(
        ServiceRecord,
        'SELECT s.id, s.uuid, s.host, s."binary", s.topic, s.disabled, s.disabled_reason, s.report_count,'
        " s.forced_down, s.created_at, s.updated_at, coalesce((SELECT min(metadata ->> 'availability_zone')"
        " FROM aggregates WHERE s.host = ANY(hosts)), n.zone) AS zone"
        " FROM services AS s JOIN compute_nodes AS n ON n.host = s.host"
        ' WHERE ($1::text IS NULL OR s.host = $1) AND ($2::text IS NULL OR s."binary" = $2)'
        " AND ($3::text IS NULL OR s.uuid = $3 OR s.id::text = $3) ORDER BY s.id",
        host,
        binary,
        ident,
    )


async def register(uow: UnitOfWork, uuid: str, host: str) -> None:
    """The host's nova-compute, unless it has one already."""
    await uow.execute(
        "INSERT INTO services (uuid, host, \"binary\", topic, created_at) VALUES ($1, $2, $3, 'compute', $4)"
        ' ON CONFLICT (host, "binary") DO NOTHING',
        uuid,
        host,
        COMPUTE_BINARY,
        uow.now,
    )


async def report(session: Session, hosts: Collection[str], now: datetime) -> None:
    """A heartbeat of these hosts' nova-compute (``nova/servicegroup/drivers/db.py: _report_state``)."""
    await session.execute(
        'UPDATE services SET updated_at = $2, report_count = report_count + 1 WHERE host = ANY($1) AND "binary" = $3',
        list(hosts),
        now,
        COMPUTE_BINARY,
    )


def is_up(host: Host | ServiceRecord, now: datetime) -> bool:
    """Whether the host's heartbeat is recent, and nobody forced it down."""
    return not host.forced_down and reports(host.updated_at, now)


async def update(uow: UnitOfWork, uuid: str, **changes: Any) -> None:
    """``disabled`` with its reason, ``forced_down``; the heartbeat's time stays."""
    assignments = ", ".join(f"{name} = ${at}" for at, name in enumerate(changes, start=2))
    await uow.execute(f"UPDATE services SET {assignments} WHERE uuid = $1", uuid, *changes.values())


async def delete(uow: UnitOfWork, uuid: str, host: str) -> None:
    """The service, and its host with it."""
    await uow.execute("DELETE FROM services WHERE uuid = $1", uuid)
    await uow.execute("DELETE FROM compute_nodes WHERE host = $1", host)
