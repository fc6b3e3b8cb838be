"""How a server gets a volume: reserve it, hand over the host's connector, complete; and delete the attachment again.

The API decides and reserves; what touches the back end is requested from the worker by call, as in Cinder.
"""

from collections.abc import Collection, Sequence
from typing import Any

from stackwire.contracts.volume import AttachmentNotFound, InvalidInput, InvalidVolume
from stackwire.contracts.volume_workers import AttachmentDelete, AttachmentUpdate
from stackwire.core.context import RequestContext
from stackwire.core.ids import new_id
from stackwire.core.repeats import done_since
from stackwire.db.pool import UnitOfWork
from stackwire.db.transitions import transition
from stackwire.volume.db import attachments, volumes
from stackwire.volume.domain import objects
from stackwire.volume.domain.errors import ResourceConflict
from stackwire.volume.domain.listing import Listing
from stackwire.volume.domain.model import Attachment, Volume
from stackwire.volume.domain.requests import CreateAttachmentRequest
from stackwire.volume.domain.states import DETACHING, IN_USE, MIGRATING, AttachmentStates, VolumeStates
from stackwire.volume.flows import attachment_steps as steps
from stackwire.volume.flows.deps import Flow, call_backend


class Attachments(Flow):
    """``cinder/api/v3/attachments.py``, ``cinder/volume/api.py: attachment_create, attachment_update, ...``."""

    async def create(self, ctx: RequestContext, request: CreateAttachmentRequest) -> Attachment:
        """Reserved; with a connector, connected too. InvalidVolume unless it is available, or this server's already."""
        async with self._deps.database.work(ctx) as uow:
            volume = await volumes.find(uow, ctx, request.volume_id, lock=True)
            self._deps.require(ctx, "volume:attachment_create", volume.project_id)
            current = await attachments.of_volume(uow, volume.id)
            for attachment in current:
                if (attachment.id, attachment.instance_uuid) == (request.attachment_id, request.instance_uuid):
                    return attachment
            await _reserve(uow, volume, current, request.instance_uuid)
            created = await attachments.TABLE.try_insert(
                uow,
                {
                    "id": request.attachment_id or new_id("attachment"),
                    "volume_id": volume.id,
                    "project_id": volume.project_id,
                    "instance_uuid": request.instance_uuid,
                    "attach_status": "reserved",
                    "attach_mode": request.mode,
                    "created_at": uow.now,
                    "updated_at": uow.now,
                },
            )
            if created is None:  # the call is late: what it reserved is released by now
                raise InvalidVolume(reason=f"There was an attachment {request.attachment_id}.")
        if request.connector is None:
            return created
        return await self.update(ctx, created.id, request.connector, mode=request.mode)

    async def update(
        self, ctx: RequestContext, attachment_id: str, connector: dict[str, Any], *, mode: str | None = None
    ) -> Attachment:
        """Connected to the connector's host; the result has its ``connection_info``."""
        async with self._deps.database.read() as session:
            attachment = await attachments.find(session, ctx, attachment_id)
            self._deps.require(ctx, "volume:attachment_update", attachment.project_id)
            volume = await volumes.find(session, ctx, attachment.volume_id)
        if not connector:
            raise InvalidInput(reason="The connector must not be empty.")
        if steps.is_connected_since(ctx, attachment, connector, self._deps.database.clock):
            return attachment
        if not VolumeStates.update_attachment.allows(status=volume.status):
            raise ResourceConflict(reason=_in_error(volume, "updated"))
        message = AttachmentUpdate(
            vref=objects.volume_object(volume),
            connector=dict(connector) if mode is None else {**connector, "mode": mode},
            attachment_id=attachment_id,
        )
        await call_backend(self._deps, ctx, message, volume.host)
        async with self._deps.database.read() as session:
            return await attachments.find(session, ctx, attachment_id)

    async def on_complete_attachment(self, ctx: RequestContext, attachment_id: str) -> None:
        """``complete`` for a host, whose call may be late: a volume that is being detached by now stays so."""
        await self.complete(ctx, attachment_id, after=(IN_USE, DETACHING))

    async def complete(self, ctx: RequestContext, attachment_id: str, *, after: Collection[str] = (IN_USE,)) -> None:
        """The host has connected the volume, whatever it and the attachment were before.

        Nothing to do where the attachment is attached, and the volume in one of the states ``after``.
        """
        async with self._deps.database.work(ctx) as uow:
            attachment = await attachments.find(uow, ctx, attachment_id, lock=True)
            self._deps.require(ctx, "volume:attachment_complete", attachment.project_id)
            volume = await volumes.find(uow, ctx, attachment.volume_id, lock=True)
            if attachment.attach_status == "attached" and volume.status in after:
                return  # requested again: the answer was lost, or the host's message was delivered twice
            await transition(uow, attachments.TABLE, AttachmentStates.complete, attachment_id, attach_time=uow.now)
            attached = await steps.attach_transition(uow, VolumeStates.finish_attach, volume, "attached")
            await steps.notify_attachment_event(uow, "attach.end", attached)

    async def on_delete_attachment(self, ctx: RequestContext, attachment_id: str) -> None:
        """``delete`` for a service, whose call may be delivered twice: one that was deleted since it was made."""
        try:
            await self.delete(ctx, attachment_id)
        except AttachmentNotFound:
            async with self._deps.database.read() as session:
                deleted_at = await attachments.deleted_at(session, ctx, attachment_id)
            if not done_since(ctx, deleted_at, self._deps.database.clock):
                raise

    async def delete(self, ctx: RequestContext, attachment_id: str) -> list[Attachment]:
        """Detached; the result is the volume's remaining attachments.

        VolumeConflict while a server has it connected, unless the caller is a service.
        """
        async with self._deps.database.work(ctx) as uow:
            attachment = await attachments.find(uow, ctx, attachment_id, lock=True)
            self._deps.require(ctx, "volume:attachment_delete", attachment.project_id)
            volume = await volumes.find(uow, ctx, attachment.volume_id, lock=True)
            await steps.require_deletable(uow, ctx, volume, attachment_id)
            connected = attachment.connector is not None
            if not connected:
                await steps.notify_attachment_event(uow, "detach.start", volume, from_api=True)
                await attachments.detach(uow, attachment_id)
                await steps.notify_attachment_event(uow, "detach.end", await steps.recompute_status(uow, volume))
        if connected:
            message = AttachmentDelete(attachment_id=attachment_id, vref=objects.volume_object(volume))
            await call_backend(self._deps, ctx, message, volume.host)
        async with self._deps.database.read() as session:
            return await attachments.of_volume(session, attachment.volume_id)

    async def get(self, ctx: RequestContext, attachment_id: str) -> Attachment:
        """AttachmentNotFound."""
        async with self._deps.database.read() as session:
            attachment = await attachments.find(session, ctx, attachment_id)
        self._deps.require(ctx, "volume:attachment_get", attachment.project_id)
        return attachment

    async def list_page(self, ctx: RequestContext, listing: Listing) -> list[Attachment]:
        """AttachmentNotFound for a marker that is none of the caller's."""
        self._deps.require(ctx, "volume:attachment_get")
        async with self._deps.database.read() as session:
            if listing.marker is not None:
                await attachments.find(session, ctx, listing.marker)
            return await attachments.list_page(session, listing)


