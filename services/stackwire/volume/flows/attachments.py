"""How a server gets hold of a volume: reserve, hand over the host's connector, complete; and let go again.

The API half decides and reserves; what touches the back end is asked of the worker by call, as in Cinder.
"""

from collections.abc import Sequence
from typing import Any

from stackwire.contracts.events_volume import VolumeAction
from stackwire.contracts.volume import InvalidInput, InvalidVolume, VolumeConflict
from stackwire.contracts.volume_workers import HOST, AttachmentDelete, AttachmentUpdate
from stackwire.core.context import RequestContext
from stackwire.core.ids import new_id
from stackwire.db.pool import UnitOfWork
from stackwire.volume.db import attachments, glance_metadata, volumes
from stackwire.volume.domain import objects
from stackwire.volume.domain.model import Attachment, Volume
from stackwire.volume.domain.payloads import volume_event
from stackwire.volume.domain.states import ATTACHING, AVAILABLE, DETACHING, DOWNLOADING, ERROR, IN_USE, RESERVED
from stackwire.volume.flows.parts import Parts, volume_file


class Attachments:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def create(
        self,
        ctx: RequestContext,
        volume_id: str,
        instance: str | None,
        *,
        connector: dict[str, Any] | None = None,
        mode: str | None = None,
        attachment_id: str | None = None,
    ) -> Attachment:
        """Reserved; with a connector, connected too. InvalidVolume unless it is free, or this server's already.

        ``attachment_id``: the id it gets; when it is there already, that is the answer.
        """
        async with self._parts.database.work(ctx) as uow:
            volume = await volumes.find(uow, ctx, volume_id, lock=True)
            self._parts.require(ctx, "volume:attachment_create", volume.project_id)
            taken = await attachments.of_volume(uow, volume.id)
            known = next((one for one in taken if one.id == attachment_id and one.instance_uuid == instance), None)
            if known is not None:
                return known
            free = (AVAILABLE, DOWNLOADING, *((IN_USE, RESERVED, ATTACHING) if volume.multiattach else ()))
            mine = instance is not None and any(one.instance_uuid == instance for one in taken)
            if volume.status == ERROR or (volume.status not in free and not mine):
                raise InvalidVolume(
                    reason=f"Volume {volume.id} status must be available or downloading to reserve,"
                    f" but the current status is {volume.status}."
                )
            if volume.status == AVAILABLE:
                await volumes.move(uow, volume.id, RESERVED)
            made = await attachments.insert(uow, _new(uow, volume, attachment_id or new_id(), instance, mode))
        return made if connector is None else await self.update(ctx, made.id, connector, mode=mode)

    async def update(
        self, ctx: RequestContext, attachment_id: str, connector: dict[str, Any], *, mode: str | None = None
    ) -> Attachment:
        """Connected to the host the connector tells of; the answer has its ``connection_info``."""
        async with self._parts.database.read() as session:
            attachment = await attachments.find(session, ctx, attachment_id)
            self._parts.require(ctx, "volume:attachment_update", attachment.project_id)
            volume = await volumes.find(session, ctx, attachment.volume_id)
        if not connector:
            raise InvalidInput(reason="The connector must tell something of the host.")
        if volume.status not in (RESERVED, ATTACHING, IN_USE, DOWNLOADING):
            raise InvalidVolume(reason=f"Volume {volume.id} is {volume.status} and cannot be connected.")
        wanted = dict(connector) if mode is None else {**connector, "mode": mode}
        await self._parts.rpc.call(
            ctx,
            AttachmentUpdate(vref=objects.volume_object(volume), connector=wanted, attachment_id=attachment_id),
            server=HOST,
        )
        async with self._parts.database.read() as session:
            return await attachments.find(session, ctx, attachment_id)

    async def connect(self, ctx: RequestContext, order: AttachmentUpdate) -> dict[str, Any]:
        """Served over the bus: the worker's half of ``update``."""
        async with self._parts.database.work(ctx) as uow:
            attachment = await attachments.find(uow, ctx, order.attachment_id, lock=True)
            volume = await volumes.find(uow, ctx, attachment.volume_id, lock=True)
            await say(uow, "attach.start", volume)
            connector = {key: value for key, value in order.connector.items() if key != "mode"}
            mode = "ro" if volume.readonly else str(order.connector.get("mode") or "rw")
            info = _connection(volume, attachment.id, mode)
            await attachments.change(
                uow, attachment.id, attach_status="attaching", attach_mode=mode, connector=connector,
                connection_info=info, attached_host=_text(connector.get("host")),
                mountpoint=_text(connector.get("mountpoint")),
            )  # fmt: skip
            if volume.status == RESERVED:
                await volumes.move(uow, volume.id, ATTACHING, attach_status="attaching")
            return info

    async def complete(self, ctx: RequestContext, attachment_id: str) -> None:
        """The host has it. Again is fine; InvalidVolume without a connector before."""
        async with self._parts.database.work(ctx) as uow:
            attachment = await attachments.find(uow, ctx, attachment_id, lock=True)
            self._parts.require(ctx, "volume:attachment_complete", attachment.project_id)
            if attachment.attach_status == "attached":
                return
            if attachment.attach_status != "attaching":
                raise InvalidVolume(
                    reason=f"Attachment {attachment_id} must be attaching, but is {attachment.attach_status}."
                )
            await attachments.change(uow, attachment_id, attach_status="attached", attach_time=uow.now)
            volume = await volumes.move(
                uow, attachment.volume_id, IN_USE, sources=(RESERVED, ATTACHING, IN_USE), attach_status="attached"
            )
            if volume is None:
                raise InvalidVolume(reason=f"Volume {attachment.volume_id} is not being attached.")
            await say(uow, "attach.end", volume)

    async def delete(self, ctx: RequestContext, attachment_id: str) -> list[Attachment]:
        """Lets go; what is left is the answer. VolumeConflict while a server uses it, unless a service asks
        (CVE-2023-2088): cutting it off behind the host's back would leave the host with somebody else's disk later."""
        async with self._parts.database.work(ctx) as uow:
            attachment = await attachments.find(uow, ctx, attachment_id, lock=True)
            self._parts.require(ctx, "volume:attachment_delete", attachment.project_id)
            volume = await volumes.find(uow, ctx, attachment.volume_id, lock=True)
            connected = attachment.connector is not None
            if connected:
                refuse_in_use(ctx, [attachment])
            else:
                await attachments.remove(uow, attachment_id)
                await release(uow, volume)
        if connected:
            await self._parts.rpc.call(
                ctx, AttachmentDelete(attachment_id=attachment_id, vref=objects.volume_object(volume)), server=HOST
            )
        async with self._parts.database.read() as session:
            return await attachments.of_volume(session, attachment.volume_id)

    async def disconnect(self, ctx: RequestContext, order: AttachmentDelete) -> None:
        """Served over the bus: the worker's half of ``delete``."""
        async with self._parts.database.work(ctx) as uow:
            attachment = await attachments.find(uow, ctx, order.attachment_id, lock=True)
            volume = await volumes.find(uow, ctx, attachment.volume_id, lock=True)
            await say(uow, "detach.start", volume)
            await attachments.remove(uow, attachment.id)
            await say(uow, "detach.end", await release(uow, volume))

    async def show(self, ctx: RequestContext, attachment_id: str) -> Attachment:
        async with self._parts.database.read() as session:
            attachment = await attachments.find(session, ctx, attachment_id)
        self._parts.require(ctx, "volume:attachment_get", attachment.project_id)
        return attachment

    async def list(self, ctx: RequestContext, query: volumes.Query) -> list[Attachment]:
        self._parts.require(ctx, "volume:attachment_get")
        async with self._parts.database.read() as session:
            if query.marker is not None:
                await attachments.find(session, ctx, query.marker)
            return await attachments.listed(session, query)


