"""The root volume of a server whose rebuild was cut off: attached once, as the server's own device says."""

from stackwire.compute.db import parts
from stackwire.compute.domain.model import BlockDevice
from stackwire.compute.domain.server import Server
from stackwire.compute.flows.worker.build_instance import connection
from stackwire.compute.flows.worker.compute_host import Hosting
from stackwire.contracts.volume import AttachmentView, VolumeView
from stackwire.core.context import RequestContext
from stackwire.core.errors import Conflict, NotFound, ServiceError, Unavailable


class StillWritten(Conflict):
    """The volume {volume_id} is still being written over."""


async def mend(ctx: RequestContext, hosting: Hosting, server: Server) -> None:
    """A rebuild gives the volume another attachment on the way, and may have died between the two.

    StillWritten, Unavailable: later. A volume that cannot be attached any more stays as it is.
    """
    root = server.root
    if root is None or not root.is_volume or root.volume_id is None:
        return
    try:
        volume = await hosting.volumes.get(ctx, root.volume_id)
    except NotFound:
        return
    if volume.status == "downloading":
        raise StillWritten(volume_id=volume.id)
    kept = await _only_one(ctx, hosting, server, root, volume)
    if kept is None or kept.status == "attached":
        return
    try:
        info = await hosting.volumes.connect(ctx, kept.id, root.device_name)
        async with hosting.database.work(ctx) as uow:
            told = connection(info, server.uuid, root)
            await parts.change_device(uow, root.uuid, connection_info=told)
        await hosting.volumes.complete(ctx, kept.id)
    except Unavailable:
        raise
    except ServiceError:  # the volume is in error: another rebuild or the server's end lets go of it
        return


async def _only_one(
    ctx: RequestContext, hosting: Hosting, server: Server, root: BlockDevice, volume: VolumeView
) -> AttachmentView | None:
    """The one attachment that stays, the device's own if it is there; the device names it, the others go."""
    held = [one for one in volume.attachments if one.instance == server.uuid]
    kept = next((one for one in held if one.id == root.attachment_id), held[0] if held else None)
    async with hosting.database.work(ctx) as uow:
        await parts.change_device(uow, root.uuid, attachment_id=None if kept is None else kept.id)
    for one in held:
        if kept is not None and one.id != kept.id:
            await hosting.volumes.release(ctx, one.id)
    return kept
