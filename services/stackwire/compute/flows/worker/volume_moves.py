"""The volumes of a server that changes its host: each keeps an attachment of the server's, connected to one host.

``nova/compute/manager.py: _terminate_volume_connections, _update_volume_attachments, _complete_volume_attachments``.
"""

from stackwire.compute.db import block_devices
from stackwire.compute.domain.devices import connection_info
from stackwire.compute.domain.model import BlockDevice
from stackwire.compute.domain.server import Server
from stackwire.compute.flows.worker.compute_host import ComputeHost
from stackwire.core.context import RequestContext
from stackwire.core.ids import new_id


def attached(server: Server) -> list[BlockDevice]:
    """The server's volumes."""
    return [device for device in server.devices if device.volume_id and device.attachment_id]


async def leave(ctx: RequestContext, host: ComputeHost, server: Server) -> None:
    """A second attachment keeps each volume for the server; the one that connects it to this host is deleted."""
    for device in attached(server):
        attachment_id = new_id()
        await host.volumes.reserve(ctx, device.volume_id or "", server.uuid, attachment_id)
        await host.volumes.release(ctx, device.attachment_id or "")
        async with host.database.work(ctx) as uow:
            await block_devices.update(uow, device.uuid, attachment_id=attachment_id, connection_info=None)


async def arrive(ctx: RequestContext, host: ComputeHost, server: Server) -> None:
    """Each volume is connected to this host, unless it is already."""
    for device in attached(server):
        volume = await host.volumes.get(ctx, device.volume_id or "")
        if any(each.id == device.attachment_id and each.status == "attached" for each in volume.attachments):
            continue
        await connect(ctx, host, device)


async def connect(ctx: RequestContext, host: ComputeHost, device: BlockDevice) -> None:
    """The device's attachment connects its volume to this host, in use from now on."""
    info = await host.volumes.connect(ctx, device.attachment_id or "", device.device_name)
    async with host.database.work(ctx) as uow:
        await block_devices.update(uow, device.uuid, connection_info=connection_info(info, device))
    await host.volumes.complete(ctx, device.attachment_id or "")
