"""Every flow of the service, constructed once from the same dependencies."""

from dataclasses import dataclass
from typing import Self

from stackwire.volume.flows.api.attach_legacy import LegacyAttach
from stackwire.volume.flows.api.attachments import Attachments
from stackwire.volume.flows.api.create_volume import CreateVolume
from stackwire.volume.flows.api.delete_volume import DeleteVolume
from stackwire.volume.flows.api.extend_volume import ExtendVolume
from stackwire.volume.flows.api.image_metadata import ImageMetadata
from stackwire.volume.flows.api.messages import UserMessages
from stackwire.volume.flows.api.metadata import Metadata
from stackwire.volume.flows.api.queries import SnapshotQueries, VolumeQueries
from stackwire.volume.flows.api.quotas import Quotas
from stackwire.volume.flows.api.reimage_volume import ReimageVolume
from stackwire.volume.flows.api.snapshots import Snapshots
from stackwire.volume.flows.api.status import StatusChanges
from stackwire.volume.flows.api.update import Updates
from stackwire.volume.flows.api.upload_volume import UploadVolume
from stackwire.volume.flows.api.volume_types import VolumeTypes
from stackwire.volume.flows.deps import VolumeDeps
from stackwire.volume.flows.worker.attachments import AttachmentWorker
from stackwire.volume.flows.worker.create_snapshot import CreateSnapshotWorker
from stackwire.volume.flows.worker.create_volume import CreateVolumeWorker
from stackwire.volume.flows.worker.delete import DeleteWorker
from stackwire.volume.flows.worker.download import ImageDownloads
from stackwire.volume.flows.worker.extend_volume import ExtendVolumeWorker
from stackwire.volume.flows.worker.reimage import ReimageWorker
from stackwire.volume.flows.worker.scheduler import Scheduler
from stackwire.volume.flows.worker.upload import UploadWorker


@dataclass(frozen=True, slots=True)
class ApiFlows:
    """What a request does before it is answered (cinder-api)."""

    create_volume: CreateVolume
    delete_volume: DeleteVolume
    extend_volume: ExtendVolume
    upload_volume: UploadVolume
    reimage_volume: ReimageVolume
    updates: Updates
    status: StatusChanges
    volumes: VolumeQueries
    volume_metadata: Metadata
    image_metadata: ImageMetadata
    snapshots: Snapshots
    snapshot_queries: SnapshotQueries
    snapshot_metadata: Metadata
    attachments: Attachments
    legacy_attach: LegacyAttach
    volume_types: VolumeTypes
    quotas: Quotas
    messages: UserMessages

    @classmethod
    def build(cls, deps: VolumeDeps) -> Self:
        return cls(
            create_volume=CreateVolume(deps),
            delete_volume=DeleteVolume(deps),
            extend_volume=ExtendVolume(deps),
            upload_volume=UploadVolume(deps),
            reimage_volume=ReimageVolume(deps),
            updates=Updates(deps),
            status=StatusChanges(deps),
            volumes=VolumeQueries(deps),
            volume_metadata=Metadata.of_volumes(deps),
            image_metadata=ImageMetadata(deps),
            snapshots=Snapshots(deps),
            snapshot_queries=SnapshotQueries(deps),
            snapshot_metadata=Metadata.of_snapshots(deps),
            attachments=Attachments(deps),
            legacy_attach=LegacyAttach(deps),
            volume_types=VolumeTypes(deps),
            quotas=Quotas(deps),
            messages=UserMessages(deps),
        )


@dataclass(frozen=True, slots=True)
class WorkerFlows:
    """What is done for messages (cinder-scheduler, cinder-volume)."""

    scheduler: Scheduler
    create_volume: CreateVolumeWorker
    delete: DeleteWorker
    create_snapshot: CreateSnapshotWorker
    upload: UploadWorker
    extend_volume: ExtendVolumeWorker
    reimage: ReimageWorker
    attachments: AttachmentWorker

    @classmethod
    def build(cls, deps: VolumeDeps) -> Self:
        downloads = ImageDownloads(deps)
        return cls(
            scheduler=Scheduler(deps),
            create_volume=CreateVolumeWorker(deps, downloads),
            delete=DeleteWorker(deps),
            create_snapshot=CreateSnapshotWorker(deps),
            upload=UploadWorker(deps),
            extend_volume=ExtendVolumeWorker(deps),
            reimage=ReimageWorker(deps, downloads),
            attachments=AttachmentWorker(deps),
        )
