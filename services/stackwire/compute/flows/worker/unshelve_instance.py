"""An offloaded server run again: from the image it was shelved to, or from its volumes.

``nova/compute/manager.py: unshelve_instance``; after an error it is offloaded as before.
"""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stackwire.compute.backends import guest_console
from stackwire.compute.db import block_devices, hosts, instance_actions, server_metadata
from stackwire.compute.domain import devices, image_props, shelving, travel
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.states import POWER, SHELVED_OFFLOADED, SPAWNING, UNSHELVING, ServerStates
from stackwire.compute.domain.versioned_objects import instances_object, uuid_of
from stackwire.compute.flows.worker.compute_host import ComputeHost, StateChanged
from stackwire.compute.flows.worker.guest import Guests
from stackwire.compute.flows.worker.shelve_instance import ShelveServer
from stackwire.contracts.compute_set_aside import UnshelveInstanceOnHost
from stackwire.contracts.compute_workers import UpdateInstanceInfo
from stackwire.core.context import RequestContext
from stackwire.core.errors import ServiceError
from stackwire.db.pool import UnitOfWork

log = logging.getLogger(__name__)
EVENT = "compute_unshelve_instance"
UNPLACED: Mapping[str, Any] = {"host": None, "node": None, "availability_zone": None}


class UnshelveServer:
    """Unshelves on one host."""

    def __init__(self, host: ComputeHost) -> None:
        self._host = host
        self._guests = Guests(host)
        self._shelve = ShelveServer(host)

    async def on_unshelve_instance(self, ctx: RequestContext, message: UnshelveInstanceOnHost) -> None:
        """Nothing, when the server does not wait for it; an image that a dead process was to delete is deleted then."""
        uuid, image = uuid_of(message.instance), message.image
        async with self._host.exclusive(uuid):
            server = await self._host.find(uuid)
            waits = server is not None and server.instance.vm_state == SHELVED_OFFLOADED
            if server is None or not waits or server.instance.task_state != UNSHELVING:
                if image is not None and not waits:
                    await self._host.images.discard(ctx, str(image["id"]))
                return
            try:
                server = await self._begin(ctx, server)
                server = await self._spawn(ctx, server, image)
                await self._finish(ctx, server)
            except StateChanged:
                return
            except Exception as error:
                if not isinstance(error, ServiceError):
                    log.exception("instance %s could not be unshelved", uuid)
                await self._release(ctx, server)
                await self._host.fail(ctx, server, ServerStates.fail_unshelve, EVENT, error, **UNPLACED)
                return
            if image is not None:
                await self._host.images.discard(ctx, str(image["id"]))

    async def _begin(self, ctx: RequestContext, server: Server) -> Server:
        async with self._host.database.work(ctx) as uow:
            await instance_actions.begin_event(uow, server.uuid, EVENT, self._host.name)
            self._host.notifications.emit_action(uow, server, "unshelve", "start")
            return await self._host.advance(uow, server, ServerStates.spawn_unshelved)

    async def _spawn(self, ctx: RequestContext, server: Server, image: Mapping[str, Any] | None) -> Server:
        """Its volumes, its place on the host, its guest. The guest is made of what the shelved image says now."""
        properties = dict((image or {}).get("properties") or {})
        if image is None:
            properties = travel.image_meta(server.system_metadata, self._host.behaviours)["properties"]
        server = await self._connect(ctx, server, properties)
        place = {"host": self._host.name, "node": self._host.node, "launched_on": self._host.name}
        async with self._host.database.work(ctx) as uow:
            server = await self._host.save(uow, server, **place)
        definition = self._guests.define(server, properties)
        await self._guests.write_disk(ctx, server, "" if image is None else str(image["id"]))
        async with self._host.database.work(ctx) as uow:
            await self._guests.save(uow, server, definition)
        return server

    async def _connect(self, ctx: RequestContext, server: Server, properties: Mapping[str, Any]) -> Server:
        names = devices.assign_names(server.devices, image_props.typed(properties), server.instance.root_device_name)
        for device in server.devices:
            async with self._host.database.work(ctx) as uow:
                named = await self._name(uow, device.uuid, names.get(device.uuid)) or device
            if named.is_volume and named.attachment_id and not named.no_device:
                info = await self._host.volumes.connect(ctx, named.attachment_id, named.device_name)
                async with self._host.database.work(ctx) as uow:
                    changes = {"connection_info": devices.connection_info(info, named)}
                    named = await block_devices.update(uow, named.uuid, **changes) or named
                await self._host.volumes.complete(ctx, named.attachment_id or "")
            server = devices.with_device(server, named)
        return server

    @staticmethod
    async def _name(uow: UnitOfWork, device_uuid: str, name: str | None) -> Any:
        """A device that was attached while the server was on no host has no name yet."""
        return await block_devices.update(uow, device_uuid, device_name=name) if name else None

    async def _finish(self, ctx: RequestContext, server: Server) -> None:
        await self._host.disks.log(server.uuid, guest_console.booting(server))
        async with self._host.database.work(ctx) as uow:
            for key in shelving.KEYS:
                await server_metadata.delete(uow, "instance_system_metadata", server.uuid, key)
            server = replace(server, system_metadata=shelving.without(server.system_metadata))
            server = await self._host.advance(
                uow, server, ServerStates.finish_unshelve, power_state=POWER["running"], launched_at=uow.now
            )
            uow.fanout(UpdateInstanceInfo(host_name=self._host.name, instance_info=instances_object([server])))
            self._host.notifications.emit_action(uow, server, "unshelve", "end")
            await instance_actions.end_event(uow, server.uuid, EVENT)

    # ---- back again

    async def recover(self, ctx: RequestContext, uuid: str, error: Exception) -> None:
        """A server that was being unshelved when its host died is where it was before."""
        async with self._host.exclusive(uuid):
            server = await self._host.find(uuid)
            if server is None or not ServerStates.fail_unshelve.allows(
                vm_state=server.instance.vm_state, task_state=server.instance.task_state
            ):
                return
            offloaded = server.instance.vm_state == SHELVED_OFFLOADED
            if offloaded and server.instance.task_state == SPAWNING:
                await self._release(ctx, server)
            changes = UNPLACED if offloaded else {}
            await self._host.fail(ctx, server, ServerStates.fail_unshelve, EVENT, error, **changes)

    async def _release(self, ctx: RequestContext, server: Server) -> None:
        """What was begun on this host: disk, connections, room."""
        await self._host.disks.remove(server.uuid)
        now = await self._host.find(server.uuid) or server
        for device in now.devices:
            await self._shelve.disconnect(ctx, now, device)
        async with self._host.database.work(ctx) as uow:
            await hosts.free(uow, server.uuid)
