"""``/servers/{id}/os-volume_attachments``."""

from aiohttp import web

from stackwire.compute.http.schemas.fields import known_at
from stackwire.compute.http.schemas.volume_attachments import (
    ATTACH_SINCE,
    CHANGES_SINCE,
    AttachVolume,
    UpdateAttachment,
)
from stackwire.compute.http.to_domain import attach_volume_request
from stackwire.compute.http.unpack import ApiHandlers, page_limit, page_offset, server_id, unpack, volume_id
from stackwire.compute.http.views.volume_attachments import volume_attachment_view
from stackwire.http.request import json_body, read, respond

_UNCHANGING = ("id", "serverId", "device", "tag")


class VolumeAttachmentHandlers(ApiHandlers):
    """``nova/api/openstack/compute/volume_attachments.py: VolumeAttachmentController``."""

    async def list(self, request: web.Request) -> web.Response:
        """``GET``, with ``limit`` and ``offset``."""
        ctx, version = unpack(request)
        limit, offset = page_limit(request), page_offset(request)
        devices = await self._flows.volume_attachments.list(ctx, server_id(request))
        page = devices[offset:][:limit]
        return respond(200, {"volumeAttachments": [volume_attachment_view(device, version) for device in page]})

    async def show(self, request: web.Request) -> web.Response:
        """``GET .../{volume}``"""
        ctx, version = unpack(request)
        device = await self._flows.volume_attachments.get(ctx, server_id(request), volume_id(request))
        return respond(200, {"volumeAttachment": volume_attachment_view(device, version)})

    async def create(self, request: web.Request) -> web.Response:
        """``POST``: 200 with the device's name; since 2.101 202 without a body."""
        ctx, version = unpack(request)
        raw = await json_body(request)
        known_at(raw.get("volumeAttachment") if isinstance(raw, dict) else None, version, ATTACH_SINCE)
        attachment = attach_volume_request(read(AttachVolume, raw).volumeAttachment, version)
        device = await self._flows.volume_attachments.attach(ctx, server_id(request), attachment)
        if version >= (2, 101):
            return respond(202)
        return respond(200, {"volumeAttachment": volume_attachment_view(device, version, created=True)})

    async def update(self, request: web.Request) -> web.Response:
        """``PUT .../{volume}``: another volume instead (a swap), or since 2.85 whether it goes with the server."""
        ctx, version = unpack(request)
        raw = await json_body(request)
        known_at(raw.get("volumeAttachment") if isinstance(raw, dict) else None, version, CHANGES_SINCE)
        changes = read(UpdateAttachment, raw).volumeAttachment
        attachments, uuid, attached = self._flows.volume_attachments, server_id(request), volume_id(request)
        swapped = version < (2, 85) or changes.volumeId != attached
        if version >= (2, 85):
            unchanging = {name: getattr(changes, name) for name in _UNCHANGING if name in changes.model_fields_set}
            delete = changes.delete_on_termination
            await attachments.update(ctx, uuid, attached, unchanging, delete=delete, swapped=swapped)
        if swapped:
            await self._flows.swap_volume.swap(ctx, uuid, attached, changes.volumeId)
        return respond(202)

    async def delete(self, request: web.Request) -> web.Response:
        """``DELETE .../{volume}``"""
        ctx, _ = unpack(request)
        await self._flows.volume_attachments.detach(ctx, server_id(request), volume_id(request))
        return respond(202)
