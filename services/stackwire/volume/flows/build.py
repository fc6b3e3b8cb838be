"""Keeping the promise of a volume: its bytes, then its rows, its state and its event in one transaction."""

import asyncio

from stackwire.contracts.lineage import property_transfer
from stackwire.contracts.volume_workers import BuildVolume
from stackwire.core.context import RequestContext
from stackwire.core.errors import ServiceError
from stackwire.db.pool import UnitOfWork
from stackwire.volume.db import glance_metadata, messages, snapshots, volumes
from stackwire.volume.domain import objects, travel
from stackwire.volume.domain.errors import ImageCopyFailure
from stackwire.volume.domain.model import Volume
from stackwire.volume.domain.payloads import volume_event
from stackwire.volume.domain.sizes import GIBIBYTE
from stackwire.volume.domain.states import AVAILABLE, CREATING, DOWNLOADING, ERROR
from stackwire.volume.flows.download import Downloads, Source
from stackwire.volume.flows.parts import Parts, log, snapshot_file, volume_file

FAILED = "VOLUME_VOLUME_001_002"


class Build:
    def __init__(self, parts: Parts, downloads: Downloads) -> None:
        self._parts = parts
        self._downloads = downloads

    async def build(self, ctx: RequestContext, order: BuildVolume) -> None:
        """Served over the bus. Told twice, the second telling finds the volume taken or made and does nothing."""
        volume_id = objects.id_of(order.volume)
        async with self._parts.working(ctx, "volumes", volume_id, (CREATING, DOWNLOADING)) as ours:
            if not ours:
                return
            async with self._parts.database.work(ctx) as uow:
                volume = await volumes.by_id(uow, volume_id)
                if volume is None or volume.launched_at is not None:
                    return  # made long ago, and under another hand now
                uow.notify(volume_event("create.start", volume, uow.now))
            try:
                await self._make(ctx, volume)
            except asyncio.CancelledError:
                raise  # the server stops: the order goes back to the bus
            except Exception as error:
                await self._fail(ctx, volume, error)

    async def _make(self, ctx: RequestContext, volume: Volume) -> None:
        store, name, size = self._parts.store, volume_file(volume.id), volume.size * GIBIBYTE
        source: Source | None = None
        if volume.source_image is not None:
            async with self._parts.database.work(ctx) as uow:
                await volumes.move(uow, volume.id, DOWNLOADING, sources=(CREATING, DOWNLOADING), keep_lease=True)
            source = await self._downloads.fill(ctx, volume.source_image, name, size)
        elif volume.snapshot_id is not None:
            await store.copy(snapshot_file(volume.snapshot_id), name, size)
        elif volume.source_volid is not None:
            await store.copy(volume_file(volume.source_volid), name, size)
        else:
            await store.make(name, size)
        async with self._parts.database.work(ctx) as uow:
            if not await self._finish(uow, volume, source):
                await store.remove(name)  # deleted by force meanwhile

    async def _finish(self, uow: UnitOfWork, volume: Volume, source: Source | None) -> bool:
        """Rows, state and events in one transaction; False when the volume waits for no end any more."""
        bootable = source is not None or volume.bootable
        done = await volumes.move(
            uow, volume.id, AVAILABLE, sources=(CREATING, DOWNLOADING), launched_at=uow.now, bootable=bootable,
            service_uuid=self._parts.service_uuid, shared_targets=False,
        )  # fmt: skip
        if done is None:
            return False
        rows = await self._captured(uow, volume, source)
        await glance_metadata.replace(uow, "volume_id", volume.id, rows)
        uow.notify(
            volume_event("create.end", done, uow.now, glance=await glance_metadata.rows(uow, "volume_id", volume.id))
        )
        return True

    async def _captured(self, uow: UnitOfWork, volume: Volume, source: Source | None) -> travel.Rows:
        """What the volume learns of its image: THE RULES, and a word to the tracer of what crossed."""
        if source is not None:
            rows = travel.capture(source.image, signature_verified=source.signature_verified)
            uow.notify(
                property_transfer(
                    "volume", "volume.capture", "image", source.image.id, "volume", volume.id, source.image.flat(),
                    rows, source="cinder/volume/volume_utils.py: get_volume_image_metadata",
                )
            )  # fmt: skip
            return rows
        if volume.snapshot_id is not None:
            return await self._from_snapshot(uow, volume, volume.snapshot_id)
        if volume.source_volid is not None:
            origin = await volumes.by_id(uow, volume.source_volid)
            before = await glance_metadata.read(uow, "volume_id", volume.source_volid)
            rows = travel.for_clone(
                before, self._parts.behaviours, source_bootable=origin is not None and origin.bootable
            )
            uow.notify(
                property_transfer(
                    "volume", "volume.for_clone", "volume", volume.source_volid, "volume", volume.id, before, rows,
                    source="cinder/volume/flows/manager/create_volume.py: _create_from_source_volume",
                )
            )  # fmt: skip
            return rows
        return {}

    async def _from_snapshot(self, uow: UnitOfWork, volume: Volume, snapshot_id: str) -> travel.Rows:
        snapshot = await snapshots.by_id(uow, snapshot_id)
        origin = await volumes.by_id(uow, snapshot.volume_id) if snapshot is not None else None
        if origin is None:
            raise ImageCopyFailure(reason="the snapshot it is made of has no volume any more.")
        before = await glance_metadata.read(uow, "snapshot_id", snapshot_id)
        rows = travel.from_snapshot(before, origin_bootable=origin.bootable)
        uow.notify(
            property_transfer(
                "volume", "volume.from_snapshot", "snapshot", snapshot_id, "volume", volume.id, before, rows,
                source="cinder/volume/flows/manager/create_volume.py: _create_from_snapshot",
            )
        )  # fmt: skip
        return rows

    async def _fail(self, ctx: RequestContext, volume: Volume, error: Exception) -> None:
        """To ``error``, without bytes and without rows; the reason is told to the user."""
        log.warning("volume %s could not be made: %s", volume.id, error, exc_info=not isinstance(error, ServiceError))
        reason = error.message if isinstance(error, ServiceError) else "Unexpected failure."
        await self._parts.store.remove(volume_file(volume.id))
        async with self._parts.database.work(ctx) as uow:
            if await volumes.move(uow, volume.id, ERROR, sources=(CREATING, DOWNLOADING)) is not None:
                await glance_metadata.drop(uow, "volume_id", volume.id)
                await messages.tell(uow, volume.project_id, "VOLUME", volume.id, FAILED, reason)
