"""Flags and states that an owner or administrator may set."""

from collections.abc import Mapping
from typing import Any

from stackwire.contracts.volume import InvalidSnapshot
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest
from stackwire.volume.db import attachments, snapshots, volumes
from stackwire.volume.domain.states import IN_USE, SnapshotStates, VolumeStates
from stackwire.volume.flows.attachment_steps import check, recompute_status
from stackwire.volume.flows.deps import Flow

_ACTIONS = "volume_extension:volume_actions:"
_RESETTABLE = {
    "status": VolumeStates.reset_status.to["status"] or frozenset(),
    "attach_status": frozenset({"attached", "detached"}),
    "migration_status": frozenset({"migrating", "error", "success", "completing", "none", "starting"}),
}
_FOLLOWING = {"creating": ("creating", "available", "error"), "deleting": ("deleting", "error_deleting")}


class StatusChanges(Flow):
    """``cinder/api/contrib/volume_actions.py``, ``cinder/api/contrib/admin_actions.py``."""

    async def set_bootable(self, ctx: RequestContext, volume_id: str, bootable: bool) -> None:
        """Whether a server may boot from the volume."""
        async with self._deps.database.work(ctx) as uow:
            volume = await volumes.find(uow, ctx, volume_id, lock=True)
            self._deps.require(ctx, _ACTIONS + "set_bootable", volume.project_id)
            check(VolumeStates.update, volume, "The volume cannot be updated during maintenance.")
            await volumes.TABLE.update(uow, volume.id, bootable=bootable)

    async def set_readonly(self, ctx: RequestContext, volume_id: str, readonly: bool) -> None:
        """InvalidVolume unless the volume is available."""
        async with self._deps.database.work(ctx) as uow:
            volume = await volumes.find(uow, ctx, volume_id, lock=True)
            self._deps.require(ctx, _ACTIONS + "update_readonly", volume.project_id)
            check(
                VolumeStates.update_readonly_flag,
                volume,
                f"Volume {volume.id} status must be available to update readonly flag, but current status is:"
                f" {volume.status}.",
            )
            await volumes.TABLE.update(uow, volume.id, readonly=readonly)

    async def reset_volume(self, ctx: RequestContext, volume_id: str, changes: Mapping[str, str]) -> None:
        """``status``, ``attach_status``, ``migration_status``, whatever they are now; BadRequest for other values."""
        if not changes:
            raise BadRequest("Must specify 'status', 'attach_status' or 'migration_status' for update.")
        wanted = _resettable(changes)
        columns: dict[str, Any] = {name: None if value == "none" else value for name, value in wanted.items()}
        async with self._deps.database.work(ctx) as uow:
            volume = await volumes.find(uow, ctx, volume_id, lock=True)
            self._deps.require(ctx, "volume_extension:volume_admin_actions:reset_status", volume.project_id)
            used = await attachments.of_volume(uow, volume.id)
            if wanted.get("status") == IN_USE and not used:
                raise BadRequest("Cannot reset-state to in-use because volume does not have any attachments.")
            if "status" in wanted:
                await self._deps.transition(uow, volumes.TABLE, VolumeStates.reset_status, volume.id, **columns)
            else:
                await volumes.TABLE.update(uow, volume.id, **columns)
            if wanted.get("attach_status") == "detached" and used:
                for attachment in used:
                    await attachments.detach(uow, attachment.id)
                await recompute_status(uow, volume)

    async def reset_snapshot(self, ctx: RequestContext, snapshot_id: str, status: str) -> None:
        """Whatever the status is now; BadRequest for one that may not be set."""
        status = status.lower()
        if status not in (SnapshotStates.reset_status.to["status"] or ()):
            raise BadRequest(f"Invalid input for field/attribute status. Value: {status}.")
        async with self._deps.database.work(ctx) as uow:
            snapshot = await snapshots.find(uow, ctx, snapshot_id)
            self._deps.require(ctx, "volume_extension:snapshot_admin_actions:reset_status", snapshot.project_id)
            verb = SnapshotStates.reset_status
            if await self._deps.transition(uow, snapshots.TABLE, verb, snapshot.id, status=status) is None:
                raise InvalidSnapshot(reason="it is deleted.")

    async def update_snapshot(self, ctx: RequestContext, snapshot_id: str, status: str, progress: str | None) -> None:
        """What the one who makes or deletes a snapshot says of it; BadRequest for a status that cannot follow."""
        async with self._deps.database.work(ctx) as uow:
            snapshot = await snapshots.find(uow, ctx, snapshot_id, lock=True)
            self._deps.require(ctx, "snapshot_extension:snapshot_actions:update_snapshot_status", snapshot.project_id)
            if status not in _FOLLOWING.get(snapshot.status, ()):
                raise BadRequest(f"A snapshot in status {snapshot.status} cannot be given status {status[:255]}.")
            changes: dict[str, Any] = {"status": status, **({"progress": progress} if progress else {})}
            await self._deps.transition(uow, snapshots.TABLE, SnapshotStates.update_status, snapshot.id, **changes)


def _resettable(changes: Mapping[str, str]) -> dict[str, str]:
    """In lower case; BadRequest for a value that may not be set."""
    wanted = {name: value.lower() for name, value in changes.items()}
    for name, value in wanted.items():
        if value not in _RESETTABLE[name]:
            raise BadRequest(f"Invalid input for field/attribute {name}. Value: {changes[name]}.")
    return wanted
