"""A volume put on a running server and taken off it."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stackwire.compute.db import actions, instances, parts
from stackwire.compute.domain import devices
from stackwire.compute.domain.bdm import strip_dev
from stackwire.compute.domain.errors import InstanceNotFound, InvalidBDM
from stackwire.compute.domain.model import BlockDevice
from stackwire.compute.domain.server import Server
from stackwire.compute.domain.versioned_objects import NovaObject, data_of, device_object, uuid_of
from stackwire.compute.flows.worker.build_instance import connection
from stackwire.compute.flows.worker.compute_host import Hosting, record, said
from stackwire.compute.flows.worker.guest import Guests
from stackwire.contracts.compute_workers import AttachVolumeOnHost, DetachVolume, ReserveBlockDeviceName
from stackwire.core.context import RequestContext
from stackwire.core.errors import ServiceError
from stackwire.core.ids import new_id
from stackwire.db.pool import UniqueViolation

log = logging.getLogger(__name__)
ATTACH, DETACH = "compute_attach_volume", "compute_detach_volume"


class Attach:
    def __init__(self, hosting: Hosting) -> None:
        self._on = hosting
        self._guests = Guests(hosting)

    async def reserve(self, ctx: RequestContext, order: ReserveBlockDeviceName) -> NovaObject:
        """A device with a name, before the volume is there. InvalidBDM: the name or the volume is taken.

        It knows its attachment before there is one, so that whoever dies next leaves none that nobody knows.
        """
        uuid = uuid_of(order.instance)
        async with self._on.alone_with(uuid):
            try:
                async with self._on.database.work(ctx) as uow:
                    server = await instances.by_uuid(uow, uuid)
                    if server is None:
                        raise InstanceNotFound(instance_id=uuid)
                    made = await parts.insert_device(
                        uow,
                        {
                            "uuid": new_id(),
                            "instance_uuid": uuid,
                            "source_type": "volume",
                            "destination_type": "volume",
                            "volume_id": order.volume_id,
                            "attachment_id": new_id(),
                            "device_name": _name(server, order.device),
                            "disk_bus": order.disk_bus,
                            "device_type": order.device_type,
                            "tag": order.tag,
                        },
                    )
            except UniqueViolation:
                raise InvalidBDM(reason=f"volume {order.volume_id} is attached to the server already") from None
        return device_object(made)

    async def attach(self, ctx: RequestContext, order: AttachVolumeOnHost) -> None:
        uuid, data = uuid_of(order.instance), data_of(order.bdm)
        async with self._on.alone_with(uuid):
            server = await self._on.find(uuid)
            device = next((d for d in server.devices if d.uuid == data.get("uuid")), None) if server else None
            if server is None or device is None:
                await self._forget(ctx, data)
                return
            volume_id, attachment_id = device.volume_id or "", device.attachment_id or ""
            if device.connection_info is not None:  # told again: perhaps after a death right before the last step
                await self._on.volumes.complete(ctx, attachment_id)
                return
            async with self._on.database.work(ctx) as uow:
                await actions.begin_event(uow, uuid, ATTACH, self._on.host)
                self._on.events.volume(uow, server, "attach", "start", volume_id)
            try:
                info = await self._on.volumes.connect(ctx, attachment_id, device.device_name)
                size = (await self._on.volumes.get(ctx, volume_id)).size
                async with self._on.database.work(ctx) as uow:
                    await parts.change_device(
                        uow, device.uuid, connection_info=connection(info, uuid, device), volume_size=size
                    )
                    server = await self._on.again(uow, server)
                    await self._guests.keep(uow, server, self._guests.define(server))
                await self._on.volumes.complete(ctx, attachment_id)
            except Exception as error:
                await self._undo(ctx, server, device.uuid, volume_id, attachment_id, error)
                return
            async with self._on.database.work(ctx) as uow:
                self._on.events.volume(uow, server, "attach", "end", volume_id)
                await actions.end_event(uow, uuid, ATTACH)

    async def forget_unasked(self, ctx: RequestContext, device: BlockDevice) -> None:
        """Whoever reserved it died before the host was told to attach it: as if nobody had asked."""
        async with self._on.alone_with(device.instance_uuid):
            server = await self._on.find(device.instance_uuid)
            if server is None or device not in server.devices:
                return
            await self._on.volumes.release(ctx, device.attachment_id or "")
            async with self._on.database.work(ctx) as uow:
                await parts.drop_unasked(uow, device)

    async def _forget(self, ctx: RequestContext, data: Mapping[str, Any]) -> None:
        """The server, or its device, went while the volume was on its way: it is free again."""
        if not data.get("attachment_id"):
            return
        try:
            await self._on.volumes.release(ctx, data["attachment_id"])
        except ServiceError as refused:  # where there is a row of the device, the sweep tries again
            log.warning("attachment %s stays: %s", data["attachment_id"], refused)
            return
        async with self._on.database.work(ctx) as uow:
            await parts.drop_device(uow, data["uuid"])

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
            await self._on.volumes.release(ctx, attachment_id)
        except ServiceError as refused:
            log.warning("attachment %s stays: %s", attachment_id, refused)
        async with self._on.database.work(ctx) as uow:
            await parts.drop_device(uow, device_uuid)
            await record(uow, server.uuid, error, self._on.host)
            self._on.events.volume_error(uow, server, "attach", volume_id, error)
            await actions.end_event(uow, server.uuid, ATTACH, error=said(error))

    async def detach(self, ctx: RequestContext, order: DetachVolume) -> None:
        """Told twice, the second finds no device."""
        uuid = uuid_of(order.instance)
        async with self._on.alone_with(uuid):
            server = await self._on.find(uuid)
            device = next((d for d in server.devices if d.volume_id == order.volume_id), None) if server else None
            if server is None or device is None:
                return
            async with self._on.database.work(ctx) as uow:
                await actions.begin_event(uow, uuid, DETACH, self._on.host)
                self._on.events.volume(uow, server, "detach", "start", order.volume_id)
            try:
                await self._on.volumes.release(ctx, device.attachment_id or order.attachment_id or "")
            except ServiceError as error:
                async with self._on.database.work(ctx) as uow:
                    await record(uow, uuid, error, self._on.host)
                    self._on.events.volume_error(uow, server, "detach", order.volume_id, error)
                    await actions.end_event(uow, uuid, DETACH, error=said(error))
                return
            async with self._on.database.work(ctx) as uow:
                await parts.drop_device(uow, device.uuid)
                left = replace(server, devices=tuple(d for d in server.devices if d.uuid != device.uuid))
                await self._guests.keep(uow, left, self._guests.define(left))
                self._on.events.volume(uow, server, "detach", "end", order.volume_id)
                await actions.end_event(uow, uuid, DETACH)


def _name(server: Server, asked: str | None) -> str:
    """The name asked for when it is free, else the next one of the root disk's kind."""
    used = [device.device_name for device in server.devices]
    if asked:
        if strip_dev(asked) in {strip_dev(name) for name in used if name}:
            raise InvalidBDM(reason=f"the name {asked} is taken")
        return f"/dev/{strip_dev(asked)}"
    root = strip_dev(server.instance.root_device_name or "vda").rstrip("0123456789")
    return devices.next_name(used, root[:-1] or "vd")
