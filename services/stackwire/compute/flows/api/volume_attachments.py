"""Volumes put on a server and taken off it, as far as the API goes; the conductor and the host do the rest."""

from stackwire.compute.backends import peers
from stackwire.compute.db import block_devices, instance_actions, instances
from stackwire.compute.domain import policy
from stackwire.compute.domain.bdm_rules import MAX_DISKS
from stackwire.compute.domain.errors import AttachmentNotFound, TooManyDiskDevices
from stackwire.compute.domain.model import BlockDevice
from stackwire.compute.domain.requests import AttachVolumeRequest
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.versioned_objects import instance_object
from stackwire.compute.flows.deps import ApiDeps, check_allowed, host_of
from stackwire.contracts.compute_workers import AttachVolume, DetachVolume
from stackwire.contracts.volume import BeginDetaching, GetVolume, RollDetaching, VolumeView
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, Conflict, Forbidden


class Attachments:
    """``nova/compute/api.py: attach_volume, detach_volume``."""

    def __init__(self, deps: ApiDeps) -> None:
        self._deps = deps

    async def one(self, ctx: RequestContext, uuid: str, volume_id: str) -> BlockDevice:
        return _device(await self._deps.find(ctx, uuid, policy.ATTACHMENTS), volume_id)

    async def attach(self, ctx: RequestContext, uuid: str, wish: AttachVolumeRequest) -> BlockDevice:
        """The new device with its name; 404 for a volume the caller cannot see, 400 for one that is not free."""
        server = await self._deps.find(ctx, uuid, policy.ATTACH)
        check_allowed(ctx, server, "attach_volume")
        host_of(server, "attach_volume")
        if len(server.devices) >= MAX_DISKS:
            raise TooManyDiskDevices(maximum=MAX_DISKS)
        volume = await self._volume(ctx, wish.volume_id)
        if any(device.volume_id == volume.id for device in server.devices):
            raise BadRequest(f"Volume {volume.id} is attached to instance {uuid} already.")
        peers.require_available(volume, multiattach=wish.multiattach)
        async with self._deps.database.work(ctx) as uow:
            await instance_actions.start(uow, ctx, uuid, "attach_volume")
        order = AttachVolume(
            instance=instance_object(server),
            volume=_told(volume),
            device=wish.device,
            tag=wish.tag,
            supports_multiattach=wish.multiattach,
            delete_on_termination=wish.delete_on_termination,
        )
        await self._deps.rpc.call(ctx, order)
        return _device(await self._again(ctx, uuid), volume.id)

    async def detach(self, ctx: RequestContext, uuid: str, volume_id: str) -> None:
        """The root volume stays (400); a volume that is not in use cannot be detached (400)."""
        server = await self._deps.find(ctx, uuid, policy.DETACH)
        check_allowed(ctx, server, "detach_volume")
        device = _device(server, volume_id)
        if device.is_root:
            raise BadRequest("The root volume cannot be detached.")
        host = host_of(server, "detach_volume")
        try:
            await self._deps.rpc.call(ctx.as_service(), BeginDetaching(volume_id=volume_id))
        except (*peers.REFUSED,) as refused:
            raise BadRequest(refused.message) from refused
        try:
            async with self._deps.database.work(ctx) as uow:
                await instance_actions.start(uow, ctx, uuid, "detach_volume")
                order = DetachVolume(
                    instance=instance_object(server),
                    volume_id=volume_id,
                    attachment_id=device.attachment_id,
                )
                uow.cast(order, server=host)
        except BaseException:
            await self._deps.rpc.call(ctx.as_service(), RollDetaching(volume_id=volume_id))
            raise

    async def keep_or_not(self, ctx: RequestContext, uuid: str, volume_id: str, delete: bool) -> None:
        """Whether the volume goes with the server."""
        server = await self._deps.find(ctx, uuid, policy.ATTACHMENT_CHANGE)
        check_allowed(ctx, server, "attach_volume")
        device = _device(server, volume_id)
        async with self._deps.database.work(ctx) as uow:
            await block_devices.update(uow, device.uuid, delete_on_termination=delete)

    async def require_swap(self, ctx: RequestContext, uuid: str, volume_id: str) -> None:
        """Only a service may swap volumes, and only while it migrates one: 403, else 409."""
        async with self._deps.database.read() as session:
            server = await instances.find(session, ctx, uuid)
        self._deps.policy.require(ctx, policy.SWAP_VOLUME, {"project_id": server.instance.project_id}, Forbidden)
        _device(server, volume_id)
        raise Conflict(f"Volume {volume_id} is not being migrated.")

    async def _volume(self, ctx: RequestContext, volume_id: str) -> VolumeView:
        return await self._deps.rpc.call(ctx.as_service(), GetVolume(volume_id=volume_id))

    async def _again(self, ctx: RequestContext, uuid: str) -> Server:
        async with self._deps.database.read() as session:
            return await instances.find(session, ctx, uuid)


def _device(server: Server, volume_id: str) -> BlockDevice:
    for device in server.devices:
        if device.volume_id == volume_id:
            return device
    raise AttachmentNotFound(instance_id=server.uuid, volume_id=volume_id)


def _told(volume: VolumeView) -> dict[str, object]:
    """A volume as Nova hands it around (``nova/volume/cinder.py: _untranslate_volume_summary_view``)."""
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
