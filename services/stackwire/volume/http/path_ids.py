"""Ids in the paths of requests."""

from aiohttp import web

from stackwire.volume.domain import ids


def volume_id(request: web.Request) -> str:
    """VolumeNotFound for what cannot be an id."""
    return ids.volume_id(request.match_info["volume_id"])


def snapshot_id(request: web.Request) -> str:
    """SnapshotNotFound for what cannot be an id."""
    return ids.snapshot_id(request.match_info["snapshot_id"])


def backup_id(request: web.Request) -> str:
    """BackupNotFound for what cannot be an id."""
    return ids.backup_id(request.match_info["backup_id"])


def attachment_id(request: web.Request) -> str:
    """AttachmentNotFound for what cannot be an id."""
    return ids.attachment_id(request.match_info["attachment_id"])
