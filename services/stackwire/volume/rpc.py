"""What the volume service serves over the bus: Cinder's scheduler and volume daemons, and other services' calls."""

from stackwire.contracts import volume as calls
from stackwire.contracts.base import Endpoint
from stackwire.contracts.volume_workers import (
    AttachmentDelete,
    AttachmentUpdate,
    BuildVolume,
    CopyVolumeToImage,
    ExtendVolume,
    Reimage,
    RemoveSnapshot,
    RemoveVolume,
    ScheduleExtend,
    ScheduleSnapshot,
    ScheduleVolume,
    TakeSnapshot,
)
from stackwire.core.context import RequestContext
from stackwire.core.ids import canonical_uuid
from stackwire.volume.domain.model import Attachment, Shown, Snapshot, Wish
from stackwire.volume.domain.payloads import naive
from stackwire.volume.domain.sizes import LARGEST
from stackwire.volume.flows.all import Flows


def scheduler_endpoints(flows: Flows) -> list[Endpoint]:
    return [
        ScheduleVolume.served_by(flows.create.schedule),
        ScheduleSnapshot.served_by(flows.snapshots.schedule),
        ScheduleExtend.served_by(flows.extend.schedule),
    ]


def worker_endpoints(flows: Flows) -> list[Endpoint]:
    return [
        BuildVolume.served_by(flows.build.build),
        RemoveVolume.served_by(flows.delete.build),
        TakeSnapshot.served_by(flows.snapshots.build),
        RemoveSnapshot.served_by(flows.snapshots.remove),
        CopyVolumeToImage.served_by(flows.upload.build),
        ExtendVolume.served_by(flows.extend.build),
        Reimage.served_by(flows.reimages.build),
        AttachmentUpdate.served_by(flows.attachments.connect),
        AttachmentDelete.served_by(flows.attachments.disconnect),
    ]


class Api:
    """The calls of other services, in the caller's name: the same flows, and so the same rules, as over HTTP."""

    def __init__(self, flows: Flows) -> None:
        self._flows = flows

    def endpoints(self) -> list[Endpoint]:
        return [
            calls.GetVolume.served_by(self.get_volume),
            calls.MakeVolume.served_by(self.make_volume),
            calls.DeleteVolume.served_by(self.delete_volume),
            calls.GetSnapshot.served_by(self.get_snapshot),
            calls.MakeSnapshot.served_by(self.make_snapshot),
            calls.DeleteSnapshot.served_by(self.delete_snapshot),
            calls.GetVolumeType.served_by(self.get_volume_type),
            calls.GetVolumeLimits.served_by(self.get_limits),
            calls.CreateAttachment.served_by(self.create_attachment),
            calls.UpdateAttachment.served_by(self.update_attachment),
            calls.CompleteAttachment.served_by(self.complete_attachment),
            calls.DeleteAttachment.served_by(self.delete_attachment),
            calls.ReimageVolume.served_by(self.reimage),
            calls.BeginDetaching.served_by(self.begin_detaching),
            calls.RollDetaching.served_by(self.roll_detaching),
        ]

    async def get_volume(self, ctx: RequestContext, asked: calls.GetVolume) -> calls.VolumeView:
        return volume_view(await self._flows.read.volume(ctx, _volume(asked.volume_id)))

    async def make_volume(self, ctx: RequestContext, asked: calls.MakeVolume) -> calls.VolumeView:
        if asked.size is not None and not 0 < asked.size <= LARGEST:
            raise calls.InvalidInput(reason=f"Volume size {asked.size} is not between 1 and {LARGEST}.")
        wish = Wish(
            size=asked.size,
            name=asked.name,
            description=asked.description,
            image_id=asked.image_id,
            snapshot_id=asked.snapshot_id,
            volume_type=asked.volume_type,
            availability_zone=asked.availability_zone,
            metadata=asked.metadata,
        )
        return volume_view(await self._flows.create.accept(ctx, wish))

    async def delete_volume(self, ctx: RequestContext, asked: calls.DeleteVolume) -> None:
        await self._flows.delete.accept(ctx, _volume(asked.volume_id))

    async def get_snapshot(self, ctx: RequestContext, asked: calls.GetSnapshot) -> calls.SnapshotView:
        return snapshot_view(await self._flows.read.snapshot(ctx, _snapshot(asked.snapshot_id)))

    async def make_snapshot(self, ctx: RequestContext, asked: calls.MakeSnapshot) -> calls.SnapshotView:
        made = await self._flows.snapshots.accept(
            ctx,
            _volume(asked.volume_id),
            name=asked.name,
            description=asked.description,
            force=asked.force,
            snapshot_id=None if asked.snapshot_id is None else _snapshot(asked.snapshot_id),
        )
        return snapshot_view(made)

    async def delete_snapshot(self, ctx: RequestContext, asked: calls.DeleteSnapshot) -> None:
        await self._flows.snapshots.delete(ctx, _snapshot(asked.snapshot_id))

    async def get_volume_type(self, ctx: RequestContext, asked: calls.GetVolumeType) -> calls.VolumeTypeView:
        found = await self._flows.read.type_named(ctx, asked.volume_type)
        return calls.VolumeTypeView(id=found.id, name=found.name)

    async def get_limits(self, ctx: RequestContext, asked: calls.GetVolumeLimits) -> calls.VolumeLimits:
        allowed, used = await self._flows.quotas.show(ctx, ctx.project_id or "")
        return calls.VolumeLimits(
            maxTotalVolumes=allowed["volumes"],
            maxTotalSnapshots=allowed["snapshots"],
            maxTotalVolumeGigabytes=allowed["gigabytes"],
            totalVolumesUsed=used["volumes"],
            totalSnapshotsUsed=used["snapshots"],
            totalGigabytesUsed=used["gigabytes"],
        )

    async def create_attachment(self, ctx: RequestContext, asked: calls.CreateAttachment) -> calls.AttachmentView:
        connector = asked.connector
        if connector is not None and asked.mountpoint is not None:
            connector = {**connector, "mountpoint": asked.mountpoint}
        made = await self._flows.attachments.create(
            ctx,
            _volume(asked.volume_id),
            asked.instance_uuid,
            connector=connector,
            attachment_id=None if asked.attachment_id is None else _attachment(asked.attachment_id),
        )
        return attachment_view(made)

    async def update_attachment(self, ctx: RequestContext, asked: calls.UpdateAttachment) -> calls.AttachmentView:
        return attachment_view(await self._flows.attachments.update(ctx, asked.attachment_id, asked.connector))

    async def complete_attachment(self, ctx: RequestContext, asked: calls.CompleteAttachment) -> None:
        await self._flows.attachments.complete(ctx, asked.attachment_id)

    async def delete_attachment(self, ctx: RequestContext, asked: calls.DeleteAttachment) -> None:
        await self._flows.attachments.delete(ctx, asked.attachment_id)

    async def reimage(self, ctx: RequestContext, asked: calls.ReimageVolume) -> None:
        await self._flows.reimages.accept(
            ctx, _volume(asked.volume_id), asked.image_id, reserved=asked.reimage_reserved
        )

    async def begin_detaching(self, ctx: RequestContext, asked: calls.BeginDetaching) -> None:
        await self._flows.legacy.begin_detaching(ctx, _volume(asked.volume_id))

    async def roll_detaching(self, ctx: RequestContext, asked: calls.RollDetaching) -> None:
        await self._flows.legacy.roll_detaching(ctx, _volume(asked.volume_id))


