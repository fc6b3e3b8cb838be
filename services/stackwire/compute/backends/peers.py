"""Calls of the image and volume services with the caller's rights, and their refusals as errors of this API."""

import asyncio
from typing import Any

from stackwire.compute.backends.images import Images
from stackwire.compute.domain.errors import (
    ImageUnusable,
    InvalidBDM,
    InvalidBDMImage,
    InvalidBDMSnapshot,
    InvalidBDMVolume,
    InvalidBDMVolumeNotBootable,
    VolumeTypeUnknown,
)
from stackwire.compute.domain.travel_values import image_dict
from stackwire.contracts.volume import (
    AttachmentNotFound,
    CreateAttachment,
    DeleteAttachment,
    DeleteSnapshot,
    GetSnapshot,
    GetVolume,
    GetVolumeType,
    InvalidSnapshot,
    SnapshotView,
    VolumeView,
)
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, Conflict, Forbidden, NotFound, ServiceError, Unavailable
from stackwire.messaging.rpc import RpcClient

SNAPSHOT_DELETE_TIMEOUT_SECONDS = 10.0
SNAPSHOT_DELETE_RETRY_SECONDS = 0.5
SNAPSHOT_CREATE_TIMEOUT_SECONDS = 60.0
SNAPSHOT_POLL_SECONDS = 0.1
REFUSED = (NotFound, Forbidden, BadRequest, Conflict)


async def image(
    images: Images, ctx: RequestContext, image_id: str, error: type[ServiceError] = ImageUnusable
) -> dict[str, Any]:
    """The image as Nova works on it; 400 for one the caller cannot see."""
    try:
        view = await images.get(ctx, image_id)
    except REFUSED:
        raise error(image_id=image_id, id=image_id) from None
    return image_dict(view.model_dump())


async def settled_snapshot(rpc: RpcClient, ctx: RequestContext, snapshot_id: str) -> None:
    """Waits while the snapshot is created, whatever becomes of it. Unavailable when it takes too long."""
    until = asyncio.get_running_loop().time() + SNAPSHOT_CREATE_TIMEOUT_SECONDS
    while (await rpc.call(ctx.as_service(), GetSnapshot(snapshot_id=snapshot_id))).status == "creating":
        if asyncio.get_running_loop().time() >= until:
            raise Unavailable("The snapshot of the root volume was not made in time.")
        await asyncio.sleep(SNAPSHOT_POLL_SECONDS)


async def current_image(images: Images, ctx: RequestContext, image_id: str) -> dict[str, Any] | None:
    """The image as it is now, or None when it is deleted."""
    try:
        return await image(images, ctx, image_id)
    except ImageUnusable:
        return None


async def volume(rpc: RpcClient, ctx: RequestContext, volume_id: str) -> VolumeView:
    """A volume of the caller's project to boot from; 400 for any other."""
    try:
        view = await rpc.call(ctx.as_service(), GetVolume(volume_id=volume_id))
    except REFUSED:
        raise InvalidBDMVolume(id=volume_id) from None
    if view.project_id != ctx.project_id:
        raise InvalidBDMVolume(id=volume_id)
    return view


async def snapshot(rpc: RpcClient, ctx: RequestContext, snapshot_id: str) -> SnapshotView:
    """An available snapshot of the caller's project; 400 for any other."""
    try:
        view = await rpc.call(ctx.as_service(), GetSnapshot(snapshot_id=snapshot_id))
    except REFUSED:
        raise InvalidBDMSnapshot(id=snapshot_id) from None
    if view.project_id != ctx.project_id or view.status != "available":
        raise InvalidBDMSnapshot(id=snapshot_id)
    return view


async def volume_type(rpc: RpcClient, ctx: RequestContext, id_or_name: str) -> str:
    """The name of the volume type of that id or name; 400 for one the caller cannot use.

    ``nova/compute/api.py: _check_requested_volume_type``: checked before any server is created.
    """
    try:
        return (await rpc.call(ctx.as_service(), GetVolumeType(volume_type=id_or_name))).name
    except REFUSED:
        raise VolumeTypeUnknown(id_or_name=id_or_name) from None


async def bdm_image(images: Images, ctx: RequestContext, image_id: str) -> dict[str, Any]:
    """The image of a block device; InvalidBDMImage for one the caller cannot see."""
    return await image(images, ctx, image_id, InvalidBDMImage)


def require_bootable(view: VolumeView) -> None:
    """InvalidBDMVolumeNotBootable."""
    if not view.bootable:
        raise InvalidBDMVolumeNotBootable(id=view.id)


def require_available(view: VolumeView, *, multiattach: bool) -> None:
    """InvalidBDM unless the volume is available, or shareable and in use (``multiattach``: the client knows 2.60)."""
    if view.multiattach and not multiattach:
        raise InvalidBDM(reason=f"volume {view.id} can be attached to several servers, which needs version 2.60")
    if view.status != "available" and not (view.multiattach and view.status == "in-use"):
        raise InvalidBDM(reason=f"volume {view.id} has status {view.status}, it must be available")


async def reserve(rpc: RpcClient, ctx: RequestContext, volume_id: str, uuid: str, attachment_id: str) -> None:
    """Reserves the volume for the server by an attachment of that id; InvalidBDM when it is refused."""
    message = CreateAttachment(volume_id=volume_id, instance_uuid=uuid, attachment_id=attachment_id)
    try:
        await rpc.call(ctx.as_service(), message)
    except REFUSED as refused:
        raise InvalidBDM(reason=refused.message) from refused


async def release(rpc: RpcClient, ctx: RequestContext, attachment_id: str) -> None:
    """Deletes the attachment. That it does not exist, or that the service does not answer, is no error."""
    try:
        await rpc.call(ctx.as_service(), DeleteAttachment(attachment_id=attachment_id))
    except (AttachmentNotFound, *REFUSED, Unavailable):
        return


async def delete_snapshot_best_effort(rpc: RpcClient, ctx: RequestContext, snapshot_id: str) -> None:
    """Deletes a snapshot that may still be in creation; where that fails, it stays."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + SNAPSHOT_DELETE_TIMEOUT_SECONDS
    while loop.time() < deadline:
        try:
            await rpc.call(ctx.as_service(), DeleteSnapshot(snapshot_id=snapshot_id))
        except (InvalidSnapshot, Unavailable):  # in creation, or unknown
            await asyncio.sleep(SNAPSHOT_DELETE_RETRY_SECONDS)
        except REFUSED:
            return
        else:
            return
