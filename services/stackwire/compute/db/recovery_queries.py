"""Statements only the workers need: dispatch, finding what a dead worker left, hosts' servers."""

from collections.abc import Collection
from dataclasses import fields
from datetime import datetime

from stackwire.compute.domain.model import BlockDevice, Instance
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
    """Servers of these hosts that were doing something and have not moved since ``before``.

    A build that a host has taken up (it is past ``scheduling``) is the host's before the server says so.
    """
    return await session.all(
        Instance,
        f"SELECT {_COLUMNS} FROM instances WHERE NOT deleted AND coalesce(updated_at, created_at) < $2"
        " AND ((host = ANY($1) AND (task_state IS NOT NULL OR vm_state = 'building'))"
        "  OR (host IS NULL AND vm_state = 'building' AND task_state IS NULL"
        "      AND uuid IN (SELECT instance_uuid FROM allocations WHERE host = ANY($1)))) ORDER BY id",
        list(hosts),
        before,
    )


async def left_behind(session: Session, host: str | None) -> list[BlockDevice]:
    """Volumes of servers that are gone from the host (None: from none), which could not be let go when they went."""
    columns = ", ".join(f"b.{field.name}" for field in fields(BlockDevice))
    return await session.all(
        BlockDevice,
        f"SELECT {columns} FROM block_device_mapping AS b JOIN instances AS i ON i.uuid = b.instance_uuid"
        " WHERE i.deleted AND i.host IS NOT DISTINCT FROM $1 AND NOT b.deleted AND b.attachment_id IS NOT NULL"
        " ORDER BY b.id LIMIT 20",
        host,
    )


async def unasked(session: Session, host: str, before: datetime) -> list[BlockDevice]:
    """Devices that were reserved for volumes before ``before``, and that the host was never told to attach.

    A device that is told of is changed in the same transaction. Those of a server that is being built are its build's.
    """
    columns = ", ".join(f"b.{field.name}" for field in fields(BlockDevice))
    return await session.all(
        BlockDevice,
        f"SELECT {columns} FROM block_device_mapping AS b JOIN instances AS i ON i.uuid = b.instance_uuid"
        " WHERE i.host = $1 AND NOT i.deleted AND i.vm_state NOT IN ('building', 'error') AND NOT b.deleted"
        " AND b.volume_id IS NOT NULL AND b.attachment_id IS NOT NULL AND b.connection_info IS NULL"
        " AND b.updated_at IS NULL AND b.created_at < $2 ORDER BY b.id LIMIT 20",
        host,
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


async def ending(session: Session, before: datetime) -> list[str]:
    """Servers on no host whose end was begun before ``before``."""
    rows = await session.rows(
        "SELECT uuid FROM instances WHERE host IS NULL AND NOT deleted AND task_state = 'deleting' AND updated_at < $1"
        " ORDER BY id LIMIT 20",
        before,
    )
    return [row["uuid"] for row in rows]
