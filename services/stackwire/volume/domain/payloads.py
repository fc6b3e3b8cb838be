"""Payloads of the volume service's notifications, key for key as Cinder's (volume_utils: _usage_from_volume)."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from stackwire.contracts.base import Event
from stackwire.contracts.events_volume import VOLUMES, SnapshotAction, VolumeAction, VolumeAsSentPayload
from stackwire.volume.domain.model import Attachment, GlanceRow, Snapshot, Volume

EXCHANGE = "cinder"
_OF_A_HOST = frozenset(
    {
        "host", "ip", "initiator", "mountpoint", "multipath", "enforce_multipath", "os_type", "platform",
        "do_local_attach", "mode", "nqn", "nvme_hostid", "nvme_native_multipath", "found_dsc", "system uuid", "uuid",
        "wwnns", "wwpns",
    }
)  # fmt: skip
"""What os-brick's connectors say that is no secret."""


def naive(moment: datetime | None) -> str | None:
    """ISO 8601, UTC, microseconds, no zone: how Cinder writes times in rows and views."""
    return None if moment is None else moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")


def aware(moment: datetime) -> str:
    return f"{naive(moment)}+00:00"


def whole(moment: datetime) -> str:
    """As a moment is that came over the bus, where it loses its fraction."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}+00:00"


def volume_event(
    action: VolumeAction,
    volume: Volume,
    now: datetime,
    *,
    attachments: Sequence[Attachment] = (),
    glance: Sequence[GlanceRow] = (),
) -> Event:
    """``volume.<action>``. ``launched_at`` is now, and without a zone, until the volume has been launched."""
    text = whole if VOLUMES.get(action) is VolumeAsSentPayload else aware
    payload: dict[str, Any] = {
        "tenant_id": volume.project_id,
        "host": volume.host,
        "user_id": volume.user_id,
        "availability_zone": volume.availability_zone,
        "volume_id": volume.id,
        "volume_type": volume.volume_type_id,
        "display_name": volume.name,
        "launched_at": text(volume.launched_at) if volume.launched_at else naive(now),
        "created_at": text(volume.created_at),
        "status": volume.status,
        "snapshot_id": volume.snapshot_id,
        "size": volume.size,
        "replication_status": None,
        "replication_extended_status": None,
        "replication_driver_data": None,
        "metadata": [{"key": key, "value": value} for key, value in volume.metadata.items()],
        "volume_attachment": [_attachment(attachment, volume) for attachment in attachments],
    }
    if glance:
        payload["glance_metadata"] = [_glance(row) for row in glance]
    return Event(
        exchange=EXCHANGE,
        event_type=f"volume.{action}",
        publisher_id=f"volume.{volume.host}",
        payload=payload,
        resource=volume.id,
    )


def snapshot_event(action: SnapshotAction, snapshot: Snapshot, volume: Volume) -> Event:
    """``snapshot.<action>``. Metadata is the text of a Python dict, or none; ``deleted`` is text: so it is recorded."""
    payload = {
        "tenant_id": snapshot.project_id,
        "user_id": snapshot.user_id,
        "availability_zone": volume.availability_zone,
        "volume_id": snapshot.volume_id,
        "volume_size": snapshot.volume_size,
        "snapshot_id": snapshot.id,
        "display_name": snapshot.name,
        "created_at": whole(snapshot.created_at),
        "status": snapshot.status,
        "deleted": "True" if snapshot.deleted else "",
        "metadata": str(snapshot.metadata) if snapshot.metadata else "",
    }
    return Event(
        exchange=EXCHANGE,
        event_type=f"snapshot.{action}",
        publisher_id=f"snapshot.{volume.host}",
        payload=payload,
        resource=snapshot.id,
    )


def _glance(row: GlanceRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "volume_id": row.volume_id,
        "snapshot_id": row.snapshot_id,
        "key": row.key,
        "value": row.value,
        "deleted_at": naive(row.deleted_at),
        "deleted": row.deleted,
        "created_at": naive(row.created_at),
        "updated_at": naive(row.updated_at),
    }


def _attachment(attachment: Attachment, volume: Volume) -> dict[str, Any]:
    connector = attachment.connector
    return {
        "id": attachment.id,
        "volume_id": attachment.volume_id,
        "instance_uuid": attachment.instance_uuid,
        "attached_host": attachment.attached_host,
        "mountpoint": attachment.mountpoint,
        "attach_time": naive(attachment.attach_time),
        "detach_time": naive(attachment.detach_time),
        "attach_status": attachment.attach_status,
        "attach_mode": attachment.attach_mode or "null",
        "connection_info": json.dumps(attachment.connection_info or {}),
        "connector": None if connector is None else json.dumps(_told(connector)),
        "created_at": naive(attachment.created_at),
        "updated_at": naive(attachment.updated_at),
        "deleted_at": naive(attachment.deleted_at),
        "deleted": attachment.deleted,
        "volume": volume_row(volume),
    }


def _told(connector: Mapping[str, Any]) -> dict[str, Any]:
    """What a notification says of a host. A connector may have the login of a back end in it, under any name."""
    return {key: value for key, value in connector.items() if key in _OF_A_HOST}


def volume_row(volume: Volume) -> dict[str, Any]:
    """The columns of Cinder's ``volumes`` table, which an attachment's payload carries whole."""
    return {
        "id": volume.id,
        "_name_id": None,
        "ec2_id": None,
        "user_id": volume.user_id,
        "project_id": volume.project_id,
        "use_quota": True,
        "snapshot_id": volume.snapshot_id,
        "cluster_name": None,
        "host": volume.host,
        "size": volume.size,
        "availability_zone": volume.availability_zone,
        "status": volume.status,
        "attach_status": volume.attach_status,
        "migration_status": volume.migration_status,
        "scheduled_at": naive(volume.scheduled_at),
        "launched_at": naive(volume.launched_at),
        "terminated_at": naive(volume.terminated_at),
        "display_name": volume.name,
        "display_description": volume.description,
        "provider_id": None,
        "provider_location": None,
        "provider_auth": None,
        "provider_geometry": None,
        "volume_type_id": volume.volume_type_id,
        "source_volid": volume.source_volid,
        "encryption_key_id": None,
        "consistencygroup_id": None,
        "group_id": None,
        "bootable": volume.bootable,
        "multiattach": volume.multiattach,
        "replication_status": None,
        "replication_extended_status": None,
        "replication_driver_data": None,
        "previous_status": volume.previous_status,
        "service_uuid": volume.service_uuid,
        "shared_targets": volume.shared_targets,
        "created_at": naive(volume.created_at),
        "updated_at": naive(volume.updated_at),
        "deleted_at": naive(volume.deleted_at),
        "deleted": volume.deleted,
    }
