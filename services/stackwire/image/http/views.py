"""An image as the v2 API shows it: its properties first, then its attributes, then where to find it."""

from typing import Any

from stackwire.image.domain.attributes import DESCRIBED
from stackwire.image.domain.events import STORE
from stackwire.image.domain.image import Image, stamp
from stackwire.image.domain.members import Member


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
        view["stores"] = STORE
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
