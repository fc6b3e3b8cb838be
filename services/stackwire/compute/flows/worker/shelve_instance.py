"""Servers put aside: stopped and kept as images, off their host. ``nova/compute/manager.py: shelve_instance, ...``.

Each part may be done again, by a message that is delivered twice or by recovery.
"""

import logging
from datetime import datetime, timedelta

from stackwire.compute.backends import guest_console
from stackwire.compute.db import block_devices, hosts, instance_actions, instances, server_metadata
from stackwire.compute.domain import shelving
from stackwire.compute.domain.model import BlockDevice
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.states import POWER, SHELVED, SHELVING, SHELVING_OFFLOADING, ServerStates
from stackwire.compute.domain.versioned_objects import uuid_of
from stackwire.compute.flows.worker.compute_host import ComputeHost, StateChanged
from stackwire.compute.flows.worker.snapshot_instance import SnapshotServer
from stackwire.contracts.compute_set_aside import ShelveInstance, ShelveOffloadInstance
from stackwire.contracts.compute_workers import DeleteInstanceInfo
from stackwire.core.context import RequestContext
from stackwire.core.errors import NotFound, ServiceError
from stackwire.core.ids import new_id

log = logging.getLogger(__name__)
EVENT, OFFLOAD_EVENT = "compute_shelve_instance", "compute_shelve_offload_instance"
NO_DEVICES = {"block_devices": None}
"""Nova reads the devices only when it offloads, too."""


