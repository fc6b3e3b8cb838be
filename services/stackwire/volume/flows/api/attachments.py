"""How a server gets a volume: reserve it, hand over the host's connector, complete; and delete the attachment again.

The API decides and reserves; what touches the back end is requested from the worker by call, as in Cinder.
"""

from collections.abc import Sequence
from typing import Any

from stackwire.contracts.volume import InvalidInput, InvalidVolume
from stackwire.contracts.volume_workers import HOST, AttachmentDelete, AttachmentUpdate
from stackwire.core.context import RequestContext
from stackwire.core.ids import new_id
from stackwire.db.transitions import transition
from stackwire.volume.db import attachments, volumes
from stackwire.volume.domain import objects, states
from stackwire.volume.domain.listing import Listing
from stackwire.volume.domain.model import Attachment, Volume
from stackwire.volume.domain.requests import CreateAttachmentRequest
from stackwire.volume.flows.attachment_steps import notify_attachment_event, recompute_status, require_not_attached
from stackwire.volume.flows.deps import Flow


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
            _check_reservable(volume, current, request.instance_uuid)
            await transition(uow, volumes.TABLE, states.VolumeStates.reserve, volume.id)
            created = await attachments.TABLE.insert(
                uow,
                {
                    "id": request.attachment_id or new_id(),
                    "volume_id": volume.id,
                    "project_id": volume.project_id,
                    "instance_uuid": request.instance_uuid,
                    "attach_status": "reserved",
                    "attach_mode": request.mode,
                    "created_at": uow.now,
                    "updated_at": uow.now,
                },
            )
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
        if volume.status not in (states.RESERVED, states.ATTACHING, states.IN_USE, states.DOWNLOADING):
            raise InvalidVolume(reason=f"Volume {volume.id} is {volume.status} and cannot be connected.")
        message = AttachmentUpdate(
            vref=objects.volume_object(volume),
            connector=dict(connector) if mode is None else {**connector, "mode": mode},
            attachment_id=attachment_id,
        )
        await self._deps.rpc.call(ctx, message, server=HOST)
        async with self._deps.database.read() as session:
            return await attachments.find(session, ctx, attachment_id)

    async def complete(self, ctx: RequestContext, attachment_id: str) -> None:
        """The host has connected the volume. May be repeated; InvalidVolume without a connector before."""
        async with self._deps.database.work(ctx) as uow:
            attachment = await attachments.find(uow, ctx, attachment_id, lock=True)
            self._deps.require(ctx, "volume:attachment_complete", attachment.project_id)
            if attachment.attach_status == "attached":
                return
            if not await transition(
                uow, attachments.TABLE, states.AttachmentStates.complete, attachment_id, attach_time=uow.now
            ):
                raise InvalidVolume(
                    reason=f"Attachment {attachment_id} must be attaching, but is {attachment.attach_status}."
                )
            volume = await transition(
                uow, volumes.TABLE, states.VolumeStates.finish_attach, attachment.volume_id, attach_status="attached"
            )
            if volume is None:
                raise InvalidVolume(reason=f"Volume {attachment.volume_id} is not being attached.")
            await notify_attachment_event(uow, "attach.end", volume)

    async def delete(self, ctx: RequestContext, attachment_id: str) -> list[Attachment]:
        """Detached; the result is the volume's remaining attachments.

        VolumeConflict while a server uses it, unless the caller is a service (CVE-2023-2088): detaching it without the
        host's knowledge would leave the host with another user's disk later.
        """
        async with self._deps.database.work(ctx) as uow:
            attachment = await attachments.find(uow, ctx, attachment_id, lock=True)
            self._deps.require(ctx, "volume:attachment_delete", attachment.project_id)
            volume = await volumes.find(uow, ctx, attachment.volume_id, lock=True)
            connected = attachment.connector is not None
            if connected:
                require_not_attached(ctx, [attachment])
            else:
                await notify_attachment_event(uow, "detach.start", volume, from_api=True)
                await attachments.detach(uow, attachment_id)
                await notify_attachment_event(uow, "detach.end", await recompute_status(uow, volume))
        if connected:
            await self._deps.rpc.call(
                ctx, AttachmentDelete(attachment_id=attachment_id, vref=objects.volume_object(volume)), server=HOST
            )
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


def _check_reservable(volume: Volume, current: Sequence[Attachment], instance_uuid: str | None) -> None:
    """InvalidVolume unless the volume may have one more attachment, to this server."""
    reservable = (
        states.AVAILABLE,
        states.DOWNLOADING,
        *((states.IN_USE, states.RESERVED, states.ATTACHING) if volume.multiattach else ()),
    )
    attached = instance_uuid is not None and instance_uuid in {attachment.instance_uuid for attachment in current}
    if volume.status == states.ERROR or (volume.status not in reservable and not attached):
        raise InvalidVolume(
            reason=f"Volume {volume.id} status must be available or downloading to reserve,"
            f" but the current status is {volume.status}."
        )
