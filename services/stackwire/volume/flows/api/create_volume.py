"""Accepting a new volume: its sources and size are checked, its row and quota written, the scheduler messaged."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from stackwire.contracts.image import ImageView
from stackwire.contracts.volume import InvalidInput, InvalidSnapshot, SnapshotNotFound, VolumeTypeNotFound
from stackwire.contracts.volume_workers import ScheduleVolume
from stackwire.core.attributes import attributes
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, NotSimulated, ServiceError
from stackwire.core.ids import canonical_uuid, new_id
from stackwire.db.errors import UniqueViolation
from stackwire.db.pool import UnitOfWork
from stackwire.volume.db import backups, default_types, groups, qos_specs, quotas, snapshots, volume_types, volumes
from stackwire.volume.domain import capabilities, objects, size_checks
from stackwire.volume.domain.errors import InvalidBackup, InvalidGroup, VolumeTooBig
from stackwire.volume.domain.group_model import Group
from stackwire.volume.domain.group_states import GroupStates
from stackwire.volume.domain.model import Volume, VolumeDetails, VolumeType
from stackwire.volume.domain.requests import CreateVolumeRequest, boot_snapshot_of
from stackwire.volume.domain.scheduling import UNSUPPORTED_HINTS
from stackwire.volume.domain.states import CREATING, BackupStates, SnapshotStates, VolumeStates
from stackwire.volume.flows.attachment_steps import check
from stackwire.volume.flows.deps import Flow
from stackwire.volume.flows.type_quotas import check_type_limits


@dataclass(frozen=True, slots=True)
class _Source:
    """What a new volume takes from the volume or snapshot it is created from; ``size`` in GiB. It goes to the same
    ``host``, as where Cinder's ``snapshot_same_host`` is on."""

    size: int | None
    bootable: bool = False
    volume_type_id: str | None = None
    zone: str | None = None
    host: str | None = None


