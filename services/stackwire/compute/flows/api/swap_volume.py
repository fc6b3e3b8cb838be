"""Moving a server from one volume to another, while the volume service migrates the first to the second."""

from stackwire.compute.backends import peers
from stackwire.compute.db import instance_actions, instances, volume_swaps
from stackwire.compute.domain import policy
from stackwire.compute.domain.errors import AttachmentNotFound
from stackwire.compute.domain.errors_moves import MultiattachSwapVolumeNotSupported
from stackwire.compute.domain.model import BlockDevice, VolumeSwap
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.versioned_objects import instance_object
from stackwire.compute.flows.deps import ApiFlow, check_allowed, require_host
from stackwire.contracts import compute_workers
from stackwire.contracts.compute import UpdateServerVolume
from stackwire.contracts.volume import BeginDetaching, CreateAttachment, GetVolume, InvalidVolume, VolumeView
from stackwire.contracts.volume import RollDetaching as Roll
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, Conflict, Forbidden, NotFound


class SwapVolume(ApiFlow):
    """``nova/compute/api.py: swap_volume``."""

    async def on_update_server_volume(self, ctx: RequestContext, message: UpdateServerVolume) -> None:
        """What the volume service requests over the bus, also for a user who may not: Forbidden to others."""
        if not ctx.is_service:
            self._deps.policy.require(ctx, policy.SWAP_VOLUME, {}, Forbidden)
        server = await self._server(ctx, message.server_uuid)
        await self._request(ctx, server, message.volume_id, message.new_volume_id)

    async def swap(self, ctx: RequestContext, uuid: str, volume_id: str, new_volume_id: str) -> None:
        """For services' own users and administrators, and only of volumes that are or were migrated (Conflict)."""
        server = await self._server(ctx, uuid)
        self._deps.policy.require(ctx, policy.SWAP_VOLUME, {}, Forbidden)
        await self._request(ctx, server, volume_id, new_volume_id)

    async def _server(self, ctx: RequestContext, uuid: str) -> Server:
        async with self._deps.database.read() as session:
            return await instances.find(session, ctx, uuid)

    async def _request(self, ctx: RequestContext, server: Server, volume_id: str, new_volume_id: str) -> None:
        uuid = server.uuid
        swap = await self._swap_of(server, volume_id)
        if swap is None and await self._is_requested(ctx, uuid):
            return  # the call was delivered twice, and the host has done what the first one requested
        old = await self._deps.rpc.call(ctx.as_service(), GetVolume(volume_id=volume_id))
        if not old.migration_status:
            raise Conflict(f"volume {volume_id} is not migrating; this API should only be called by Cinder")
        try:
            new = await self._deps.rpc.call(ctx.as_service(), GetVolume(volume_id=new_volume_id))
        except NotFound as error:
            raise BadRequest(error.message) from error
        check_allowed(ctx, server, "swap_volume")
        swap = swap or await self._record(ctx, server, old, new)
        if swap.new_volume_id != new.id:
            raise InvalidVolume(reason=f"Volume {volume_id} is being swapped for another one.")
        if swap.attachment_id not in {each.id for each in (*old.attachments, *new.attachments)}:
            await self._begin(ctx, server, old, swap)
        async with self._deps.database.work(ctx) as uow:
            if await volume_swaps.TABLE.get(uow, swap.attachment_id, lock=True) is None:
                return  # the host has ended it meanwhile: the call was delivered twice
            if ctx.request_id != swap.request_id or await instance_actions.get(uow, uuid, ctx.request_id) is None:
                await instance_actions.start(uow, ctx, uuid, "swap_volume")
            message = compute_workers.SwapVolume(
                instance=instance_object(server),
                old_volume_id=old.id,
                new_volume_id=new.id,
                new_attachment_id=swap.attachment_id,
            )
            uow.cast(message, server=require_host(server))

    async def _swap_of(self, server: Server, volume_id: str) -> VolumeSwap | None:
        """What was requested before and has not ended."""
        async with self._deps.database.read() as session:
            found = await volume_swaps.TABLE.find(session, instance_uuid=server.uuid, old_volume_id=volume_id)
        return found[0] if found else None

    async def _is_requested(self, ctx: RequestContext, uuid: str) -> bool:
        """By this very request."""
        async with self._deps.database.read() as session:
            action = await instance_actions.get(session, uuid, ctx.request_id)
        return action is not None and action.action == "swap_volume"

    async def _record(self, ctx: RequestContext, server: Server, old: VolumeView, new: VolumeView) -> VolumeSwap:
        """For recovery to know of what is begun then; what the same call has recorded, which was delivered twice.

        InvalidVolume, AttachmentNotFound.
        """
        _check(server, old, new)
        device = _device(server, old.id)
        swap = VolumeSwap(
            attachment_id=self._deps.make_id("attachment"),
            device_uuid=device.uuid,
            instance_uuid=server.uuid,
            old_volume_id=old.id,
            new_volume_id=new.id,
            request_id=ctx.request_id,
            created_at=self._deps.database.clock.now(),
        )
        async with self._deps.database.work(ctx) as uow:
            if await volume_swaps.TABLE.try_insert(uow, swap) is not None:
                return swap
        recorded = await self._swap_of(server, old.id)
        if recorded is None:
            raise InvalidVolume(reason=f"Volume {old.id} is being swapped already.")
        return recorded

    async def _begin(self, ctx: RequestContext, server: Server, old: VolumeView, swap: VolumeSwap) -> None:
        """The old volume is being detached, an attachment reserves the new one. Both may be done twice."""
        try:
            await self._deps.rpc.call(ctx.as_service(), BeginDetaching(volume_id=old.id))
            await self._reserve(ctx, server, old, swap)
        except peers.REFUSED as refused:
            async with self._deps.database.work(ctx) as uow:
                await volume_swaps.TABLE.delete(uow, swap.attachment_id)
            raise BadRequest(refused.message) from refused

    async def _reserve(self, ctx: RequestContext, server: Server, old: VolumeView, swap: VolumeSwap) -> None:
        try:
            # After begin_detaching, which keeps others from attaching it (nova/compute/api.py: swap_volume).
            if len([each for each in old.attachments if each.attach_mode != "ro"]) > 1:
                raise MultiattachSwapVolumeNotSupported
            reserve = CreateAttachment(
                volume_id=swap.new_volume_id, instance_uuid=server.uuid, attachment_id=swap.attachment_id
            )
            await self._deps.rpc.call(ctx.as_service(), reserve)
        except peers.REFUSED:
            await self._deps.rpc.call(ctx.as_service(), Roll(volume_id=old.id))
            raise


def _check(server: Server, old: VolumeView, new: VolumeView) -> None:
    """InvalidVolume, in the order in which Nova asks."""
    if server.uuid not in {attachment.instance for attachment in old.attachments}:
        raise InvalidVolume(reason="Old volume is attached to a different instance.")
    if new.attach_status == "attached":
        raise InvalidVolume(reason="New volume must be detached in order to swap.")
    if new.size < old.size:
        raise InvalidVolume(reason="New volume must be the same size or larger.")
    if any(device.volume_id == new.id for device in server.devices):
        raise InvalidVolume(reason=f"volume {new.id} already attached")


def _device(server: Server, volume_id: str) -> BlockDevice:
    for device in server.devices:
        if device.volume_id == volume_id:
            return device
    raise AttachmentNotFound(instance_id=server.uuid, volume_id=volume_id)
