"""Notifications of the volume service, as Cinder's: on exchange ``cinder``."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from stackwire.contracts.payload import Aware, Naive, Payload, Whole

VolumeAction = Literal[
    "create.start", "create.end", "update.start", "update.end", "resize.start", "resize.end",
    "attach.start", "attach.end", "detach.start", "detach.end", "delete.start", "delete.end",
    "transfer.create.start", "transfer.create.end", "transfer.accept.start", "transfer.accept.end",
    "transfer.delete.start", "transfer.delete.end", "revert.start", "revert.end", "retype",
    "manage_existing.start", "manage_existing.end", "unmanage.start", "unmanage.end",
]  # fmt: skip
SnapshotAction = Literal[
    "create.start", "create.end", "update.start", "update.end", "delete.start", "delete.end", "revert.start",
    "revert.end", "manage_existing_snapshot.start", "manage_existing_snapshot.end",
]  # fmt: skip

CacheAction = Literal["miss", "hit", "evict"]
"""Of ``image_volume_cache``."""
QosSpecsAction = Literal[
    "create", "update", "delete", "delete_keys", "associations", "associate", "disassociate", "disassociate_all"
]  # fmt: skip


class KeyAndValue(Payload):
    """One item of a volume's metadata."""

    key: str
    value: str


class _Row(Payload):
    """The times of every row in Cinder's database."""

    created_at: Naive
    updated_at: Naive | None
    deleted_at: Naive | None
    deleted: bool


class GlanceMetadataRow(_Row):
    """A property of the image that a volume was created from: a row of ``volume_glance_metadata``."""

    id: int
    volume_id: str | None
    snapshot_id: str | None
    key: str
    value: str


class VolumeRow(_Row):
    """The columns of Cinder's table ``volumes``. Size in GiB."""

    id: str
    name_id: str | None = Field(alias="_name_id")
    ec2_id: None
    user_id: str | None
    project_id: str
    use_quota: bool
    snapshot_id: str | None
    cluster_name: None
    host: str | None
    size: int
    availability_zone: str | None
    status: str
    attach_status: str
    migration_status: str | None
    scheduled_at: Naive | None
    launched_at: Naive | None
    terminated_at: Naive | None
    display_name: str | None
    display_description: str | None
    provider_id: None
    provider_location: None
    provider_auth: None
    provider_geometry: None
    volume_type_id: str | None
    source_volid: str | None
    encryption_key_id: None
    consistencygroup_id: None
    group_id: str | None
    bootable: bool
    multiattach: bool
    replication_status: None
    replication_extended_status: None
    replication_driver_data: None
    previous_status: str | None
    service_uuid: str | None
    shared_targets: bool | None


class AttachmentPayload(_Row):
    """One use of a volume. ``connection_info`` and ``connector`` are JSON in a text; an ``attach_mode`` that nobody
    named is the word "null". ``volume`` is the whole volume as it is now.
    """

    id: str
    volume_id: str
    instance_uuid: str | None
    attached_host: str | None
    mountpoint: str | None
    attach_time: Naive | None
    detach_time: Naive | None
    attach_status: str
    attach_mode: str
    connection_info: str
    connector: str | None
    volume: VolumeRow


class VolumePayload(Payload):
    """A volume as it is now, or was when it was deleted. ``launched_at`` is the time of the event until it was, and
    then has no zone.

    ``glance_metadata`` is there for a volume with an image in it: the image's properties, as the volume keeps them.
    """

    tenant_id: str
    host: str | None
    user_id: str | None
    availability_zone: str | None
    volume_id: str
    volume_type: str | None
    display_name: str | None
    launched_at: Aware | Naive
    created_at: Aware
    status: str
    snapshot_id: str | None
    size: int
    replication_status: None
    replication_extended_status: None
    replication_driver_data: None
    metadata: list[KeyAndValue]
    volume_attachment: list[AttachmentPayload]
    glance_metadata: list[GlanceMetadataRow] = []


class CachePayload(Payload):
    """An image in the image-volume cache of a host, or not in it."""

    image_id: str
    host: str


class VolumeBegunPayload(VolumePayload):
    """A volume that has never been launched: ``launched_at`` is the time of the event."""

    launched_at: Naive


class VolumeAsSentPayload(VolumePayload):
    """The volume as the worker was sent it, whose times have no fractions of seconds."""

    launched_at: Whole | Naive
    created_at: Whole


VOLUMES: Mapping[VolumeAction, type[VolumePayload]] = {
    "create.start": VolumeBegunPayload,
    "manage_existing.start": VolumeBegunPayload,
    "attach.start": VolumeAsSentPayload,
    "detach.start": VolumeAsSentPayload,
}
"""Every other event's is ``VolumePayload``."""


class SnapshotPayload(Payload):
    """A snapshot of a volume. ``deleted`` is "True" or empty; ``metadata`` a Python dictionary as text, or empty."""

    tenant_id: str
    user_id: str | None
    availability_zone: str | None
    volume_id: str
    volume_size: int
    snapshot_id: str
    display_name: str | None
    created_at: Whole
    status: str
    deleted: Literal["True", ""]
    metadata: str


class QosSpecsCreatedPayload(Payload):
    """New QoS specs, as they were requested. Cinder does not know yet when it made them."""

    name: str
    created_at: None
    specs: dict[str, str | None]


class QosSpecsPayload(Payload):
    """QoS specs, and what was done with them."""

    id: str
    created_at: Naive


class QosSpecsUpdatedPayload(QosSpecsPayload):
    """The specs are those that were changed."""

    updated_at: Naive
    specs: dict[str, str | None]


class QosSpecsDeletedPayload(QosSpecsPayload):
    """They are gone since ``deleted_at``."""

    deleted_at: Naive


class QosSpecsKeysDeletedPayload(QosSpecsPayload):
    """Which keys are gone is not told."""

    updated_at: Naive | None


class QosSpecsTypePayload(QosSpecsPayload):
    """A volume type got them, or has them no more."""

    type_id: str


class QosSpecsRefusedPayload(Payload):
    """Why nothing was done: new specs have a name, others an id."""

    id: str | None = None
    name: str | None = None
    error_message: str


QOS_SPECS: Mapping[QosSpecsAction, type[Payload]] = {
    "create": QosSpecsCreatedPayload,
    "update": QosSpecsUpdatedPayload,
    "delete": QosSpecsDeletedPayload,
    "delete_keys": QosSpecsKeysDeletedPayload,
    "associate": QosSpecsTypePayload,
    "disassociate": QosSpecsTypePayload,
}
"""Every other event's is ``QosSpecsPayload``."""


SchedulerMethod = Literal[
    "create_volume", "create_snapshot", "extend_volume", "retype", "migrate_volume_to_host", "manage_existing",
    "manage_existing_snapshot",
]  # fmt: skip
"""What the scheduler may find no back end for; the snapshots' methods say so of a snapshot."""


class SchedulingFailedPayload(Payload):
    """A volume for which there is no back end, or none that could create it. ``request_spec`` is the scheduler's.

    ``state``: "error", or the columns of the volume that were set.
    """

    request_spec: dict[str, Any]
    volume_properties: dict[str, Any]
    volume_id: str
    state: Literal["error"] | dict[str, str | None]
    method: SchedulerMethod
    reason: str


class SnapshotSchedulingFailedPayload(Payload):
    """A snapshot for which its back end has no place."""

    request_spec: dict[str, Any]
    snapshot_id: str
    state: Literal["error"]
    method: SchedulerMethod
    reason: str
