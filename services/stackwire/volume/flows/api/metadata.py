"""The metadata that users give to volumes and snapshots: one set of rules for both."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from stackwire.core.context import RequestContext
from stackwire.core.errors import NotFound
from stackwire.db.table import Table
from stackwire.volume.db import snapshots, volumes
from stackwire.volume.domain.errors import SnapshotMetadataNotFound, VolumeMetadataNotFound
from stackwire.volume.domain.model import Snapshot, Volume
from stackwire.volume.flows.deps import VolumeDeps


@dataclass(frozen=True, slots=True)
class Metadata:
    """``owner``: as the policies name it; ``key_not_found``: the error for a missing key, by owner's id and key."""

    deps: VolumeDeps
    owner: str
    table: Table[Any]
    find: Callable[..., Awaitable[Volume | Snapshot]]
    key_not_found: Callable[[str, str], NotFound]

    @classmethod
    def of_volumes(cls, deps: VolumeDeps) -> Self:
        return cls(
            deps,
            "volume",
            volumes.TABLE,
            volumes.find,
            lambda owner_id, key: VolumeMetadataNotFound(volume_id=owner_id, key=key),
        )

    @classmethod
    def of_snapshots(cls, deps: VolumeDeps) -> Self:
        return cls(
            deps,
            "snapshot",
            snapshots.TABLE,
            snapshots.find,
            lambda owner_id, key: SnapshotMetadataNotFound(snapshot_id=owner_id, key=key),
        )

    async def set(
        self, ctx: RequestContext, owner_id: str, given: Mapping[str, str], *, replace: bool
    ) -> dict[str, str]:
        """Merged into the existing metadata, or in its place; the result is all of it."""
        async with self.deps.database.work(ctx) as uow:
            owner = await self.find(uow, ctx, owner_id, lock=True)
            self.deps.require(ctx, f"volume:update_{self.owner}_metadata", owner.project_id)
            metadata = dict(given) if replace else {**owner.metadata, **given}
            await self.table.update(uow, owner.id, metadata=metadata)
            return metadata

    async def delete(self, ctx: RequestContext, owner_id: str, key: str) -> None:
        """VolumeMetadataNotFound or SnapshotMetadataNotFound without such a key."""
        async with self.deps.database.work(ctx) as uow:
            owner = await self.find(uow, ctx, owner_id, lock=True)
            self.deps.require(ctx, f"volume:delete_{self.owner}_metadata", owner.project_id)
            if key not in owner.metadata:
                raise self.key_not_found(owner.id, key)
            kept = {name: value for name, value in owner.metadata.items() if name != key}
            await self.table.update(uow, owner.id, metadata=kept)
