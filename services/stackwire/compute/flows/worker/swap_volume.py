"""A guest moved from one volume to another on its host.

The volume service copied the data before: a simulated guest changes none of it, and no host sees the bytes of volumes.
"""

import contextlib
import logging
from dataclasses import replace
from typing import Any

from stackwire.compute.backends.peers import REFUSED
from stackwire.compute.db import block_devices, instance_actions, volume_swaps
from stackwire.compute.domain.devices import connection_info
from stackwire.compute.domain.model import BlockDevice, VolumeSwap
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.versioned_objects import uuid_of
from stackwire.compute.flows.worker.compute_host import ComputeHost, public_error_text, record_fault
from stackwire.compute.flows.worker.guest import Guests
from stackwire.contracts import compute_workers
from stackwire.contracts.volume import VolumeView
from stackwire.core.context import RequestContext
from stackwire.core.errors import ServiceError, Unavailable

log = logging.getLogger(__name__)
SWAP = "compute_swap_volume"


class SwapVolume:
    """``nova/compute/manager.py: swap_volume``, on one host. Each step may be done twice."""

    def __init__(self, host: ComputeHost) -> None:
        self._host = host
        self._guests = Guests(host)

    async def on_swap_volume(self, ctx: RequestContext, message: compute_workers.SwapVolume) -> None:
        """Delivered twice, the second finds nothing to do."""
        await self._run(ctx, uuid_of(message.instance), message.new_attachment_id or "")

    async def resume(self, ctx: RequestContext, swap: VolumeSwap) -> bool:
        """Goes on with what a dead process left, of the API or of the host. False when a message is at work on the
        server."""
        if self._host.locks.busy(swap.instance_uuid):
            return False
        await self._run(replace(ctx, request_id=swap.request_id), swap.instance_uuid, swap.attachment_id)
        return True

    async def _run(self, ctx: RequestContext, uuid: str, attachment_id: str) -> None:
        async with self._host.exclusive(uuid):
            async with self._host.database.read() as session:
                swap = await volume_swaps.TABLE.get(session, attachment_id)
            if swap is None:
                return
            server = await self._host.find(uuid)
            device = next((d for d in server.devices if d.uuid == swap.device_uuid), None) if server else None
            if server is None or device is None:
                await self._forget(ctx, swap)
            else:
                await self._swap(ctx, server, device, swap)

    async def _forget(self, ctx: RequestContext, swap: VolumeSwap) -> None:
        """The server was deleted, or the volume detached from it, meanwhile."""
        await self._host.volumes.release(ctx, swap.attachment_id)
        async with self._host.database.work(ctx) as uow:
            await volume_swaps.TABLE.delete(uow, swap.attachment_id)

    async def _swap(self, ctx: RequestContext, server: Server, device: BlockDevice, swap: VolumeSwap) -> None:
        async with self._host.database.work(ctx) as uow:
            await instance_actions.begin_event(uow, server.uuid, SWAP, self._host.name)
            self._host.notifications.emit_swap(uow, server, "start", swap)
        try:
            old = await self._host.volumes.get(ctx, swap.old_volume_id)
            info = await self._host.volumes.connect(ctx, swap.attachment_id, device.device_name)
            await self._host.volumes.complete(ctx, swap.attachment_id)
        except Unavailable:  # the message is tried again
            raise
        except Exception as error:
            await self._undo(ctx, server, swap, error)
            return
        await self._finish(ctx, server, replace(device, volume_id=await self._save(ctx, device, swap, old)), swap, info)

    async def _save(self, ctx: RequestContext, device: BlockDevice, swap: VolumeSwap, old: VolumeView) -> str:
        """The id of the volume that the server has now: a migrated one keeps its own."""
        if swap.attachment_id in {attachment.id for attachment in old.attachments}:  # it was completed before a crash
            return old.id
        if device.attachment_id != swap.attachment_id:
            await self._host.volumes.release(ctx, device.attachment_id or "")
        if old.migration_status != "migrating":
            return swap.new_volume_id
        return await self._host.volumes.complete_migration(ctx, old.id, swap.new_volume_id)

    async def _finish(
        self, ctx: RequestContext, server: Server, device: BlockDevice, swap: VolumeSwap, info: dict[str, Any]
    ) -> None:
        size = (await self._host.volumes.get(ctx, device.volume_id or "")).size
        async with self._host.database.work(ctx) as uow:
            await block_devices.update(
                uow,
                device.uuid,
                source_type="volume",
                destination_type="volume",
                snapshot_id=None,
                volume_id=device.volume_id,
                volume_size=size,
                attachment_id=swap.attachment_id,
                connection_info=connection_info({**info, "volume_id": device.volume_id}, device),
            )
            swapped = await self._host.reload(uow, server)
            await self._guests.save(uow, swapped, self._guests.define(swapped))
            self._host.notifications.emit_swap(uow, swapped, "end", swap)
            await instance_actions.end_event(uow, server.uuid, SWAP)
            await volume_swaps.TABLE.delete(uow, swap.attachment_id)

    async def _undo(self, ctx: RequestContext, server: Server, swap: VolumeSwap, error: Exception) -> None:
        """The server keeps the volume that it has; the volume service deletes the copy."""
        if not isinstance(error, ServiceError):
            log.exception("volume %s could not be swapped", swap.old_volume_id)
        volumes = self._host.volumes
        with contextlib.suppress(*REFUSED):
            await volumes.roll_detaching(ctx, swap.old_volume_id)
        with contextlib.suppress(*REFUSED):
            await volumes.release(ctx, swap.attachment_id)
        with contextlib.suppress(*REFUSED):
            await volumes.complete_migration(ctx, swap.old_volume_id, swap.new_volume_id, error=True)
        async with self._host.database.work(ctx) as uow:
            await record_fault(uow, server.uuid, error, self._host.name)
            self._host.notifications.emit_swap_error(uow, server, swap, error)
            await instance_actions.end_event(uow, server.uuid, SWAP, error=public_error_text(error))
            await volume_swaps.TABLE.delete(uow, swap.attachment_id)
