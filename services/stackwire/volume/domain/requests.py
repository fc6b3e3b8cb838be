"""What callers request, over HTTP or the bus, once it has been read and checked for form."""

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateVolumeRequest:
    """A new volume from at most one source. ``size`` in GiB; None: that of the source.

    ``resolve_boot_snapshot`` (3.46 on): an image that only names volume snapshots stands for its boot snapshot.
    ``volume_id``: the id the volume gets; an existing one is the answer.
    """

    volume_id: str | None = None
    size: int | None = None
    name: str | None = None
    description: str | None = None
    image_id: str | None = None
    snapshot_id: str | None = None
    source_volid: str | None = None
    backup_id: str | None = None
    group_id: str | None = None
    volume_type: str | None = None
    availability_zone: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    scheduler_hints: dict[str, Any] = field(default_factory=dict)
    resolve_boot_snapshot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateSnapshotRequest:
    """``force``: of a volume in use too. ``snapshot_id``: the id the snapshot gets; an existing one is the answer."""

    volume_id: str
    name: str | None = None
    description: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    force: bool = False
    snapshot_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateBackupRequest:
    """Of a volume, or of its snapshot. ``force``: of a volume in use too; ``incremental``: what has changed since the
    last backup; ``container``: where in the backup store, which chooses a place for None."""

    volume_id: str
    name: str | None = None
    description: str | None = None
    container: str | None = None
    incremental: bool = False
    force: bool = False
    snapshot_id: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    availability_zone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateGroupRequest:
    """Types by id or name."""

    group_type: str
    volume_types: list[str]
    name: str | None = None
    description: str | None = None
    availability_zone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateGroupFromSourceRequest:
    """From another group or from the snapshot of one."""

    name: str | None = None
    description: str | None = None
    source_group_id: str | None = None
    group_snapshot_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateGroupRequest:
    """``add_volumes``, ``remove_volumes``: ids, perhaps of no volumes."""

    name: str | None = None
    description: str | None = None
    add_volumes: list[str]
    remove_volumes: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateGroupSnapshotRequest:
    """Of all volumes of a group."""

    group_id: str
    name: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateAttachmentRequest:
    """``attachment_id``: the id the attachment gets; an existing one is the answer. ``mode``: rw or ro."""

    volume_id: str
    instance_uuid: str | None
    connector: dict[str, Any] | None = None
    mode: str | None = None
    attachment_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachVolumeRequest:
    """os-attach: to a server, or to a host by its name."""

    instance_uuid: str | None
    host_name: str | None
    mountpoint: str
    mode: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadImageRequest:
    """The image that a volume is uploaded to. ``visibility`` None: the image service's default."""

    name: str
    disk_format: str = "raw"
    container_format: str | None = "bare"
    visibility: str | None = "private"
    protected: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether the volume's bytes are uploaded as they are."""
        return (self.disk_format, self.container_format) == ("raw", "bare")


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateVolumeTypeRequest:
    """``extra_specs``: what a back end must offer."""

    name: str
    description: str | None
    is_public: bool
    extra_specs: dict[str, str | None]


def boot_snapshot_of(block_device_mapping: str | None) -> str | None:
    """The snapshot that an image property ``block_device_mapping`` (JSON) names as boot device; None for anything else.

    ``cinder/volume/flows/api/create_volume.py: ExtractVolumeRequestTask._get_image_metadata``.
    """
    try:
        devices = json.loads(block_device_mapping or "")
    except (ValueError, RecursionError):  # thousands of brackets are as little a mapping as a broken one
        return None
    for device in devices if isinstance(devices, list) else []:
        if not isinstance(device, dict) or device.get("source_type") != "snapshot" or device.get("boot_index") != 0:
            continue
        if isinstance(device.get("snapshot_id"), str):
            return str(device["snapshot_id"])
    return None
