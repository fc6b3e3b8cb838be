"""What compute asks the image and volume services, with the caller's own rights, and how refusals read here."""

import asyncio
from typing import Any

from stackwire.compute.backends.images import Images
from stackwire.compute.domain import travel
from stackwire.compute.domain.errors import (
    ImageUnusable,
    InvalidBDM,
    InvalidBDMImage,
    InvalidBDMSnapshot,
    InvalidBDMVolume,
    InvalidBDMVolumeNotBootable,
    VolumeTypeUnknown,
)
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

PATIENCE, PAUSE = 10.0, 0.5  # seconds
SNAPSHOT_PATIENCE = 60.0  # seconds
REFUSED = (NotFound, Forbidden, BadRequest, Conflict)


async def image(
    images: Images, ctx: RequestContext, image_id: str, error: type[ServiceError] = ImageUnusable
) -> dict[str, Any]:
    """The image as Nova works on it; 400 for one the caller cannot see."""
    try:
        view = await images.get(ctx, image_id)
    except REFUSED:
        raise error(image_id=image_id, id=image_id) from None
    return travel.image_dict(view.model_dump())


async def settled_snapshot(rpc: RpcClient, ctx: RequestContext, snapshot_id: str) -> None:
    """Waits while it is made; what it became is told by who reads it. Unavailable when it takes too long."""
    until = asyncio.get_running_loop().time() + SNAPSHOT_PATIENCE
    while (await rpc.call(ctx.as_service(), GetSnapshot(snapshot_id=snapshot_id))).status == "creating":
        if asyncio.get_running_loop().time() >= until:
            raise Unavailable("The snapshot of the root volume was not made in time.")
        await asyncio.sleep(PAUSE / 5)


async def current_image(images: Images, ctx: RequestContext, image_id: str) -> dict[str, Any] | None:
    """The image as it is now, or None when it is gone."""
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
    """A snapshot of the caller's project that is ready; 400 for any other."""
    try:
        view = await rpc.call(ctx.as_service(), GetSnapshot(snapshot_id=snapshot_id))
    except REFUSED:
        raise InvalidBDMSnapshot(id=snapshot_id) from None
    if view.project_id != ctx.project_id or view.status != "available":
        raise InvalidBDMSnapshot(id=snapshot_id)
    return view


async def volume_type(rpc: RpcClient, ctx: RequestContext, word: str) -> str:
    """The name of the volume type of that id or name; 400 for one the caller cannot use.

    ``nova/compute/api.py: _check_requested_volume_type``: asked now, so that no server is made for nothing.
    """
    try:
        return (await rpc.call(ctx.as_service(), GetVolumeType(volume_type=word))).name
    except REFUSED:
        raise VolumeTypeUnknown(id_or_name=word) from None


async def bdm_image(images: Images, ctx: RequestContext, image_id: str) -> dict[str, Any]:
    return await image(images, ctx, image_id, InvalidBDMImage)


def require_bootable(view: VolumeView) -> None:
    if not view.bootable:
        raise InvalidBDMVolumeNotBootable(id=view.id)


def require_available(view: VolumeView, *, multiattach: bool) -> None:
    """Available, or in use and made for several servers (which the client's version must know, 2.60)."""
    if view.multiattach and not multiattach:
        raise InvalidBDM(reason=f"volume {view.id} can be attached to several servers, which needs version 2.60")
    if view.status != "available" and not (view.multiattach and view.status == "in-use"):
        raise InvalidBDM(reason=f"volume {view.id} has status {view.status}, it must be available")


async def reserve(rpc: RpcClient, ctx: RequestContext, volume_id: str, uuid: str, attachment_id: str) -> None:
    """An attachment of that id keeps the volume for the server."""
    order = CreateAttachment(volume_id=volume_id, instance_uuid=uuid, attachment_id=attachment_id)
    try:
        await rpc.call(ctx.as_service(), order)
    except REFUSED as refused:
        raise InvalidBDM(reason=refused.message) from refused


async def release(rpc: RpcClient, ctx: RequestContext, attachment_id: str) -> None:
    """The attachment gone; that it is gone already, or cannot be reached now, is no reason to fail."""
    try:
        await rpc.call(ctx.as_service(), DeleteAttachment(attachment_id=attachment_id))
    except (AttachmentNotFound, *REFUSED, Unavailable):
        return


async def delete_snapshot_best_effort(rpc: RpcClient, ctx: RequestContext, snapshot_id: str) -> None:
    """A snapshot that came to nothing, perhaps still being taken; failing that, it stays."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PATIENCE
    while loop.time() < deadline:
        try:
            await rpc.call(ctx.as_service(), DeleteSnapshot(snapshot_id=snapshot_id))
        except (InvalidSnapshot, Unavailable):  # being taken, or nobody knows
            await asyncio.sleep(PAUSE)
        except REFUSED:
            return
        else:
            return
