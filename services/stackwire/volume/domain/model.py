"""The nouns as they are in the database: frozen values whose fields are the columns that are read."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

DEFAULT_VOLUME_TYPE = "__DEFAULT__"
FIXED_KEY = "00000000-0000-0000-0000-000000000000"
"""The key of every encrypted volume: Cinder's, where it has no key manager (``castellan``: ConfKeyManager)."""
DEFAULT_CGSNAPSHOT_TYPE = "default_cgsnapshot_type"
"""The group type of what is created as a consistency group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeType:
    """``extra_specs``: what a back end must offer (``multiattach: <is> True``)."""

    id: str
    name: str
    description: str | None
    is_public: bool
    extra_specs: dict[str, str | None]
    projects: list[str]
    qos_specs_id: str | None
    created_at: datetime
    updated_at: datetime | None

    @property
    def multiattach(self) -> bool:
        """Whether volumes of this type may be attached to several servers at once."""
        return self.extra_specs.get("multiattach") == "<is> True"


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultType:
    """The type of a project's new volumes, where none is named."""

    project_id: str
    volume_type_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Encryption:
    """How the volumes of a type are encrypted, as a host would have to do it: their data here is as it came."""

    encryption_id: str
    volume_type_id: str
    provider: str
    control_location: str
    cipher: str | None
    key_size: int | None
    created_at: datetime
    updated_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QosSpecs:
    """``consumer``: who holds volumes to the ``specs``: ``back-end``, ``front-end`` (the host) or ``both``."""

    id: str
    name: str
    consumer: str
    specs: dict[str, str | None]
    created_at: datetime
    updated_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupType:
    """What groups of a type can."""

    id: str
    name: str
    description: str | None
    is_public: bool
    group_specs: dict[str, str | None]
    created_at: datetime
    updated_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """A volume that is offered to whoever has the key. ``no_snapshots``: its snapshots stay with the old owner."""

    id: str
    volume_id: str
    source_project_id: str
    name: str | None
    salt: str
    crypt_hash: str
    no_snapshots: bool
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """One use of a volume. ``connector`` describes the host, ``connection_info`` tells it how to reach the volume."""

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
    """A volume, ``size`` in GiB (``new_size``, ``new_type_id``: what it is getting).

    ``source_image`` is the image it is created from, ``upload_image`` the image that is being created from it.
    ``name_id`` (``_name_id``): in whose name its data lies, where that is not its own: it was migrated.
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
    new_type_id: str | None
    attach_status: str
    migration_status: str | None
    host: str | None
    availability_zone: str
    volume_type_id: str
    snapshot_id: str | None
    source_volid: str | None
    group_id: str | None
    source_image: str | None
    upload_image: str | None
    bootable: bool
    multiattach: bool
    readonly: bool | None
    service_uuid: str | None
    shared_targets: bool
    name_id: str | None
    metadata: dict[str, str]
    scheduled_at: datetime | None
    launched_at: datetime | None
    terminated_at: datetime | None
    created_at: datetime
    updated_at: datetime | None
    deleted_at: datetime | None
    deleted: bool

    @property
    def is_copy(self) -> bool:
        """Whether it is there for the migration of another volume: nobody's, and not counted."""
        status = self.migration_status or ""
        return status.startswith("target:") or status == "deleting"


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheEntry:
    """A volume of the internal project that is a copy of an image, on one host; ``size`` in GiB."""

    id: int
    host: str
    cluster_name: str | None
    image_id: str
    image_updated_at: datetime | None
    volume_id: str
    size: int
    last_used: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceState:
    """What an administrator changed of a service. ``frozen``: what is on the back end is left as it is."""

    binary: str
    host: str
    disabled: bool = False
    disabled_reason: str | None = None
    frozen: bool = False
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A volume at one moment; ``volume_size`` in GiB."""

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
    group_snapshot_id: str | None
    metadata: dict[str, str]
    created_at: datetime
    updated_at: datetime | None
    deleted_at: datetime | None
    deleted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeDetails(Volume):
    """A volume with everything that the API shows of it, read by one statement.

    ``attachments``: id, instance_uuid, attached_host, mountpoint, attach_time, attach_status of each; ``glance``: the
    image metadata, None without rows.
    """

    type_name: str
    attachments: list[dict[str, Any]] | None
    glance: dict[str, str] | None
    encrypted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UserMessage:
    """What became of a request after it was accepted. ``event_id``: action and detail as Cinder numbers them."""

    id: str
    project_id: str
    request_id: str | None
    resource_type: str
    resource_uuid: str
    event_id: str
    message_level: str
    user_message: str
    created_at: datetime
    guaranteed_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """The bytes of a volume at one moment, and what belongs to them, in the backup store; ``size`` in GiB.

    ``container`` and ``service_metadata`` (the prefix of its objects' names) say where. An incremental backup holds
    what has changed since ``parent_id``. ``data_timestamp``: of the bytes, which may be a snapshot's.
    ``restore_volume_id``: what it was last restored to.
    """

    id: str
    user_id: str | None
    project_id: str
    volume_id: str
    snapshot_id: str | None
    parent_id: str | None
    host: str | None
    availability_zone: str | None
    name: str | None
    description: str | None
    status: str
    fail_reason: str | None
    size: int
    container: str | None
    service: str | None
    service_metadata: str | None
    object_count: int
    num_dependent_backups: int
    data_timestamp: datetime | None
    restore_volume_id: str | None
    metadata: dict[str, str]
    created_at: datetime
    updated_at: datetime | None
    deleted_at: datetime | None
    deleted: bool
