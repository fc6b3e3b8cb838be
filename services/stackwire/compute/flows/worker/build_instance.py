"""A server built on its host: one step after the other, each a transaction with what is said of it.

``nova/compute/manager.py: _do_build_and_run_instance``. A step that finds the server elsewhere ends the work: a delete
that came meanwhile cleans up, and a message told twice finds nothing to do.
"""

import logging
from dataclasses import replace

from stackwire.compute.backends import guest
from stackwire.compute.db import actions, fixed_ips, keypairs, parts
from stackwire.compute.domain import addresses, devices, image_props, notifications, states, travel
from stackwire.compute.domain.model import BlockDevice, KeyPair
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.versioned_objects import instance_object, nova_object, uuid_of
from stackwire.compute.flows.worker.compute_host import NETWORK_ALLOCATED, Hosting, Overtaken
from stackwire.compute.flows.worker.guest import Guests
from stackwire.contracts.compute_workers import BuildAndRunInstance, UpdateInstanceInfo
from stackwire.core.context import RequestContext
from stackwire.core.errors import ServiceError
from stackwire.core.ids import new_id
from stackwire.db.pool import UnitOfWork

log = logging.getLogger(__name__)
EVENT = "compute__do_build_and_run_instance"


class Build:
    def __init__(self, hosting: Hosting) -> None:
        self._on = hosting
        self._guests = Guests(hosting)

    async def run(self, ctx: RequestContext, order: BuildAndRunInstance) -> None:
        uuid = uuid_of(order.instance)
        async with self._on.alone_with(uuid):
            server = await self._begin(ctx, uuid)
            if server is not None:
                await self._build(ctx, server)

    async def _begin(self, ctx: RequestContext, uuid: str) -> Server | None:
        """None when the server is not waiting: built already, or no longer wanted.

        At rest and on no host: an earlier process began and died; the order, told again, is taken up again.
        """
        server = await self._on.find(uuid)
        if server is None or server.instance.host is not None:
            return None
        try:
            async with self._on.database.work(ctx) as uow:
                await actions.begin_event(uow, uuid, EVENT, self._on.host)
                await parts.put(uow, "instance_system_metadata", uuid, {"boot_roles": ",".join(ctx.roles)})
                server = await self._on.again(uow, server)
                server = await self._on.step(
                    uow, server, [states.SCHEDULING, None], vm_states=[states.BUILDING], task_state=None
                )
                told = replace(
                    server, instance=replace(server.instance, updated_at=None)
                )  # not read back yet, as in Nova
                self._on.events.create(uow, told, "start", {"image_name": _image_name(server)}, await _key(uow, server))
        except Overtaken:
            return None
        return server

    async def _build(self, ctx: RequestContext, server: Server) -> None:
        made: list[str] = []
        try:
            server = await self._claim(ctx, server)
            server = await self._name_devices(ctx, server)
            for device in server.devices:
                if device.is_volume and not device.no_device:
                    server = await self._attach(ctx, server, device, made)
            server = await self._spawn(ctx, server)
            await self._finish(ctx, server)
        except Overtaken:
            log.info("instance %s was overtaken while it was built", server.uuid)
            await self._undo(ctx, server, made)
            async with self._on.database.work(ctx) as uow:
                await actions.end_event(uow, server.uuid, EVENT, error="Overtaken")
        except Exception as error:
            if not isinstance(error, ServiceError):
                log.exception("instance %s could not be built", server.uuid)
            await self._undo(ctx, server, made)
            after = await self._on.fail(ctx, server, EVENT, error, homeless=True)
            if after is not None:
                async with self._on.database.work(ctx) as uow:
                    self._on.events.create_error(uow, after, error)

    async def _claim(self, ctx: RequestContext, server: Server) -> Server:
        async with self._on.database.work(ctx) as uow:
            return await self._on.step(
                uow, server, [None], vm_states=[states.BUILDING],
                host=self._on.host, node=self._on.node, launched_on=self._on.host,
            )  # fmt: skip

    async def _name_devices(self, ctx: RequestContext, server: Server) -> Server:
        async with self._on.database.work(ctx) as uow:
            server = await self._on.step(uow, server, [None], task_state=states.NETWORKING)
        typed = image_props.typed(_image_properties(server, self._on))
        given = devices.named(server.devices, typed, server.instance.root_device_name)
        async with self._on.database.work(ctx) as uow:
            server = await self._give_address(uow, server)
            named = []
            for device in server.devices:
                name = given.get(device.uuid)
                changed = await parts.change_device(uow, device.uuid, device_name=name) if name else device
                named.append(changed or device)
            server = replace(server, devices=tuple(named))
            root = server.root
            return await self._on.step(
                uow, server, [states.NETWORKING], task_state=states.BLOCK_DEVICE_MAPPING,
                root_device_name=root.device_name if root else server.instance.root_device_name,
            )  # fmt: skip

    async def _give_address(self, uow: UnitOfWork, server: Server) -> Server:
        """With the address it asked for, or had from an earlier try. NoMoreFixedIps."""
        if not addresses.wanted(server.request_spec):
            return server
        given = await fixed_ips.allocate(uow, server.uuid, self._on.network, self._on.make_mac)
        await parts.put(uow, "instance_system_metadata", server.uuid, {NETWORK_ALLOCATED: "True"})
        return replace(server, addresses=(given,))

    async def _attach(self, ctx: RequestContext, server: Server, device: BlockDevice, made: list[str]) -> Server:
        """The device's volume: made where it is none yet, and connected to this host."""
        volumes = self._on.volumes
        if device.volume_id is None:
            volume = await volumes.make(ctx, device, None)
            if device.delete_on_termination:
                made.append(volume.id)
            device = await self._note(ctx, device, volume_id=volume.id)
            volume = await volumes.ready(ctx, volume.id)
            device = await self._note(ctx, device, volume_size=volume.size)
        if device.attachment_id is None:
            # written down before it is there: whoever cleans up after us finds it
            device = await self._note(ctx, device, attachment_id=new_id())
            await volumes.reserve(ctx, device.volume_id or "", server.uuid, device.attachment_id or "")
        server = _with_device(server, device)
        device = await self._connect(ctx, server, device)
        return _with_device(server, device)

    async def _connect(self, ctx: RequestContext, server: Server, device: BlockDevice) -> BlockDevice:
        info = await self._on.volumes.connect(ctx, device.attachment_id or "", device.device_name)
        size = (await self._on.volumes.get(ctx, device.volume_id or "")).size
        device = await self._note(ctx, device, connection_info=connection(info, server.uuid, device), volume_size=size)
        await self._on.volumes.complete(ctx, device.attachment_id or "")
        return device

    async def _note(self, ctx: RequestContext, device: BlockDevice, **changes: object) -> BlockDevice:
        async with self._on.database.work(ctx) as uow:
            changed = await parts.change_device(uow, device.uuid, **changes)
        if changed is None:
            raise Overtaken(device.instance_uuid)
        return changed

    async def _spawn(self, ctx: RequestContext, server: Server) -> Server:
        async with self._on.database.work(ctx) as uow:
            server = await self._on.step(uow, server, [states.BLOCK_DEVICE_MAPPING], task_state=states.SPAWNING)
        definition = self._guests.define(server)
        await self._guests.write_disk(ctx, server, server.instance.image_ref)
        async with self._on.database.work(ctx) as uow:
            await self._guests.keep(uow, server, definition)
        return server

    async def _finish(self, ctx: RequestContext, server: Server) -> None:
        await self._on.disks.note(server.uuid, f"{guest.BOOTED} {server.instance.hostname}")
        async with self._on.database.work(ctx) as uow:
            server = await self._on.step(
                uow, server, [states.SPAWNING], vm_state=states.ACTIVE, task_state=None,
                power_state=states.POWER["running"], launched_at=uow.now, progress=0,
                access_ip_v4=addresses.access(server.instance.access_ip_v4, server.addresses, self._on.access_network),
            )  # fmt: skip
            await parts.drop(uow, "instance_system_metadata", server.uuid, NETWORK_ALLOCATED)
            said = {"fixed_ips": notifications.fixed_ips(server), "message": "Success"}
            self._on.events.create(uow, server, "end", said, await _key(uow, server))
            await actions.end_event(uow, server.uuid, EVENT)
            told = nova_object("InstanceList", "2.6", {"objects": [instance_object(server)]})
            uow.fanout(UpdateInstanceInfo(host_name=self._on.host, instance_info=told))

    async def _undo(self, ctx: RequestContext, server: Server, made: list[str]) -> None:
        """Disk and volumes as if the server had never been; a server being deleted keeps its devices for the delete."""
        await self._on.disks.remove(server.uuid)
        now = await self._on.find(server.uuid)
        if now is not None and now.instance.task_state == states.DELETING and now.instance.host is not None:
            return
        known = now.devices if now is not None else server.devices
        await self._on.let_go(ctx, [device for device in known if device.is_volume], made)
        async with self._on.database.work(ctx) as uow:
            for device in known:
                if device.attachment_id:
                    await parts.change_device(uow, device.uuid, attachment_id=None, connection_info=None)


def connection(info: dict[str, object], uuid: str, device: BlockDevice) -> dict[str, object]:
    """What the host keeps of a connection: the driver's data in Nova's wrapping."""
    driver = info.get("driver_volume_type", "local")
    data = {key: value for key, value in info.items() if key not in ("driver_volume_type", "attachment_id")}
    return {
        "driver_volume_type": driver,
        "data": data,
        "status": "reserved",
        "instance": uuid,
        "attached_at": "",
        "detached_at": "",
        "volume_id": device.volume_id,
        "serial": device.volume_id,
    }


def _with_device(server: Server, changed: BlockDevice) -> Server:
    return replace(server, devices=tuple(changed if d.uuid == changed.uuid else d for d in server.devices))


def _image_name(server: Server) -> str | None:
    return (server.request_spec.get("image") or {}).get("name")


def _image_properties(server: Server, on: Hosting) -> dict[str, object]:
    properties = travel.image_meta(server.system_metadata, on.behaviours)["properties"]
    assert isinstance(properties, dict)
    return properties


async def _key(uow: UnitOfWork, server: Server) -> KeyPair | None:
    if server.instance.key_name is None:
        return None
    return await keypairs.get(uow, server.instance.user_id, server.instance.key_name)
