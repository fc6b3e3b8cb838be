"""Every flow of the service, constructed once from the same dependencies."""

from stackwire.volume.db import snapshots, volumes
from stackwire.volume.domain.errors import SnapshotMetadataNotFound, VolumeMetadataNotFound
from stackwire.volume.flows.api.attach_legacy import LegacyAttach
from stackwire.volume.flows.api.attachments import Attachments
from stackwire.volume.flows.api.backup_records import BackupRecords
from stackwire.volume.flows.api.backups import Backups
from stackwire.volume.flows.api.clusters import Clusters
from stackwire.volume.flows.api.create_volume import CreateVolume
from stackwire.volume.flows.api.default_types import DefaultTypes
from stackwire.volume.flows.api.delete_volume import DeleteVolume
from stackwire.volume.flows.api.encryption import TypeEncryption
from stackwire.volume.flows.api.extend_volume import ExtendVolume
from stackwire.volume.flows.api.group_changes import GroupChanges
from stackwire.volume.flows.api.group_snapshots import GroupSnapshots
from stackwire.volume.flows.api.group_sources import GroupSources
from stackwire.volume.flows.api.group_types import GroupTypes
from stackwire.volume.flows.api.groups import Groups
from stackwire.volume.flows.api.image_metadata import ImageMetadata
from stackwire.volume.flows.api.manage import Manage
from stackwire.volume.flows.api.messages import UserMessages
from stackwire.volume.flows.api.metadata import Metadata
from stackwire.volume.flows.api.move_volume import MoveVolume
from stackwire.volume.flows.api.operations import Operations
from stackwire.volume.flows.api.properties import PropertiesReport
from stackwire.volume.flows.api.qos_specs import QosSpecsFlows
from stackwire.volume.flows.api.queries import SnapshotQueries, VolumeQueries
from stackwire.volume.flows.api.quotas import Quotas
from stackwire.volume.flows.api.reimage_volume import ReimageVolume
from stackwire.volume.flows.api.restore_backup import RestoreBackups
from stackwire.volume.flows.api.revert_volume import RevertVolume
from stackwire.volume.flows.api.snapshots import Snapshots
from stackwire.volume.flows.api.status import StatusChanges
from stackwire.volume.flows.api.transfers import Transfers
from stackwire.volume.flows.api.update import Updates
from stackwire.volume.flows.api.upload_volume import UploadVolume
from stackwire.volume.flows.api.volume_types import VolumeTypes
from stackwire.volume.flows.deps import VolumeDeps
from stackwire.volume.flows.worker.attachments import AttachmentWorker
from stackwire.volume.flows.worker.backup_records import BackupWorker
from stackwire.volume.flows.worker.create_backup import CreateBackupWorker
from stackwire.volume.flows.worker.create_snapshot import CreateSnapshotWorker
from stackwire.volume.flows.worker.create_volume import CreateVolumeWorker
from stackwire.volume.flows.worker.delete import DeleteWorker
from stackwire.volume.flows.worker.extend_volume import ExtendVolumeWorker
from stackwire.volume.flows.worker.group_scheduler import GroupScheduler
from stackwire.volume.flows.worker.group_snapshots import GroupSnapshotWorker
from stackwire.volume.flows.worker.groups import GroupWorker
from stackwire.volume.flows.worker.image_volume_cache import ImageVolumeCache
from stackwire.volume.flows.worker.manage import ManageWorker
from stackwire.volume.flows.worker.move import MoveWorker
from stackwire.volume.flows.worker.move_scheduler import MoveScheduler
from stackwire.volume.flows.worker.reimage import ReimageWorker
from stackwire.volume.flows.worker.restore_backup import RestoreBackupWorker
from stackwire.volume.flows.worker.revert import RevertWorker
from stackwire.volume.flows.worker.scheduler import Scheduler
from stackwire.volume.flows.worker.upload import UploadWorker


class ConsistencyGroups:
    """Groups by the addresses that they had before."""

    def __init__(self, deps: VolumeDeps, create_volume: CreateVolume, snapshots: Snapshots) -> None:
        self.groups = Groups(deps, any_type=True)
        self.changes = GroupChanges(deps, any_type=True)
        self.sources = GroupSources(deps, create_volume, any_type=True)
        self.snapshots = GroupSnapshots(deps, snapshots, any_type=True)


class ApiFlows:
    """What a request does before it is answered (cinder-api)."""

    def __init__(self, deps: VolumeDeps) -> None:
        self.create_volume = CreateVolume(deps)
        self.delete_volume = DeleteVolume(deps)
        self.extend_volume = ExtendVolume(deps)
        self.upload_volume = UploadVolume(deps)
        self.reimage_volume = ReimageVolume(deps)
        self.manage = Manage(deps)
        self.move_volume = MoveVolume(deps)
        self.revert_volume = RevertVolume(deps)
        self.updates = Updates(deps)
        self.status = StatusChanges(deps)
        self.volumes = VolumeQueries(deps)
        self.volume_metadata = Metadata(deps, "volume", volumes.TABLE, volumes.find, VolumeMetadataNotFound)
        self.image_metadata = ImageMetadata(deps)
        self.snapshots = Snapshots(deps)
        self.snapshot_queries = SnapshotQueries(deps)
        self.snapshot_metadata = Metadata(deps, "snapshot", snapshots.TABLE, snapshots.find, SnapshotMetadataNotFound)
        self.attachments = Attachments(deps)
        self.legacy_attach = LegacyAttach(deps)
        self.volume_types = VolumeTypes(deps)
        self.default_types = DefaultTypes(deps)
        self.transfers = Transfers(deps)
        self.type_encryption = TypeEncryption(deps)
        self.group_types = GroupTypes(deps)
        self.groups = Groups(deps)
        self.group_changes = GroupChanges(deps)
        self.group_sources = GroupSources(deps, self.create_volume)
        self.group_snapshots = GroupSnapshots(deps, self.snapshots)
        self.consistency_groups = ConsistencyGroups(deps, self.create_volume, self.snapshots)
        self.clusters = Clusters(deps)
        self.qos_specs = QosSpecsFlows(deps)
        self.quotas = Quotas(deps)
        self.operations = Operations(deps)
        self.messages = UserMessages(deps)
        self.backups = Backups(deps)
        self.restore_backups = RestoreBackups(deps, self.create_volume)
        self.backup_records = BackupRecords(deps)
        self.properties = PropertiesReport(deps.database)


class WorkerFlows:
    """What is done for messages (cinder-scheduler, cinder-volume, cinder-backup)."""

    def __init__(self, deps: VolumeDeps) -> None:
        self.scheduler = Scheduler(deps)
        self.move_scheduler = MoveScheduler(deps)
        self.move = MoveWorker(deps)
        self.image_volume_cache = ImageVolumeCache(deps)
        self.create_volume = CreateVolumeWorker(deps, self.move, self.image_volume_cache)
        self.manage = ManageWorker(deps)
        self.delete = DeleteWorker(deps, self.manage)
        self.create_snapshot = CreateSnapshotWorker(deps)
        self.upload = UploadWorker(deps)
        self.extend_volume = ExtendVolumeWorker(deps)
        self.reimage = ReimageWorker(deps)
        self.revert = RevertWorker(deps)
        self.attachments = AttachmentWorker(deps)
        self.create_backup = CreateBackupWorker(deps)
        self.restore_backup = RestoreBackupWorker(deps)
        self.backups = BackupWorker(deps)
        self.group_scheduler = GroupScheduler(deps)
        self.groups = GroupWorker(deps, self.delete)
        self.group_snapshots = GroupSnapshotWorker(deps, self.delete)
