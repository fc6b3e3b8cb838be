"""Steps of retyping and migrating that several take: the scheduler, the back end, and who moves what is attached."""

from collections.abc import Collection
from typing import Any

from stackwire.core.rules import Resource
from stackwire.db.pool import UnitOfWork
from stackwire.volume.db import attachments, glance_metadata, volumes
from stackwire.volume.domain import travel
from stackwire.volume.domain.model import Attachment, Volume
from stackwire.volume.domain.notifications import volume_event
from stackwire.volume.domain.size_checks import GIBIBYTE
from stackwire.volume.domain.states import AVAILABLE, IN_USE, VolumeStates
from stackwire.volume.flows.deps import VolumeDeps, volume_file

_ENDS = {"retyping": VolumeStates.finish_retype, "maintenance": VolumeStates.finish_migration}


async def back_to_rest(deps: VolumeDeps, uow: UnitOfWork, volume: Volume, **changes: Any) -> Volume:
    """With these changes, in the state that its attachments call for; one that was never locked keeps its state.

    Between its detachment from the server and the end of its migration a volume that was in use is available.
    """
    changes = {**changes, "new_type_id": None}
    verb, used = _ENDS.get(volume.status), await attachments.of_volume(uow, volume.id)
    if verb is None and volume.status == AVAILABLE and used:
        verb = VolumeStates.finish_attached_migration
    if verb is None:
        await deps.leases.revoke(uow, "volume", volume.id)
        return await volumes.TABLE.update(uow, volume.id, **changes) or volume
    status = IN_USE if used else AVAILABLE
    return await deps.transition(uow, volumes.TABLE, verb, volume.id, status=status, **changes) or volume


async def copy_data(deps: VolumeDeps, volume: Volume, copy: Volume) -> None:
    """The volume's data into its copy, which has a file already."""
    store, origin = deps.store(copy.host), deps.store(volume.host)
    await store.copy(volume_file(volume), volume_file(copy), volume.size * GIBIBYTE, origin)


def is_attached(taken: Collection[Attachment]) -> bool:
    """Whether one of these attachments is complete."""
    return any(attachment.attach_status == "attached" for attachment in taken)


async def release_copy(uow: UnitOfWork, copy_id: str) -> bool:
    """No server waits for the copy any more; False when one has it. Locks attachments first, as completing one does."""
    for attachment in await attachments.of_volume(uow, copy_id):
        await attachments.TABLE.get(uow, attachment.id, lock=True)
    await volumes.TABLE.get(uow, copy_id, lock=True)
    taken = await attachments.of_volume(uow, copy_id)
    if is_attached(taken):
        return False
    for attachment in taken:
        await attachments.detach(uow, attachment.id)
    return True


async def notify_retyped(uow: UnitOfWork, before: Volume, volume: Volume) -> None:
    """``volume.retype``, by the daemon of the back end that it was on."""
    rows, used = await keep_rows(uow, before, travel.at_retype), await attachments.of_volume(uow, volume.id)
    event = volume_event("retype", volume, uow.now, attachments=used, glance=rows, daemon=before.host)
    uow.notify(event)


async def keep_rows(uow: UnitOfWork, volume: Volume, rule: Any) -> list[Any]:
    """The volume's rows of image metadata, which stay: the rule says so."""
    itself = Resource("volume", volume.id)
    uow.apply(rule, itself, itself, await glance_metadata.read(uow, "volume_id", volume.id))
    return await glance_metadata.rows(uow, "volume_id", volume.id)
