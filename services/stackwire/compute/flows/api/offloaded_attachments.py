"""Volumes of a server that is on no host: recorded and kept for it, connected when it is unshelved.

``nova/compute/api.py: _attach_volume_shelved_offloaded, _detach_volume_shelved_offloaded``.
"""

from contextlib import suppress

from stackwire.compute.backends import peers
from stackwire.compute.db import block_devices, instance_actions
from stackwire.compute.domain.bdm import strip_dev
from stackwire.compute.domain.errors import InvalidBDM
from stackwire.compute.domain.model import BlockDevice
from stackwire.compute.domain.requests import AttachVolumeRequest
from stackwire.compute.domain.server import Server
from stackwire.compute.flows.deps import ApiFlow
from stackwire.contracts.volume import (
    AttachmentNotFound,
    CompleteAttachment,
    DeleteAttachment,
    DeleteVolume,
    VolumeView,
)
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, NotFound
from stackwire.db.errors import UniqueViolation

ATTACH, DETACH = "api_attach_volume", "api_detach_volume"


class OffloadedAttachments(ApiFlow):
    """What has no host cannot tell whether it could do it: tags and shared volumes are refused."""

    async def attach(
        self, ctx: RequestContext, server: Server, request: AttachVolumeRequest, volume: VolumeView
    ) -> BlockDevice:
        """The device, without a name when none was asked for; its volume is in use though nothing is connected."""
        if request.tag:
            raise BadRequest("Attaching tagged volumes is not supported for shelved-offloaded instances.")
        if volume.multiattach:
            raise BadRequest("Attaching multiattach volumes is not supported for shelved-offloaded instances.")
        device = await self._insert(ctx, server, request, volume)
        attachment_id = device.attachment_id or ""
        try:
            await peers.reserve(self._deps.rpc, ctx, volume.id, server.uuid, attachment_id)
            async with self._deps.database.work(ctx) as uow:
                await instance_actions.begin_event(uow, server.uuid, ATTACH, None)
            await self._deps.rpc.call(ctx.as_service(), CompleteAttachment(attachment_id=attachment_id))
        except BaseException:
            await peers.release(self._deps.rpc, ctx, attachment_id)
            async with self._deps.database.work(ctx) as uow:
                await block_devices.delete(uow, device.uuid)
                await instance_actions.withdraw(uow, server.uuid)
            raise
        async with self._deps.database.work(ctx) as uow:
            await instance_actions.end_event(uow, server.uuid, ATTACH)
        return device

    async def _insert(
        self, ctx: RequestContext, server: Server, request: AttachVolumeRequest, volume: VolumeView
    ) -> BlockDevice:
        """With the id of its attachment before there is one, so that nothing is kept for it that nobody knows."""
        columns = {
            "uuid": self._deps.make_id("block_device"),
            "instance_uuid": server.uuid,
            "source_type": "volume",
            "destination_type": "volume",
            "volume_id": volume.id,
            "volume_size": volume.size,
            "attachment_id": self._deps.make_id("attachment"),
            "device_name": f"/dev/{strip_dev(request.device)}" if request.device else None,
            "delete_on_termination": request.delete_on_termination,
        }
        try:
            async with self._deps.database.work(ctx) as uow:
                await instance_actions.start(uow, ctx, server.uuid, "attach_volume")  # recovery finds the device by it
                return await block_devices.insert(uow, columns)
        except UniqueViolation:
            raise InvalidBDM(reason=f"volume {volume.id} is attached to the server already") from None

    async def detach(self, ctx: RequestContext, server: Server, device: BlockDevice) -> None:
        """Free at once, or deleted where it was to go with the server."""
        async with self._deps.database.work(ctx) as uow:
            await instance_actions.start(uow, ctx, server.uuid, "detach_volume")
            await instance_actions.begin_event(uow, server.uuid, DETACH, None)
        with suppress(AttachmentNotFound):
            await self._deps.rpc.call(ctx.as_service(), DeleteAttachment(attachment_id=device.attachment_id or ""))
        async with self._deps.database.work(ctx) as uow:
            await block_devices.delete(uow, device.uuid)
            await instance_actions.end_event(uow, server.uuid, DETACH)
        if device.delete_on_termination and device.volume_id:
            with suppress(NotFound):
                await self._deps.rpc.call(ctx.as_service(), DeleteVolume(volume_id=device.volume_id))
