"""Statements only the workers need: dispatch, finding what a dead worker left, hosts' servers."""

from collections.abc import Collection
from dataclasses import fields
from datetime import datetime

from stackwire.compute.domain.instance import Instance
from stackwire.db.pool import Session, UnitOfWork

_COLUMNS = ", ".join(field.name for field in fields(Instance))


async def dispatch(uow: UnitOfWork, uuid: str, zone: str) -> Instance | None:
    """A server that waits for a host gets its zone; None when it has one already (it was dispatched before)."""
    return await uow.one(
        Instance,
        "UPDATE instances SET availability_zone = $2 WHERE uuid = $1 AND NOT deleted AND vm_state = 'building'"
        f" AND task_state = 'scheduling' AND host IS NULL AND availability_zone IS NULL RETURNING {_COLUMNS}",
        uuid,
        zone,
    )


async def on_host(session: Session, host: str) -> list[Instance]:
    return await session.all(
        Instance, f"SELECT {_COLUMNS} FROM instances WHERE host = $1 AND NOT deleted ORDER BY id", host
    )


async def under_way(session: Session, hosts: Collection[str], before: datetime) -> list[Instance]:
    """Servers of these hosts that were doing something and have not moved since ``before``."""
    return await session.all(
        Instance,
        f"SELECT {_COLUMNS} FROM instances WHERE host = ANY($1) AND NOT deleted"
        " AND (task_state IS NOT NULL OR vm_state = 'building') AND coalesce(updated_at, created_at) < $2 ORDER BY id",
        list(hosts),
        before,
    )


async def homeless(session: Session, before: datetime) -> list[Instance]:
    """Servers that no host took up since ``before``."""
    return await session.all(
        Instance,
        f"SELECT {_COLUMNS} FROM instances WHERE host IS NULL AND NOT deleted AND vm_state = 'building'"
        " AND coalesce(updated_at, created_at) < $1 ORDER BY id",
        before,
    )
