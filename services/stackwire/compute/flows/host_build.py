"""A server built on its host: one step after the other, each a transaction with what is said of it.

``nova/compute/manager.py: _do_build_and_run_instance``. A step that finds the server elsewhere ends the work: a delete
that came meanwhile cleans up, and a message told twice finds nothing to do.
"""

import logging
from dataclasses import replace

from stackwire.compute.backends import guest
from stackwire.compute.db import actions, fixed_ips, keypairs, parts
from stackwire.compute.domain import addresses, devices, image_props, objects, payloads, states, travel
from stackwire.compute.domain.instance import BlockDevice, KeyPair
from stackwire.compute.domain.seen import Seen
from stackwire.compute.flows.guests import Guests
from stackwire.compute.flows.hosting import NETWORK_ALLOCATED, Hosting, Overtaken
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
        uuid = objects.uuid_of(order.instance)
        async with self._on.alone_with(uuid):
            seen = await self._begin(ctx, uuid)
            if seen is not None:
                await self._build(ctx, seen)

    async def _begin(self, ctx: RequestContext, uuid: str) -> Seen | None:
        """None when the server is not waiting: built already, or no longer wanted.

        At rest and on no host: an earlier process began and died; the order, told again, is taken up again.
        """
        seen = await self._on.find(uuid)
        if seen is None or seen.instance.host is not None:
            return None
        try:
            async with self._on.database.work(ctx) as uow:
                await actions.begin_event(uow, uuid, EVENT, self._on.host)
                await parts.put(uow, "instance_system_metadata", uuid, {"boot_roles": ",".join(ctx.roles)})
                seen = await self._on.again(uow, seen)
                seen = await self._on.step(
                    uow, seen, [states.SCHEDULING, None], vm_states=[states.BUILDING], task_state=None
                )
                told = replace(seen, instance=replace(seen.instance, updated_at=None))  # not read back yet, as in Nova
                self._on.events.create(uow, told, "start", {"image_name": _image_name(seen)}, await _key(uow, seen))
        except Overtaken:
            return None
        return seen

    async def _build(self, ctx: RequestContext, seen: Seen) -> None:
        made: list[str] = []
        try:
            seen = await self._claim(ctx, seen)
            seen = await self._name_devices(ctx, seen)
            for device in seen.devices:
                if device.is_volume and not device.no_device:
                    seen = await self._attach(ctx, seen, device, made)
            seen = await self._spawn(ctx, seen)
            await self._finish(ctx, seen)
        except Overtaken:
            log.info("instance %s was overtaken while it was built", seen.uuid)
            await self._undo(ctx, seen, made)
            async with self._on.database.work(ctx) as uow:
                await actions.end_event(uow, seen.uuid, EVENT, error="Overtaken")
        except Exception as error:
            if not isinstance(error, ServiceError):
                log.exception("instance %s could not be built", seen.uuid)
            await self._undo(ctx, seen, made)
            after = await self._on.fail(ctx, seen, EVENT, error, homeless=True)
            if after is not None:
                async with self._on.database.work(ctx) as uow:
                    self._on.events.create_error(uow, after, error)

    async def _claim(self, ctx: RequestContext, seen: Seen) -> Seen:
        async with self._on.database.work(ctx) as uow:
            return await self._on.step(
                uow, seen, [None], vm_states=[states.BUILDING],
                host=self._on.host, node=self._on.node, launched_on=self._on.host,
            )  # fmt: skip

    async def _name_devices(self, ctx: RequestContext, seen: Seen) -> Seen:
        async with self._on.database.work(ctx) as uow:
            seen = await self._on.step(uow, seen, [None], task_state=states.NETWORKING)
        typed = image_props.typed(_image_properties(seen, self._on))
        given = devices.named(seen.devices, typed, seen.instance.root_device_name)
        async with self._on.database.work(ctx) as uow:
            seen = await self._give_address(uow, seen)
            named = []
            for device in seen.devices:
                name = given.get(device.uuid)
                changed = await parts.change_device(uow, device.uuid, device_name=name) if name else device
                named.append(changed or device)
            seen = replace(seen, devices=tuple(named))
            root = seen.root
            return await self._on.step(
                uow, seen, [states.NETWORKING], task_state=states.BLOCK_DEVICE_MAPPING,
                root_device_name=root.device_name if root else seen.instance.root_device_name,
            )  # fmt: skip

    async def _give_address(self, uow: UnitOfWork, seen: Seen) -> Seen:
        """With the address it asked for, or had from an earlier try. NoMoreFixedIps."""
        if not addresses.wanted(seen.request_spec):
            return seen
        given = await fixed_ips.allocate(uow, seen.uuid, self._on.network, self._on.make_mac)
        await parts.put(uow, "instance_system_metadata", seen.uuid, {NETWORK_ALLOCATED: "True"})
        return replace(seen, addresses=(given,))

    async def _attach(self, ctx: RequestContext, seen: Seen, device: BlockDevice, made: list[str]) -> Seen:
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
            await volumes.reserve(ctx, device.volume_id or "", seen.uuid, device.attachment_id or "")
        seen = _with_device(seen, device)
        device = await self._connect(ctx, seen, device)
        return _with_device(seen, device)

    async def _connect(self, ctx: RequestContext, seen: Seen, device: BlockDevice) -> BlockDevice:
        info = await self._on.volumes.connect(ctx, device.attachment_id or "", device.device_name)
        size = (await self._on.volumes.get(ctx, device.volume_id or "")).size
        device = await self._note(ctx, device, connection_info=connection(info, seen.uuid, device), volume_size=size)
        await self._on.volumes.complete(ctx, device.attachment_id or "")
        return device

    async def _note(self, ctx: RequestContext, device: BlockDevice, **changes: object) -> BlockDevice:
        async with self._on.database.work(ctx) as uow:
            changed = await parts.change_device(uow, device.uuid, **changes)
        if changed is None:
            raise Overtaken(device.instance_uuid)
        return changed

    async def _spawn(self, ctx: RequestContext, seen: Seen) -> Seen:
        async with self._on.database.work(ctx) as uow:
            seen = await self._on.step(uow, seen, [states.BLOCK_DEVICE_MAPPING], task_state=states.SPAWNING)
        definition = self._guests.define(seen)
        await self._guests.write_disk(ctx, seen, seen.instance.image_ref)
        async with self._on.database.work(ctx) as uow:
            await self._guests.keep(uow, seen, definition)
        return seen

    async def _finish(self, ctx: RequestContext, seen: Seen) -> None:
        await self._on.disks.note(seen.uuid, f"{guest.BOOTED} {seen.instance.hostname}")
        async with self._on.database.work(ctx) as uow:
            seen = await self._on.step(
                uow, seen, [states.SPAWNING], vm_state=states.ACTIVE, task_state=None,
                power_state=states.POWER["running"], launched_at=uow.now, progress=0,
                access_ip_v4=addresses.access(seen.instance.access_ip_v4, seen.addresses, self._on.access_network),
            )  # fmt: skip
            await parts.drop(uow, "instance_system_metadata", seen.uuid, NETWORK_ALLOCATED)
            said = {"fixed_ips": payloads.fixed_ips(seen), "message": "Success"}
            self._on.events.create(uow, seen, "end", said, await _key(uow, seen))
            await actions.end_event(uow, seen.uuid, EVENT)
            told = objects.made("InstanceList", "2.6", {"objects": [objects.instance_object(seen)]})
            uow.fanout(UpdateInstanceInfo(host_name=self._on.host, instance_info=told))

    async def _undo(self, ctx: RequestContext, seen: Seen, made: list[str]) -> None:
        """Disk and volumes as if the server had never been; a server being deleted keeps its devices for the delete."""
        await self._on.disks.remove(seen.uuid)
        now = await self._on.find(seen.uuid)
        if now is not None and now.instance.task_state == states.DELETING and now.instance.host is not None:
            return
        known = now.devices if now is not None else seen.devices
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


def _with_device(seen: Seen, changed: BlockDevice) -> Seen:
    return replace(seen, devices=tuple(changed if d.uuid == changed.uuid else d for d in seen.devices))


def _image_name(seen: Seen) -> str | None:
    return (seen.request_spec.get("image") or {}).get("name")


def _image_properties(seen: Seen, on: Hosting) -> dict[str, object]:
    properties = travel.image_meta(seen.system_metadata, on.behaviours)["properties"]
    assert isinstance(properties, dict)
    return properties


async def _key(uow: UnitOfWork, seen: Seen) -> KeyPair | None:
    if seen.instance.key_name is None:
        return None
    return await keypairs.get(uow, seen.instance.user_id, seen.instance.key_name)
