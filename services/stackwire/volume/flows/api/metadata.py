"""The metadata that users give to volumes and snapshots: one set of rules for both."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from stackwire.core.context import RequestContext
from stackwire.core.errors import NotFound
from stackwire.db.table import Table
from stackwire.volume.domain.model import Snapshot, Volume
from stackwire.volume.domain.states import VolumeStates
from stackwire.volume.flows.attachment_steps import check
from stackwire.volume.flows.deps import VolumeDeps


def check_metadata(owner: Volume | Snapshot, change: str) -> None:
    """InvalidVolume while the metadata of a volume may not change; that of a snapshot always may."""
    if isinstance(owner, Volume):
        reason = f"{change} volume metadata is not allowed for volumes in {owner.status} status."
        check(VolumeStates.update_metadata, owner, reason)


@dataclass(frozen=True, slots=True)
class Metadata:
    """``owner``: as the policies name it; ``not_found``: the error for a missing key."""

    deps: VolumeDeps
    owner: str
    table: Table[Any]
    find: Callable[..., Awaitable[Volume | Snapshot]]
    not_found: type[NotFound]

    def key_not_found(self, owner_id: str, key: str) -> NotFound:
        """The error for a key that the owner's metadata has not."""
        return self.not_found(**{f"{self.owner}_id": owner_id}, key=key)

    async def set(
        self, ctx: RequestContext, owner_id: str, given: Mapping[str, str], *, replace: bool
    ) -> dict[str, str]:
        """Merged into the existing metadata, or in its place; the result is all of it."""
        async with self.deps.database.work(ctx) as uow:
            owner = await self.find(uow, ctx, owner_id, lock=True)
            self.deps.require(ctx, f"volume:update_{self.owner}_metadata", owner.project_id)
            check_metadata(owner, "Updating")
            metadata = dict(given) if replace else {**owner.metadata, **given}
            await self.table.update(uow, owner.id, metadata=metadata)
            return metadata

    async def delete(self, ctx: RequestContext, owner_id: str, key: str) -> None:
        """VolumeMetadataNotFound or SnapshotMetadataNotFound without such a key."""
        async with self.deps.database.work(ctx) as uow:
            owner = await self.find(uow, ctx, owner_id, lock=True)
            self.deps.require(ctx, f"volume:delete_{self.owner}_metadata", owner.project_id)
            check_metadata(owner, "Deleting")
            if key not in owner.metadata:
                raise self.key_not_found(owner.id, key)
            kept = {name: value for name, value in owner.metadata.items() if name != key}
            await self.table.update(uow, owner.id, metadata=kept)
