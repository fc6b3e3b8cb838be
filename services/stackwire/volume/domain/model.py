"""The nouns as they lie in the database: frozen values whose fields are the columns that are read."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeType:
    """``extra_specs``: what a back end must offer (``multiattach: <is> True``)."""

    id: str
    name: str
    description: str | None
    is_public: bool
    extra_specs: dict[str, str]
    projects: list[str]
    created_at: datetime
    updated_at: datetime | None

    @property
    def multiattach(self) -> bool:
        return self.extra_specs.get("multiattach") == "<is> True"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """One use of a volume. ``connector`` is what the host said of itself, ``connection_info`` what it was told."""

    id: str
    volume_id: str
    instance_uuid: str | None
    attached_host: str | None
    mountpoint: str | None
    attach_time: datetime | None
    detach_time: datetime | None
    attach_status: str
    attach_mode: str | None
    connection_info: dict[str, Any] | None
    connector: dict[str, Any] | None
    project_id: str
    created_at: datetime
    updated_at: datetime | None
    deleted_at: datetime | None
    deleted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GlanceRow:
    """One row of ``volume_glance_metadata``: of a volume, or of a snapshot."""

    id: int
    volume_id: str | None
    snapshot_id: str | None
    key: str
    value: str
    created_at: datetime
    updated_at: datetime | None
    deleted_at: datetime | None
    deleted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A volume, ``size`` in GiB (``new_size``: what it is growing to).

    ``source_image`` is the image it was asked to hold, ``upload_image`` the image that is being made of it; ``worker``
    and ``worker_seen`` tell which process is at work on it, if any.
    """

    id: str
    user_id: str | None
    project_id: str
    name: str | None
    description: str | None
    size: int
    new_size: int | None
    status: str
    previous_status: str | None
    attach_status: str
    migration_status: str | None
    host: str | None
    availability_zone: str
    volume_type_id: str
    snapshot_id: str | None
    source_volid: str | None
    source_image: str | None
    upload_image: str | None
    bootable: bool
    multiattach: bool
    readonly: bool | None
    service_uuid: str | None
    shared_targets: bool
    metadata: dict[str, str]
    scheduled_at: datetime | None
    launched_at: datetime | None
    terminated_at: datetime | None
    created_at: datetime
    updated_at: datetime | None
    deleted_at: datetime | None
    deleted: bool
    worker: str | None
    worker_seen: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A volume as it was once; ``volume_size`` in GiB."""

    id: str
    volume_id: str
    user_id: str | None
    project_id: str
    status: str
    progress: str | None
    volume_size: int
    name: str | None
    description: str | None
    volume_type_id: str
    metadata: dict[str, str]
    created_at: datetime
    updated_at: datetime | None
    deleted_at: datetime | None
    deleted: bool
    worker: str | None
    worker_seen: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown(Volume):
    """A volume with everything that is shown of it, read by one statement.

    ``attachments``: id, instance_uuid, attached_host, mountpoint, attach_time of each; ``glance``: None without rows.
    """

    type_name: str
    attachments: list[dict[str, Any]] | None
    glance: dict[str, str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a caller wants of a new volume; at most one source. ``size`` None: that of the source."""

    size: int | None = None
    name: str | None = None
    description: str | None = None
    image_id: str | None = None
    snapshot_id: str | None = None
    source_volid: str | None = None
    volume_type: str | None = None
    availability_zone: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    multiattach: bool = False
    from_nova_snapshot: bool = False
    """3.46 on: an image that only names volume snapshots stands for its boot snapshot."""
