"""Promise a volume, place it, then keep the promise: the halves cinder-api, cinder-scheduler and cinder-volume."""

import json
from dataclasses import replace

from stackwire.contracts.image import ImageView
from stackwire.contracts.volume import InvalidInput, SnapshotNotFound, VolumeTypeNotFound
from stackwire.contracts.volume_workers import HOST, POOL, BuildVolume, ScheduleVolume
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest
from stackwire.core.ids import canonical_uuid, new_id
from stackwire.db.pool import Session, UnitOfWork
from stackwire.volume.db import quotas, snapshots, types, volumes
from stackwire.volume.domain import objects, sizes
from stackwire.volume.domain.errors import VolumeTooBig
from stackwire.volume.domain.model import Shown, Snapshot, Volume, VolumeType, Wish
from stackwire.volume.domain.states import AVAILABLE, CREATING
from stackwire.volume.flows.parts import Parts


class Create:
    """The promise and the placing; ``flows/build.py`` keeps it."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def accept(self, ctx: RequestContext, wish: Wish) -> Shown:
        """A volume in ``creating``. 400 for a wish that cannot be met, 404 for sources that are not there, 413."""
        parts = self._parts
        parts.require(ctx, "volume:create")
        if not ctx.project_id:
            raise BadRequest("A volume needs a project to belong to.")
        if sum(source is not None for source in (wish.image_id, wish.snapshot_id, wish.source_volid)) > 1:
            raise InvalidInput(reason="A volume is made of at most one image, snapshot or other volume.")
        image = None
        if wish.image_id is not None:
            image = await parts.images.named(ctx, wish.image_id)
            wish = _of_nova_snapshot(wish, image) or replace(wish, image_id=image.id)
        async with parts.database.work(ctx) as uow:
            volume, volume_type = await self._promised(uow, ctx, wish, image if wish.image_id else None)
            amounts = {"volumes": 1, "gigabytes": volume.size}
            limits = await quotas.limits_of(uow, ctx.project_id)
            if 0 <= limits["per_volume_gigabytes"] < volume.size:
                raise VolumeTooBig(size=volume.size, limit=limits["per_volume_gigabytes"])
            await parts.reserve(uow, ctx.project_id, **amounts)
            volume = await volumes.insert(uow, volume)
            uow.cast(
                ScheduleVolume(
                    volume=objects.volume_object(volume, volume_type),
                    snapshot_id=volume.snapshot_id,
                    image_id=volume.source_image,
                    request_spec=objects.request_spec(volume, volume_type, wish),
                    filter_properties={},
                )
            )
            return await volumes.shown(uow, ctx, volume.id)

    async def schedule(self, ctx: RequestContext, order: ScheduleVolume) -> None:
        """There is one back end, and it takes everything: the placing is written down and handed on."""
        async with self._parts.database.work(ctx) as uow:
            volume = await volumes.move(
                uow, objects.id_of(order.volume), CREATING, sources=(CREATING,), keep_lease=True, host=POOL,
                scheduled_at=uow.now,
            )  # fmt: skip
            if volume is None:
                return  # told twice, or gone meanwhile
            volume_type = await types.by_id(uow, volume.volume_type_id)
            placed = {"num_attempts": 1, "backends": [POOL], "hosts": [POOL]}
            uow.cast(
                BuildVolume(
                    volume=objects.volume_object(volume, volume_type),
                    request_spec=order.request_spec,
                    filter_properties={**(order.filter_properties or {}), "retry": placed, "size": volume.size},
                    allow_reschedule=True,
                ),
                server=HOST,
            )

    async def _promised(
        self, uow: UnitOfWork, ctx: RequestContext, wish: Wish, image: ImageView | None
    ) -> tuple[Volume, VolumeType]:
        size, bootable = wish.size, False
        snapshot: Snapshot | None = None
        origin: Volume | None = None
        if wish.snapshot_id is not None:
            snapshot, origin = await _snapshot_source(uow, ctx, wish.snapshot_id)
            size, bootable = sizes.size_from_snapshot(size, snapshot.volume_size), origin.bootable
        elif wish.source_volid is not None:
            origin = await volumes.find(uow, ctx, wish.source_volid)
            sizes.check_source(origin.status, "volume")
            size, bootable = sizes.size_of_clone(size, origin.size), origin.bootable
        if size is None:
            raise InvalidInput(reason="Volume size must be given, as an integer greater than 0.")
        if image is not None:
            sizes.check_image(image, size)
        if wish.availability_zone not in (None, "", self._parts.zone):
            raise InvalidInput(reason=f"Availability zone '{wish.availability_zone}' is invalid.")
        volume_type = await _type_of(uow, ctx, wish, image, snapshot, origin)
        if origin is not None and wish.source_volid is not None and volume_type.id != origin.volume_type_id:
            raise InvalidInput(reason="A clone is of the type of its source.")
        if wish.multiattach and not volume_type.multiattach:
            raise InvalidInput(reason="multiattach is a matter of the volume type.")
        volume = _new(ctx, wish, size, volume_type, bootable, self._parts.zone, uow)
        return volume, volume_type


async def _snapshot_source(session: Session, ctx: RequestContext, snapshot_id: str) -> tuple[Snapshot, Volume]:
    snapshot = await snapshots.find(session, ctx, canonical_uuid(snapshot_id) or snapshot_id)
    if snapshot.status != AVAILABLE:
        sizes.check_source(snapshot.status, "snapshot")
    origin = await volumes.by_id(session, snapshot.volume_id)
    if origin is None:
        raise SnapshotNotFound(snapshot_id=snapshot_id)
    return snapshot, origin


async def _type_of(
    session: Session,
    ctx: RequestContext,
    wish: Wish,
    image: ImageView | None,
    snapshot: Snapshot | None,
    origin: Volume | None,
) -> VolumeType:
    """The one asked for, else the source's, else the one the image names, else the default."""
    if wish.volume_type:
        return await types.find(session, ctx, wish.volume_type)
    if snapshot is not None:
        return await types.by_id(session, snapshot.volume_type_id)
    if origin is not None:
        return await types.by_id(session, origin.volume_type_id)
    named = image.properties.get("cinder_img_volume_type") if image is not None else None
    if named:
        try:
            return await types.find(session, ctx, named)
        except VolumeTypeNotFound:
            pass  # a type of another cloud: the image is welcome all the same
    return await types.find(session, ctx, types.DEFAULT)


