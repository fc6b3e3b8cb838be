"""A server built on its host: claim, address, volumes, disk, guest.

``nova/compute/manager.py: build_and_run_instance``; after an error all is undone, and the server is on no host.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace

from stackwire.compute.backends import guest_console
from stackwire.compute.db import block_devices, fixed_ips, hosts, instance_actions, keypairs, server_metadata
from stackwire.compute.domain import addresses, devices, image_props, notifications, states, travel
from stackwire.compute.domain.devices import connection_info, with_device
from stackwire.compute.domain.errors import BuildAborted, CertificateValidationFailed, ImageSignatureRefused
from stackwire.compute.domain.model import BlockDevice, KeyPair
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.states import POWER, ServerStates
from stackwire.compute.domain.versioned_objects import instances_object, uuid_of
from stackwire.compute.flows.worker.compute_host import NETWORK_ALLOCATED, ComputeHost, StateChanged
from stackwire.compute.flows.worker.guest import Guests
from stackwire.contracts.compute_workers import BuildAndRunInstance, UpdateInstanceInfo
from stackwire.core.context import RequestContext
from stackwire.core.errors import ServiceError
from stackwire.core.ids import new_id
from stackwire.db.pool import UnitOfWork

log = logging.getLogger(__name__)
EVENT = "compute__do_build_and_run_instance"


class BuildServer:
    """Builds on one host."""

    def __init__(self, host: ComputeHost) -> None:
        self._host = host
        self._guests = Guests(host)

    async def on_build_and_run_instance(self, ctx: RequestContext, message: BuildAndRunInstance) -> None:
        """Claims the server and builds it; nothing, when it was built already."""
        uuid = uuid_of(message.instance)
        async with self._host.exclusive(uuid):
            server = await self._begin(ctx, uuid)
            if server is not None:
                await self._build(ctx, server, message.injected_files)

    async def _begin(self, ctx: RequestContext, uuid: str) -> Server | None:
        """None when the server is not waiting to be built: it was built already, or it is being deleted.

        At rest and on no host: an earlier process began and died; the message is delivered again and taken up again.
        """
        server = await self._host.find(uuid)
        if server is None or server.instance.host is not None:
            return None
        try:
            async with self._host.database.work(ctx) as uow:
                await instance_actions.begin_event(uow, uuid, EVENT, self._host.name)
                roles = {"boot_roles": ",".join(ctx.roles)}
                await server_metadata.upsert(uow, "instance_system_metadata", uuid, roles)
                server = await self._host.reload(uow, server)
                server = await self._host.advance(uow, server, ServerStates.begin_build)
                # Nova has not read back yet when it wrote the row
                unread = server.with_instance(replace(server.instance, updated_at=None))
                fields = {"image_name": server.image_name}
                self._host.notifications.emit_create(uow, unread, "start", fields, await _key(uow, server))
        except StateChanged:
            return None
        return server

    async def _build(self, ctx: RequestContext, server: Server, files: Sequence[Sequence[str]]) -> None:
        created: list[str] = []
        try:
            server = await self._claim(ctx, server)
            server = await self._name_devices(ctx, server)
            for device in server.devices:
                if device.is_volume and not device.no_device:
                    server = await self._attach(ctx, server, device, created)
            server = await self._spawn(ctx, server, files)
            await self._finish(ctx, server)
        except StateChanged:
            log.info("the state of instance %s changed while it was built", server.uuid)
            await self._undo(ctx, server, created)
            async with self._host.database.work(ctx) as uow:
                await hosts.count_failed_build(uow, self._host.name)  # Nova counts it as one, too
                await instance_actions.end_event(uow, server.uuid, EVENT, error="StateChanged")
        except Exception as error:
            if not isinstance(error, ServiceError):
                log.exception("instance %s could not be built", server.uuid)
            await self._undo(ctx, server, created)
            unplaced = {"host": None, "node": None}
            after = await self._host.fail(ctx, server, ServerStates.fail_build, EVENT, error, **unplaced)
            async with self._host.database.work(ctx) as uow:
                await hosts.count_failed_build(uow, self._host.name)
                if after is not None:
                    self._host.notifications.emit_create_error(uow, after, error)

    async def _claim(self, ctx: RequestContext, server: Server) -> Server:
        host = {"host": self._host.name, "node": self._host.node, "launched_on": self._host.name}
        async with self._host.database.work(ctx) as uow:
            return await self._host.save(uow, server, **host)

    async def _name_devices(self, ctx: RequestContext, server: Server) -> Server:
        async with self._host.database.work(ctx) as uow:
            server = await self._host.advance(uow, server, ServerStates.allocate_network)
        properties = travel.image_meta(server.system_metadata, self._host.behaviours)["properties"]
        names = devices.assign_names(server.devices, image_props.typed(properties), server.instance.root_device_name)
        async with self._host.database.work(ctx) as uow:
            server = await self._allocate_address(uow, server)
            for device in server.devices:
                if name := names.get(device.uuid):
                    changed = await block_devices.update(uow, device.uuid, device_name=name)
                    server = with_device(server, changed or device)
            root = server.root
            root_name = root.device_name if root else server.instance.root_device_name
            return await self._host.advance(uow, server, ServerStates.map_block_devices, root_device_name=root_name)

    async def _allocate_address(self, uow: UnitOfWork, server: Server) -> Server:
        """The server with the address it requested, or has from an earlier try. NoMoreFixedIps."""
        if not addresses.requested(server.request_spec):
            return server
        address = await fixed_ips.allocate(uow, server.uuid, self._host.network, self._host.make_mac)
        await server_metadata.upsert(uow, "instance_system_metadata", server.uuid, {NETWORK_ALLOCATED: "True"})
        return replace(server, addresses=(address,))

    async def _attach(self, ctx: RequestContext, server: Server, device: BlockDevice, created: list[str]) -> Server:
        """The device's volume, created where there is none yet, and connected to this host.

        ``created`` gets the ids of new volumes that are deleted with the server.
        """
        volumes = self._host.volumes
        if device.volume_id is None:
            volume = await volumes.create(ctx, device, None)
            if device.delete_on_termination:
                created.append(volume.id)
            device = await self._update(ctx, device, volume_id=volume.id)
            volume = await volumes.wait_until_available(ctx, volume.id)
            device = await self._update(ctx, device, volume_size=volume.size)
        if device.attachment_id is None:
            # recorded before it is there: whoever cleans up after us finds it
            device = await self._update(ctx, device, attachment_id=new_id("attachment"))
            await volumes.reserve(ctx, device.volume_id or "", server.uuid, device.attachment_id or "")
        return with_device(server, await self._connect(ctx, device))

    async def _connect(self, ctx: RequestContext, device: BlockDevice) -> BlockDevice:
        info = await self._host.volumes.connect(ctx, device.attachment_id or "", device.device_name)
        size = (await self._host.volumes.get(ctx, device.volume_id or "")).size
        device = await self._update(ctx, device, connection_info=connection_info(info, device), volume_size=size)
        await self._host.volumes.complete(ctx, device.attachment_id or "")
        return device

    async def _update(self, ctx: RequestContext, device: BlockDevice, **changes: object) -> BlockDevice:
        async with self._host.database.work(ctx) as uow:
            changed = await block_devices.update(uow, device.uuid, **changes)
        if changed is None:
            raise StateChanged(device.instance_uuid)
        return changed

    async def _spawn(self, ctx: RequestContext, server: Server, files: Sequence[Sequence[str]]) -> Server:
        async with self._host.database.work(ctx) as uow:
            server = await self._host.advance(uow, server, ServerStates.spawn)
        definition = self._guests.define(server)
        try:
            await self._guests.write_disk(ctx, server, server.instance.image_ref)
        except (CertificateValidationFailed, ImageSignatureRefused) as error:
            raise BuildAborted(instance_uuid=server.uuid, reason=error.message) from error
        await self._guests.write_files(server, files)
        async with self._host.database.work(ctx) as uow:
            await self._guests.save(uow, server, definition)
        return server

    async def _finish(self, ctx: RequestContext, server: Server) -> None:
        await self._host.disks.log(server.uuid, guest_console.booting(server))
        address = addresses.access(server.instance.access_ip_v4, server.addresses, self._host.access_network)
        running = {"power_state": POWER["running"], "progress": 0, "access_ip_v4": address}
        async with self._host.database.work(ctx) as uow:
            server = await self._host.advance(uow, server, ServerStates.finish_build, launched_at=uow.now, **running)
            await server_metadata.delete(uow, "instance_system_metadata", server.uuid, NETWORK_ALLOCATED)
            await hosts.forget_failed_builds(uow, self._host.name)
            fields = {"fixed_ips": notifications.fixed_ips(server), "message": "Success"}
            self._host.notifications.emit_create(uow, server, "end", fields, await _key(uow, server))
            await instance_actions.end_event(uow, server.uuid, EVENT)
            uow.fanout(UpdateInstanceInfo(host_name=self._host.name, instance_info=instances_object([server])))

    async def _undo(self, ctx: RequestContext, server: Server, created: list[str]) -> None:
        """Disk and volumes as if the server had never been; a server being deleted keeps its devices for that."""
        await self._host.disks.remove(server.uuid)
        now = await self._host.find(server.uuid)
        if now is not None and now.instance.task_state == states.DELETING and now.instance.host is not None:
            return
        known = now.devices if now is not None else server.devices
        await self._host.release_volumes(ctx, [device for device in known if device.is_volume], created)
        async with self._host.database.work(ctx) as uow:
            for device in known:
                if device.attachment_id:
                    await block_devices.update(uow, device.uuid, attachment_id=None, connection_info=None)


async def _key(uow: UnitOfWork, server: Server) -> KeyPair | None:
    if server.instance.key_name is None:
        return None
    return await keypairs.get(uow, server.instance.user_id, server.instance.key_name)
