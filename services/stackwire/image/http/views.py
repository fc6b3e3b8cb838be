"""An image as the v2 API shows it: its properties first, then its attributes, then where to find it."""

from datetime import datetime
from typing import Any

from stackwire.image.domain.attributes import DESCRIBED
from stackwire.image.domain.image import Image, stamp
from stackwire.image.domain.members import Member
from stackwire.image.domain.tasks import Task


def image_view(image: Image) -> dict[str, Any]:
    """A property without a value is an empty text, where null is not allowed (``schema.py: Schema.filter``)."""
    view: dict[str, Any] = {
        name: "" if value is None and not (name in DESCRIBED and DESCRIBED[name].null) else value
        for name, value in image.properties.items()
    }
    view.update(
        name=image.name,
        disk_format=image.disk_format,
        container_format=image.container_format,
        visibility=image.visibility,
        size=image.size,
        virtual_size=image.virtual_size,
        status=image.status,
        checksum=image.checksum,
        protected=image.protected,
        min_ram=image.min_ram,
        min_disk=image.min_disk,
        owner=image.owner,
        os_hidden=image.os_hidden,
        os_hash_algo=image.os_hash_algo,
        os_hash_value=image.os_hash_value,
        id=image.id,
        created_at=stamp(image.created_at),
        updated_at=stamp(image.updated_at),
        tags=list(image.tags),
        self=f"/v2/images/{image.id}",
        file=f"/v2/images/{image.id}/file",
        schema="/v2/schemas/image",
    )
    if image.has_data:
        view["stores"] = ",".join(image.stores)
    return view


def member_view(member: Member) -> dict[str, Any]:
    return {
        "member_id": member.member,
        "image_id": member.image_id,
        "status": member.status,
        "created_at": stamp(member.created_at),
        "updated_at": stamp(member.updated_at),
        "schema": "/v2/schemas/member",
    }


def task_view(task: Task) -> dict[str, Any]:
    view: dict[str, Any] = {"input": task.input, "message": task.message, "result": task.result}
    for name in ("image_id", "request_id", "user_id"):
        if getattr(task, name):
            view[name] = getattr(task, name)
    return {**task_stub_view(task), **view}


def task_stub_view(task: Task) -> dict[str, Any]:
    """A task in a list."""
    view = {
        "id": task.id,
        "type": task.type,
        "status": task.status,
        "owner": task.owner,
        "created_at": stamp(task.created_at),
        "updated_at": stamp(task.updated_at),
        "self": f"/v2/tasks/{task.id}",
        "schema": "/v2/schemas/task",
    }
    if task.expires_at is not None:
        view["expires_at"] = stamp(task.expires_at)
    return view


def raw_task_view(task: Task) -> dict[str, Any]:
    """A task as its image lists it: Glance shows the row as it is (``images.py: ImagesController.get_task_info``)."""
    return {
        "id": task.id,
        "type": task.type,
        "status": task.status,
        "owner": task.owner,
        "expires_at": _fine(task.expires_at),
        "created_at": _fine(task.created_at),
        "updated_at": _fine(task.updated_at),
        "deleted_at": _fine(task.deleted_at),
        "deleted": task.deleted,
        "image_id": task.image_id,
        "request_id": task.request_id,
        "user_id": task.user_id,
        "input": task.input,
        "result": task.result,
        "message": task.message,
    }


def _fine(moment: datetime | None) -> str | None:
    """To the microsecond and without a zone, as oslo.serialization writes a time."""
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%S.%f")
