"""A volume of a server whose rebuild or move was cut off: attached once, as the server's own device says."""

from dataclasses import replace

from stackwire.compute.db import block_devices
from stackwire.compute.domain.model import BlockDevice
from stackwire.compute.domain.server import Server
from stackwire.compute.flows.worker.compute_host import ComputeHost
from stackwire.compute.flows.worker.volume_moves import connect
from stackwire.contracts.volume import AttachmentView, VolumeView
from stackwire.core.context import RequestContext
from stackwire.core.errors import Conflict, NotFound, ServiceError, Unavailable


class ReimageUnderWay(Conflict):
    """The volume {volume_id} is still being written over."""


async def restore_root_attachment(ctx: RequestContext, host: ComputeHost, server: Server) -> None:
    """That of a volume-backed server."""
    if server.root is not None and server.root.is_volume:
        await restore_attachment(ctx, host, server, server.root)


async def restore_attachment(ctx: RequestContext, host: ComputeHost, server: Server, device: BlockDevice) -> None:
    """A rebuild or a move gives the volume a second attachment, and may have been cut off between the two.

    ReimageUnderWay, Unavailable: try again later. A volume that cannot be attached any more stays as it is.
    """
    if device.volume_id is None:
        return
    try:
        volume = await host.volumes.get(ctx, device.volume_id)
    except NotFound:
        return
    if volume.status == "downloading":
        raise ReimageUnderWay(volume_id=volume.id)
    kept = await _single_attachment(ctx, host, server, device, volume)
    if kept is None or kept.status == "attached":
        return
    try:
        await connect(ctx, host, replace(device, attachment_id=kept.id))
    except Unavailable:
        raise
    except ServiceError:  # the volume is in error: another rebuild or the server's deletion releases it
        return


async def _single_attachment(
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
