"""A volume put on a running server and taken off it."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from stackwire.compute.db import block_devices, instance_actions, instances
from stackwire.compute.domain import devices
from stackwire.compute.domain.bdm import strip_dev
from stackwire.compute.domain.devices import connection_info
from stackwire.compute.domain.errors import InstanceNotFound, InvalidBDM
from stackwire.compute.domain.model import Action, BlockDevice
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.versioned_objects import NovaObject, data_of, device_object, uuid_of
from stackwire.compute.flows.worker.compute_host import ComputeHost, public_error_text, record_fault
from stackwire.compute.flows.worker.guest import Guests
from stackwire.contracts.compute_workers import AttachVolumeOnHost, DetachVolume, ReserveBlockDeviceName
from stackwire.core.context import RequestContext
from stackwire.core.errors import NotFound, ServiceError, Unavailable
from stackwire.core.ids import new_id
from stackwire.db.errors import UniqueViolation

log = logging.getLogger(__name__)
ATTACH, DETACH = "compute_attach_volume", "compute_detach_volume"


class AttachVolume:
    """Volumes of running servers on one host."""

    def __init__(self, host: ComputeHost) -> None:
        self._host = host
        self._guests = Guests(host)

    async def on_reserve_block_device_name(self, ctx: RequestContext, message: ReserveBlockDeviceName) -> NovaObject:
        """A device with a name, before the volume is attached. InvalidBDM: the name or the volume is taken.

        It has the id of its attachment before there is one, so that a crash leaves none that is recorded nowhere. Its
        own follows from the request: delivered twice, the call is answered twice, and late it finds the id used.
        """
        uuid = uuid_of(message.instance)
        device_id = str(uuid5(NAMESPACE_OID, f"{ctx.request_id} {uuid} {message.volume_id}"))
        async with self._host.exclusive(uuid):
            try:
                async with self._host.database.work(ctx) as uow:
                    server = await instances.by_uuid(uow, uuid)
                    if server is None:
                        raise InstanceNotFound(instance_id=uuid)
                    device = await block_devices.insert(
                        uow,
                        {
                            "uuid": device_id,
                            "instance_uuid": uuid,
                            "source_type": "volume",
                            "destination_type": "volume",
                            "volume_id": message.volume_id,
                            "attachment_id": new_id("attachment"),
                            "device_name": _name(server, message.device),
                            "disk_bus": message.disk_bus,
                            "device_type": message.device_type,
                            "tag": message.tag,
                        },
                    )
            except UniqueViolation:
                async with self._host.database.read() as session:
                    again = await block_devices.TABLE.get(session, device_id)
                if again is None:
                    raise InvalidBDM(reason=f"volume {message.volume_id} is attached to the server already") from None
                device = again
        return device_object(device)

    async def on_attach_volume(self, ctx: RequestContext, message: AttachVolumeOnHost) -> None:
        """Connects the volume of a reserved device; after an error the device and its attachment are deleted."""
        uuid, data = uuid_of(message.instance), data_of(message.bdm)
        async with self._host.exclusive(uuid):
            server = await self._host.find(uuid)
            device = next((d for d in server.devices if d.uuid == data.get("uuid")), None) if server else None
            if server is None or device is None:
                await self._release_unknown(ctx, data)
                return
            volume_id, attachment_id = device.volume_id or "", device.attachment_id or ""
            if device.connection_info is not None:  # delivered again: perhaps after a crash right before the last step
                await self._complete(ctx, server, volume_id, attachment_id, again=True)
                return
            async with self._host.database.work(ctx) as uow:
                await instance_actions.begin_event(uow, uuid, ATTACH, self._host.name)
                self._host.notifications.emit_volume(uow, server, "attach", "start", volume_id)
            try:
                info = await self._host.volumes.connect(ctx, attachment_id, device.device_name)
                size = (await self._host.volumes.get(ctx, volume_id)).size
                async with self._host.database.work(ctx) as uow:
                    await block_devices.update(
                        uow, device.uuid, connection_info=connection_info(info, device), volume_size=size
                    )
                    server = await self._host.reload(uow, server)
                    await self._guests.save(uow, server, self._guests.define(server))
                await self._complete(ctx, server, volume_id, attachment_id)
            except Unavailable:  # the message is tried again
                raise
            except Exception as error:
                await self._undo(ctx, server, device.uuid, volume_id, attachment_id, error)

    async def _complete(
        self, ctx: RequestContext, server: Server, volume_id: str, attachment_id: str, *, again: bool = False
    ) -> None:
        await self._host.volumes.complete(ctx, attachment_id)
        async with self._host.database.work(ctx) as uow:
            if await instance_actions.end_event(uow, server.uuid, ATTACH) or not again:
                self._host.notifications.emit_volume(uow, server, "attach", "end", volume_id)

    async def resume(self, ctx: RequestContext, action: Action) -> bool:
        """What a request began to attach or detach, and no message ended: it is lost. False when a message is at work
        on the server.

        One that had not begun when its process died is no action: it was never answered.
        """
        server = await self._host.find(action.instance_uuid)
        if self._host.locks.busy(action.instance_uuid):
            return False
        if server is not None:
            for device in server.devices:
                if device.volume_id and device.attachment_id:
                    await self._resume_device(ctx, device, detaching=action.action == "detach_volume")
            async with self._host.database.work(ctx) as uow:
                await instance_actions.withdraw(uow, server.uuid)
        return True

    async def _resume_device(self, ctx: RequestContext, device: BlockDevice, *, detaching: bool) -> None:
        instance, volume_id, attachment_id = (
            {"uuid": device.instance_uuid},
            device.volume_id or "",
            device.attachment_id,
        )
        try:
            volume = await self._host.volumes.get(ctx, volume_id)
        except NotFound:
            return
        state = next((each.status for each in volume.attachments if each.id == attachment_id), None)
        if detaching and (volume.status == "detaching" or state is None):
            message = DetachVolume(instance=instance, volume_id=volume_id, attachment_id=attachment_id)
            await self.on_detach_volume(ctx, message)
        elif not detaching and device.updated_at and state in ("reserved", "attaching"):
            await self.on_attach_volume(ctx, AttachVolumeOnHost(instance=instance, bdm={"uuid": device.uuid}))

    async def release_unrequested(self, ctx: RequestContext, device: BlockDevice) -> None:
        """Whoever reserved it died before the message to attach it was sent: as if it had not been requested."""
        async with self._host.exclusive(device.instance_uuid):
            server = await self._host.find(device.instance_uuid)
            if server is None or device not in server.devices:
                return
            await self._host.volumes.release(ctx, device.attachment_id or "")
            async with self._host.database.work(ctx) as uow:
                await block_devices.delete_if_not_requested(uow, device)

    async def _release_unknown(self, ctx: RequestContext, data: Mapping[str, Any]) -> None:
        """The server, or its device, was deleted before the message arrived: the volume is free again."""
        if not data.get("attachment_id"):
            return
        try:
            await self._host.volumes.release(ctx, data["attachment_id"])
        except ServiceError as refused:  # where there is a row of the device, recovery tries again
            log.warning("attachment %s stays: %s", data["attachment_id"], refused)
            return
        async with self._host.database.work(ctx) as uow:
            await block_devices.delete(uow, data["uuid"])

    async def _undo(
        self,
        ctx: RequestContext,
        server: Server,
        device_uuid: str,
        volume_id: str,
        attachment_id: str,
        error: Exception,
    ) -> None:
        if not isinstance(error, ServiceError):
            log.exception("volume %s could not be attached", volume_id)
        try:
            await self._host.volumes.release(ctx, attachment_id)
        except ServiceError as refused:
            log.warning("attachment %s stays: %s", attachment_id, refused)
        async with self._host.database.work(ctx) as uow:
            await block_devices.delete(uow, device_uuid)
            await record_fault(uow, server.uuid, error, self._host.name)
            self._host.notifications.emit_volume_error(uow, server, "attach", volume_id, error)
            await instance_actions.end_event(uow, server.uuid, ATTACH, error=public_error_text(error))

    async def _roll_detaching(self, ctx: RequestContext, volume_id: str) -> None:
        """Where the volume service refuses that too, the volume stays as it is; the error is reported all the same."""
        try:
            await self._host.volumes.roll_detaching(ctx, volume_id)
        except Unavailable:
            raise
        except ServiceError as error:
            log.warning("volume %s stays in detaching: %s", volume_id, error)

    async def on_detach_volume(self, ctx: RequestContext, message: DetachVolume) -> None:
        """Delivered twice, the second finds no device."""
        uuid = uuid_of(message.instance)
        async with self._host.exclusive(uuid):
            server = await self._host.find(uuid)
            device = next((d for d in server.devices if d.volume_id == message.volume_id), None) if server else None
            if server is None or device is None:
                return
            async with self._host.database.work(ctx) as uow:
                await instance_actions.begin_event(uow, uuid, DETACH, self._host.name)
                self._host.notifications.emit_volume(uow, server, "detach", "start", message.volume_id)
            try:
                await self._host.volumes.release(ctx, device.attachment_id or message.attachment_id or "")
            except Unavailable:  # the message is tried again
                raise
            except ServiceError as error:
                await self._roll_detaching(ctx, message.volume_id)
                async with self._host.database.work(ctx) as uow:
                    await record_fault(uow, uuid, error, self._host.name)
                    self._host.notifications.emit_volume_error(uow, server, "detach", message.volume_id, error)
                    await instance_actions.end_event(uow, uuid, DETACH, error=public_error_text(error))
                return
            async with self._host.database.work(ctx) as uow:
                await block_devices.delete(uow, device.uuid)
                remaining = replace(server, devices=tuple(d for d in server.devices if d.uuid != device.uuid))
                await self._guests.save(uow, remaining, self._guests.define(remaining))
                self._host.notifications.emit_volume(uow, server, "detach", "end", message.volume_id)
                await instance_actions.end_event(uow, uuid, DETACH)


def _name(server: Server, requested: str | None) -> str:
    """The requested name when it is free, else the next one with the root disk's prefix."""
    used = [device.device_name for device in server.devices]
    if requested:
        if strip_dev(requested) in {strip_dev(name) for name in used if name}:
            raise InvalidBDM(reason=f"the name {requested} is taken")
        return f"/dev/{strip_dev(requested)}"
    root = strip_dev(server.instance.root_device_name or "vda").rstrip("0123456789")
    return devices.next_name(used, root[:-1] or "vd")
