"""The volume service as a compute host reaches it, in the user's name."""

import asyncio
from contextlib import suppress
from typing import Any, TypeVar
from uuid import NAMESPACE_OID, uuid5

from stackwire.compute.domain.model import BlockDevice
from stackwire.contracts.base import Call
from stackwire.contracts.volume import (
    AttachmentNotFound,
    CompleteAttachment,
    CreateAttachment,
    DeleteAttachment,
    DeleteVolume,
    GetVolume,
    MakeVolume,
    MigrateVolumeCompletion,
    ReimageVolume,
    RollDetaching,
    UpdateAttachment,
    VolumeView,
)
from stackwire.core.context import RequestContext
from stackwire.core.errors import NotFound, ServiceError
from stackwire.messaging.errors import CallTimeout
from stackwire.messaging.rpc import RpcClient

R = TypeVar("R")

FIRST_POLL_SECONDS, LONGEST_POLL_SECONDS = 0.05, 1.0
"""Between polls of a volume that is being created."""


class VolumeNotCreated(ServiceError, wire="nova.exception.VolumeNotCreated"):
    """Volume {volume_id} did not finish being created: its status is {status}."""


class Volumes:
    """``host``: whose connector is sent; ``create_timeout``: seconds that a new volume may take."""

    def __init__(self, rpc: RpcClient, host: str, create_timeout: float) -> None:
        self._rpc = rpc
        self._host = host
        self._create_timeout = create_timeout

    async def create(self, ctx: RequestContext, device: BlockDevice, zone: str | None) -> VolumeView:
        """A volume from the device's image or snapshot, or a blank one; it is still being created. On one host a device
        has one: the build that goes on after a crash gets the same."""
        message = MakeVolume(
            volume_id=str(uuid5(NAMESPACE_OID, f"{device.uuid} {self._host}")),
            size=device.volume_size,
            image_id=device.image_id if device.source_type == "image" else None,
            snapshot_id=device.snapshot_id if device.source_type == "snapshot" else None,
            volume_type=device.volume_type,
            availability_zone=zone,
        )
        return await self._rpc.call(ctx.as_service(), message)

    async def wait_until_available(self, ctx: RequestContext, volume_id: str) -> VolumeView:
        """The volume once it is available. VolumeNotCreated when it fails, is deleted, or takes too long."""
        pause, status = FIRST_POLL_SECONDS, "creating"
        try:
            async with asyncio.timeout(self._create_timeout):
                while True:
                    volume = await self.get(ctx, volume_id)
                    status = volume.status
                    if status == "available":
                        return volume
                    if status not in ("creating", "downloading"):
                        break
                    await asyncio.sleep(pause)
                    pause = min(pause * 1.5, LONGEST_POLL_SECONDS)
        except NotFound:
            status = "deleted"
        except TimeoutError:
            pass
        raise VolumeNotCreated(volume_id=volume_id, status=status)

    async def get(self, ctx: RequestContext, volume_id: str) -> VolumeView:
        """VolumeNotFound."""
        return await self._call_idempotent(ctx, GetVolume(volume_id=volume_id))

    async def reserve(self, ctx: RequestContext, volume_id: str, uuid: str, attachment_id: str) -> None:
        """An attachment of that id keeps it for the server."""
        await self._call_idempotent(
            ctx, CreateAttachment(volume_id=volume_id, instance_uuid=uuid, attachment_id=attachment_id)
        )

    async def connect(self, ctx: RequestContext, attachment_id: str, mountpoint: str | None) -> dict[str, Any]:
        """The connection info for this host."""
        connector = {"ip": "127.0.0.1", "initiator": f"stackwire:{self._host}", "host": self._host}
        message = UpdateAttachment(attachment_id=attachment_id, connector={**connector, "mountpoint": mountpoint})
        return (await self._call_idempotent(ctx, message)).connection_info or {}

    async def complete(self, ctx: RequestContext, attachment_id: str) -> None:
        """The attachment is in use from now on."""
        await self._call_idempotent(ctx, CompleteAttachment(attachment_id=attachment_id))

    async def release(self, ctx: RequestContext, attachment_id: str) -> None:
        """Nothing, when it is not there."""
        try:
            await self._call_idempotent(ctx, DeleteAttachment(attachment_id=attachment_id))
        except AttachmentNotFound:
            return

    async def roll_detaching(self, ctx: RequestContext, volume_id: str) -> None:
        """In use again, when it was being detached; nothing, when it is not there."""
        with suppress(NotFound):
            await self._call_idempotent(ctx, RollDetaching(volume_id=volume_id))

    async def complete_migration(
        self, ctx: RequestContext, volume_id: str, new_volume_id: str, *, error: bool = False
    ) -> str:
        """The data are in the new volume, or could not be moved. The id of the volume that is to be used."""
        message = MigrateVolumeCompletion(volume_id=volume_id, new_volume_id=new_volume_id, error=error)
        return await self._call_idempotent(ctx, message)

    async def delete(self, ctx: RequestContext, volume_id: str) -> None:
        """Nothing, when it is not there."""
        try:
            await self._call_idempotent(ctx, DeleteVolume(volume_id=volume_id))
        except NotFound:
            return

    async def reimage(self, ctx: RequestContext, volume_id: str, image_id: str) -> None:
        """Requests that the image is written over it; the event ``volume-reimaged`` follows when that is done."""
        await self._rpc.call(ctx.as_service(), ReimageVolume(volume_id=volume_id, image_id=image_id))

    async def _call_idempotent(self, ctx: RequestContext, message: Call[R]) -> R:
        """A message that does no harm when it is given twice: again, when its answer was lost."""
        try:
            return await self._rpc.call(ctx.as_service(), message)
        except CallTimeout:
            return await self._rpc.call(ctx.as_service(), message)