class CreateVolume(Flow):
    """``cinder/volume/flows/api/create_volume.py``."""

    async def request_volume(self, ctx: RequestContext, request: CreateVolumeRequest) -> VolumeDetails:
        """A volume in ``creating``. 400 for a request that cannot be met, 404 for missing sources, 413 for quotas."""
        deps = self._deps
        deps.require(ctx, "volume:create")
        if not ctx.project_id:
            raise BadRequest("A volume needs a project to belong to.")
        sources = (request.image_id, request.snapshot_id, request.source_volid, request.backup_id)
        if sum(source is not None for source in sources) > 1:
            raise InvalidInput(reason="A volume is made of at most one image, snapshot, backup or other volume.")
        try:
            return await self._existing(ctx, request) or await self._request(ctx, request)
        except (ServiceError, UniqueViolation) as error:  # for what the same call has made, by another process?
            existing = await self._existing(ctx, request)
            if existing is not None:
                return existing
            if isinstance(error, ServiceError):
                raise
            raise InvalidInput(reason=f"There was a volume {request.volume_id}.") from None

    async def _existing(self, ctx: RequestContext, request: CreateVolumeRequest) -> VolumeDetails | None:
        """The volume that an earlier call has made."""
        if request.volume_id is None:
            return None
        async with self._deps.database.read() as session:
            known = await volumes.TABLE.get(session, request.volume_id, project_id=ctx.project_id)
            return None if known is None else await volumes.details(session, ctx, known.id)

    async def _request(self, ctx: RequestContext, request: CreateVolumeRequest) -> VolumeDetails:
        request, image = await self._resolve_image(ctx, request)
        async with self._deps.database.work(ctx) as uow:
            source = await _source(uow, request)
            if request.backup_id is not None:
                source = await self._backup(uow, request.backup_id, request.size)
            group = None if request.group_id is None else await groups.find(uow, ctx, request.group_id, lock=True)
            if group is not None:  # what is in it is where it is
                request = replace(request, availability_zone=group.availability_zone)
            volume_type, zones = await self._check(uow, request, source, image)
            if group is not None:
                _check_group(request, group, volume_type)
            backend = source.host if group is None else (group.host or "").partition("#")[0]
            volume = await self._insert(uow, request, source, volume_type, zones[0])
            qos = await qos_specs.of_type(uow, volume_type.id)
            specs = qos.specs if qos else None
            uow.cast(
                ScheduleVolume(
                    volume=objects.volume_object(volume, volume_type),
                    snapshot_id=volume.snapshot_id,
                    image_id=volume.source_image,
                    request_spec=objects.request_spec(volume, volume_type, specs, zones, backend, request.backup_id),
                    backup_id=request.backup_id,
                    filter_properties={"scheduler_hints": request.scheduler_hints} if request.scheduler_hints else {},
                )
            )
            return await volumes.details(uow, ctx, volume.id)

    async def insert_member(self, uow: UnitOfWork, request: CreateVolumeRequest, group: Group) -> Volume:
        """The row of a volume in a group that is created from a source, which the request names. As request_volume."""
        source = await _source(uow, request)
        volume_type, _ = await self._check(uow, request, source, None)
        request = replace(request, group_id=group.id)
        volume = await self._insert(uow, request, source, volume_type, group.availability_zone)
        return await volumes.TABLE.update(uow, volume.id, host=group.host) or volume

    async def _resolve_image(
        self, ctx: RequestContext, request: CreateVolumeRequest
    ) -> tuple[CreateVolumeRequest, ImageView | None]:
        """The request with the image's id in place of its name, or with a boot snapshot in place of the image."""
        if request.image_id is None:
            return request, None
        image = await self._deps.images.get_by_reference(ctx, request.image_id)
        if request.resolve_boot_snapshot:
            snapshot_id = boot_snapshot_of(image.properties.get("block_device_mapping"))
            if snapshot_id is not None:
                return replace(request, image_id=None, snapshot_id=snapshot_id), None
        return replace(request, image_id=image.id), image

    async def _backup(self, uow: UnitOfWork, backup_id: str, size: int | None) -> _Source:
        """BackupNotFound, InvalidBackup, InvalidInput."""
        backup = await backups.find(uow, uow.ctx, backup_id)
        self._deps.require(uow.ctx, "backup:get", backup.project_id)
        if not BackupStates.copy.allows(status=backup.status):
            raise InvalidBackup(reason="Originating backup status must be one of 'available' values")
        return _Source(size_checks.size_from_backup(size, backup.size))

    async def _check(
        self, uow: UnitOfWork, request: CreateVolumeRequest, source: _Source, image: ImageView | None
    ) -> tuple[VolumeType, list[str]]:
        """The new volume's type, and the zones it may be in. InvalidInput, ImageUnacceptable, VolumeTypeNotFound."""
        _check_hints(request.scheduler_hints)
        if source.size is None:
            raise InvalidInput(reason="Volume size must be given, as an integer greater than 0.")
        if image is not None:
            active = self._deps.behaviours.has("volumes-need-an-active-image")
            size_checks.check_image(image, source.size, active=active)
        if source.zone is not None and request.availability_zone not in (None, source.zone):
            raise InvalidInput(reason="A volume is in the same availability zone as what it is created from.")
        volume_type = await _volume_type(uow, request, source, image)
        zones = capabilities.allowed_zones(
            volume_type, request.availability_zone or source.zone, self._deps.backends.zones, self._deps.zone
        )
        capabilities.check_size(volume_type, source.size)
        if request.source_volid is not None and volume_type.id != source.volume_type_id:
            raise InvalidInput(reason="A clone is of the type of its source.")
        return volume_type, zones

    async def _insert(
        self, uow: UnitOfWork, request: CreateVolumeRequest, source: _Source, volume_type: VolumeType, zone: str
    ) -> Volume:
        """The row, and its share of the quota. VolumeTooBig, VolumeLimitExceeded, SizeExceedsQuota."""
        ctx = uow.ctx
        assert ctx.project_id is not None
        assert source.size is not None
        limits = await quotas.limits_of(uow, ctx.project_id)
        if 0 <= limits["per_volume_gigabytes"] < source.size:
            raise VolumeTooBig(size=source.size, limit=limits["per_volume_gigabytes"])
        await self._deps.reserve_quota(uow, ctx.project_id, volumes=1, gigabytes=source.size)
        await check_type_limits(uow, ctx.project_id, volume_type, volumes=1, gigabytes=source.size)
        columns = {
            "id": request.volume_id or new_id("volume"),
            "user_id": ctx.user_id,
            "project_id": ctx.project_id,
            **attributes(request, "name description snapshot_id source_volid group_id metadata"),
            "size": source.size,
            "status": CREATING,
            "availability_zone": zone,
            "volume_type_id": volume_type.id,
            "source_image": request.image_id,
            "bootable": source.bootable,
            "multiattach": volume_type.multiattach,
            "created_at": uow.now,
        }
        return await volumes.TABLE.insert(uow, columns)


