"""A server's root disk written over. ``nova/compute/manager.py: rebuild_instance, _rebuild_volume_backed_instance``."""

import asyncio
import logging
import math
from dataclasses import replace
from typing import Any

from stackwire.compute.backends import guest_console
from stackwire.compute.db import block_devices, instance_actions
from stackwire.compute.domain import notifications
from stackwire.compute.domain.devices import connection_info, with_device
from stackwire.compute.domain.errors import BuildAborted
from stackwire.compute.domain.model import BlockDevice
from stackwire.compute.domain.notifications import certificates
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.states import POWER, REBUILDING, STOPPED, ServerStates
from stackwire.compute.domain.versioned_objects import instances_object, uuid_of
from stackwire.compute.flows.worker.compute_host import ComputeHost, StateChanged
from stackwire.compute.flows.worker.guest import Guests
from stackwire.compute.flows.worker.power import Power
from stackwire.compute.flows.worker.rebuild_recovery import restore_after
from stackwire.contracts.compute_workers import RebuildInstanceOnHost, UpdateInstanceInfo
from stackwire.core.context import RequestContext
from stackwire.core.errors import ServiceError
from stackwire.core.ids import new_id

log = logging.getLogger(__name__)
EVENT = "compute_rebuild_instance"
REIMAGED = "volume-reimaged"
GIBIBYTE = 1024**3


class PreserveEphemeralNotSupported(ServiceError, wire="nova.exception.PreserveEphemeralNotSupported"):
    """The current driver does not support preserving ephemeral partitions."""