class ShelveServer:
    """Servers of one host that are shelved and offloaded."""

    def __init__(self, host: ComputeHost) -> None:
        self._host = host
        self._snapshots = SnapshotServer(host)

    # ---- shelve

    async def on_shelve_instance(self, ctx: RequestContext, message: ShelveInstance) -> None:
        """An image of the disk, then off the host if that is to be at once. After an error all is as before."""
        uuid, image_id = uuid_of(message.instance), message.image_id
        async with self._host.exclusive(uuid):
            server = await self._host.find(uuid)
            if server is None or server.instance.task_state != SHELVING:
                await self._snapshots.discard_unfinished(ctx, image_id)
                return
            shelved = False
            try:
                server = await self._keep(ctx, server, image_id)
                shelved = True
                if server.instance.task_state == SHELVING_OFFLOADING:
                    server = await self._offload(ctx, server)
                async with self._host.database.work(ctx) as uow:
                    await instance_actions.end_event(uow, uuid, EVENT)
            except StateChanged:
                await self._snapshots.discard_unfinished(ctx, image_id)
            except Exception as error:
                if not shelved:
                    await self._host.images.discard(ctx, image_id)
                await self._fail(ctx, server, EVENT, error)

    async def _keep(self, ctx: RequestContext, server: Server, image_id: str) -> Server:
        """The stopped server with its image, at rest or about to be offloaded."""
        at_once = self._host.shelved_offload_time == 0
        devices = {} if at_once else NO_DEVICES
        async with self._host.database.work(ctx) as uow:
            await instance_actions.begin_event(uow, server.uuid, EVENT, self._host.name)
            self._host.notifications.emit_exists(uow, server, server)
            self._host.notifications.emit_action(uow, server, "shelve", "start", None, devices)
        await self._host.disks.log(server.uuid, guest_console.stopping("power_off"))
        async with self._host.database.work(ctx) as uow:
            server = await self._host.advance(uow, server, ServerStates.prepare_shelve_upload)
            server = await self._host.advance(uow, server, ServerStates.upload_shelved)
        await self._snapshots.upload_disk(ctx, server, image_id)
        async with self._host.database.work(ctx) as uow:
            rows = shelving.rows(uow.now, image_id, self._host.name)
            await server_metadata.upsert(uow, "instance_system_metadata", server.uuid, rows)
            server = await self._host.advance(
                uow,
                await self._host.reload(uow, server),
                ServerStates.finish_shelve,
                task_state=SHELVING_OFFLOADING if at_once else None,
                power_state=POWER["shutdown"],
            )
            self._host.notifications.emit_action(uow, server, "shelve", "end", None, devices)
        return server

    # ---- offload

    async def on_shelve_offload_instance(self, ctx: RequestContext, message: ShelveOffloadInstance) -> None:
        """See ``offload``."""
        await self.offload(ctx, uuid_of(message.instance))

    async def offload(self, ctx: RequestContext, uuid: str) -> None:
        """Nothing, when the server does not wait for it; it goes on where an earlier process was."""
        async with self._host.exclusive(uuid):
            server = await self._host.find(uuid)
            if server is None or not ServerStates.finish_offload.allows(task_state=server.instance.task_state):
                return
            if server.instance.task_state == SHELVING and not server.is_volume_backed:
                return
            try:
                async with self._host.database.work(ctx) as uow:
                    await instance_actions.begin_event(uow, uuid, OFFLOAD_EVENT, self._host.name)
                server = await self._offload(ctx, server)
                async with self._host.database.work(ctx) as uow:
                    await instance_actions.end_event(uow, uuid, OFFLOAD_EVENT)
            except StateChanged:
                return
            except Exception as error:
                await self._fail(ctx, server, OFFLOAD_EVENT, error)

    async def offload_old(self, ctx: RequestContext, now: datetime) -> None:
        """Servers that have been shelved for as long as they may stay. ``_poll_shelved_instances``."""
        if self._host.shelved_offload_time <= 0:
            return
        before = (now - timedelta(seconds=self._host.shelved_offload_time)).replace(tzinfo=None)
        async with self._host.database.read() as session:
            found = await instances.TABLE.find(session, host=self._host.name, vm_state=SHELVED, task_state=None)
        for instance in found:
            server = await self._host.find(instance.uuid)
            at = server and server.system_metadata.get(shelving.AT)
            if server is None or not at or datetime.fromisoformat(at) > before:
                continue
            try:
                async with self._host.database.work(ctx) as uow:
                    await self._host.advance(uow, server, ServerStates.shelve_offload)
            except StateChanged:
                continue
            await self.offload(ctx, instance.uuid)

    async def _offload(self, ctx: RequestContext, server: Server) -> Server:
        """No disk, no connections to volumes, no room on the host; the addresses stay the server's."""
        uuid = server.uuid
        async with self._host.database.work(ctx) as uow:
            self._host.notifications.emit_action(uow, server, "shelve_offload", "start")
        await self._host.disks.remove(uuid)
        for device in server.devices:
            await self.disconnect(ctx, server, device)
        async with self._host.database.work(ctx) as uow:
            server = await self._host.reload(uow, server)
            await hosts.free(uow, uuid)
            server = await self._host.advance(uow, server, ServerStates.finish_offload, power_state=POWER["shutdown"])
            server = await self._host.save(uow, server, host=None, node=None, availability_zone=None)
            uow.fanout(DeleteInstanceInfo(host_name=self._host.name, instance_uuid=uuid))
            self._host.notifications.emit_action(uow, server, "shelve_offload", "end")
        return server

    async def disconnect(self, ctx: RequestContext, server: Server, device: BlockDevice) -> None:
        """An attachment without a host keeps the volume for the server instead of the one with this host.

        The device names it before the other is deleted, so that a crash leaves none that nobody knows.
        ``_terminate_volume_connections``.
        """
        if not (device.is_volume and device.volume_id and device.attachment_id):
            return
        try:
            volume = await self._host.volumes.get(ctx, device.volume_id)
        except NotFound:
            return
        attachments = [each for each in volume.attachments if each.instance == server.uuid]
        kept = next((each.id for each in attachments if each.status == "reserved"), None)
        if kept is None:
            kept = new_id("attachment")
            await self._host.volumes.reserve(ctx, device.volume_id, server.uuid, kept)
        async with self._host.database.work(ctx) as uow:
            await block_devices.update(uow, device.uuid, attachment_id=kept)
        for each in attachments:
            if each.id != kept:
                await self._host.volumes.release(ctx, each.id)

    async def _fail(self, ctx: RequestContext, server: Server, event: str, error: Exception) -> None:
        if not isinstance(error, ServiceError):
            log.exception("instance %s could not be shelved", server.uuid)
        await self._host.fail(ctx, server, ServerStates.abandon_shelve, event, error)
