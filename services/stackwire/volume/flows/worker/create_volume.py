"""Creating a volume in the back end: its bytes, then its rows, its state and its event in one transaction."""

from stackwire.contracts.volume import VolumeNotFound
from stackwire.contracts.volume_workers import HOST, BuildVolume, RestoreBackup, ScheduleVolume
from stackwire.core.context import RequestContext
from stackwire.core.errors import ServiceError
from stackwire.core.rules import Resource
from stackwire.db.pool import UnitOfWork
from stackwire.db.transitions import transition
from stackwire.disk_image.sparse_files import BytesMissing, DiskFull
from stackwire.volume.db import backups, glance_metadata, messages, snapshots, volume_types, volumes
from stackwire.volume.domain import objects, travel
from stackwire.volume.domain.errors import (
    ImageConversionNotAllowed,
    ImageCopyFailure,
    ImageSignatureVerificationFailed,
    InvalidBackup,
    InvalidSignatureImage,
)
from stackwire.volume.domain.model import Volume
from stackwire.volume.domain.notifications import volume_event
from stackwire.volume.domain.size_checks import GIBIBYTE
from stackwire.volume.domain.states import BackupStates, VolumeStates
from stackwire.volume.domain.user_messages import (
    CREATE_FAILED,
    FORMAT_REFUSED,
    IMAGE_NOT_COPIED,
    IMAGE_TOO_BIG,
    SIGNATURE_REFUSED,
    Failure,
)
from stackwire.volume.flows.deps import Flow, VolumeDeps, log_failure, snapshot_file, volume_file
from stackwire.volume.flows.worker.download import ImageSource
from stackwire.volume.flows.worker.image_volume_cache import ImageVolumeCache
from stackwire.volume.flows.worker.move import MoveWorker

RESCHEDULED = (InvalidSignatureImage, ImageSignatureVerificationFailed)
"""What is tried again, as recorded: Cinder finds no rows to clean up then, and takes that for the reason."""
OF_THE_BACKEND = (OSError, DiskFull, BytesMissing)
"""What is tried again because another back end, or the same one later, may not have it."""


def _may_work_elsewhere(volume: Volume, error: Exception) -> bool:
    """A copy of an image that does not fit is final, as are all its other failures (``OnFailureRescheduleTask``)."""
    if isinstance(error, ServiceError) and volume.source_image is not None:
        return isinstance(error, RESCHEDULED)
    return isinstance(error, OF_THE_BACKEND)


def _failure(volume: Volume, error: Exception, reason: str) -> Failure:
    """What a user is told (``_create_from_image_cache_or_download``, ``_create_raw_volume``)."""
    if volume.source_image is None:
        is_blank = volume.snapshot_id is None and volume.source_volid is None
        return CREATE_FAILED if is_blank else CREATE_FAILED.for_reason(reason)
    if isinstance(error, DiskFull):
        return IMAGE_TOO_BIG
    if isinstance(error, ImageSignatureVerificationFailed):
        return SIGNATURE_REFUSED
    return FORMAT_REFUSED if isinstance(error, ImageConversionNotAllowed) else IMAGE_NOT_COPIED.for_reason(reason)