class RebuildServer:
    """Rebuilds on one host."""

    def __init__(self, host: ComputeHost) -> None:
        self._host = host
        self._guests = Guests(host)
        self._power = Power(host)

    async def on_rebuild_instance(self, ctx: RequestContext, message: RebuildInstanceOnHost) -> None:
        """Nothing, when the server waits for no rebuild on this host. A server that was off is switched off again."""
        uuid = uuid_of(message.instance)
        stopped = False
        async with self._host.exclusive(uuid):
            server = await self._host.find(uuid)
            if server is None or server.instance.task_state != REBUILDING or server.instance.host != self._host.name:
                return
            stopped = server.instance.vm_state == STOPPED
            try:
                server = await self._begin(ctx, server, message)
                server = await self._write(ctx, server, message)
                server = await self._finish(ctx, server, server.image_name, stopped=stopped)
            except StateChanged:
                return
            except Exception as error:
                await restore_after(ctx, self._host, uuid, error)
                await self._fail(ctx, server, error)
                return
        if stopped:
            await self._power.apply(ctx, uuid, ServerStates.finish_stop)

    async def _begin(self, ctx: RequestContext, server: Server, message: RebuildInstanceOnHost) -> Server:
        async with self._host.database.work(ctx) as uow:
            await instance_actions.begin_event(uow, server.uuid, EVENT, self._host.name)
            self._host.notifications.emit_exists(uow, _before(server, message), server)
            self._host.notifications.emit_action(
                uow, server, "rebuild", "start", {"image_name": server.image_name}, certificates(server)
            )
            return await self._host.save(uow, server)

    async def _write(self, ctx: RequestContext, server: Server, message: RebuildInstanceOnHost) -> Server:
        """A root volume is written over while the server is ``rebuilding`` yet, and attached after that."""
        if message.preserve_ephemeral:
            raise PreserveEphemeralNotSupported
        root, reimaged = server.root, False
        if root is None or not root.is_volume:
            await self._host.disks.remove(server.uuid)
        elif reimaged := bool(message.reimage_boot_volume and message.image_ref):
            root = await self._reimage(ctx, server, root, message.image_ref or "")
        async with self._host.database.work(ctx) as uow:
            server = await self._host.advance(uow, server, ServerStates.rebuild_block_devices)
        if root is not None and reimaged:
            server = await self._attach_root(ctx, server, root)
        async with self._host.database.work(ctx) as uow:
            server = await self._host.advance(uow, server, ServerStates.rebuild_spawn)
        definition = self._guests.define(server)
        await self._guests.write_disk(ctx, server, message.image_ref or server.instance.image_ref)
        await self._guests.write_files(server, message.injected_files or [])
        await self._host.disks.log(server.uuid, f"simulated guest: rebuilt\n{guest_console.booting(server)}")
        async with self._host.database.work(ctx) as uow:
            await self._guests.save(uow, server, definition)
        return server

    async def _finish(self, ctx: RequestContext, server: Server, name: str | None, *, stopped: bool) -> Server:
        async with self._host.database.work(ctx) as uow:
            server = await self._host.advance(
                uow, server, ServerStates.finish_rebuild, power_state=POWER["running"], launched_at=uow.now
            )
            uow.fanout(UpdateInstanceInfo(host_name=self._host.name, instance_info=instances_object([server])))
            fields: dict[str, Any] = {"image_name": name, "fixed_ips": notifications.fixed_ips(server)}
            self._host.notifications.emit_action(uow, server, "rebuild", "end", fields, certificates(server))
            if stopped:
                server = await self._host.advance(uow, server, ServerStates.stop_rebuilt)
            else:  # Nova saves once more
                server = await self._host.save(uow, server)
            await instance_actions.end_event(uow, server.uuid, EVENT)
        return server

    async def _fail(self, ctx: RequestContext, server: Server, error: Exception) -> None:
        if not isinstance(error, ServiceError):
            log.exception("instance %s could not be rebuilt", server.uuid)
        after = await self._host.fail(ctx, server, ServerStates.fail_rebuild, EVENT, error)
        if after is not None:
            async with self._host.database.work(ctx) as uow:
                self._host.notifications.emit_error(uow, after, "rebuild", error, None, certificates(after))

    # ---- a root volume

    async def _reimage(self, ctx: RequestContext, server: Server, root: BlockDevice, image_id: str) -> BlockDevice:
        """A second attachment keeps the volume for the server while the first is deleted and the image is written."""
        volumes, volume_id = self._host.volumes, root.volume_id or ""
        attachment_id = new_id("attachment")
        await volumes.reserve(ctx, volume_id, server.uuid, attachment_id)
        if root.attachment_id:
            await volumes.release(ctx, root.attachment_id)
        async with self._host.database.work(ctx) as uow:
            root = await block_devices.update(uow, root.uuid, attachment_id=attachment_id) or root
        image = await self._host.images.get(ctx, image_id)
        timeout = self._host.reimage_seconds_per_gb * math.ceil((image.size or 0) / GIBIBYTE)
        await self._reimage_volume(ctx, server, volume_id, image_id, timeout)
        return root

    async def _attach_root(self, ctx: RequestContext, server: Server, root: BlockDevice) -> Server:
        volumes, attachment_id = self._host.volumes, root.attachment_id or ""
        info = await volumes.connect(ctx, attachment_id, root.device_name)
        async with self._host.database.work(ctx) as uow:
            root = await block_devices.update(uow, root.uuid, connection_info=connection_info(info, root)) or root
        await volumes.complete(ctx, attachment_id)
        return with_device(server, root)

    async def _reimage_volume(
        self, ctx: RequestContext, server: Server, volume_id: str, image_id: str, timeout: float
    ) -> None:
        """Expects the event before it sends the request. No time at all for an image without bytes: it always fails,
        as in Nova. ``timeout``: seconds."""
        key = (server.uuid, REIMAGED, volume_id)
        expected = self._host.expected_events[key] = asyncio.get_running_loop().create_future()
        try:
            await self._host.volumes.reimage(ctx, volume_id, image_id)
            async with asyncio.timeout(timeout):
                status = await expected
        except TimeoutError:
            raise _failed(server, volume_id, "it took too long") from None
        finally:
            self._host.expected_events.pop(key, None)
        if status != "completed":
            raise _failed(server, volume_id, f"the volume service says {status}")


def _failed(server: Server, volume_id: str, reason: str) -> BuildAborted:
    return BuildAborted(
        instance_uuid=server.uuid, reason=f"The root volume {volume_id} could not be written over: {reason}"
    )


def _before(server: Server, message: RebuildInstanceOnHost) -> Server:
    """The server before the request: its old image, its root volume's too, and what it had of it.

    An evacuation changes nothing of that.
    """
    if message.orig_sys_metadata is None:
        return server
    rows = {key: value for key, value in message.orig_sys_metadata.items() if value is not None}
    instance = replace(server.instance, image_ref=str(message.orig_image_ref))
    return replace(server, instance=instance, system_metadata=rows)
