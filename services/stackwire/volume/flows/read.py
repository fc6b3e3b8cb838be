"""Seeing volumes and snapshots."""

from dataclasses import replace
from typing import Any

from stackwire.core.context import RequestContext
from stackwire.core.errors import NotFound
from stackwire.volume.db import quotas, snapshots, types, volumes
from stackwire.volume.db.volumes import Query
from stackwire.volume.domain.model import Shown, Snapshot, VolumeType
from stackwire.volume.flows.parts import Parts


class MarkerNotFound(NotFound):
    """marker [{marker}] could not be found."""


class Read:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def volume(self, ctx: RequestContext, volume_id: str) -> Shown:
        async with self._parts.database.read() as session:
            found = await volumes.shown(session, ctx, volume_id)
        self._parts.require(ctx, "volume:get", found.project_id)
        return found

    async def volumes(self, ctx: RequestContext, query: Query) -> list[Shown]:
        self._parts.require(ctx, "volume:get_all")
        async with self._parts.database.read() as session:
            if query.marker is not None and not await volumes.exists(session, ctx, query.marker):
                raise MarkerNotFound(marker=query.marker)
            found = await volumes.listed(session, query)
        if self._parts.behaviours.has("lists-show-image-metadata"):
            return found
        return [replace(one, glance=None) for one in found]

    async def volume_count(self, ctx: RequestContext, query: Query) -> int:
        async with self._parts.database.read() as session:
            return await volumes.counted(session, query)

    async def summary(self, ctx: RequestContext, query: Query) -> dict[str, Any]:
        """``count``, ``size`` in GiB, and the ``metadata`` of all of them."""
        self._parts.require(ctx, "volume:get_all")
        async with self._parts.database.read() as session:
            return (await volumes.summed(session, query))[0]

    async def snapshot(self, ctx: RequestContext, snapshot_id: str) -> Snapshot:
        async with self._parts.database.read() as session:
            found = await snapshots.find(session, ctx, snapshot_id)
        self._parts.require(ctx, "volume:get_snapshot", found.project_id)
        return found

    async def snapshots(self, ctx: RequestContext, query: Query) -> list[Snapshot]:
        self._parts.require(ctx, "volume:get_all_snapshots")
        async with self._parts.database.read() as session:
            if query.marker is not None:
                await snapshots.find(session, ctx, query.marker)
            return await snapshots.listed(session, query)

    async def snapshot_count(self, ctx: RequestContext, query: Query) -> int:
        async with self._parts.database.read() as session:
            return await snapshots.counted(session, query)

    async def type(self, ctx: RequestContext, type_id: str) -> VolumeType:
        async with self._parts.database.read() as session:
            return await types.find(session, ctx, type_id, by_name=type_id == types.DEFAULT)

    async def type_named(self, ctx: RequestContext, word: str) -> VolumeType:
        """By id or name, as a new volume would ask for it."""
        async with self._parts.database.read() as session:
            return await types.find(session, ctx, word)

    async def types(self, ctx: RequestContext, query: Query) -> list[VolumeType]:
        async with self._parts.database.read() as session:
            if query.marker is not None:
                await types.find(session, ctx, query.marker, by_name=False)
            return await types.listed(session, ctx, query)

    async def limits(self, ctx: RequestContext, project_id: str) -> tuple[dict[str, int], dict[str, int]]:
        """Limits in force, and what is in use of them."""
        async with self._parts.database.read() as session:
            return await quotas.limits_of(session, project_id), await quotas.used(session, project_id)