def _check_hints(hints: Mapping[str, Any]) -> None:
    """NotSimulated for a hint that only a filter reads which is none of ours."""
    for name, filter_name in UNSUPPORTED_HINTS.items():
        if hints.get(name):
            raise NotSimulated(what=f"the scheduler hint {name} ({filter_name})")


def _check_group(request: CreateVolumeRequest, group: Group, volume_type: VolumeType) -> None:
    """InvalidGroup, and InvalidInput for a type that is not one of the group's (``cinder/volume/api.py: create``)."""
    if not request.volume_type:
        raise InvalidInput(reason="volume_type must be provided when creating a volume in a group.")
    if volume_type.id not in group.volume_type_ids:
        text = "requested type must be supported by this group"
        raise InvalidInput(reason=f"Invalid volume_type provided: {volume_type.name} ({text}).")
    if not GroupStates.add_volume.allows(status=group.status):
        raise InvalidGroup(reason="Originating group status must be one of 'available' values")


async def _source(uow: UnitOfWork, request: CreateVolumeRequest) -> _Source:
    """InvalidInput when the requested size is less than the source's; 400 or 404 for a source that cannot be used."""
    if request.snapshot_id is not None:
        snapshot = await snapshots.find(uow, uow.ctx, canonical_uuid(request.snapshot_id) or request.snapshot_id)
        if not SnapshotStates.copy.allows(status=snapshot.status):
            raise InvalidSnapshot(reason="Originating snapshot status must be one of 'available' values")
        origin = await volumes.TABLE.get(uow, snapshot.volume_id)
        if origin is None:
            raise SnapshotNotFound(snapshot_id=request.snapshot_id)
        size = size_checks.size_from_snapshot(request.size, snapshot.volume_size)
        return _Source(size, origin.bootable, snapshot.volume_type_id, origin.availability_zone, origin.host)
    if request.source_volid is not None:
        origin = await volumes.find(uow, uow.ctx, request.source_volid)
        check(VolumeStates.clone, origin, "Originating source volume status must be one of 'available, in-use' values")
        size = size_checks.size_of_clone(request.size, origin.size)
        return _Source(size, origin.bootable, origin.volume_type_id, origin.availability_zone, origin.host)
    return _Source(request.size)


async def _volume_type(
    uow: UnitOfWork, request: CreateVolumeRequest, source: _Source, image: ImageView | None
) -> VolumeType:
    """The requested one, else the source's, else the one the image names, else the default."""
    if request.volume_type:
        return await volume_types.find(uow, uow.ctx, request.volume_type)
    if source.volume_type_id is not None:
        return await volume_types.by_id(uow, source.volume_type_id)
    named = image.properties.get("cinder_img_volume_type") if image is not None else None
    if named:
        try:
            return await volume_types.find(uow, uow.ctx, named)
        except VolumeTypeNotFound:
            pass  # a type of another cloud
    return await default_types.find(uow, uow.ctx)
