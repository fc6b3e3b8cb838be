"""Rows of ``block_device_mapping``: the devices of servers. A device that is taken off stays as a deleted row."""

from collections.abc import Mapping
from typing import Any

from stackwire.compute.domain.model import BlockDevice
from stackwire.db.pool import UnitOfWork
from stackwire.db.table import Table

TABLE = Table(BlockDevice, "block_device_mapping", key="uuid", live="NOT deleted")


async def insert(uow: UnitOfWork, columns: Mapping[str, Any]) -> BlockDevice:
    """A new device from these columns (no id, no times). UniqueViolation: the server has the volume already."""
    return await TABLE.insert(uow, {**columns, "created_at": uow.now})


async def update(uow: UnitOfWork, device_uuid: str, **changes: Any) -> BlockDevice | None:
    """None when the device is not there any more."""
    return await TABLE.update(uow, device_uuid, **changes)


async def delete(uow: UnitOfWork, device_uuid: str, **where: Any) -> bool:
    """False when it is not there, or not ``where`` (``column=value``)."""
    changes = {"deleted": True, "deleted_at": uow.now}
    return await TABLE.update(uow, device_uuid, where=where, **changes) is not None


async def delete_if_unchanged(uow: UnitOfWork, device: BlockDevice) -> bool:
    """Deletes it as it was read: one that has got an attachment since then stays, which is to be deleted first."""
    return await delete(uow, device.uuid, attachment_id=device.attachment_id)


async def delete_if_not_requested(uow: UnitOfWork, device: BlockDevice) -> bool:
    """Deletes it unless the message to attach it was sent to its host since it was read."""
    return await delete(uow, device.uuid, updated_at=None)
