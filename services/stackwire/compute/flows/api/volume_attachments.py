"""Attaching volumes to a server and detaching them, as far as the API goes; the conductor and the host do the rest."""

from collections.abc import Mapping, Sequence

from stackwire.compute.backends import peers
from stackwire.compute.db import block_devices, instance_actions, instances
from stackwire.compute.domain import policy
from stackwire.compute.domain.bdm_rules import MAX_DISKS
from stackwire.compute.domain.errors import AttachmentNotFound, TooManyDiskDevices
from stackwire.compute.domain.model import BlockDevice
from stackwire.compute.domain.requests import AttachVolumeRequest
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.states import SHELVED_OFFLOADED
from stackwire.compute.domain.versioned_objects import instance_object
from stackwire.compute.flows.api.offloaded_attachments import OffloadedAttachments
from stackwire.compute.flows.deps import ApiDeps, ApiFlow, check_allowed, require_host
from stackwire.contracts.compute_workers import AttachVolume, DetachVolume
from stackwire.contracts.volume import BeginDetaching, GetVolume, RollDetaching, VolumeView
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, Forbidden


class VolumeAttachments(ApiFlow):
    """``nova/compute/api.py: attach_volume, detach_volume``."""

    def __init__(self, deps: ApiDeps) -> None:
        super().__init__(deps)
        self._offloaded = OffloadedAttachments(deps)

    async def list(self, ctx: RequestContext, uuid: str) -> Sequence[BlockDevice]:
        """The server's volumes."""
        server = await self._deps.find(ctx, uuid, policy.ATTACHMENTS)
        return [device for device in server.devices if device.volume_id]

    async def get(self, ctx: RequestContext, uuid: str, volume_id: str) -> BlockDevice:
        """AttachmentNotFound for a volume that the server has not."""
        return _device(await self._deps.find(ctx, uuid, policy.ATTACHMENTS), volume_id)

    async def attach(self, ctx: RequestContext, uuid: str, request: AttachVolumeRequest) -> BlockDevice:
        """The new device with its name; 404 for a volume the caller cannot see, 400 for one that is not available."""
        server = await self._deps.find(ctx, uuid, policy.ATTACH)
        check_allowed(ctx, server, "attach_volume")
        offloaded = server.instance.vm_state == SHELVED_OFFLOADED
        if not offloaded:
            require_host(server)
        if len(server.devices) >= MAX_DISKS:
            raise TooManyDiskDevices(maximum=MAX_DISKS)
        volume = await self._deps.rpc.call(ctx.as_service(), GetVolume(volume_id=request.volume_id))
        if any(device.volume_id == volume.id for device in server.devices):
            raise BadRequest(f"Volume {volume.id} is attached to instance {uuid} already.")
        peers.require_available(volume, multiattach=request.multiattach)
        if offloaded:
            return await self._offloaded.attach(ctx, server, request, volume)
        async with self._deps.database.work(ctx) as uow:
            await instance_actions.start(uow, ctx, uuid, "attach_volume")
        message = AttachVolume(
            instance=instance_object(server),
            volume=_summary(volume),
            device=request.device,
            tag=request.tag,
            supports_multiattach=request.multiattach,
            delete_on_termination=request.delete_on_termination,
        )
        await self._deps.rpc.call(ctx, message)
        async with self._deps.database.read() as session:
            return _device(await instances.find(session, ctx, uuid), volume.id)

    async def detach(self, ctx: RequestContext, uuid: str, volume_id: str) -> None:
        """BadRequest for the root volume, and for a volume that is not in use."""
        server = await self._deps.find(ctx, uuid, policy.DETACH)
        device = _device(server, volume_id)
        if device.is_root:
            raise BadRequest("Cannot detach a root device volume")
        check_allowed(ctx, server, "detach_volume")
        if server.instance.vm_state == SHELVED_OFFLOADED:
            await self._offloaded.detach(ctx, server, device)
            return
        host = require_host(server)
        async with self._deps.database.work(ctx) as uow:  # before: recovery ends what is ``detaching`` by it
            await instance_actions.start(uow, ctx, uuid, "detach_volume")
        try:
            await self._deps.rpc.call(ctx.as_service(), BeginDetaching(volume_id=volume_id))
        except peers.REFUSED as refused:
            async with self._deps.database.work(ctx) as uow:
                await instance_actions.withdraw(uow, uuid)
            raise BadRequest(refused.message) from refused
        message = DetachVolume(
            instance=instance_object(server), volume_id=volume_id, attachment_id=device.attachment_id
        )
        try:
            async with self._deps.database.work(ctx) as uow:
                uow.cast(message, server=host)
        except BaseException:
            await self._deps.rpc.call(ctx.as_service(), RollDetaching(volume_id=volume_id))
            raise

    async def update(
        self,
        ctx: RequestContext,
        uuid: str,
        volume_id: str,
        unchanging: Mapping[str, str | None],
        *,
        delete: bool | None,
        swapped: bool,
    ) -> None:
        """``delete``: whether the volume is deleted with the server (None: as it is). BadRequest for another value of
        what does not change. ``swapped``: another volume is to take its place, which is for those who may do that."""
        server = await self._deps.find(ctx, uuid, policy.SHOW if swapped else policy.ATTACHMENT_CHANGE)
        if swapped:
            self._deps.policy.require(ctx, policy.SWAP_VOLUME, {}, Forbidden)
        device = _device(server, volume_id)
        fixed = {"id": volume_id, "serverId": uuid, "device": device.device_name, "tag": device.tag}
        for name, value in unchanging.items():
            if value != fixed[name]:
                raise BadRequest(f"The {name} property is not mutable")
        if delete is not None:
            async with self._deps.database.work(ctx) as uow:
                await block_devices.update(uow, device.uuid, delete_on_termination=delete)


def _device(server: Server, volume_id: str) -> BlockDevice:
    for device in server.devices:
        if device.volume_id == volume_id:
            return device
    raise AttachmentNotFound(instance_id=server.uuid, volume_id=volume_id)


def _summary(volume: VolumeView) -> dict[str, object]:
    """A volume as Nova passes it on (``nova/volume/cinder.py: _untranslate_volume_summary_view``)."""
    return {
        "id": volume.id,
        "status": volume.status,
        "size": volume.size,
        "availability_zone": volume.availability_zone,
        "created_at": volume.created_at,
        "attach_time": "",
        "mountpoint": "",
        "multiattach": volume.multiattach,
        "attach_status": volume.attach_status,
        "display_name": volume.name,
        "display_description": volume.description,
        "volume_type_id": volume.volume_type,
        "snapshot_id": volume.snapshot_id,
        "bootable": volume.bootable,
        "volume_metadata": dict(volume.metadata),
        "volume_image_metadata": dict(volume.volume_image_metadata or {}),
    }