class CreateVolumeWorker(Flow):
    """``cinder/volume/flows/manager/create_volume.py``. ``moves``: goes on where the volume is a migration's copy."""

    def __init__(self, deps: VolumeDeps, moves: MoveWorker, cache: ImageVolumeCache) -> None:
        super().__init__(deps)
        self._moves = moves
        self._cache = cache

    async def on_create_volume(self, ctx: RequestContext, message: BuildVolume) -> None:
        """``available``, or ``error`` with a message for the user."""
        volume_id = objects.id_of(message.volume)
        async with self._deps.hold(ctx, volumes.TABLE, volume_id, VolumeStates.finish_create) as volume:
            if volume is None or volume.launched_at is not None:
                return  # created before; a launched volume in downloading is being reimaged
            backup_id = objects.backup_of(message.request_spec)
            if backup_id is not None and await self._restoring(backup_id, volume):
                return
            await self._begin(ctx, volume)
            try:
                if backup_id is not None:
                    await self._create_from_backup(ctx, volume, backup_id)
                else:
                    await self._create(ctx, volume)
            except Exception as error:
                if message.allow_reschedule and _may_work_elsewhere(volume, error):
                    log_failure("volume %s is scheduled again", volume.id, error)
                    await self._reschedule(ctx, volume, message, error)
                    return
                reason = log_failure("volume %s could not be created", volume.id, error)
                await self.fail(ctx, volume, _failure(volume, error, reason))
        if volume.is_copy:
            await self._moves.copy_ended(ctx, volume)

    async def _reschedule(self, ctx: RequestContext, volume: Volume, message: BuildVolume, error: Exception) -> None:
        """Back to the scheduler, without host and bytes (``OnFailureRescheduleTask``)."""
        await self._deps.store(volume.host).discard(volume_file(volume))
        properties = dict(message.filter_properties or {})
        properties["retry"] = {**properties.get("retry", {}), "exc": [f"{type(error).__name__}: {error}"]}
        async with self._deps.database.work(ctx) as uow:
            waiting = await self._deps.transition(
                uow, volumes.TABLE, VolumeStates.reschedule, volume.id, host=None, scheduled_at=uow.now
            )
            if waiting is not None:
                if isinstance(error, ImageSignatureVerificationFailed):
                    await messages.insert(uow, waiting.project_id, waiting.id, SIGNATURE_REFUSED)
                volume_object = objects.volume_object(waiting, await volume_types.by_id(uow, waiting.volume_type_id))
                spec = message.request_spec or {}
                uow.cast(ScheduleVolume(volume=volume_object, request_spec=spec, filter_properties=properties))

    async def fail(self, ctx: RequestContext, volume: Volume, failure: Failure) -> None:
        """To ``error``, without bytes and without rows; the user is told."""
        await self._deps.store(volume.host).discard(volume_file(volume))
        async with self._deps.database.work(ctx) as uow:
            failed = await self._deps.transition(uow, volumes.TABLE, VolumeStates.fail_create, volume.id)
            if failed is not None and not failed.is_copy:
                await glance_metadata.delete(uow, "volume_id", volume.id)
                await messages.insert(uow, volume.project_id, volume.id, failure)

    async def _begin(self, ctx: RequestContext, volume: Volume) -> None:
        """The event; the state, where an image is to be downloaded."""
        if volume.is_copy and volume.source_image is None:
            return
        async with self._deps.database.work(ctx) as uow:
            if not volume.is_copy:
                uow.notify(volume_event("create.start", volume, uow.now))
            if volume.source_image is not None:
                await transition(uow, volumes.TABLE, VolumeStates.begin_download, volume.id)

    async def _create(self, ctx: RequestContext, volume: Volume) -> None:
        store, name, size = self._deps.store(volume.host), volume_file(volume), volume.size * GIBIBYTE
        source: ImageSource | None = None
        if volume.source_image is not None:
            source = await self._cache.fill(ctx, volume.source_image, volume, size)
        elif volume.snapshot_id is not None:
            await store.copy(snapshot_file(volume.snapshot_id), name, size)
        elif volume.source_volid is not None:
            async with self._deps.database.read() as session:
                origin = await volumes.TABLE.get(session, volume.source_volid)
            if origin is None:
                raise VolumeNotFound(volume_id=volume.source_volid)
            await store.copy(volume_file(origin), name, size)
        else:
            await store.create(name, size)
        async with self._deps.database.work(ctx) as uow:
            if not await self._finish(uow, volume, source):
                await store.remove(name)  # deleted by force meanwhile

    async def _restoring(self, backup_id: str, volume: Volume) -> bool:
        """Whether the message was handled before: the backup's host is at work on the volume."""
        async with self._deps.database.read() as session:
            backup = await backups.TABLE.get(session, backup_id, restore_volume_id=volume.id)
        return backup is not None and BackupStates.finish_restore.allows(status=backup.status)

    async def _create_from_backup(self, ctx: RequestContext, volume: Volume, backup_id: str) -> None:
        """A blank volume, which stays in ``creating`` until the backup's host has restored the backup to it.

        InvalidBackup for a backup that is not available any more.
        """
        await self._deps.store(volume.host).create(volume_file(volume), volume.size * GIBIBYTE)
        async with self._deps.database.work(ctx) as uow:
            verb = BackupStates.begin_restore
            backup = await self._deps.transition(
                uow, backups.TABLE, verb, backup_id, restore_volume_id=volume.id, host=HOST
            )
            if backup is None:
                raise InvalidBackup(reason="Originating backup status must be one of 'available' values")
            blank = await volumes.TABLE.update(
                uow, volume.id, service_uuid=self._deps.service_uuid(volume.host), shared_targets=False
            )
            uow.cast(
                RestoreBackup(backup=objects.backup_object(backup), volume_id=volume.id, volume_is_new=True),
                server=HOST,
            )
            uow.notify(volume_event("create.end", blank or volume, uow.now))
            await self._deps.leases.revoke(uow, "volume", volume.id)  # it is the backup's host's turn

    async def _finish(self, uow: UnitOfWork, volume: Volume, source: ImageSource | None) -> bool:
        """Rows, state and events in one transaction; False when the volume is not being created any more."""
        created = await self._deps.transition(
            uow,
            volumes.TABLE,
            VolumeStates.finish_create,
            volume.id,
            launched_at=uow.now,
            bootable=source is not None or volume.bootable,
            service_uuid=self._deps.service_uuid(volume.host),
            shared_targets=False,
        )
        if created is None:
            return False
        await glance_metadata.replace(uow, "volume_id", volume.id, await self._image_metadata(uow, volume, source))
        rows = await glance_metadata.rows(uow, "volume_id", volume.id)
        if not volume.is_copy:
            uow.notify(volume_event("create.end", created, uow.now, glance=rows))
        return True

    async def _image_metadata(self, uow: UnitOfWork, volume: Volume, source: ImageSource | None) -> travel.Rows:
        """The rows of the new volume, by the travel rule of its source."""
        target = Resource("volume", volume.id)
        if source is not None:
            image = source.image
            return uow.apply(
                travel.capture, Resource("image", image.id), target, image, signature_verified=source.signature_verified
            )
        if volume.snapshot_id is not None:
            snapshot = await snapshots.TABLE.get(uow, volume.snapshot_id)
            origin = await volumes.TABLE.get(uow, snapshot.volume_id) if snapshot is not None else None
            if origin is None:
                raise ImageCopyFailure(reason="the snapshot it is created from has no volume any more.")
            rows = await glance_metadata.read(uow, "snapshot_id", volume.snapshot_id)
            snapshot_end = Resource("snapshot", volume.snapshot_id)
            return uow.apply(travel.from_snapshot, snapshot_end, target, rows, origin_bootable=origin.bootable)
        if volume.source_volid is not None:
            origin = await volumes.TABLE.get(uow, volume.source_volid)
            rows = await glance_metadata.read(uow, "volume_id", volume.source_volid)
            bootable = origin is not None and origin.bootable
            source_end = Resource("volume", volume.source_volid)
            return uow.apply(
                travel.for_clone, source_end, target, rows, self._deps.behaviours, source_bootable=bootable
            )
        return {}