def _new(
    ctx: RequestContext, wish: Wish, size: int, volume_type: VolumeType, bootable: bool, zone: str, uow: UnitOfWork
) -> Volume:
    assert ctx.project_id is not None
    return Volume(
        id=new_id(), user_id=ctx.user_id, project_id=ctx.project_id, name=wish.name, description=wish.description,
        size=size, new_size=None, status=CREATING, previous_status=None, attach_status="detached",
        migration_status=None, host=None,
        availability_zone=zone, volume_type_id=volume_type.id, snapshot_id=wish.snapshot_id,
        source_volid=wish.source_volid, source_image=wish.image_id, upload_image=None, bootable=bootable,
        multiattach=volume_type.multiattach, readonly=None, service_uuid=None, shared_targets=True,
        metadata=wish.metadata, scheduled_at=None, launched_at=None, terminated_at=None, created_at=uow.now,
        updated_at=None, deleted_at=None, deleted=False, worker=None, worker_seen=None,
    )  # fmt: skip


def _of_nova_snapshot(wish: Wish, image: ImageView) -> Wish | None:
    """3.46 on: an image that names volume snapshots has no data of its own; its boot snapshot stands for it."""
    mapping = image.properties.get("block_device_mapping") if wish.from_nova_snapshot else None
    if not mapping:
        return None
    try:
        devices = json.loads(mapping)
    except (ValueError, RecursionError):  # thousands of brackets are as little a mapping as a broken one
        return None
    for device in devices if isinstance(devices, list) else []:
        if (
            isinstance(device, dict)
            and device.get("source_type") == "snapshot"
            and device.get("boot_index") == 0
            and isinstance(device.get("snapshot_id"), str)
        ):
            return replace(wish, image_id=None, snapshot_id=device["snapshot_id"])
    return None
