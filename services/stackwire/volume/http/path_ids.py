"""Ids in the paths of requests: 404 for what cannot be one."""

from aiohttp import web

from stackwire.contracts.volume import AttachmentNotFound, SnapshotNotFound, VolumeNotFound
from stackwire.core.ids import canonical_uuid


def volume_id(request: web.Request) -> str:
    """VolumeNotFound."""
    text = request.match_info["volume_id"]
    found = canonical_uuid(text)
    if found is None:
        raise VolumeNotFound(volume_id=text[:255])
    return found


def snapshot_id(request: web.Request) -> str:
    """SnapshotNotFound."""
    text = request.match_info["snapshot_id"]
    found = canonical_uuid(text)
    if found is None:
        raise SnapshotNotFound(snapshot_id=text[:255])
    return found


def attachment_id(request: web.Request) -> str:
    """AttachmentNotFound."""
    text = request.match_info["attachment_id"]
    found = canonical_uuid(text)
    if found is None:
        raise AttachmentNotFound(attachment_id=text[:255])
    return found
