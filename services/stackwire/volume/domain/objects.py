"""Volumes, snapshots and backups in the form they have between Cinder's daemons: oslo.versionedobjects."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from stackwire.contracts.image import ImageView
from stackwire.core.attributes import attributes, nulls
from stackwire.volume.domain.group_model import Group, GroupSnapshot
from stackwire.volume.domain.model import Backup, Snapshot, Volume, VolumeType
from stackwire.volume.domain.notifications import volume_row


def _object(name: str, version: str, data: Mapping[str, Any], changed: bool = False) -> dict[str, Any]:
    created = {
        "versioned_object.name": name,
        "versioned_object.namespace": "cinder",
        "versioned_object.version": version,
        "versioned_object.data": dict(data),
    }
    if changed:
        created["versioned_object.changes"] = list(data)
    return created


REPLICATION_STATUS = "disabled"
"""Of every group: no back end replicates."""


def _seconds(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def volume_type_object(volume_type: VolumeType) -> dict[str, Any]:
    """``cinder/objects/volume_type.py``."""
    return _object(
        "VolumeType",
        "1.3",
        {
            **attributes(volume_type, "id name description is_public"),
            "projects": list(volume_type.projects),
            "extra_specs": dict(volume_type.extra_specs),
            "qos_specs_id": volume_type.qos_specs_id,
            "created_at": _seconds(volume_type.created_at),
            "updated_at": _seconds(volume_type.updated_at),
            "deleted_at": None,
            "deleted": False,
        },
    )


def volume_object(volume: Volume, volume_type: VolumeType | None = None) -> dict[str, Any]:
    """``cinder/objects/volume.py``; with its type only where Cinder has it loaded."""
    data = volume_row(volume)
    for key in ("scheduled_at", "launched_at", "terminated_at", "created_at", "updated_at", "deleted_at"):
        data[key] = _seconds(getattr(volume, key))
    data["metadata"] = dict(volume.metadata)
    if volume_type is not None:
        data["volume_type"] = volume_type_object(volume_type)
        data["volume_attachment"] = _object("VolumeAttachmentList", "1.1", {"objects": []})
    return _object("Volume", "1.9", data)


def snapshot_object(snapshot: Snapshot) -> dict[str, Any]:
    """``cinder/objects/snapshot.py``."""
    return _object(
        "Snapshot",
        "1.6",
        {
            **attributes(
                snapshot, "id user_id project_id volume_id status progress volume_size volume_type_id group_snapshot_id"
            ),
            "use_quota": True,
            **nulls("cgsnapshot_id encryption_key_id provider_location provider_id provider_auth deleted_at"),
            "display_name": snapshot.name,
            "display_description": snapshot.description,
            "metadata": dict(snapshot.metadata),
            "created_at": _seconds(snapshot.created_at),
            "updated_at": _seconds(snapshot.updated_at),
            "deleted": False,
        },
    )


def backup_object(backup: Backup, parent: Backup | None = None) -> dict[str, Any]:
    """``cinder/objects/backup.py``."""
    return _object(
        "Backup",
        "1.7",
        {
            **attributes(
                backup,
                "id user_id project_id volume_id host availability_zone container parent_id status fail_reason size"
                " service_metadata service object_count num_dependent_backups snapshot_id restore_volume_id",
            ),
            "parent": None if parent is None else backup_object(parent),
            "display_name": backup.name,
            "display_description": backup.description,
            **nulls("temp_volume_id temp_snapshot_id encryption_key_id"),
            "data_timestamp": _seconds(backup.data_timestamp),
            "metadata": dict(backup.metadata),
            "created_at": _seconds(backup.created_at),
            "updated_at": _seconds(backup.updated_at),
            "deleted_at": _seconds(backup.deleted_at),
            "deleted": backup.deleted,
        },
    )


def backup_device(device: Volume | Snapshot) -> dict[str, Any]:
    """``cinder/objects/backup.py: BackupDeviceInfo``."""
    data: dict[str, Any] = (
        {"volume": volume_object(device)} if isinstance(device, Volume) else {"snapshot": snapshot_object(device)}
    )
    return _object("BackupDeviceInfo", "1.0", {**data, "secure_enabled": False}, changed=True)


def group_object(group: Group) -> dict[str, Any]:
    """``cinder/objects/group.py``."""
    return _object(
        "Group",
        "1.2",
        {
            **attributes(
                group,
                "id user_id project_id host availability_zone name description group_type_id status group_snapshot_id"
                " source_group_id",
            ),
            **nulls("cluster_name deleted_at"),
            "volume_type_ids": list(group.volume_type_ids),
            "replication_status": REPLICATION_STATUS,
            "created_at": _seconds(group.created_at),
            "updated_at": _seconds(group.updated_at),
            "deleted": False,
        },
    )


def group_snapshot_object(snapshot: GroupSnapshot, group: Group | None = None) -> dict[str, Any]:
    """``cinder/objects/group_snapshot.py``; with its group only where Cinder has it loaded."""
    data = {
        **attributes(snapshot, "id group_id project_id user_id name description status group_type_id"),
        "created_at": _seconds(snapshot.created_at),
        "updated_at": _seconds(snapshot.updated_at),
        "deleted_at": None,
        "deleted": False,
    }
    if group is not None:
        data["group"] = group_object(group)
    return _object("GroupSnapshot", "1.0", data)


def request_spec(
    volume: Volume,
    volume_type: VolumeType,
    qos_specs: Mapping[str, Any] | None,
    zones: Sequence[str],
    backend: str | None = None,
    backup_id: str | None = None,
) -> dict[str, Any]:
    """The scheduler's specification of a new volume. ``qos_specs``: those of its type; ``backend``: where it must be,
    beside what it is made of."""
    properties: dict[str, Any] = {
        **attributes(
            volume,
            "attach_status availability_zone multiattach project_id size snapshot_id source_volid status"
            " user_id volume_type_id group_id",
        ),
        **nulls("cgsnapshot_id consistencygroup_id encryption_key_id"),
        "qos_specs": dict(qos_specs) if qos_specs else None,
        "display_description": volume.description,
        "display_name": volume.name,
        "metadata": dict(volume.metadata),
        "reservations": [],
    }
    data = {
        **nulls("consistencygroup_id cgsnapshot_id"),
        "group_id": volume.group_id,
        "backup_id": backup_id,
        "image_id": volume.source_image,
        "snapshot_id": volume.snapshot_id,
        "source_volid": volume.source_volid,
        "volume_id": volume.id,
        "volume": volume_object(volume, volume_type),
        "volume_type": volume_type_object(volume_type),
        "volume_properties": _object("VolumeProperties", "1.1", properties, changed=True),
        "availability_zones": list(zones),
        **({} if backend is None else {"resource_backend": backend}),
    }
    return _object("RequestSpec", "1.5", data, changed=True)


def snapshot_request_spec(snapshot: Snapshot) -> dict[str, Any]:
    """The scheduler's specification of a new snapshot."""
    sized = _object("VolumeProperties", "1.1", {"size": snapshot.volume_size}, changed=True)
    return _object("RequestSpec", "1.5", {"snapshot_id": snapshot.id, "volume_properties": sized}, changed=True)


