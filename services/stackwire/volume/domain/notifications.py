"""Payloads of the volume service's notifications, key for key as Cinder's (volume_utils: _usage_from_volume)."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from stackwire.contracts.base import Event
from stackwire.contracts.events_backup import BackupAction
from stackwire.contracts.events_volume import (
    VOLUMES,
    CacheAction,
    QosSpecsAction,
    SnapshotAction,
    VolumeAction,
    VolumeAsSentPayload,
)
from stackwire.contracts.volume_workers import HOST
from stackwire.core.attributes import attributes, nulls
from stackwire.volume.domain.model import Attachment, Backup, GlanceRow, Snapshot, Volume
from stackwire.volume.domain.names import names

EXCHANGE = "cinder"
_FROM_API = frozenset({"update.start", "update.end", "attach.end", "detach.end"})
"""Whose events the API sends."""
_PUBLIC_CONNECTOR_KEYS = {"system uuid"}.union(
    names(
        "host ip initiator mountpoint multipath enforce_multipath os_type platform do_local_attach mode nqn"
        " nvme_hostid nvme_native_multipath found_dsc uuid wwnns wwpns"
    )
)
"""What is no secret in os-brick's connectors."""
_VOLUME_COLUMNS = names(
    "id user_id project_id snapshot_id host size availability_zone status attach_status migration_status"
    " volume_type_id source_volid group_id bootable multiattach previous_status service_uuid shared_targets deleted"
)
_VOLUME_TIMES = names("scheduled_at launched_at terminated_at created_at updated_at deleted_at")
_NULL_VOLUME_COLUMNS = names(
    "ec2_id cluster_name provider_id provider_location provider_auth provider_geometry encryption_key_id"
    " consistencygroup_id replication_status replication_extended_status replication_driver_data"
)


def naive(moment: datetime | None) -> str | None:
    """ISO 8601, UTC, microseconds, no zone: how Cinder writes times in rows and views."""
    return None if moment is None else moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")


def aware(moment: datetime) -> str:
    """ISO 8601, microseconds, with the zone UTC."""
    return f"{naive(moment)}+00:00"


def whole(moment: datetime) -> str:
    """A time as it is after the bus, where it loses its fraction of a second."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}+00:00"


def publisher_id(noun: str, action: str, host: str | None, *, from_api: bool | None = None) -> str:
    """The API names its host, the daemon its back end, and what creates a volume the pool, which is ``host``.

    ``cinder/volume/volume_utils.py: notify_about_volume_usage``, ``cinder/volume/flows/manager/create_volume.py``.
    """
    if host is None:
        return f"{noun}.{HOST}"
    if noun == "volume" and action.startswith(("create.", "manage_existing.")) and from_api is None:
        return f"{noun}.{host}"
    api = action in _FROM_API if from_api is None else from_api
    return f"{noun}.{host.split('@' if api else '#')[0]}"


def volume_event(
    action: VolumeAction,
    volume: Volume,
    now: datetime,
    *,
    attachments: Sequence[Attachment] = (),
    glance: Sequence[GlanceRow] = (),
    from_api: bool | None = None,
    daemon: str | None = None,
) -> Event:
    """``volume.<action>``. ``launched_at`` is now, and without a zone, until the volume has been launched.

    ``from_api``: who sends it, where that is not as usual; ``daemon``: the host that does, if not the volume's.
    """
    text = whole if VOLUMES.get(action) is VolumeAsSentPayload else aware
    payload: dict[str, Any] = {
        "tenant_id": volume.project_id,
        **attributes(volume, "host user_id availability_zone status snapshot_id size"),
        "volume_id": volume.id,
        "volume_type": volume.volume_type_id,
        "display_name": volume.name,
        "launched_at": text(volume.launched_at) if volume.launched_at else naive(now),
        "created_at": text(volume.created_at),
        **nulls("replication_status replication_extended_status replication_driver_data"),
        "metadata": [{"key": key, "value": value} for key, value in volume.metadata.items()],
        "volume_attachment": [_attachment(attachment, volume) for attachment in attachments],
    }
    if glance:
        payload["glance_metadata"] = [_glance(row) for row in glance]
    return Event(
        exchange=EXCHANGE,
        event_type=f"volume.{action}",
        publisher_id=publisher_id("volume", action, daemon or volume.host, from_api=from_api),
        payload=payload,
        resource=volume.id,
    )


def cache_event(action: CacheAction, image_id: str, host: str) -> Event:
    """``image_volume_cache.<action>``, which the daemon's host sends (``cinder/image/cache.py``)."""
    return Event(
        exchange=EXCHANGE,
        event_type=f"image_volume_cache.{action}",
        publisher_id=publisher_id("volume", action, None),
        payload={"image_id": image_id, "host": host},
    )


