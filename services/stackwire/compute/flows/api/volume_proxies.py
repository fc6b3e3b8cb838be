"""Volumes and their snapshots as the compute API showed them up to 2.35: requests of the volume service."""

from stackwire.compute.domain import policy
from stackwire.compute.flows.deps import ApiFlow
from stackwire.contracts.volume import (
    DeleteSnapshot,
    DeleteVolume,
    GetSnapshot,
    GetVolume,
    ListSnapshots,
    ListVolumes,
    MakeSnapshot,
    MakeVolume,
    SnapshotView,
    VolumeView,
)
from stackwire.core.context import RequestContext
from stackwire.core.errors import Forbidden, TooLarge


class VolumeProxies(ApiFlow):
    """``nova/api/openstack/compute/volumes.py``, ``snapshots.py``. Errors are the volume service's own."""

    def _require(self, ctx: RequestContext, rule: str) -> None:
        self._deps.policy.require(ctx, rule, {"project_id": ctx.project_id})

    async def list_volumes(self, ctx: RequestContext, *, limit: int, offset: int) -> list[VolumeView]:
        self._require(ctx, policy.VOLUMES)
        return (await self._deps.rpc.call(ctx.as_service(), ListVolumes(limit=limit, offset=offset))).volumes

    async def get_volume(self, ctx: RequestContext, volume_id: str) -> VolumeView:
        self._require(ctx, policy.VOLUMES)
        return await self._deps.rpc.call(ctx.as_service(), GetVolume(volume_id=volume_id))

    async def create_volume(self, ctx: RequestContext, message: MakeVolume) -> VolumeView:
        """Forbidden over the quota."""
        self._require(ctx, policy.VOLUMES_CHANGE)
        try:
            return await self._deps.rpc.call(ctx.as_service(), message)
        except TooLarge as over:
            raise Forbidden(over.message) from None

    async def delete_volume(self, ctx: RequestContext, volume_id: str) -> None:
        self._require(ctx, policy.VOLUMES_CHANGE)
        await self._deps.rpc.call(ctx.as_service(), DeleteVolume(volume_id=volume_id))

    async def list_snapshots(self, ctx: RequestContext, *, limit: int, offset: int) -> list[SnapshotView]:
        self._require(ctx, policy.SNAPSHOTS)
        return (await self._deps.rpc.call(ctx.as_service(), ListSnapshots(limit=limit, offset=offset))).snapshots

    async def get_snapshot(self, ctx: RequestContext, snapshot_id: str) -> SnapshotView:
        self._require(ctx, policy.SNAPSHOTS)
        return await self._deps.rpc.call(ctx.as_service(), GetSnapshot(snapshot_id=snapshot_id))

    async def create_snapshot(self, ctx: RequestContext, message: MakeSnapshot) -> SnapshotView:
        """Forbidden over the quota."""
        self._require(ctx, policy.SNAPSHOTS_CHANGE)
        try:
            return await self._deps.rpc.call(ctx.as_service(), message)
        except TooLarge as over:
            raise Forbidden(over.message) from None

    async def delete_snapshot(self, ctx: RequestContext, snapshot_id: str) -> None:
        self._require(ctx, policy.SNAPSHOTS_CHANGE)
        await self._deps.rpc.call(ctx.as_service(), DeleteSnapshot(snapshot_id=snapshot_id))
