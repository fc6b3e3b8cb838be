"""``/servers/{id}/os-volume_attachments``."""

from typing import Any

from aiohttp import web

from stackwire.compute.domain import policy as rules
from stackwire.compute.domain.model import BlockDevice
from stackwire.compute.domain.requests import AttachVolumeRequest
from stackwire.compute.http.api import opened, server_id
from stackwire.compute.http.schemas import ATTACH_SINCE, AttachVolume, UpdateAttachment, known_at
from stackwire.core.errors import BadRequest, NotSimulated
from stackwire.core.ids import canonical_uuid
from stackwire.http.paging import limit_of
from stackwire.http.request import json_body, read, respond


async def index(request: web.Request) -> web.Response:
    api, ctx, version = opened(request)
    server = await api.servers.show(ctx, server_id(request), rule=rules.ATTACHMENTS)
    limit, offset = limit_of(request, 1000), request.query.get("offset", "0")
    if not (offset.isascii() and offset.isdigit()):
        raise BadRequest("Invalid input for field/attribute offset.")
    volumes = [device for device in server.devices if device.volume_id][int(offset) :][:limit]
    return respond(200, {"volumeAttachments": [view(device, version) for device in volumes]})


async def show(request: web.Request) -> web.Response:
    api, ctx, version = opened(request)
    device = await api.attachments.one(ctx, server_id(request), _volume(request))
    return respond(200, {"volumeAttachment": view(device, version)})


async def create(request: web.Request) -> web.Response:
    """200 with the device's name; since 2.101 nothing is waited for, 202."""
    api, ctx, version = opened(request)
    raw = await json_body(request)
    known_at(raw.get("volumeAttachment") if isinstance(raw, dict) else None, version, ATTACH_SINCE)
    asked = read(AttachVolume, raw).volumeAttachment
    wish = AttachVolumeRequest(
        volume_id=asked.volumeId,
        device=asked.device,
        tag=asked.tag,
        delete_on_termination=asked.delete_on_termination,
        multiattach=version >= (2, 60),
    )
    device = await api.attachments.attach(ctx, server_id(request), wish)
    return respond(202) if version >= (2, 101) else respond(200, {"volumeAttachment": view(device, version, new=True)})


async def update(request: web.Request) -> web.Response:
    """Another volume in its place is a swap, which only the volume service may ask for; else the flag (2.85)."""
    api, ctx, version = opened(request)
    asked = read(UpdateAttachment, await json_body(request)).volumeAttachment
    volume_id = _volume(request)
    if asked.volumeId != volume_id:
        await api.attachments.require_swap(ctx, server_id(request), volume_id)
        raise NotSimulated(what="the swap of an attached volume")
    if version < (2, 85) or asked.delete_on_termination is None:
        raise BadRequest("Nothing to change: another volume, or since 2.85 delete_on_termination, must be given.")
    await api.attachments.keep_or_not(ctx, server_id(request), volume_id, asked.delete_on_termination)
    return respond(202)


async def delete(request: web.Request) -> web.Response:
    api, ctx, _ = opened(request)
    await api.attachments.detach(ctx, server_id(request), _volume(request))
    return respond(202)


def _volume(request: web.Request) -> str:
    text = request.match_info["volume"]
    return canonical_uuid(text) or text


def view(device: BlockDevice, version: tuple[int, int], *, new: bool = False) -> dict[str, Any]:
    """One attachment; what came: tag 2.70, delete_on_termination 2.79, attachment and device ids for id 2.89."""
    told: dict[str, Any] = {
        "volumeId": device.volume_id,
        "serverId": device.instance_uuid,
        "device": device.device_name,
    }
    if new or version < (2, 89):
        told["id"] = device.volume_id
    if version >= (2, 70):
        told["tag"] = device.tag
    if version >= (2, 79):
        told["delete_on_termination"] = bool(device.delete_on_termination)
    if version >= (2, 89) and not new:
        told |= {"attachment_id": device.attachment_id, "bdm_uuid": device.uuid}
    return told
