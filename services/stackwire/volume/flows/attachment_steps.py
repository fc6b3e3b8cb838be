"""What attaching and detaching have in common, whichever API or worker does it."""

from collections.abc import Sequence
from typing import Any

from stackwire.contracts.events_volume import VolumeAction
from stackwire.contracts.volume import VolumeConflict
from stackwire.core.context import RequestContext
from stackwire.db.pool import UnitOfWork
from stackwire.db.transitions import transition
from stackwire.volume.db import attachments, glance_metadata, volumes
from stackwire.volume.domain.model import Attachment, Volume
from stackwire.volume.domain.notifications import volume_event
from stackwire.volume.domain.states import ATTACHING, AVAILABLE, IN_USE, RESERVED, VolumeStates
from stackwire.volume.flows.deps import volume_file


def require_not_attached(ctx: RequestContext, current: Sequence[Attachment]) -> None:
    """VolumeConflict when a server uses one of these and the caller is no service."""
    server = next((attachment.instance_uuid for attachment in current if attachment.instance_uuid is not None), None)
    if server is not None and not ctx.is_service:
        raise VolumeConflict(instance_id=server)


async def recompute_status(uow: UnitOfWork, volume: Volume) -> Volume:
    """The volume in the state that its remaining attachments call for."""
    remaining = {attachment.attach_status for attachment in await attachments.of_volume(uow, volume.id)}
    status, attach_status = (RESERVED, "reserved") if remaining else (AVAILABLE, "detached")
    if "attached" in remaining:
        status, attach_status = IN_USE, "attached"
    elif "attaching" in remaining:
        status, attach_status = ATTACHING, "attaching"
    changed = await transition(
        uow, volumes.TABLE, VolumeStates.recompute, volume.id, status=status, attach_status=attach_status
    )
    return changed or volume


async def notify_attachment_event(
    uow: UnitOfWork, action: VolumeAction, volume: Volume, *, from_api: bool | None = None
) -> None:
    """``volume.<action>`` with the attachments and image metadata as they are now; ``from_api`` as in volume_event."""
    uow.notify(
        volume_event(
            action,
            volume,
            uow.now,
            attachments=await attachments.of_volume(uow, volume.id),
            glance=await glance_metadata.rows(uow, "volume_id", volume.id),
            from_api=from_api,
        )
    )


def connection_properties(volume: Volume, attachment_id: str, mode: str) -> dict[str, Any]:
    """What a host needs to connect the volume: the file's path under the data folder. ``mode``: rw or ro."""
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
