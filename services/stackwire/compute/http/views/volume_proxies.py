"""A volume and a snapshot as the compute API showed them. ``nova/api/openstack/compute/volumes.py, snapshots.py``."""

from typing import Any

from stackwire.contracts import volume as contract


def volume_view(volume: contract.VolumeView) -> dict[str, Any]:
    """Of its attachments the first; without one, an empty object stands for it."""
    attachment: dict[str, Any] = {}
    if volume.attach_status == "attached" and volume.attachments:
        first = volume.attachments[0]
        attachment = {"id": volume.id, "volumeId": volume.id, "serverId": first.instance}
        attachment |= {"device": first.mountpoint} if first.mountpoint else {}
    return {
        "id": volume.id,
        "status": volume.status,
        "size": volume.size,
        "availabilityZone": volume.availability_zone,
        "createdAt": volume.created_at,
        "attachments": [attachment],
        "displayName": volume.name,
        "displayDescription": volume.description,
        "volumeType": volume.volume_type,
        "snapshotId": volume.snapshot_id,
        "metadata": volume.metadata,
    }


def snapshot_view(snapshot: contract.SnapshotView) -> dict[str, Any]:
    return {
        "id": snapshot.id,
        "volumeId": snapshot.volume_id,
        "status": snapshot.status,
        "size": snapshot.size,
        "createdAt": snapshot.created_at,
        "displayName": snapshot.name,
        "displayDescription": snapshot.description,
    }
