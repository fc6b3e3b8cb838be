"""How retyping and migrating end, whoever ends it: the scheduler or the back end."""

from typing import Any

from stackwire.db.pool import UnitOfWork
from stackwire.volume.db import attachments, volumes
from stackwire.volume.domain.model import Volume
from stackwire.volume.domain.states import AVAILABLE, IN_USE, VolumeStates
from stackwire.volume.flows.deps import VolumeDeps

_ENDS = {"retyping": VolumeStates.finish_retype, "maintenance": VolumeStates.finish_migration}


async def back_to_rest(deps: VolumeDeps, uow: UnitOfWork, volume: Volume, **changes: Any) -> Volume:
    """With these changes, in the state that its attachments call for; one that was never locked keeps its state."""
    verb = _ENDS.get(volume.status)
    if verb is None:
        await deps.leases.revoke(uow, "volume", volume.id)
        return await volumes.TABLE.update(uow, volume.id, **changes) or volume
    status = IN_USE if await attachments.of_volume(uow, volume.id) else AVAILABLE
    return await deps.transition(uow, volumes.TABLE, verb, volume.id, status=status, **changes) or volume
