"""What a dead worker left half done is finished or failed cleanly (domain/states.py: AFTER_A_CRASH)."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from stackwire.contracts.volume_workers import ExtendVolume
from stackwire.core.context import system_context
from stackwire.core.errors import ServiceError
from stackwire.volume.db import glance_metadata, messages, snapshots, volumes, work
from stackwire.volume.domain.model import Volume
from stackwire.volume.domain.objects import volume_object
from stackwire.volume.domain.states import (
    AFTER_A_CRASH,
    CREATING,
    DELETING,
    DOWNLOADING,
    ERROR,
    EXTENDING,
    SNAPSHOT_AFTER_A_CRASH,
    UPLOADING,
)
from stackwire.volume.flows import reimage
from stackwire.volume.flows.build import FAILED
from stackwire.volume.flows.delete import Delete
from stackwire.volume.flows.extend import Extend
from stackwire.volume.flows.parts import Parts, log, snapshot_file, volume_file
from stackwire.volume.flows.snapshots import Snapshots
from stackwire.volume.flows.upload import Upload

SETTLING = timedelta(seconds=5)
_WORDS = "The service was interrupted."


class Sweeper:
    def __init__(self, parts: Parts, delete: Delete, snapshots: Snapshots, upload: Upload, extend: Extend) -> None:
        self._parts = parts
        self._delete = delete
        self._snapshots = snapshots
        self._upload = upload
        self._extend = extend
        self._ctx = system_context("volume")
        self._started = parts.database.clock.now()

    async def run(self) -> None:
        """Safe to run at any time, in any number of processes."""
        for ident in await self._left("volumes", list(AFTER_A_CRASH)):
            await self._carefully(ident, self._volume)
        for ident in await self._left("snapshots", list(SNAPSHOT_AFTER_A_CRASH)):
            await self._carefully(ident, self._snapshot)

    async def _left(self, table: work.Table, statuses: list[str]) -> list[str]:
        parts, now = self._parts, self._parts.database.clock.now()
        # A bus in memory dies with its process: what an earlier life sent and nobody took up will never come.
        lost = parts.alone and now - self._started > SETTLING and await parts.database.unsent() == 0
        async with parts.database.read() as session:
            return await work.abandoned(
                session,
                table,
                statuses,
                now,
                parts.lease,
                alone=parts.worker if parts.alone else None,
                lost_before=self._started if lost else None,
            )

    async def _carefully(self, ident: str, settle: Callable[[str], Awaitable[None]]) -> None:
        try:
            await settle(ident)
        except ServiceError as error:
            log.warning("%s is left for the next sweep: %s", ident, error)

    async def _volume(self, volume_id: str) -> None:
        async with self._parts.database.work(self._ctx) as uow:
            volume = await volumes.by_id(uow, volume_id)
            if volume is None or volume.status not in AFTER_A_CRASH:
                return
            if volume.worker is not None:
                await work.let_go(uow, "volumes", volume_id, volume.worker)
        log.warning("volume %s was left in %s", volume_id, volume.status)
        if volume.status == DELETING:
            await self._delete.finish(self._ctx, volume_id)
        elif volume.status == UPLOADING:
            await self._upload.abandon(self._ctx, volume_id)
        elif volume.status == DOWNLOADING and volume.launched_at is not None:
            await self._parts.store.tidy(volume_file(volume_id))
            async with self._parts.database.work(self._ctx) as uow:
                await reimage.gave_up(uow, volume, _WORDS)
        elif volume.status == EXTENDING:
            order = ExtendVolume(volume=volume_object(volume), new_size=volume.new_size or volume.size)
            await self._extend.build(self._ctx, order)
        else:
            await self._fail(volume)

    async def _fail(self, volume: Volume) -> None:
        await self._parts.store.remove(volume_file(volume.id))
        async with self._parts.database.work(self._ctx) as uow:
            if await volumes.move(uow, volume.id, ERROR, sources=(CREATING, DOWNLOADING)) is not None:
                await glance_metadata.drop(uow, "volume_id", volume.id)
                await messages.tell(uow, volume.project_id, "VOLUME", volume.id, FAILED, _WORDS)

    async def _snapshot(self, snapshot_id: str) -> None:
        async with self._parts.database.work(self._ctx) as uow:
            snapshot = await snapshots.by_id(uow, snapshot_id)
            if snapshot is None or snapshot.status not in SNAPSHOT_AFTER_A_CRASH:
                return
            if snapshot.worker is not None:
                await work.let_go(uow, "snapshots", snapshot_id, snapshot.worker)
        log.warning("snapshot %s was left in %s", snapshot_id, snapshot.status)
        if snapshot.status == DELETING:
            await self._snapshots.finish(self._ctx, snapshot_id)
            return
        await self._parts.store.remove(snapshot_file(snapshot_id))
        async with self._parts.database.work(self._ctx) as uow:
            if await snapshots.move(uow, snapshot_id, ERROR, sources=(CREATING,)) is not None:
                await glance_metadata.drop(uow, "snapshot_id", snapshot_id)
