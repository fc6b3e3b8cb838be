"""What the volume service serves over the bus: Cinder's scheduler and volume daemons, and calls of other services."""

from typing import Any

from stackwire.contracts import volume as calls
from stackwire.contracts import volume_moves as moves
from stackwire.contracts import volume_workers as workers
from stackwire.contracts.base import Endpoint
from stackwire.contracts.properties import ListSnapshotProperties, ListVolumeProperties
from stackwire.core.attributes import attributes
from stackwire.core.context import RequestContext
from stackwire.volume.domain import ids
from stackwire.volume.domain.listing import Listing
from stackwire.volume.domain.model import Attachment, Snapshot, VolumeDetails
from stackwire.volume.domain.notifications import naive
from stackwire.volume.domain.requests import CreateAttachmentRequest, CreateSnapshotRequest, CreateVolumeRequest
from stackwire.volume.domain.size_checks import MAX_SIZE_GB
from stackwire.volume.flows.registry import ApiFlows, WorkerFlows


def scheduler_endpoints(flows: WorkerFlows) -> list[Endpoint]:
    """Topic ``cinder-scheduler``."""
    return [
        workers.ScheduleVolume.served_by(flows.scheduler.on_schedule_volume),
        workers.ScheduleSnapshot.served_by(flows.scheduler.on_schedule_snapshot),
        moves.ScheduleManage.served_by(flows.move_scheduler.on_schedule_manage),
        moves.ScheduleManageSnapshot.served_by(flows.move_scheduler.on_schedule_manage_snapshot),
        moves.ScheduleRetype.served_by(flows.move_scheduler.on_schedule_retype),
        moves.ScheduleMigration.served_by(flows.move_scheduler.on_schedule_migration),
        workers.ScheduleBackup.served_by(flows.scheduler.on_schedule_backup),
        workers.ScheduleExtend.served_by(flows.scheduler.on_schedule_extend),
        workers.ScheduleGroup.served_by(flows.group_scheduler.on_schedule_group),
    ]


def worker_endpoints(flows: WorkerFlows, backend: str) -> list[Endpoint]:
    """Topic ``cinder-volume.<host@backend>`` of this back end."""

    async def get_volumes(ctx: RequestContext, message: moves.GetManageableVolumes) -> list[dict[str, Any]]:
        return await flows.manage.get_volumes(ctx, message, backend)

    async def get_snapshots(ctx: RequestContext, message: moves.GetManageableSnapshots) -> list[dict[str, Any]]:
        return await flows.manage.get_snapshots(ctx, message, backend)

    return [
        workers.BuildVolume.served_by(flows.create_volume.on_create_volume),
        workers.RemoveVolume.served_by(flows.delete.on_delete_volume),
        workers.TakeSnapshot.served_by(flows.create_snapshot.on_create_snapshot),
        workers.RemoveSnapshot.served_by(flows.delete.on_delete_snapshot),
        workers.CopyVolumeToImage.served_by(flows.upload.on_copy_volume_to_image),
        workers.ExtendVolume.served_by(flows.extend_volume.on_extend_volume),
        moves.ManageExisting.served_by(flows.manage.on_manage_existing),
        moves.ManageExistingSnapshot.served_by(flows.manage.on_manage_existing_snapshot),
        moves.GetManageableVolumes.served_by(get_volumes),
        moves.GetManageableSnapshots.served_by(get_snapshots),
        moves.RetypeVolume.served_by(flows.move.on_retype),
        moves.MigrateVolume.served_by(flows.move.on_migrate_volume),
        moves.CompleteMigration.served_by(flows.move.on_complete_migration),
        moves.RevertToSnapshot.served_by(flows.revert.on_revert_to_snapshot),
        workers.Reimage.served_by(flows.reimage.on_reimage),
        workers.AttachmentUpdate.served_by(flows.attachments.on_attachment_update),
        workers.AttachmentDelete.served_by(flows.attachments.on_attachment_delete),
        workers.GetBackupDevice.served_by(flows.create_backup.on_get_backup_device),
        workers.BuildGroup.served_by(flows.groups.on_create_group),
        workers.BuildGroupFromSource.served_by(flows.groups.on_create_group_from_src),
        workers.UpdateGroup.served_by(flows.groups.on_update_group),
        workers.RemoveGroup.served_by(flows.groups.on_delete_group),
        workers.TakeGroupSnapshot.served_by(flows.group_snapshots.on_create_group_snapshot),
        workers.RemoveGroupSnapshot.served_by(flows.group_snapshots.on_delete_group_snapshot),
    ]


