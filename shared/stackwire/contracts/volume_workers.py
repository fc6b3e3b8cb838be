"""Messages between the volume service's API, scheduler and worker: Cinder's topics, methods and argument names.

API -> ``cinder-scheduler`` -> ``cinder-volume.<host@backend>`` or ``cinder-backup.<host>``. Objects have
the shape of oslo.versionedobjects; the receiver takes the id from them and reads the rest from its own database.
"""

from typing import Any

from stackwire.contracts.base import Call, Cast, Target

HOST = "stackwire"
BACKEND = f"{HOST}@files"
POOL = f"{BACKEND}#files"
"""The back end of a cloud without a file of back ends: host, back end and pool, as Cinder writes them into
``volumes.host``."""

CINDER_SCHEDULER = Target(exchange="cinder", topic="cinder-scheduler", version="3.0")
CINDER_VOLUME = Target(exchange="cinder", topic=f"cinder-volume.{BACKEND}", version="3.0")
CINDER_ATTACHMENTS = Target(exchange="cinder", topic=f"cinder-volume.{BACKEND}", version="3.9")
CINDER_BACKUP = Target(exchange="cinder", topic="cinder-backup", version="2.0")
CINDER_BACKUP_DEVICE = Target(exchange="cinder", topic=f"cinder-volume.{BACKEND}", version="3.17")
CINDER_REIMAGE = Target(exchange="cinder", topic=f"cinder-volume.{BACKEND}", version="3.20")


def topic_of(host: str | None) -> str:
    """The topic of the back end that a volume with this host is on; without one, of the first back end."""
    return f"cinder-volume.{(host or POOL).partition('#')[0]}"


class ScheduleVolume(Cast, target=CINDER_SCHEDULER, method="create_volume"):
    """Choose a back end for a new volume."""

    volume: dict[str, Any]
    snapshot_id: str | None = None
    image_id: str | None = None
    request_spec: dict[str, Any]
    filter_properties: dict[str, Any] | None = None
    backup_id: str | None = None


class ScheduleSnapshot(Cast, target=CINDER_SCHEDULER, method="create_snapshot"):
    """Check the back end of a new snapshot."""

    volume: dict[str, Any]
    snapshot: dict[str, Any]
    backend: str
    request_spec: dict[str, Any] | None = None
    filter_properties: dict[str, Any] | None = None


class ScheduleExtend(Cast, target=CINDER_SCHEDULER, method="extend_volume"):
    """``new_size`` in GiB."""

    volume: dict[str, Any]
    new_size: int
    reservations: list[str] = []
    request_spec: dict[str, Any] | None = None
    filter_properties: dict[str, Any] | None = None


class ScheduleBackup(Cast, target=CINDER_SCHEDULER, method="create_backup"):
    """Choose a host for a new backup."""

    backup: dict[str, Any]


class BuildVolume(Cast, target=CINDER_VOLUME, method="create_volume"):
    """Create the volume on the back end: blank, or from an image, a snapshot or a volume."""

    volume: dict[str, Any]
    request_spec: dict[str, Any] | None = None
    filter_properties: dict[str, Any] | None = None
    allow_reschedule: bool = True


class RemoveVolume(Cast, target=CINDER_VOLUME, method="delete_volume"):
    """Delete the volume from the back end."""

    volume: dict[str, Any]
    unmanage_only: bool = False
    cascade: bool = False


class TakeSnapshot(Cast, target=CINDER_VOLUME, method="create_snapshot"):
    """Create a snapshot on the back end."""

    snapshot: dict[str, Any]


class RemoveSnapshot(Cast, target=CINDER_VOLUME, method="delete_snapshot"):
    """Delete a snapshot from the back end."""

    snapshot: dict[str, Any]
    unmanage_only: bool = False


class CopyVolumeToImage(Cast, target=CINDER_VOLUME, method="copy_volume_to_image"):
    """``image_meta``: the queued image that gets the data, as in the image API."""

    volume_id: str
    image_meta: dict[str, Any]


class ExtendVolume(Cast, target=CINDER_VOLUME, method="extend_volume"):
    """``new_size`` in GiB."""

    volume: dict[str, Any]
    new_size: int
    reservations: list[str] = []


