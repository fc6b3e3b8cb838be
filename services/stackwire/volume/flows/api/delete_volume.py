"""Accepting the deletion of a volume."""

from stackwire.contracts.volume import VolumeNotFound
from stackwire.contracts.volume_workers import RemoveVolume
from stackwire.core.context import RequestContext
from stackwire.core.repeats import done_since
from stackwire.db.pool import UnitOfWork
from stackwire.volume.db import snapshots, volumes
from stackwire.volume.domain import objects
from stackwire.volume.domain.errors import NotDeletable
from stackwire.volume.domain.model import Volume
from stackwire.volume.domain.states import NOT_MIGRATING, SnapshotStates, VolumeStates
from stackwire.volume.flows.cache_entries import evict
from stackwire.volume.flows.deps import Flow, to_backend
from stackwire.volume.flows.pools import require_not_frozen


class DeleteVolume(Flow):
    """``cinder/volume/api.py: delete``."""

    async def on_delete_volume(self, ctx: RequestContext, volume_id: str) -> None:
        """The same for a service, whose call may be delivered twice: what is being deleted since it was made is the
        first one's doing."""
        try:
            await self.request_delete(ctx, volume_id)
        except (NotDeletable, VolumeNotFound):
            async with self._deps.database.read() as session:
                terminated_at = await volumes.terminated_at(session, ctx, volume_id)
            if not done_since(ctx, terminated_at, self._deps.database.clock):
                raise

    async def request_force_delete(self, ctx: RequestContext, volume_id: str) -> None:
        """The action os-force_delete."""
        rule = "volume_extension:volume_admin_actions:force_delete"
        await self.request_delete(ctx, volume_id, force=True, rule=rule)

    async def request_delete(
        self,
        ctx: RequestContext,
        volume_id: str,
        *,
        cascade: bool = False,
        force: bool = False,
        rule: str = "volume:delete",
    ) -> None:
        """``cascade``: its snapshots too. ``force``: from any status, for administrators; never an attached one.
        NotDeletable, VolumeNotFound."""
        async with self._deps.database.work(ctx) as uow:
            volume = await volumes.find(uow, ctx, volume_id, lock=True)
            self._deps.require(ctx, rule, volume.project_id)
            if force:
                self._deps.require(ctx, "volume:force_delete", volume.project_id)
            attached, grouped = volume.attach_status == "attached", volume.group_id is not None
            if attached or grouped or volume.migration_status not in NOT_MIGRATING:
                raise NotDeletable
            await require_not_frozen(uow, volume.host)
            await self._delete_snapshots(uow, volume, cascade=cascade, force=force)
            await evict(uow, volume.id)
            verb = VolumeStates.force_delete if force else VolumeStates.begin_delete
            deleting = await self._deps.transition(uow, volumes.TABLE, verb, volume.id, terminated_at=uow.now)
            if deleting is None:
                raise NotDeletable
            to_backend(uow, RemoveVolume(volume=objects.volume_object(deleting), cascade=cascade), deleting.host)

    async def _delete_snapshots(self, uow: UnitOfWork, volume: Volume, *, cascade: bool, force: bool) -> None:
        """NotDeletable for any snapshot without ``cascade``, and for one whose state does not allow it."""
        verb = SnapshotStates.force_delete if force else SnapshotStates.begin_delete
        for snapshot in await snapshots.of_volume(uow, volume.id):
            if not cascade or await self._deps.transition(uow, snapshots.TABLE, verb, snapshot.id) is None:
                raise NotDeletable