def backup_endpoints(flows: WorkerFlows) -> list[Endpoint]:
    """Topic ``cinder-backup.<host>``."""
    return [
        workers.CreateBackup.served_by(flows.create_backup.on_create_backup),
        workers.ContinueBackup.served_by(flows.create_backup.on_continue_backup),
        workers.RestoreBackup.served_by(flows.restore_backup.on_restore_backup),
        workers.DeleteBackup.served_by(flows.backups.on_delete_backup),
        workers.ResetBackupStatus.served_by(flows.backups.on_reset_status),
        workers.ExportRecord.served_by(flows.backups.on_export_record),
        workers.ImportRecord.served_by(flows.backups.on_import_record),
        workers.SupportsForceDelete.served_by(flows.backups.on_check_support),
    ]


class ApiEndpoints:
    """Topic ``volume``: calls of other services in the caller's name, by the same flows as over HTTP."""

    def __init__(self, flows: ApiFlows) -> None:
        self._flows = flows

    def endpoints(self) -> list[Endpoint]:
        """One row for each message."""
        return [
            calls.GetVolume.served_by(self.get_volume),
            calls.ListVolumes.served_by(self.list_volumes),
            calls.MakeVolume.served_by(self.create_volume),
            calls.DeleteVolume.served_by(self.delete_volume),
            calls.GetSnapshot.served_by(self.get_snapshot),
            calls.ListSnapshots.served_by(self.list_snapshots),
            calls.MakeSnapshot.served_by(self.create_snapshot),
            calls.DeleteSnapshot.served_by(self.delete_snapshot),
            calls.GetVolumeType.served_by(self.get_volume_type),
            calls.GetVolumeLimits.served_by(self.get_limits),
            calls.CreateAttachment.served_by(self.create_attachment),
            calls.UpdateAttachment.served_by(self.update_attachment),
            calls.CompleteAttachment.served_by(self.complete_attachment),
            calls.DeleteAttachment.served_by(self.delete_attachment),
            calls.ReimageVolume.served_by(self.reimage_volume),
            calls.BeginDetaching.served_by(self.begin_detaching),
            calls.RollDetaching.served_by(self.roll_detaching),
            calls.MigrateVolumeCompletion.served_by(self.complete_migration),
            ListVolumeProperties.served_by(self._flows.properties.list_of_volumes),
            ListSnapshotProperties.served_by(self._flows.properties.list_of_snapshots),
        ]

    async def get_volume(self, ctx: RequestContext, message: calls.GetVolume) -> calls.VolumeView:
        return volume_view(await self._flows.volumes.get(ctx, ids.volume_id(message.volume_id)))

    async def list_volumes(self, ctx: RequestContext, message: calls.ListVolumes) -> calls.VolumeList:
        found = await self._flows.volumes.list_page(ctx, _own(ctx, message))
        return calls.VolumeList(volumes=[volume_view(volume) for volume in found])

    async def list_snapshots(self, ctx: RequestContext, message: calls.ListSnapshots) -> calls.SnapshotList:
        found = await self._flows.snapshot_queries.list_page(ctx, _own(ctx, message))
        return calls.SnapshotList(snapshots=[snapshot_view(snapshot) for snapshot in found])

    async def create_volume(self, ctx: RequestContext, message: calls.MakeVolume) -> calls.VolumeView:
        if message.size is not None and not 0 < message.size <= MAX_SIZE_GB:
            raise calls.InvalidInput(reason=f"Volume size {message.size} is not between 1 and {MAX_SIZE_GB}.")
        request = CreateVolumeRequest(
            volume_id=None if message.volume_id is None else ids.volume_id(message.volume_id),
            **attributes(message, "size name description image_id snapshot_id volume_type availability_zone metadata"),
        )
        return volume_view(await self._flows.create_volume.request_volume(ctx, request))

    async def delete_volume(self, ctx: RequestContext, message: calls.DeleteVolume) -> None:
        await self._flows.delete_volume.on_delete_volume(ctx, ids.volume_id(message.volume_id))

    async def get_snapshot(self, ctx: RequestContext, message: calls.GetSnapshot) -> calls.SnapshotView:
        return snapshot_view(await self._flows.snapshot_queries.get(ctx, ids.snapshot_id(message.snapshot_id)))

    async def create_snapshot(self, ctx: RequestContext, message: calls.MakeSnapshot) -> calls.SnapshotView:
        request = CreateSnapshotRequest(
            volume_id=ids.volume_id(message.volume_id),
            name=message.name,
            description=message.description,
            force=message.force,
            snapshot_id=None if message.snapshot_id is None else ids.snapshot_id(message.snapshot_id),
        )
        return snapshot_view(await self._flows.snapshots.request_snapshot(ctx, request))

    async def delete_snapshot(self, ctx: RequestContext, message: calls.DeleteSnapshot) -> None:
        await self._flows.snapshots.on_delete_snapshot(ctx, ids.snapshot_id(message.snapshot_id))

    async def get_volume_type(self, ctx: RequestContext, message: calls.GetVolumeType) -> calls.VolumeTypeView:
        found = await self._flows.volume_types.get_by_reference(ctx, message.volume_type)
        return calls.VolumeTypeView(id=found.id, name=found.name)

    async def get_limits(self, ctx: RequestContext, _: calls.GetVolumeLimits) -> calls.VolumeLimits:
        limits, used = await self._flows.quotas.get(ctx, ctx.project_id or "")
        return calls.VolumeLimits(
            maxTotalVolumes=limits["volumes"],
            maxTotalSnapshots=limits["snapshots"],
            maxTotalVolumeGigabytes=limits["gigabytes"],
            totalVolumesUsed=used["volumes"],
            totalSnapshotsUsed=used["snapshots"],
            totalGigabytesUsed=used["gigabytes"],
        )

    async def create_attachment(self, ctx: RequestContext, message: calls.CreateAttachment) -> calls.AttachmentView:
        connector = message.connector
        if connector is not None and message.mountpoint is not None:
            connector = {**connector, "mountpoint": message.mountpoint}
        request = CreateAttachmentRequest(
            volume_id=ids.volume_id(message.volume_id),
            instance_uuid=message.instance_uuid,
            connector=connector,
            attachment_id=None if message.attachment_id is None else ids.attachment_id(message.attachment_id),
        )
        return attachment_view(await self._flows.attachments.create(ctx, request))

    async def update_attachment(self, ctx: RequestContext, message: calls.UpdateAttachment) -> calls.AttachmentView:
        return attachment_view(await self._flows.attachments.update(ctx, message.attachment_id, message.connector))

    async def complete_attachment(self, ctx: RequestContext, message: calls.CompleteAttachment) -> None:
        await self._flows.attachments.on_complete_attachment(ctx, message.attachment_id)

    async def delete_attachment(self, ctx: RequestContext, message: calls.DeleteAttachment) -> None:
        await self._flows.attachments.on_delete_attachment(ctx, message.attachment_id)

    async def reimage_volume(self, ctx: RequestContext, message: calls.ReimageVolume) -> None:
        await self._flows.reimage_volume.on_reimage_volume(ctx, message)

    async def begin_detaching(self, ctx: RequestContext, message: calls.BeginDetaching) -> None:
        await self._flows.legacy_attach.on_begin_detaching(ctx, ids.volume_id(message.volume_id))

    async def roll_detaching(self, ctx: RequestContext, message: calls.RollDetaching) -> None:
        await self._flows.legacy_attach.roll_detaching(ctx, ids.volume_id(message.volume_id))

    async def complete_migration(self, ctx: RequestContext, message: calls.MigrateVolumeCompletion) -> str:
        volume_id, copy_id = ids.volume_id(message.volume_id), ids.volume_id(message.new_volume_id)
        return await self._flows.move_volume.on_moved_by_host(ctx, volume_id, copy_id, error=message.error)


