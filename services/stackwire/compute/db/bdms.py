"""Block devices of servers (``block_device_mapping``)."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from stackwire.compute.domain.instance import BlockDevice
from stackwire.db.pool import Session, UnitOfWork

COLUMNS = frozenset(field.name for field in fields(BlockDevice)) - {"id"}


async def insert(uow: UnitOfWork, values: Mapping[str, Any]) -> BlockDevice:
    """A new device; needs uuid, instance_uuid, source_type, destination_type. UniqueViolation: the volume is there."""
    row = {"created_at": uow.now, **values}
    _check(row)
    marks = ", ".join(f"${n}" for n in range(1, len(row) + 1))
    made = await uow.one(
        BlockDevice, f"INSERT INTO block_device_mapping ({', '.join(row)}) VALUES ({marks}) RETURNING *", *row.values()
    )
    assert made is not None
    return made


async def of(session: Session, instance_uuid: str) -> list[BlockDevice]:
    return await session.all(
        BlockDevice,
        "SELECT * FROM block_device_mapping WHERE instance_uuid = $1 AND NOT deleted ORDER BY id",
        instance_uuid,
    )


async def of_many(session: Session, instance_uuids: Sequence[str]) -> dict[str, list[BlockDevice]]:
    rows = await session.all(
        BlockDevice,
        "SELECT * FROM block_device_mapping WHERE instance_uuid = ANY($1) AND NOT deleted ORDER BY id",
        list(instance_uuids),
    )
    found: dict[str, list[BlockDevice]] = {uuid: [] for uuid in instance_uuids}
    for row in rows:
        found[row.instance_uuid].append(row)
    return found


async def get(session: Session, uuid: str) -> BlockDevice | None:
    return await session.one(BlockDevice, "SELECT * FROM block_device_mapping WHERE uuid = $1 AND NOT deleted", uuid)


async def of_volume(session: Session, instance_uuid: str, volume_id: str) -> BlockDevice | None:
    return await session.one(
        BlockDevice,
        "SELECT * FROM block_device_mapping WHERE instance_uuid = $1 AND volume_id = $2 AND NOT deleted",
        instance_uuid,
        volume_id,
    )


async def update(uow: UnitOfWork, uuid: str, **changes: Any) -> BlockDevice | None:
    """None when the device is gone."""
    values = {"updated_at": uow.now, **changes}
    _check(values)
    sets = ", ".join(f"{name} = ${n}" for n, name in enumerate(values, 2))
    return await uow.one(
        BlockDevice,
        f"UPDATE block_device_mapping SET {sets} WHERE uuid = $1 AND NOT deleted RETURNING *",
        uuid,
        *values.values(),
    )


async def delete(uow: UnitOfWork, uuid: str) -> bool:
    """False when it was gone already."""
    return bool(
        await uow.execute(
            "UPDATE block_device_mapping SET deleted = true, deleted_at = $2 WHERE uuid = $1 AND NOT deleted",
            uuid,
            uow.now,
        )
    )


async def delete_all(uow: UnitOfWork, instance_uuid: str) -> None:
    await uow.execute(
        "UPDATE block_device_mapping SET deleted = true, deleted_at = $2 WHERE instance_uuid = $1 AND NOT deleted",
        instance_uuid,
        uow.now,
    )


def _check(values: Mapping[str, Any]) -> None:
    unknown = values.keys() - COLUMNS
    if unknown:
        raise KeyError(f"no columns of a block device: {sorted(unknown)}")
