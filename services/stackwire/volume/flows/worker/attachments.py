"""The worker's half of attaching: connecting a host to a volume, and disconnecting it."""

from typing import Any

from stackwire.contracts.volume_workers import AttachmentDelete, AttachmentUpdate
from stackwire.core.context import RequestContext
from stackwire.db.transitions import transition
from stackwire.volume.db import attachments, volumes
from stackwire.volume.domain.states import AttachmentStates, VolumeStates
from stackwire.volume.flows.attachment_steps import (
    attach_transition,
    connection_properties,
    is_connected_since,
    notify_attachment_event,
    recompute_status,
)
from stackwire.volume.flows.deps import Flow


class AttachmentWorker(Flow):
    """``cinder/volume/manager.py: attachment_update, attachment_delete``."""

    async def on_attachment_update(self, ctx: RequestContext, message: AttachmentUpdate) -> dict[str, Any]:
        """Answers with the connection info for the host whose connector this is."""
        async with self._deps.database.work(ctx) as uow:
            attachment = await attachments.find(uow, ctx, message.attachment_id, lock=True)
            volume = await volumes.find(uow, ctx, attachment.volume_id, lock=True)
            if is_connected_since(ctx, attachment, message.connector, self._deps.database.clock):
                return dict(attachment.connection_info or {})
            await notify_attachment_event(uow, "attach.start", volume)
            connector = {key: value for key, value in message.connector.items() if key != "mode"}
            mode = "ro" if volume.readonly else str(message.connector.get("mode") or "rw")
            store = self._deps.store(volume.host)
            info = await connection_properties(uow, store, volume, attachment.id, mode)
            await transition(
                uow,
                attachments.TABLE,
                AttachmentStates.connect,
                attachment.id,
                attach_mode=mode,
                connector=connector,
                connection_info=info,
                attached_host=_text(connector.get("host")),
                mountpoint=_text(connector.get("mountpoint")),
            )
            await attach_transition(uow, VolumeStates.begin_attach, volume, "attaching")
            return info

    async def on_attachment_delete(self, ctx: RequestContext, message: AttachmentDelete) -> None:
        """Detached; the volume is in the state that its remaining attachments call for.

        Nothing, when it is deleted: the API has found it, so that this call was delivered before.
        """
        async with self._deps.database.work(ctx) as uow:
            attachment = await attachments.TABLE.get(uow, message.attachment_id, lock=True, **volumes.scope(ctx))
            if attachment is None:
                return
            volume = await volumes.find(uow, ctx, attachment.volume_id, lock=True)
            await notify_attachment_event(uow, "detach.start", volume)
            await attachments.detach(uow, attachment.id)
            await notify_attachment_event(uow, "detach.end", await recompute_status(uow, volume))


def _text(value: object) -> str | None:
    return value[:255] if isinstance(value, str) and value else None