def extend_request_spec(volume: Volume) -> dict[str, Any]:
    """The scheduler's specification of a volume that grows."""
    return _object("RequestSpec", "1.5", {"volume_id": volume.id, "volume": volume_object(volume)}, changed=True)


def move_request_spec(volume: Volume, volume_type: VolumeType) -> dict[str, Any]:
    """The scheduler's specification of a volume that moves, with its type or its new one."""
    return {
        "volume_properties": primitive(volume_object(volume)),
        "volume_type": primitive(volume_type_object(volume_type)),
        "volume_id": volume.id,
    }


def whole_volume(
    volume: Volume, volume_type: VolumeType, snapshots: Sequence[Snapshot], glance: Mapping[str, str]
) -> dict[str, Any]:
    """A volume with all that Cinder has read with it: its type, its snapshots, its image metadata."""
    name_id = volume.name_id or volume.id
    of_type = {key: value for key, value in primitive(volume_type_object(volume_type)).items() if key != "projects"}
    return {
        **primitive(volume_object(volume)),
        "name": f"volume-{name_id}",
        "name_id": name_id,
        "volume_type": of_type,
        "snapshots": [primitive(snapshot_object(snapshot)) for snapshot in snapshots],
        "volume_attachment": [],
        "volume_admin_metadata": [],
        "volume_metadata": [{"key": key, "value": value} for key, value in volume.metadata.items()],
        "volume_glance_metadata": [{"key": key, "value": value} for key, value in glance.items()],
    }


def retype_request_spec(
    volume: Mapping[str, Any], new_type: VolumeType, migration_policy: str, zones: Sequence[str]
) -> dict[str, Any]:
    """The scheduler's specification of a volume that gets another type. ``volume``: as ``whole_volume`` has it."""
    return {
        "volume_properties": dict(volume),
        "volume_type": primitive(volume_type_object(new_type)),
        "volume_id": volume["id"],
        "migration_policy": migration_policy,
        "quota_reservations": [],
        "old_reservations": [],
        "availability_zones": list(zones),
    }


def image_meta(image: ImageView) -> dict[str, Any]:
    """An image as Cinder's daemons exchange it: attributes, and the properties in a map of their own."""
    return {**image.model_dump(mode="json"), "file": f"/v2/images/{image.id}/file"}


def primitive(value: Any) -> Any:
    """An object without its envelopes, as Cinder's notifications have it."""
    if isinstance(value, Mapping):
        data = value.get("versioned_object.data", value)
        return {key: primitive(item) for key, item in data.items()}
    return [primitive(item) for item in value] if isinstance(value, list) else value


def backup_of(request_spec: Mapping[str, Any] | None) -> str | None:
    """The backup from which a request specification wants a volume."""
    found = primitive(request_spec or {}).get("backup_id")
    return found if isinstance(found, str) else None


def id_of(received: Mapping[str, Any]) -> str:
    """The id of an object received over the bus; ValueError when there is none."""
    data = received.get("versioned_object.data")
    ident = data.get("id") if isinstance(data, Mapping) else None
    if not isinstance(ident, str):
        raise ValueError("an object without an id")
    return ident