def _own(ctx: RequestContext, page: calls.ListVolumes | calls.ListSnapshots) -> Listing:
    return Listing(project_id=ctx.project_id, limit=page.limit, offset=page.offset)


def volume_view(volume: VolumeDetails) -> calls.VolumeView:
    """The volume as other services receive it."""
    return calls.VolumeView(
        **attributes(
            volume,
            "id name description status attach_status size bootable multiattach project_id user_id"
            " availability_zone snapshot_id metadata migration_status",
        ),
        volume_type=volume.type_name,
        volume_image_metadata=volume.glance or None,
        attachments=[
            calls.AttachmentView(
                id=attachment["id"],
                volume_id=volume.id,
                instance=attachment["instance_uuid"],
                status=attachment["attach_status"],
                attach_mode=attachment["attach_mode"],
                attached_at=attachment["attach_time"],
                mountpoint=attachment["mountpoint"],
                attached_host=attachment["attached_host"],
            )
            for attachment in volume.attachments or ()
        ],
        created_at=naive(volume.created_at) or "",
        updated_at=naive(volume.updated_at),
    )


def snapshot_view(snapshot: Snapshot) -> calls.SnapshotView:
    """The snapshot as other services receive it."""
    return calls.SnapshotView(
        **attributes(snapshot, "id name description status volume_id project_id"),
        size=snapshot.volume_size,
        created_at=naive(snapshot.created_at) or "",
    )


def attachment_view(attachment: Attachment) -> calls.AttachmentView:
    """The attachment as other services receive it."""
    return calls.AttachmentView(
        **attributes(attachment, "id volume_id attach_mode connection_info attached_host"),
        instance=attachment.instance_uuid,
        status=attachment.attach_status,
        attached_at=naive(attachment.attach_time),
        detached_at=naive(attachment.detach_time),
    )