def refuse_in_use(ctx: RequestContext, used: Sequence[Attachment]) -> None:
    """VolumeConflict when a server uses one of these and no service asks."""
    server = next((one.instance_uuid for one in used if one.instance_uuid is not None), None)
    if server is not None and not ctx.is_service:
        raise VolumeConflict(instance_id=server)


async def release(uow: UnitOfWork, volume: Volume) -> Volume:
    """The state that what is still attached calls for."""
    left = {one.attach_status for one in await attachments.of_volume(uow, volume.id)}
    status, attached = AVAILABLE, "detached"
    if "attached" in left:
        status, attached = IN_USE, "attached"
    elif "attaching" in left:
        status, attached = ATTACHING, "attaching"
    elif left:
        status = RESERVED
    moved = await volumes.move(
        uow, volume.id, status, attach_status=attached,
        sources=(RESERVED, ATTACHING, IN_USE, DETACHING, AVAILABLE, "error_attaching", "error_detaching"),
    )  # fmt: skip
    return moved or volume


async def say(uow: UnitOfWork, action: VolumeAction, volume: Volume) -> None:
    """``volume.<action>`` with the attachments and metadata of this moment."""
    uow.notify(
        volume_event(
            action,
            volume,
            uow.now,
            attachments=await attachments.of_volume(uow, volume.id),
            glance=await glance_metadata.rows(uow, "volume_id", volume.id),
        )
    )


def _connection(volume: Volume, attachment_id: str, mode: str) -> dict[str, Any]:
    """What a host needs to reach the volume: the file's place under the data folder."""
    return {
        "device_path": f"volumes/{volume_file(volume.id)}",
        "volume_id": volume.id,
        "qos_specs": None,
        "access_mode": mode,
        "encrypted": False,
        "cacheable": False,
        "driver_volume_type": "local",
        "attachment_id": attachment_id,
        "enforce_multipath": False,
    }


def connection_info(volume: Volume) -> dict[str, Any]:
    """The older form: the type beside the data."""
    data = _connection(volume, "", "ro" if volume.readonly else "rw")
    kind = data.pop("driver_volume_type")
    data.pop("attachment_id")
    return {"driver_volume_type": kind, "data": data}


def _text(value: object) -> str | None:
    return value[:255] if isinstance(value, str) and value else None


def _new(uow: UnitOfWork, volume: Volume, attachment_id: str, instance: str | None, mode: str | None) -> Attachment:
    return Attachment(
        id=attachment_id, volume_id=volume.id, instance_uuid=instance, attached_host=None, mountpoint=None,
        attach_time=None, detach_time=None, attach_status="reserved", attach_mode=mode, connection_info=None,
        connector=None, project_id=volume.project_id, created_at=uow.now, updated_at=uow.now, deleted_at=None,
        deleted=False,
    )  # fmt: skip
