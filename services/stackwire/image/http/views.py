"""Response bodies of the v2 API."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

import orjson

from stackwire.core.fitted import fitted
from stackwire.image.domain.attributes import DESCRIBED
from stackwire.image.domain.cache import CachedImage
from stackwire.image.domain.image import Image, stamp
from stackwire.image.domain.members import Member
from stackwire.image.domain.metadefs import (
    OBJECT,
    PROPERTY,
    TAG,
    Association,
    Item,
    Namespace,
    NamespaceDetails,
    ResourceType,
    prefixed,
)
from stackwire.image.domain.stores import StoreDetails
from stackwire.image.domain.tasks import Task

NAMESPACES = "/v2/metadefs/namespaces"
METADEF_SCHEMAS = "/v2/schemas/metadefs"
_NAMESPACE_ATTRIBUTES = ("namespace", "display_name", "description", "visibility", "protected", "owner")


def image_view(image: Image) -> dict[str, Any]:
    """Properties, then attributes, then links.

    A property without a value is an empty text where null is not allowed (``schema.py: Schema.filter``).
    """
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


def image_json(image: Image) -> orjson.Fragment:
    """The view as JSON."""
    view = image.views.get("v2")
    if view is None:
        view = image.views["v2"] = orjson.Fragment(fitted(orjson.dumps(image_view(image))))
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
    """A task in its image's list: Glance returns the row itself (``images.py: ImagesController.get_task_info``)."""
    row = {**asdict(task), "deleted": task.deleted}
    return {name: _precise(value) if isinstance(value, datetime) else value for name, value in row.items()}


def _precise(moment: datetime) -> str:
    """To the microsecond and without a zone, as oslo.serialization formats a time."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")


def cached_image_view(cached: CachedImage) -> dict[str, Any]:
    """Times in seconds since the epoch, as the client expects them."""
    return {
        "image_id": cached.image_id,
        "hits": cached.hits,
        "last_accessed": cached.last_accessed.timestamp(),
        "last_modified": cached.last_modified.timestamp(),
        "size": cached.size,
        "checksum": cached.checksum,
    }


def store_view(store: StoreDetails) -> dict[str, Any]:
    """``default`` and ``read-only`` are texts, and present only where they are true."""
    view = {"id": store.id, "default": "true"} if store.is_default else {"id": store.id}
    return {**view, "read-only": "true"} if store.is_read_only else view


def store_details_view(store: StoreDetails) -> dict[str, Any]:
    """With what the operator configured; Glance's ``weight`` is always 0 here."""
    return {**store_view(store), "type": store.type, "weight": 0, "properties": store.properties}


def _present(values: dict[str, Any]) -> dict[str, Any]:
    """What has no value is left out (``wsme_utils.py: to_wsme_model``)."""
    return {name: value for name, value in values.items() if value is not None}


def _times(created_at: datetime, updated_at: datetime) -> dict[str, Any]:
    return {"created_at": stamp(created_at), "updated_at": stamp(updated_at)}


def namespace_view(namespace: Namespace) -> dict[str, Any]:
    return _present(
        {
            **{name: getattr(namespace, name) for name in _NAMESPACE_ATTRIBUTES},
            **_times(namespace.created_at, namespace.updated_at),
            "self": f"{NAMESPACES}/{namespace.namespace}",
            "schema": f"{METADEF_SCHEMAS}/namespace",
        }
    )


def namespace_details_view(details: NamespaceDetails, resource_type: str | None = None) -> dict[str, Any]:
    """With its contents; names have the prefix they have on a resource of the type, if one is requested."""
    prefix = details.prefix_for(resource_type)
    namespace = details.namespace.namespace
    view = namespace_view(details.namespace)
    contents: dict[str, Any] = {
        "resource_type_associations": [association_view(each) for each in details.associations],
        "properties": {prefix + item.name: dict(item.definition) for item in details.items_of(PROPERTY)},
        "objects": [object_view(namespace, item, prefix) for item in details.items_of(OBJECT)],
        "tags": [{"name": item.name} for item in details.items_of(TAG)],
    }
    return {**view, **{name: value for name, value in contents.items() if value}}


def association_view(association: Association) -> dict[str, Any]:
    return _present(
        {
            "name": association.name,
            "prefix": association.prefix,
            "properties_target": association.properties_target,
            **_times(association.created_at, association.updated_at),
        }
    )


def resource_type_view(resource_type: ResourceType) -> dict[str, Any]:
    return {"name": resource_type.name, **_times(resource_type.created_at, resource_type.updated_at)}


def object_view(namespace: str, item: Item, prefix: str = "") -> dict[str, Any]:
    """An object of a namespace; ``prefix`` comes before its properties' names."""
    return {
        "name": item.name,
        **prefixed(prefix, item.definition),
        **_times(item.created_at, item.updated_at),
        "self": f"{NAMESPACES}/{namespace}/objects/{item.name}",
        "schema": f"{METADEF_SCHEMAS}/object",
    }


def property_view(_namespace: str, item: Item) -> dict[str, Any]:
    return {"name": item.name, **item.definition}


def tag_view(_namespace: str, item: Item) -> dict[str, Any]:
    return {"name": item.name, **_times(item.created_at, item.updated_at)}
