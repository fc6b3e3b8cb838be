"""Response bodies of the volume API, by microversion."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from aiohttp import web

from stackwire.core.attributes import attributes
from stackwire.http.paging import link, origin
from stackwire.http.request import CONTEXT, VERSION
from stackwire.volume.domain.listable import USER_VISIBLE
from stackwire.volume.domain.model import Attachment, Backup, Snapshot, UserMessage, VolumeDetails, VolumeType
from stackwire.volume.domain.notifications import naive
from stackwire.volume.flows.api.upload_volume import UploadAccepted


class Identified(Protocol):
    """Whatever has an id."""

    @property
    def id(self) -> str: ...


def project_in_url(request: web.Request) -> str:
    """``/<project>`` when the caller wrote it, which is how links are to be written then."""
    project = request.match_info.get("project_id")
    return f"/{project}" if project else ""


def links(request: web.Request, collection: str, resource_id: str) -> list[dict[str, str]]:
    """The links of a resource to itself."""
    root, project = origin(request), project_in_url(request)
    return [
        {"rel": "self", "href": f"{root}/v3{project}/{collection}/{resource_id}"},
        {"rel": "bookmark", "href": f"{root}{project}/{collection}/{resource_id}"},
    ]


def next_links(request: web.Request, name: str, page: Sequence[Identified], limit: int) -> dict[str, Any]:
    """``<name>_links`` when the page is full: there may be more."""
    if not page or len(page) < limit:
        return {}
    pairs = list(request.query.items())
    return {
        f"{name}_links": [{"rel": "next", "href": link(f"{origin(request)}{request.path}", pairs, marker=page[-1].id)}]
    }


_STATUSES = {"managing": "creating", "error_managing": "error", "error_managing_deleting": "deleting"}
"""Statuses that clients know by an older name (``cinder/api/v2/views/volumes.py: _get_volume_status``)."""


def volume_summary_view(request: web.Request, volume: VolumeDetails) -> dict[str, Any]:
    """As the list without details shows it."""
    return {"id": volume.id, "name": volume.name, "links": links(request, "volumes", volume.id)}


def volume_view(request: web.Request, volume: VolumeDetails, *, full: bool, versioned: bool = True) -> dict[str, Any]:
    """``versioned``: with what microversions added; ``full``: with what only a read shows (owner, image metadata, and
    the host for administrators)."""
    ctx = request[CONTEXT]
    view: dict[str, Any] = {
        **attributes(
            volume, "id status size availability_zone name description snapshot_id source_volid user_id multiattach"
        ),
        "created_at": naive(volume.created_at),
        "updated_at": naive(volume.updated_at),
        "volume_type": volume.type_name,
        "metadata": _visible_metadata(volume),
        "links": links(request, "volumes", volume.id),
        "bootable": str(volume.bootable).lower(),
        "encrypted": volume.encrypted,
        "replication_status": None,
        "consistencygroup_id": None,
        "attachments": [
            _volume_attachment(attachment, volume, admin=ctx.is_admin)
            for attachment in volume.attachments or ()
            if attachment["attach_status"] == "attached"
        ],
    }
    view["status"] = _STATUSES.get(volume.status, volume.status)
    if ctx.is_admin:
        view["migration_status"] = volume.migration_status
    if versioned:
        view |= _by_version(request[VERSION], volume, admin=ctx.is_admin)
    return view | _read_only_fields(volume, admin=ctx.is_admin) if full else view


def _read_only_fields(volume: VolumeDetails, *, admin: bool) -> dict[str, Any]:
    view: dict[str, Any] = {"os-vol-tenant-attr:tenant_id": volume.project_id}
    if volume.glance is not None:
        view["volume_image_metadata"] = volume.glance
    if admin:
        view["os-vol-host-attr:host"] = volume.host
        view["os-vol-mig-status-attr:migstat"] = volume.migration_status
        view["os-vol-mig-status-attr:name_id"] = volume.name_id
    return view


def _by_version(version: tuple[int, int], volume: VolumeDetails, *, admin: bool) -> dict[str, Any]:
    view: dict[str, Any] = {}
    if version >= (3, 13):
        view["group_id"] = volume.group_id
    if version >= (3, 21) and admin:
        view["provider_id"] = None
    if version >= (3, 48):
        view["shared_targets"] = volume.shared_targets
        view["service_uuid"] = volume.service_uuid
    if version >= (3, 61) and admin:
        view["cluster_name"] = None
    if version >= (3, 63):
        view["volume_type_id"] = volume.volume_type_id
    if version >= (3, 65):
        view["consumes_quota"] = not volume.is_copy
    return view


def _visible_metadata(volume: VolumeDetails) -> dict[str, str]:
    """With the administrative keys a user may see, once they were set (cinder/api: get_visible_admin_metadata)."""
    if volume.readonly is None:
        return volume.metadata
    return {**volume.metadata, "readonly": str(volume.readonly)}


def _volume_attachment(attachment: Mapping[str, Any], volume: VolumeDetails, *, admin: bool) -> dict[str, Any]:
    attached_at = attachment["attach_time"]
    return {
        "id": volume.id,
        "attachment_id": attachment["id"],
        "volume_id": volume.id,
        "server_id": attachment["instance_uuid"],
        "host_name": attachment["attached_host"] if admin else None,
        "device": attachment["mountpoint"],
        "attached_at": None if attached_at is None else naive(datetime.fromisoformat(attached_at)),
    }


def upload_view(accepted: UploadAccepted, version: tuple[int, int]) -> dict[str, Any]:
    """The answer to os-volume_upload_image: the volume with the image it becomes."""
    volume, image = accepted.volume, accepted.image
    view: dict[str, Any] = {
        **attributes(volume, "id status size"),
        "updated_at": naive(volume.updated_at),
        "display_description": volume.description,
        "volume_type": _volume_type_row(accepted.volume_type),
        "image_id": image.id,
        "container_format": accepted.request.container_format,
        "disk_format": accepted.request.disk_format,
        "image_name": accepted.request.name,
    }
    if version >= (3, 1):
        view |= {"protected": accepted.request.protected, "visibility": accepted.request.visibility}
    return view


def snapshot_view(request: web.Request, snapshot: Snapshot, *, extended: bool, summary: bool = False) -> dict[str, Any]:
    """``extended``: with the extended attributes; ``summary``: as the list without details shows it."""
    version = request[VERSION]
    view: dict[str, Any] = {
        **attributes(snapshot, "id name description volume_id status metadata"),
        "size": snapshot.volume_size,
        "created_at": naive(snapshot.created_at),
        "updated_at": naive(snapshot.updated_at),
    }
    if extended:
        view["os-extended-snapshot-attributes:progress"] = snapshot.progress
        view["os-extended-snapshot-attributes:project_id"] = snapshot.project_id
    if summary:
        return view
    if version >= (3, 14):
        view["group_snapshot_id"] = snapshot.group_snapshot_id
    if version >= (3, 41):
        view["user_id"] = snapshot.user_id
    if version >= (3, 65):
        view["consumes_quota"] = True
    return view


def backup_summary_view(request: web.Request, backup: Backup) -> dict[str, Any]:
    """As the list without details shows it."""
    return {"id": backup.id, "name": backup.name, "links": links(request, "backups", backup.id)}


def backup_view(request: web.Request, backup: Backup, *, owner: bool) -> dict[str, Any]:
    """``owner``: with whose it is. A key (3.64) is only there where a key manager has made it."""
    version = request[VERSION]
    view: dict[str, Any] = {
        **backup_summary_view(request, backup),
        **attributes(
            backup, "status size object_count availability_zone container description fail_reason volume_id snapshot_id"
        ),
        "created_at": naive(backup.created_at),
        "updated_at": naive(backup.updated_at),
        "data_timestamp": naive(backup.data_timestamp),
        "is_incremental": backup.parent_id is not None,
        "has_dependent_backups": backup.num_dependent_backups > 0,
    }
    if version >= (3, 43):
        view["metadata"] = backup.metadata
    if version >= (3, 18) and owner:
        view["os-backup-project-attr:project_id"] = backup.project_id
    if version >= (3, 56) and owner:
        view["user_id"] = backup.user_id
    return view


def attachment_summary_view(attachment: Attachment) -> dict[str, Any]:
    """As the list without details shows it."""
    return {
        "id": attachment.id,
        "status": attachment.attach_status,
        "instance": attachment.instance_uuid,
        "volume_id": attachment.volume_id,
    }


def attachment_view(attachment: Attachment) -> dict[str, Any]:
    """With what the host needs to connect the volume."""
    return {
        **attachment_summary_view(attachment),
        "attached_at": naive(attachment.attach_time) or "",
        "detached_at": naive(attachment.detach_time) or "",
        "attach_mode": attachment.attach_mode or "null",
        "connection_info": attachment.connection_info or {},
    }


def volume_type_view(request: web.Request, volume_type: VolumeType, *, managed: bool = False) -> dict[str, Any]:
    """With the extra specs that the caller may see. ``managed``: as the answer to a creation or update shows it."""
    admin = request[CONTEXT].is_admin
    view = {
        **attributes(volume_type, "id name is_public description"),
        "extra_specs": visible_extra_specs(volume_type, admin=admin),
    }
    return view if managed or not admin else {**view, "qos_specs_id": volume_type.qos_specs_id}


def with_access(view: dict[str, Any]) -> dict[str, Any]:
    """The view of a type with what os-volume-type-access adds to all but updates and the default type."""
    return {**view, "os-volume-type-access:is_public": view["is_public"]}


def visible_extra_specs(volume_type: VolumeType, *, admin: bool) -> dict[str, str | None]:
    """All of them for administrators, else those that say what a user may do with a volume of the type."""
    return {name: value for name, value in volume_type.extra_specs.items() if admin or name in USER_VISIBLE}


def _volume_type_row(volume_type: VolumeType) -> dict[str, Any]:
    """A type with the columns of its row, which is how the answer to an upload shows it."""
    return {
        **attributes(volume_type, "id name description is_public extra_specs qos_specs_id"),
        "created_at": naive(volume_type.created_at),
        "updated_at": naive(volume_type.updated_at),
        "deleted_at": None,
        "deleted": False,
    }


def message_view(request: web.Request, message: UserMessage) -> dict[str, Any]:
    """``cinder/api/v3/views/messages.py``."""
    return {
        **attributes(message, "id event_id request_id resource_type resource_uuid message_level user_message"),
        "created_at": naive(message.created_at),
        "guaranteed_until": naive(message.guaranteed_until),
        "links": links(request, "messages", message.id),
    }