def snapshot_event(action: SnapshotAction, snapshot: Snapshot, volume: Volume) -> Event:
    """``snapshot.<action>``. Metadata is the text of a Python dict, or empty; ``deleted`` is text, as recorded."""
    payload = {
        "tenant_id": snapshot.project_id,
        **attributes(snapshot, "user_id volume_id volume_size status"),
        "availability_zone": volume.availability_zone,
        "snapshot_id": snapshot.id,
        "display_name": snapshot.name,
        "created_at": whole(snapshot.created_at),
        "deleted": "True" if snapshot.deleted else "",
        "metadata": str(snapshot.metadata) if snapshot.metadata else "",
    }
    return Event(
        exchange=EXCHANGE,
        event_type=f"snapshot.{action}",
        publisher_id=publisher_id("snapshot", action, volume.host),
        payload=payload,
        resource=snapshot.id,
    )


_BACKUP_AS_SENT = frozenset({"create.start", "restore.start", "delete.start", "delete.end", "reset_status.end"})
"""Whose events show the backup as its worker was sent it, with a time without fractions."""


def backup_event(action: BackupAction, backup: Backup) -> Event:
    """``backup.<action>`` (``volume_utils.py: _usage_from_backup``)."""
    return _backup_event(action, backup, {}, as_sent=action in _BACKUP_AS_SENT)


def backup_progress(backup: Backup, objects: Sequence[Mapping[str, Any]], percent: float) -> Event:
    """``backup.createprogress``: at the start without objects, at the end with all of them."""
    progress = {
        "id": len(objects) + 1,
        "list": list(objects),
        "prefix": backup.service_metadata,
        "volume_meta": None,
        "backup_percent": percent,
    }
    return _backup_event("createprogress", backup, progress, as_sent=percent == 0)


def _backup_event(action: str, backup: Backup, more: Mapping[str, Any], *, as_sent: bool) -> Event:
    payload = {
        "tenant_id": backup.project_id,
        **attributes(
            backup,
            "user_id availability_zone host status volume_id size service_metadata service fail_reason parent_id"
            " num_dependent_backups snapshot_id",
        ),
        "backup_id": backup.id,
        "display_name": backup.name,
        "created_at": whole(backup.created_at) if as_sent else aware(backup.created_at),
        **more,
    }
    return Event(
        exchange=EXCHANGE,
        event_type=f"backup.{action}",
        publisher_id=f"backup.{HOST}",
        payload=payload,
        resource=backup.id,
    )


def qos_specs_event(action: QosSpecsAction, *, priority: str = "INFO", **payload: Any) -> Event:
    """``qos_specs.<action>``: the payload is the event's own, as ``contracts/events_volume.py`` has it."""
    return Event(
        exchange=EXCHANGE,
        event_type=f"qos_specs.{action}",
        publisher_id=f"QoSSpecs.{HOST}",
        payload=payload,
        priority=priority,
        resource=payload.get("id"),
    )


def _glance(row: GlanceRow) -> dict[str, Any]:
    return {
        **attributes(row, "id volume_id snapshot_id key value deleted"),
        "deleted_at": naive(row.deleted_at),
        "created_at": naive(row.created_at),
        "updated_at": naive(row.updated_at),
    }


def _attachment(attachment: Attachment, volume: Volume) -> dict[str, Any]:
    connector = attachment.connector
    return {
        **attributes(attachment, "id volume_id instance_uuid attached_host mountpoint attach_status deleted"),
        "attach_time": naive(attachment.attach_time),
        "detach_time": naive(attachment.detach_time),
        "attach_mode": attachment.attach_mode or "null",
        "connection_info": json.dumps(attachment.connection_info or {}),
        "connector": None if connector is None else json.dumps(_public(connector)),
        "created_at": naive(attachment.created_at),
        "updated_at": naive(attachment.updated_at),
        "deleted_at": naive(attachment.deleted_at),
        "volume": volume_row(volume),
    }


def _public(connector: Mapping[str, Any]) -> dict[str, Any]:
    """The connector without what may be the login of a back end, which it has under any name."""
    return {key: value for key, value in connector.items() if key in _PUBLIC_CONNECTOR_KEYS}


def volume_row(volume: Volume) -> dict[str, Any]:
    """The columns of Cinder's ``volumes`` table, which an attachment's payload carries whole."""
    return {
        **dict.fromkeys(_NULL_VOLUME_COLUMNS),
        **{name: getattr(volume, name) for name in _VOLUME_COLUMNS},
        **{name: naive(getattr(volume, name)) for name in _VOLUME_TIMES},
        "_name_id": volume.name_id,
        "display_name": volume.name,
        "display_description": volume.description,
        "use_quota": not volume.is_copy,
    }
