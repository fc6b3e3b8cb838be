"""The pairs that users keep with volumes and with snapshots: one set of rules for both."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from stackwire.core.context import RequestContext
from stackwire.core.errors import NotFound
from stackwire.volume.db import snapshots, volumes
from stackwire.volume.domain.errors import SnapshotMetadataNotFound, VolumeMetadataNotFound
from stackwire.volume.domain.model import Snapshot, Volume
from stackwire.volume.flows.parts import Parts


@dataclass(frozen=True, slots=True)
class Metadata:
    """``kind`` is the word in the names of policies; ``unknown`` is what a missing key raises, by id and key."""

    parts: Parts
    kind: str
    find: Callable[..., Awaitable[Volume | Snapshot]]
    change: Callable[..., Awaitable[Any]]
    unknown: Callable[[str, str], NotFound]

    @classmethod
    def of_volumes(cls, parts: Parts) -> Self:
        def unknown(ident: str, key: str) -> NotFound:
            return VolumeMetadataNotFound(volume_id=ident, key=key)

        return cls(parts, "volume", volumes.find, volumes.change, unknown)

    @classmethod
    def of_snapshots(cls, parts: Parts) -> Self:
        def unknown(ident: str, key: str) -> NotFound:
            return SnapshotMetadataNotFound(snapshot_id=ident, key=key)

        return cls(parts, "snapshot", snapshots.find, snapshots.change, unknown)

    async def set(self, ctx: RequestContext, ident: str, given: Mapping[str, str], *, replace: bool) -> dict[str, str]:
        """Merged into what there is, or in its place; answers with all of it."""
        async with self.parts.database.work(ctx) as uow:
            owner = await self.find(uow, ctx, ident, lock=True)
            self.parts.require(ctx, f"volume:update_{self.kind}_metadata", owner.project_id)
            after = dict(given) if replace else {**owner.metadata, **given}
            await self.change(uow, owner.id, metadata=after)
            return after

    async def drop(self, ctx: RequestContext, ident: str, key: str) -> None:
        async with self.parts.database.work(ctx) as uow:
            owner = await self.find(uow, ctx, ident, lock=True)
            self.parts.require(ctx, f"volume:delete_{self.kind}_metadata", owner.project_id)
            if key not in owner.metadata:
                raise self.unknown(owner.id, key)
            await self.change(uow, owner.id, metadata={k: v for k, v in owner.metadata.items() if k != key})
