"""A volume of a server whose rebuild or move was cut off: attached once, as the server's own device says."""

import logging
from dataclasses import replace

from stackwire.compute.db import block_devices
from stackwire.compute.domain.model import BlockDevice
from stackwire.compute.domain.server import Server
from stackwire.compute.flows.worker.compute_host import ComputeHost
from stackwire.compute.flows.worker.volume_moves import attached, connect, single_attachment
from stackwire.contracts.volume import AttachmentView
from stackwire.core.context import RequestContext
from stackwire.core.errors import Conflict, NotFound, ServiceError, Unavailable
from stackwire.core.ids import new_id

log = logging.getLogger(__name__)


class ReimageUnderWay(Conflict):
    """The volume {volume_id} is still being written over."""


class NotRestoredYet(Unavailable):
    """The volume of server {uuid} does not answer: it is recovered when that one does."""


async def restore_after(
    ctx: RequestContext, host: ComputeHost, uuid: str, error: Exception, *, evacuated: bool = False
) -> None:
    """After a volume service that did not answer the server's root volume, or any that left the other host, may have
    two attachments, or one that is connected in part. NotRestoredYet while it does not answer yet: the server is not in
    error before that. What is refused stays as it is, and the server is in error."""
    server = await host.find(uuid) if isinstance(error, Unavailable) else None
    if server is None:
        return
    try:
        for device in attached(server):
            if device.is_root or (evacuated and device.connection_info is None):
                await restore_attachment(ctx, host, server, device)
    except (Unavailable, ReimageUnderWay) as again:
        raise NotRestoredYet(uuid=uuid) from again
    except ServiceError as refused:
        log.warning("a volume of instance %s is not attached again: %s", uuid, refused)


async def restore_root_attachment(ctx: RequestContext, host: ComputeHost, server: Server) -> None:
    """That of a volume-backed server."""
    if server.root is not None and server.root.is_volume:
        await restore_attachment(ctx, host, server, server.root)


async def restore_attachment(ctx: RequestContext, host: ComputeHost, server: Server, device: BlockDevice) -> None:
    """A rebuild or a move gives the volume a second attachment, and may have been cut off between the two, or when it
    connected another host already.

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
    kept = await single_attachment(ctx, host, server, device, volume)
    if kept is None:
        return
    elsewhere = kept.attached_host not in (None, host.name)
    if kept.status == "attached" and not elsewhere:
        return
    try:
        attachment_id = await _instead_of(ctx, host, server, device, kept) if elsewhere else kept.id
        await connect(ctx, host, replace(device, attachment_id=attachment_id))
    except Unavailable:
        raise
    except ServiceError:  # the volume is in error: another rebuild or the server's deletion releases it
        return


async def _instead_of(
    ctx: RequestContext, host: ComputeHost, server: Server, device: BlockDevice, other: AttachmentView
) -> str:
    """The id of an attachment in the place of one that connects another host: what that host has requested of its own,
    and the volume service handles late, finds it deleted."""
    attachment_id = new_id("attachment")
    await host.volumes.reserve(ctx, device.volume_id or "", server.uuid, attachment_id)
    await host.volumes.release(ctx, other.id)
    async with host.database.work(ctx) as uow:
        await block_devices.update(uow, device.uuid, attachment_id=attachment_id, connection_info=None)
    return attachment_id
