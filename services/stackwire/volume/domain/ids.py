"""Ids as callers write them: each raises its resource's 404 for a text that cannot be one."""

from stackwire.contracts.volume import AttachmentNotFound, SnapshotNotFound, VolumeNotFound
from stackwire.core.errors import NotFound
from stackwire.core.ids import canonical_uuid
from stackwire.volume.domain.errors import BackupNotFound


def volume_id(text: str) -> str:
    """VolumeNotFound."""
    return _canonical(text, VolumeNotFound, "volume_id")


def snapshot_id(text: str) -> str:
    """SnapshotNotFound."""
    return _canonical(text, SnapshotNotFound, "snapshot_id")


def backup_id(text: str) -> str:
    """BackupNotFound."""
    return _canonical(text, BackupNotFound, "backup_id")


def attachment_id(text: str) -> str:
    """AttachmentNotFound."""
    return _canonical(text, AttachmentNotFound, "attachment_id")


def _canonical(text: str, not_found: type[NotFound], name: str) -> str:
    found = canonical_uuid(text)
    if found is None:
        raise not_found(**{name: text[:255]})
    return found
