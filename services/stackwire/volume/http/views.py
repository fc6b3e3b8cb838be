"""What the volume API shows of things, in each microversion's own form."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aiohttp import web

from stackwire.http.paging import link, origin
from stackwire.http.request import CONTEXT, VERSION
from stackwire.volume.domain.model import Attachment, Shown, Snapshot, VolumeType
from stackwire.volume.domain.payloads import naive


def project_in_url(request: web.Request) -> str:
    """``/<project>`` when the caller wrote it, which is how links are to be written then."""
    project = request.match_info.get("project_id")
    return f"/{project}" if project else ""


def links(request: web.Request, collection: str, ident: str) -> list[dict[str, str]]:
    root, project = origin(request), project_in_url(request)
    return [
        {"rel": "self", "href": f"{root}/v3{project}/{collection}/{ident}"},
        {"rel": "bookmark", "href": f"{root}{project}/{collection}/{ident}"},
    ]


def next_links(request: web.Request, name: str, shown: list[Any], last: str | None, limit: int) -> dict[str, Any]:
    """``<name>_links`` when the page is full: there may be more."""
    if last is None or len(shown) < limit:
        return {}
    return {
        f"{name}_links": [
            {"rel": "next", "href": link(f"{origin(request)}{request.path}", list(request.query.items()), marker=last)}
        ]
    }


def volume_summary(request: web.Request, volume: Shown) -> dict[str, Any]:
    return {"id": volume.id, "name": volume.name, "links": links(request, "volumes", volume.id)}


def volume(request: web.Request, shown: Shown, *, full: bool) -> dict[str, Any]:
    """``full``: with what only a read shows (owner, image metadata, and the host for administrators)."""
    ctx, version = request[CONTEXT], request[VERSION]
    view: dict[str, Any] = {
        "id": shown.id,
        "status": shown.status,
        "size": shown.size,
        "availability_zone": shown.availability_zone,
        "created_at": naive(shown.created_at),
        "updated_at": naive(shown.updated_at),
        "name": shown.name,
        "description": shown.description,
        "volume_type": shown.type_name,
        "snapshot_id": shown.snapshot_id,
        "source_volid": shown.source_volid,
        "metadata": _metadata(shown),
        "links": links(request, "volumes", shown.id),
        "user_id": shown.user_id,
        "bootable": str(shown.bootable).lower(),
        "encrypted": False,
        "replication_status": None,
        "consistencygroup_id": None,
        "multiattach": shown.multiattach,
        "attachments": [_attached(one, shown, admin=ctx.is_admin) for one in shown.attachments or ()],
    }
    view |= _by_version(version, shown, admin=ctx.is_admin)
    if not full:
        return view
    view["os-vol-tenant-attr:tenant_id"] = shown.project_id
    if shown.glance:
        view["volume_image_metadata"] = shown.glance
    if ctx.is_admin:
        view["os-vol-host-attr:host"] = shown.host
        view["os-vol-mig-status-attr:migstat"] = shown.migration_status
        view["os-vol-mig-status-attr:name_id"] = None
    return view


def _by_version(version: tuple[int, int], shown: Shown, *, admin: bool) -> dict[str, Any]:
    view: dict[str, Any] = {}
    if version >= (3, 13):
        view["group_id"] = None
    if version >= (3, 21) and admin:
        view["provider_id"] = None
    if version >= (3, 48):
        view["shared_targets"] = shown.shared_targets
        view["service_uuid"] = shown.service_uuid
    if version >= (3, 61) and admin:
        view["cluster_name"] = None
    if version >= (3, 63):
        view["volume_type_id"] = shown.volume_type_id
    if version >= (3, 65):
        view["consumes_quota"] = True
    return view


def _metadata(shown: Shown) -> dict[str, str]:
    """With the administrative keys a user may see, once they were set (cinder/api: get_visible_admin_metadata)."""
    if shown.readonly is None:
        return shown.metadata
    return {**shown.metadata, "readonly": str(shown.readonly)}


def _attached(attachment: Mapping[str, Any], shown: Shown, *, admin: bool) -> dict[str, Any]:
    attached_at = attachment["attach_time"]
    return {
        "id": shown.id,
        "attachment_id": attachment["id"],
        "volume_id": shown.id,
        "server_id": attachment["instance_uuid"],
        "host_name": attachment["attached_host"] if admin else None,
        "device": attachment["mountpoint"],
        "attached_at": None if attached_at is None else naive(datetime.fromisoformat(attached_at)),
    }


def snapshot(request: web.Request, shown: Snapshot, *, full: bool, names_only: bool = False) -> dict[str, Any]:
    """``full``: with the extended attributes; ``names_only``: as the plain list shows it."""
    version = request[VERSION]
    view: dict[str, Any] = {
        "id": shown.id,
        "name": shown.name,
        "description": shown.description,
        "volume_id": shown.volume_id,
        "status": shown.status,
        "size": shown.volume_size,
        "created_at": naive(shown.created_at),
        "updated_at": naive(shown.updated_at),
        "metadata": shown.metadata,
    }
    if full:
        view["os-extended-snapshot-attributes:progress"] = shown.progress
        view["os-extended-snapshot-attributes:project_id"] = shown.project_id
    if names_only:
        return view
    if version >= (3, 14):
        view["group_snapshot_id"] = None
    if version >= (3, 41):
        view["user_id"] = shown.user_id
    if version >= (3, 65):
        view["consumes_quota"] = True
    return view


def attachment_summary(shown: Attachment) -> dict[str, Any]:
    return {
        "id": shown.id,
        "status": shown.attach_status,
        "instance": shown.instance_uuid,
        "volume_id": shown.volume_id,
    }


def attachment(shown: Attachment) -> dict[str, Any]:
    return {
        **attachment_summary(shown),
        "attached_at": naive(shown.attach_time) or "",
        "detached_at": naive(shown.detach_time) or "",
        "attach_mode": shown.attach_mode,
        "connection_info": shown.connection_info or {},
    }


def volume_type(request: web.Request, shown: VolumeType) -> dict[str, Any]:
    view: dict[str, Any] = {
        "id": shown.id,
        "name": shown.name,
        "is_public": shown.is_public,
        "description": shown.description,
        "os-volume-type-access:is_public": shown.is_public,
    }
    if request[CONTEXT].is_admin:
        view["extra_specs"] = shown.extra_specs
        view["qos_specs_id"] = None
    return view


def type_row(shown: VolumeType) -> dict[str, Any]:
    """A type as a row, which is how the answer to an upload shows it."""
    return {
        "id": shown.id,
        "name": shown.name,
        "description": shown.description,
        "is_public": shown.is_public,
        "extra_specs": shown.extra_specs,
        "qos_specs_id": None,
        "created_at": naive(shown.created_at),
        "updated_at": naive(shown.updated_at),
        "deleted_at": None,
        "deleted": False,
    }