async def _reserve(uow: UnitOfWork, volume: Volume, current: Sequence[Attachment], instance_uuid: str | None) -> None:
    """InvalidVolume unless the volume may have one more attachment, to this server."""
    if not VolumeStates.update_attachment.allows(status=volume.status):
        raise InvalidVolume(reason=_in_error(volume, "created"))
    verb = VolumeStates.create_another_attachment if volume.multiattach else VolumeStates.create_attachment
    # Between two attachments of its migration a volume that was in use is free for nobody.
    moving = volume.migration_status in MIGRATING and volume.previous_status == IN_USE
    if not moving and await transition(uow, volumes.TABLE, verb, volume.id):
        return
    again = instance_uuid is not None and instance_uuid in {attachment.instance_uuid for attachment in current}
    early = VolumeStates.create_early_attachment.allows(status=volume.status)
    if not early and not (again and VolumeStates.create_attachment_again.allows(status=volume.status)):
        expected = "available or in-use or downloading" if volume.multiattach else "available or downloading"
        raise InvalidVolume(
            reason=f"Volume {volume.id} status must be {expected} to reserve, but the current status is"
            f" {volume.status}."
        )


def _in_error(volume: Volume, verb: str) -> str:
    return (
        f"Volume attachments can not be {verb} if the volume is in an error state. The Volume {volume.id} currently has"
        f" a status of: {volume.status} "
    )
