"""What attaching and detaching have in common, whichever API or worker does it."""

from collections.abc import Mapping
from typing import Any

from stackwire.contracts.events_volume import VolumeAction
from stackwire.contracts.volume import InvalidInput, InvalidVolume, VolumeConflict
from stackwire.core.clock import Clock
from stackwire.core.context import RequestContext
from stackwire.core.repeats import done_since
from stackwire.core.states import Verb
from stackwire.db.pool import Session, UnitOfWork
from stackwire.db.transitions import transition
from stackwire.volume.backends.files import FileStore
from stackwire.volume.db import attachments, encryption, glance_metadata, qos_specs, volumes
from stackwire.volume.domain.model import Attachment, Volume
from stackwire.volume.domain.notifications import volume_event
from stackwire.volume.domain.qos_specs import for_host
from stackwire.volume.domain.states import ATTACHING, AVAILABLE, IN_USE, RESERVED, VolumeStates
from stackwire.volume.flows.deps import volume_file

_STATUSES = {"attached": IN_USE, "attaching": ATTACHING, "reserved": RESERVED}
"""Of a volume with attachments in several of these states the first counts."""


def check(verb: Verb, volume: Volume, reason: str) -> None:
    """InvalidVolume, with this reason, unless the verb may start in the volume's state."""
    if not verb.allows(status=volume.status):
        raise InvalidVolume(reason=reason)


async def require_deletable(uow: Session, ctx: RequestContext, volume: Volume, attachment_id: str | None) -> None:
    """VolumeConflict when the caller, who is no service, would take a volume from a server that has it connected.

    Detaching it without the host's knowledge would leave the host with another user's disk later (CVE-2023-2088). None:
    the one attachment that there is; InvalidInput for another volume's. ``cinder/volume/api.py:
    attachment_deletion_allowed``.
    """
    if ctx.is_service:
        return
    if attachment_id is not None:
        attachment = await attachments.TABLE.get(uow, attachment_id)
    else:
        current = await attachments.of_volume(uow, volume.id)
        if not current:
            return
        attachment = current[0] if len(current) == 1 else None
    if attachment is None:
        raise VolumeConflict(instance_id="")
    if attachment.volume_id != volume.id:
        raise InvalidInput(reason="Mismatched volume and attachment")
    if attachment.instance_uuid and attachment.connection_info:
        raise VolumeConflict(instance_id=attachment.instance_uuid)


async def recompute_status(uow: UnitOfWork, volume: Volume) -> Volume:
    """The volume in the state that its remaining attachments call for.

    ``cinder/db/api.py: _get_statuses_from_attachments``.
    """
    remaining = {attachment.attach_status for attachment in await attachments.of_volume(uow, volume.id)}
    attach_status = next((status for status in _STATUSES if status in remaining), "detached")
    status = _STATUSES.get(attach_status, AVAILABLE)
    return await attach_transition(uow, VolumeStates.recompute, volume, attach_status, status=status)


async def attach_transition(uow: UnitOfWork, verb: Verb, volume: Volume, attach_status: str, **goal: Any) -> Volume:
    """The volume after the verb, or, while a worker is at work on it, with this ``attach_status`` only."""
    changed = await transition(uow, volumes.TABLE, verb, volume.id, attach_status=attach_status, **goal)
    return changed or await volumes.TABLE.update(uow, volume.id, attach_status=attach_status) or volume


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


def is_connected_since(ctx: RequestContext, attachment: Attachment, connector: Mapping[str, Any], clock: Clock) -> bool:
    """Whether that host got its connection after this was requested: the call was delivered twice, perhaps late."""
    wanted = {key: value for key, value in connector.items() if key != "mode"}
    is_that = attachment.connection_info is not None and attachment.connector == wanted
    return is_that and done_since(ctx, attachment.updated_at or attachment.created_at, clock)


async def connection_properties(
    session: Session, store: FileStore, volume: Volume, attachment_id: str, mode: str
) -> dict[str, Any]:
    """What a host needs to connect the volume. ``store``: of its back end; ``mode``: rw or ro.

    InvalidQoSSpecs for specs of the volume's type that no host could obey.
    """
    found = await qos_specs.of_type(session, volume.volume_type_id)
    return {
        **await store.connection(volume_file(volume)),
        "volume_id": volume.id,
        "qos_specs": None if found is None else for_host(found.consumer, found.specs, volume.size),
        "access_mode": mode,
        "encrypted": await encryption.encrypts(session, volume.volume_type_id),
        "cacheable": False,
        "attachment_id": attachment_id,
        "enforce_multipath": False,
    }
