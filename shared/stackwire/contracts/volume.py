"""What the compute service calls at the volume service: Nova's requests to Cinder, with the properties."""

from typing import Any

from stackwire.contracts.base import Call, Contract, Target
from stackwire.core.errors import BadRequest, Conflict, NotFound, TooLarge

VOLUME = Target(exchange="stackwire", topic="volume")


class AttachmentView(Contract):
    """One attachment. ``connection_info`` is for services only; ``attached_host``: the host that it connects."""

    id: str
    volume_id: str
    instance: str | None = None
    status: str
    attach_mode: str | None = None
    attached_at: str | None = None
    detached_at: str | None = None
    connection_info: dict[str, Any] | None = None
    mountpoint: str | None = None
    attached_host: str | None = None


class VolumeView(Contract):
    """One volume. ``size`` in GiB; ``volume_image_metadata`` is None when it has no rows; times ISO 8601 UTC."""

    id: str
    name: str | None = None
    description: str | None = None
    status: str
    attach_status: str = "detached"
    size: int
    bootable: bool = False
    multiattach: bool = False
    encrypted: bool = False
    project_id: str
    user_id: str | None = None
    availability_zone: str | None = None
    volume_type: str | None = None
    snapshot_id: str | None = None
    metadata: dict[str, str] = {}
    volume_image_metadata: dict[str, str] | None = None
    attachments: list[AttachmentView] = []
    migration_status: str | None = None
    created_at: str
    updated_at: str | None = None


class SnapshotView(Contract):
    """One snapshot. ``size`` in GiB."""

    id: str
    name: str | None = None
    description: str | None = None
    status: str
    volume_id: str
    size: int
    project_id: str
    created_at: str


class VolumeTypeView(Contract):
    """One volume type."""

    id: str
    name: str


class VolumeLimits(Contract):
    """Absolute limits (-1: none) and what is used of them."""

    maxTotalVolumes: int
    maxTotalSnapshots: int
    maxTotalVolumeGigabytes: int
    totalVolumesUsed: int
    totalSnapshotsUsed: int
    totalGigabytesUsed: int


class VolumeNotFound(NotFound, wire="cinder.exception.VolumeNotFound"):
    """Volume {volume_id} could not be found."""


class SnapshotNotFound(NotFound, wire="cinder.exception.SnapshotNotFound"):
    """Snapshot {snapshot_id} could not be found."""


class VolumeTypeNotFound(NotFound, wire="cinder.exception.VolumeTypeNotFound"):
    """Volume type {volume_type_id} could not be found."""


class VolumeTypeNotFoundByName(VolumeTypeNotFound, wire="cinder.exception.VolumeTypeNotFoundByName"):
    """Volume type with name {volume_type_name} could not be found."""


class AttachmentNotFound(NotFound, wire="cinder.exception.VolumeAttachmentNotFound"):
    """Volume attachment could not be found with filter: attachment_id = {attachment_id}."""


class InvalidVolume(BadRequest, wire="cinder.exception.InvalidVolume"):
    """Invalid volume: {reason}"""


class InvalidSnapshot(BadRequest, wire="cinder.exception.InvalidSnapshot"):
    """Invalid snapshot: {reason}"""


class InvalidInput(BadRequest, wire="cinder.exception.InvalidInput"):
    """Invalid input received: {reason}"""


class VolumeConflict(Conflict, wire="cinder.exception.ConflictNovaUsingAttachment"):
    """Detach volume from instance {instance_id} using the Compute API"""


class VolumeOverQuota(TooLarge, wire="cinder.exception.OverQuota"):
    """Quota exceeded for resources: {overs}"""


class _OfVolume(Contract):
    """The arguments of a call about one volume."""

    volume_id: str


class GetVolume(_OfVolume, Call[VolumeView], target=VOLUME, method="get_volume"):
    """One volume; VolumeNotFound when it does not exist or is not the caller's."""


class VolumeList(Contract):
    """A page of volumes."""

    volumes: list[VolumeView]


class _Page(Contract):
    limit: int
    offset: int = 0


class ListVolumes(_Page, Call[VolumeList], target=VOLUME, method="list_volumes"):
    """The volumes of the caller's project, newest first."""


