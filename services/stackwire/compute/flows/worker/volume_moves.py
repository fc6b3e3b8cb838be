"""The volumes of a server that changes its host: each keeps an attachment of the server's, connected to one host.

``nova/compute/manager.py: _terminate_volume_connections, _update_volume_attachments, _complete_volume_attachments``.
"""

from dataclasses import replace

from stackwire.compute.db import block_devices
from stackwire.compute.domain.devices import connection_info
from stackwire.compute.domain.errors import InvalidBDMVolume
from stackwire.compute.domain.model import BlockDevice
from stackwire.compute.domain.server import Server
from stackwire.compute.flows.worker.compute_host import ComputeHost
from stackwire.contracts.volume import AttachmentView, VolumeView
from stackwire.core.context import RequestContext
from stackwire.core.ids import new_id


def attached(server: Server) -> list[BlockDevice]:
    """The server's volumes."""
    return [device for device in server.devices if device.volume_id and device.attachment_id]


async def leave(ctx: RequestContext, host: ComputeHost, server: Server) -> None:
    """A second attachment keeps each volume for the server; the one that connects it to this host is deleted.

    A volume that has left already is left alone: it may be connected to another host by now.
    """
    for device in attached(server):
        if device.connection_info is None:
            continue
        attachment_id = new_id("attachment")
        await host.volumes.reserve(ctx, device.volume_id or "", server.uuid, attachment_id)
        await host.volumes.release(ctx, device.attachment_id or "")
        async with host.database.work(ctx) as uow:
            await block_devices.update(uow, device.uuid, attachment_id=attachment_id, connection_info=None)


async def arrive(ctx: RequestContext, host: ComputeHost, server: Server) -> None:
    """Each volume is connected to this host, by one attachment, unless it is already."""
    for device in attached(server):
        volume = await host.volumes.get(ctx, device.volume_id or "")
        kept = await single_attachment(ctx, host, server, device, volume)
        if kept is None:
            raise InvalidBDMVolume(id=volume.id)
        if kept.status != "attached":
            await connect(ctx, host, replace(device, attachment_id=kept.id))


async def connect(ctx: RequestContext, host: ComputeHost, device: BlockDevice) -> None:
    """The device's attachment connects its volume to this host, in use from now on."""
    info = await host.volumes.connect(ctx, device.attachment_id or "", device.device_name)
    async with host.database.work(ctx) as uow:
        await block_devices.update(uow, device.uuid, connection_info=connection_info(info, device))
    await host.volumes.complete(ctx, device.attachment_id or "")


async def single_attachment(
    ctx: RequestContext, host: ComputeHost, server: Server, device: BlockDevice, volume: VolumeView
) -> AttachmentView | None:
    """The one attachment that stays, the device's own if it is there; the device names it, the others are deleted."""
    attachments = [each for each in volume.attachments if each.instance == server.uuid]
    kept = next((each for each in attachments if each.id == device.attachment_id), next(iter(attachments), None))
    async with host.database.work(ctx) as uow:
        await block_devices.update(uow, device.uuid, attachment_id=None if kept is None else kept.id)
    for each in attachments:
        if kept is not None and each.id != kept.id:
            await host.volumes.release(ctx, each.id)
    return kept