class Reimage(Cast, target=CINDER_REIMAGE, method="reimage"):
    """Write the image ``image_meta`` over a volume."""

    volume: dict[str, Any]
    image_meta: dict[str, Any]
    image_snap: dict[str, Any] | None = None


class ScheduleGroup(Cast, target=CINDER_SCHEDULER, method="create_group"):
    """Choose a back end for a new group that fits its group type and all of its volume types."""

    group: dict[str, Any]
    group_spec: dict[str, Any] | None = None
    request_spec_list: list[dict[str, Any]] | None = None
    group_filter_properties: dict[str, Any] | None = None
    filter_properties_list: list[dict[str, Any]] | None = None


class BuildGroup(Cast, target=CINDER_VOLUME, method="create_group"):
    """Create an empty group."""

    group: dict[str, Any]


class BuildGroupFromSource(Cast, target=CINDER_VOLUME, method="create_group_from_src"):
    """Create a group with copies of the volumes of another, or of its snapshot."""

    group: dict[str, Any]
    group_snapshot: dict[str, Any] | None = None
    source_group: dict[str, Any] | None = None


class UpdateGroup(Cast, target=CINDER_VOLUME, method="update_group"):
    """``add_volumes``, ``remove_volumes``: ids, separated by commas."""

    group: dict[str, Any]
    add_volumes: str | None = None
    remove_volumes: str | None = None


class RemoveGroup(Cast, target=CINDER_VOLUME, method="delete_group"):
    """Delete a group with its volumes."""

    group: dict[str, Any]


class TakeGroupSnapshot(Cast, target=CINDER_VOLUME, method="create_group_snapshot"):
    """Create the snapshots of all volumes of a group."""

    group_snapshot: dict[str, Any]


class RemoveGroupSnapshot(Cast, target=CINDER_VOLUME, method="delete_group_snapshot"):
    """Delete them."""

    group_snapshot: dict[str, Any]


class AttachmentUpdate(Call[dict[str, Any]], target=CINDER_ATTACHMENTS, method="attachment_update"):
    """Answers with the connection info for the host whose ``connector`` this is."""

    vref: dict[str, Any]
    connector: dict[str, Any]
    attachment_id: str


class AttachmentDelete(Call[None], target=CINDER_ATTACHMENTS, method="attachment_delete"):
    """Remove the export of an attachment."""

    attachment_id: str
    vref: dict[str, Any]


class GetBackupDevice(Cast, target=CINDER_BACKUP_DEVICE, method="get_backup_device"):
    """Prepare what a backup is made of, and say ``continue_backup`` to its host."""

    backup: dict[str, Any]
    want_objects: bool = False
    async_call: bool = False


class CreateBackup(Cast, target=CINDER_BACKUP, method="create_backup"):
    """Back a volume or a snapshot up."""

    backup: dict[str, Any]


class ContinueBackup(Cast, target=CINDER_BACKUP, method="continue_backup"):
    """``backup_device``: the volume, or the snapshot, that is ready to be read."""

    backup: dict[str, Any]
    backup_device: dict[str, Any]


class RestoreBackup(Cast, target=CINDER_BACKUP, method="restore_backup"):
    """Write a backup over a volume. ``volume_is_new``: it reads as zeroes."""

    backup: dict[str, Any]
    volume_id: str
    volume_is_new: bool = False


class DeleteBackup(Cast, target=CINDER_BACKUP, method="delete_backup"):
    """Delete a backup from the store."""

    backup: dict[str, Any]


class ResetBackupStatus(Cast, target=CINDER_BACKUP, method="reset_status"):
    """``status``: available or error."""

    backup: dict[str, Any]
    status: str


class ExportRecord(Call[dict[str, Any]], target=CINDER_BACKUP, method="export_record"):
    """Answers with ``backup_service`` and ``backup_url``, by which another cloud finds the backup in the store."""

    backup: dict[str, Any]


class ImportRecord(Cast, target=CINDER_BACKUP, method="import_record"):
    """Fill the row ``backup`` from the record ``backup_url``. ``backup_hosts``: who else may be asked."""

    backup: dict[str, Any]
    backup_service: str
    backup_url: str
    backup_hosts: list[str] = []


class SupportsForceDelete(Call[bool], target=CINDER_BACKUP, method="check_support_to_force_delete", repeatable=True):
    """Whether the store can delete a backup that is being made."""