class MakeVolume(Call[VolumeView], target=VOLUME, method="make_volume"):
    """A volume for a server: from an image, a snapshot, or blank; the reply is sent while it is ``creating``.

    The compute service polls it with GetVolume until ``available`` or ``error``, as Nova does. ``volume_id``: the id it
    gets; a repeated call returns the same volume.
    """

    volume_id: str | None = None
    size: int | None = None
    name: str | None = ""
    description: str | None = ""
    image_id: str | None = None
    snapshot_id: str | None = None
    volume_type: str | None = None
    availability_zone: str | None = None
    metadata: dict[str, str] = {}


class DeleteVolume(_OfVolume, Call[None], target=VOLUME, method="delete_volume"):
    """Start deleting it; VolumeNotFound, InvalidVolume (attached, or snapshots left)."""


class GetSnapshot(Call[SnapshotView], target=VOLUME, method="get_snapshot", repeatable=True):
    """One snapshot; SnapshotNotFound."""

    snapshot_id: str


class SnapshotList(Contract):
    """A page of snapshots."""

    snapshots: list[SnapshotView]


class ListSnapshots(_Page, Call[SnapshotList], target=VOLUME, method="list_snapshots"):
    """The snapshots of the caller's project, newest first."""


class MakeSnapshot(_OfVolume, Call[SnapshotView], target=VOLUME, method="make_snapshot"):
    """A snapshot, of a volume in use too when ``force``; the reply is sent while it is ``creating``.

    ``snapshot_id``: the id it gets; a repeated call returns the same snapshot.
    """

    snapshot_id: str | None = None
    name: str | None
    description: str | None = ""
    force: bool = True


class DeleteSnapshot(Call[None], target=VOLUME, method="delete_snapshot"):
    """Start deleting it; SnapshotNotFound, InvalidSnapshot."""

    snapshot_id: str


class GetVolumeType(Call[VolumeTypeView], target=VOLUME, method="get_volume_type", repeatable=True):
    """The type of that id or name; VolumeTypeNotFound if it does not exist or is hidden from the caller's project."""

    volume_type: str


class GetVolumeLimits(Call[VolumeLimits], target=VOLUME, method="get_limits", repeatable=True):
    """The limits of the caller's project."""


class CreateAttachment(_OfVolume, Call[AttachmentView], target=VOLUME, method="create_attachment"):
    """Reserve a volume for a server; InvalidVolume unless it is available (or multiattach).

    ``attachment_id``: the id the attachment gets; a repeated call returns the same one.
    """

    instance_uuid: str
    attachment_id: str | None = None
    connector: dict[str, Any] | None = None
    mountpoint: str | None = None


class UpdateAttachment(Call[AttachmentView], target=VOLUME, method="update_attachment", repeatable=True):
    """Sets the host's connector (``mountpoint`` in it); the result has ``connection_info``."""

    attachment_id: str
    connector: dict[str, Any]


class CompleteAttachment(Call[None], target=VOLUME, method="complete_attachment", repeatable=True):
    """The volume is in use now; AttachmentNotFound."""

    attachment_id: str


class DeleteAttachment(Call[None], target=VOLUME, method="delete_attachment"):
    """AttachmentNotFound when it was deleted before."""

    attachment_id: str


class ReimageVolume(_OfVolume, Call[None], target=VOLUME, method="reimage_volume"):
    """os-reimage: write the image over the volume, replace its metadata, then send compute ``volume-reimaged``."""

    image_id: str
    reimage_reserved: bool = True


class RollDetaching(_OfVolume, Call[None], target=VOLUME, method="roll_detaching"):
    """detaching back to in-use, after a failed detach."""


class BeginDetaching(_OfVolume, Call[None], target=VOLUME, method="begin_detaching"):
    """in-use to detaching; InvalidVolume otherwise."""


class MigrateVolumeCompletion(_OfVolume, Call[str], target=VOLUME, method="migrate_volume_completion"):
    """The host has moved the data to ``new_volume_id``, or could not (``error``). Answers which id is to be used."""

    new_volume_id: str
    error: bool = False