def _volume(ident: str) -> str:
    found = canonical_uuid(ident)
    if found is None:
        raise calls.VolumeNotFound(volume_id=ident[:255])
    return found


def _snapshot(ident: str) -> str:
    found = canonical_uuid(ident)
    if found is None:
        raise calls.SnapshotNotFound(snapshot_id=ident[:255])
    return found


def _attachment(ident: str) -> str:
    found = canonical_uuid(ident)
    if found is None:
        raise calls.AttachmentNotFound(attachment_id=ident[:255])
    return found


def volume_view(shown: Shown) -> calls.VolumeView:
    return calls.VolumeView(
        id=shown.id,
        name=shown.name,
        description=shown.description,
        status=shown.status,
        attach_status=shown.attach_status,
        size=shown.size,
        bootable=shown.bootable,
        multiattach=shown.multiattach,
        project_id=shown.project_id,
        user_id=shown.user_id,
        availability_zone=shown.availability_zone,
        volume_type=shown.type_name,
        snapshot_id=shown.snapshot_id,
        metadata=shown.metadata,
        volume_image_metadata=shown.glance or None,
        attachments=[
            calls.AttachmentView(
                id=one["id"],
                volume_id=shown.id,
                instance=one["instance_uuid"],
                status=one["attach_status"],
                attached_at=one["attach_time"],
            )
            for one in shown.attachments or ()
        ],
        created_at=naive(shown.created_at) or "",
        updated_at=naive(shown.updated_at),
    )


def snapshot_view(shown: Snapshot) -> calls.SnapshotView:
    return calls.SnapshotView(
        id=shown.id,
        name=shown.name,
        description=shown.description,
        status=shown.status,
        volume_id=shown.volume_id,
        size=shown.volume_size,
        project_id=shown.project_id,
        created_at=naive(shown.created_at) or "",
    )


def attachment_view(shown: Attachment) -> calls.AttachmentView:
    return calls.AttachmentView(
        id=shown.id,
        volume_id=shown.volume_id,
        instance=shown.instance_uuid,
        status=shown.attach_status,
        attach_mode=shown.attach_mode,
        attached_at=naive(shown.attach_time),
        detached_at=naive(shown.detach_time),
        connection_info=shown.connection_info,
    )
